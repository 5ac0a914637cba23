/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views of encoded text: each decoded stretch with the words around it, then once more through all
 * codecs (what is encoded twice is decoded twice, not more), then the normal form.
 *
 * The words around a stretch are copied on a budget, so that all views together stay within what
 * views.h promises however many stretches there are; what was encoded is always there.
 */
#include <errno.h>
#include <string.h>
#include "views/hints.h"
#include "views/turned.h"
#include "views/undisguise.h"

/* How far the words around are copied: a sentence. */
#define CONTEXT_LEN 96

#define ENCODED_HINTS                                                                              \
	(1u << VIEW_BASE64 | 1u << VIEW_HEX | 1u << VIEW_PERCENT | 1u << VIEW_ENTITIES)

static const struct codec *const codecs[VIEW_KIND_COUNT] = {
	[VIEW_BASE64] = &base64_codec,
	[VIEW_HEX] = &hex_codec,
	[VIEW_PERCENT] = &percent_codec,
	[VIEW_ENTITIES] = &entity_codec,
};

void buffer_add(struct buffer *b, char c, size_t at)
{
	b->text[b->len] = c;
	b->origin[b->len++] = (uint32_t)at;
}

static void copy(const struct source *in, size_t begin, size_t end, struct buffer *out)
{
	for (size_t i = begin; i < end; i++)
		buffer_add(out, in->text[i], i);
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The end of the words behind a stretch: at a blank, if there is one. */
static size_t context_end(const struct source *in, size_t from, size_t limit)
{
	size_t end = MIN(limit, from + CONTEXT_LEN);

	if (end == limit)
		return end;
	for (size_t i = end; i > from; i--) {
		if (is_blank(in->text[i]))
			return i;
	}
	return end;
}

static size_t context_begin(const struct source *in, size_t limit, size_t to)
{
	size_t begin = to - limit <= CONTEXT_LEN ? limit : to - CONTEXT_LEN;

	if (begin == limit)
		return begin;
	for (size_t i = begin; i < to; i++) {
		if (is_blank(in->text[i]))
			return i;
	}
	return begin;
}

/* The text between two stretches, [from, to): all of it if it is short, else what is near them. */
static void copy_between(struct views *v, const struct source *in, size_t from, size_t to,
			 bool has_before, bool has_after, struct buffer *out)
{
	size_t end = has_before ? context_end(in, from, to) : from;
	size_t begin = has_after ? context_begin(in, end, to) : to;
	size_t needed = end - from + to - begin;

	if (needed > v->context_left) {
		end = from;
		begin = to;
		needed = 0;
	}
	v->context_left -= needed;
	copy(in, from, end, out);
	if (begin > end && has_before && has_after)
		buffer_add(out, '\n', end);
	copy(in, begin, to, out);
	out->origin[out->len] = (uint32_t)(has_after ? to : end);
}

static void append(struct buffer *out, const struct buffer *piece)
{
	memcpy(out->text + out->len, piece->text, piece->len);
	memcpy(out->origin + out->len, piece->origin, piece->len * sizeof(*piece->origin));
	out->len += piece->len;
}

/* Every stretch of one codec with the words around it; false: there is none. */
static bool decode_stretches(struct views *v, const struct codec *codec, const struct source *in,
			     struct buffer *out)
{
	size_t done = 0, begin, end;
	bool has_any = false;

	out->len = v->piece.len = 0;
	while (codec->next(in, done, &v->piece, &begin, &end)) {
		copy_between(v, in, done, begin, has_any, true, out);
		append(out, &v->piece);
		v->piece.len = 0;
		done = end;
		has_any = true;
	}
	if (has_any)
		copy_between(v, in, done, in->len, true, false, out);
	return has_any;
}

/* What is still encoded in *text decoded in its place, through *spare. */
static void decode_again(struct views *v, const struct codec *codec, struct buffer **text,
			 struct buffer **spare)
{
	const struct source in = { (*text)->text, (*text)->len, NULL };
	struct buffer *out = *spare;
	size_t done = 0, begin, end;

	out->len = v->piece.len = 0;
	while (codec->next(&in, done, &v->piece, &begin, &end)) {
		copy(&in, done, begin, out);
		append(out, &v->piece);
		v->piece.len = 0;
		done = end;
	}
	if (!done)
		return;
	copy(&in, done, in.len, out);
	out->origin[out->len] = (uint32_t)in.len;
	for (size_t i = 0; i <= out->len; i++)
		out->origin[i] = (*text)->origin[out->origin[i]];
	*spare = *text;
	*text = out;
}

static int add_decoded(struct views *v, enum view_kind kind, const struct source *in)
{
	struct buffer *text = &v->raw[0], *spare = &v->raw[1];
	int r;

	if (!decode_stretches(v, codecs[kind], in, text))
		return 0;
	for (unsigned k = 0; k < VIEW_KIND_COUNT; k++) {
		if (codecs[k])
			decode_again(v, codecs[k], &text, &spare);
	}
	r = normalise(v, &(struct source){ text->text, text->len, text->origin },
		      &v->buffers[kind]);
	if (r < 0)
		return r;
	if (v->buffers[kind].len)
		views_add(v, kind);
	return 0;
}

static int reserve(struct views *v, size_t len)
{
	struct buffer *const needed[] = { &v->raw[0], &v->raw[1], &v->piece };
	int r = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(needed) && r == 0; i++)
		r = buffer_reserve(needed[i], len);
	return r;
}

/* A view of the normal view. */
static int add_undone(struct views *v, enum view_kind kind, const struct codec *codec)
{
	const struct buffer *normal = &v->buffers[VIEW_NORMAL];
	const struct source in = { normal->text, normal->len, normal->origin };
	struct buffer *text = &v->raw[0];
	uint32_t last;
	int r;

	r = reserve(v, in.len);
	if (r < 0 || !decode_stretches(v, codec, &in, text))
		return r;
	/* a character that became several isn't cut */
	last = text->origin[text->len];
	while (last && last < in.len && in.origin[last] == in.origin[last - 1])
		last++;
	text->origin[text->len] = last;
	for (size_t i = 0; i <= text->len; i++)
		text->origin[i] = in.origin[text->origin[i]];
	r = normalise(v, &(struct source){ text->text, text->len, text->origin },
		      &v->buffers[kind]);
	if (r == 0 && v->buffers[kind].len)
		views_add(v, kind);
	return r;
}

int undisguised_view(struct views *v, unsigned hints)
{
	if (hints & HINT_SPLIT)
		return add_undone(v, VIEW_UNDISGUISED, &disguise_split_codec);
	return hints & 1u << VIEW_UNDISGUISED ? add_undone(v, VIEW_UNDISGUISED, &disguise_codec)
					      : 0;
}

int turned_views(struct views *v, unsigned hints)
{
	size_t context_left = v->context_left;
	int r = 0;

	if (hints & 1u << VIEW_ROT13)
		r = add_undone(v, VIEW_ROT13, &rot13_codec);
	if (r < 0 || !(hints & 1u << VIEW_REVERSED))
		return r;
	/* the words around it run the other way */
	v->context_left = 0;
	r = add_undone(v, VIEW_REVERSED, &reversed_codec);
	v->context_left = context_left;
	return r;
}

int decode_views(struct views *v, const struct source *in, unsigned hints)
{
	int r = hints & ENCODED_HINTS ? reserve(v, in->len) : 0;

	for (unsigned k = 0; k < VIEW_KIND_COUNT && r == 0; k++) {
		if (codecs[k] && hints & 1u << k)
			r = add_decoded(v, (enum view_kind)k, in);
	}
	return r;
}
