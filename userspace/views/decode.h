/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoded stretches of a text, decoded. A codec finds the next stretch and decodes it; decode.c
 * puts what came out among the words around it. Inside views/ only.
 */
#ifndef VIEWS_DECODE_H
#define VIEWS_DECODE_H

#include "views/internal.h"

struct codec {
	/* The first stretch at or after at, decoded to the end of out (never more bytes than it
	 * has). Where it is is in *ret_begin and *ret_end. Offsets are the source's. false: there
	 * is none. */
	bool (*next)(const struct source *in, size_t at, struct buffer *out, size_t *ret_begin,
		     size_t *ret_end);
};

extern const struct codec base64_codec, hex_codec, percent_codec, entity_codec;

/* The views that the hints speak of: of the normal view, of the source, of the normal view.
 * -ENOMEM. */
int undisguised_view(struct views *v, unsigned hints);
int decode_views(struct views *v, const struct source *in, unsigned hints);
int turned_views(struct views *v, unsigned hints);

/* Of any alphabet: a digit's value, or -1. */
int hex_value(char c);
bool is_ascii_alnum(char c);
/* Appends one byte that came from byte at of the source. */
void buffer_add(struct buffer *b, char c, size_t at);
/* Did somebody write this? At most a tenth of it is neither text nor white space. */
bool is_readable(const char *text, size_t len);

#endif
