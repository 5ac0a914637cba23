/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of views/ share. A view is made of a source (text, and where its bytes came from)
 * into a buffer that is big enough beforehand, so nothing that writes has to ask for memory.
 */
#ifndef VIEWS_INTERNAL_H
#define VIEWS_INTERNAL_H

#include <stdbool.h>
#include "base/base.h"
#include "views/views.h"

#define UTF8_LEN_MAX   4
#define REPLACEMENT    0xfffdu
#define CODE_POINT_MAX 0x10ffffu
/* Loops that write whole vectors may write this much beyond what counts. */
#define VECTOR_SLACK 64

/* Text on its way to be a view. */
struct buffer {
	char *text; /* owned */
	uint32_t *origin;
	size_t len;
	size_t size; /* of text; origin has one more */
};

struct source {
	const char *text;
	size_t len;
	const uint32_t *origin; /* len + 1 entries; NULL: it is the original */
};

/* A character on its way, and the byte of the source that it came from. */
struct rune {
	uint32_t c, at;
	uint8_t category; /* utf8proc's */
};

struct runes {
	struct rune *items; /* owned */
	size_t count;
	size_t size;
};

struct views {
	struct view list[VIEWS_MAX];
	size_t count;
	struct buffer buffers[VIEW_KIND_COUNT];
	/* for what is being decoded */
	struct buffer raw[2], piece;
	size_t context_left; /* bytes that may still be copied into more than one view */
	struct runes runes;
	uint8_t *words; /* what each word of a stretch is; owned */
	size_t words_size;
};

/* views.c */
/* The buffer of this kind is a view. */
void views_add(struct views *v, enum view_kind kind);
/* Room for len bytes; what was in it may be gone. -ENOMEM. */
int buffer_reserve(struct buffer *b, size_t len);
void buffer_free(struct buffer *b);

/* utf8.c */
/* The character at *at, which moves past it; a run of bytes that aren't UTF-8 is one REPLACEMENT.
 */
uint32_t utf8_next(const char *text, size_t len, size_t *at);
/* Writes c, which is a valid code point; how many bytes it took. */
unsigned utf8_write(uint32_t c, char ret[static UTF8_LEN_MAX]);
unsigned utf8_len(uint32_t c);

/* ascii.c: copies ASCII, folded, from in->text[at] on, up to what isn't ASCII; where that is.
 * Offsets are the source's. */
size_t ascii_normalise(const struct source *in, size_t at, struct buffer *out);
bool ascii_is_next(const struct source *in, size_t at);
/* Appends one character of white space, unless it follows another. */
void white_space_add(struct buffer *out, bool line_break, uint32_t at);

/* normalise.c */
/* How many bytes the normal form of len bytes has at most. */
size_t normal_len_max(size_t len);
/* The normal form of a source into an empty buffer. -ENOMEM. */
int normalise(struct views *v, const struct source *in, struct buffer *out);

/* fold.c: the characters of a stretch, decomposed, without what can't be seen, composed again. */
/* Takes the stretch [begin, end), before which the view has `written` bytes, into v->runes.
 * -ENOMEM. */
int fold_read(struct views *v, const struct source *in, size_t begin, size_t end, size_t written);

/* lookalikes.c */
/* The small Latin letter that c looks like, in upper case if only c's capital does; or 0. */
char lookalike(uint32_t c);
/* Makes what passes for Latin Latin in v->runes. is_latin_around: in front of it, and behind.
 * -ENOMEM. */
int lookalikes_fold(struct views *v, bool is_latin_before, bool is_latin_after);

#endif
