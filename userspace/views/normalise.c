/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The normal form. Stretches with anything beyond ASCII, from the white space before to the white
 * space after, go the long way: read, decomposed and composed (fold.c), look-alikes (lookalikes.c),
 * case folding here. What is between them takes the fast path (ascii.c). A byte is taken at most
 * twice, once by each.
 *
 * The result has at most twice the bytes of the source and a constant: whatever could take more is
 * left as it is once that is spent. What can't be avoided (U+FFFD for one bad byte, letters whose
 * small form is longer) never more than doubles.
 */
#include <errno.h>
#include <utf8proc.h>
#include "views/internal.h"

/* What a short text may grow beyond twice its size: some ligatures of one character are words. */
#define GROWTH_FREE 1024

size_t normal_len_max(size_t consumed)
{
	return 2 * consumed + GROWTH_FREE;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Takes back the word that the fast path was in; where it began. */
static size_t retreat(struct buffer *out, size_t at)
{
	while (out->len && !is_blank((uint8_t)out->text[out->len - 1]))
		at = out->origin[--out->len];
	return at;
}

/* Where the fast path can go on: at white space, with more ASCII behind. */
static size_t stretch_end(const struct source *in, size_t at)
{
	while (at < in->len && !(is_blank((uint8_t)in->text[at]) && ascii_is_next(in, at)))
		at++;
	return at;
}

#define NEIGHBOUR_LEN 16 /* bytes that are looked at for a letter */

static bool has_letter(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z')
			return true;
	}
	return false;
}

static void add_char(struct buffer *out, uint32_t c, uint32_t at)
{
	char bytes[UTF8_LEN_MAX];
	unsigned n = utf8_write(c, bytes);

	for (unsigned i = 0; i < n; i++) {
		out->text[out->len] = bytes[i];
		out->origin[out->len++] = at;
	}
}

/* Full case folding: one character may become up to three. */
static void add_folded(struct buffer *out, uint32_t c, uint32_t at)
{
	utf8proc_int32_t folded[8];
	size_t bytes = 0;
	utf8proc_ssize_t n;

	if (utf8proc_get_property((utf8proc_int32_t)c)->casefold_seqindex == UINT16_MAX) {
		add_char(out, c, at);
		return;
	}
	n = utf8proc_decompose_char((utf8proc_int32_t)c, folded, ARRAY_SIZE(folded),
				    UTF8PROC_CASEFOLD, &(int){ 0 });
	if (n > 1)
		n = utf8proc_normalize_utf32(folded, n, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
	for (utf8proc_ssize_t i = 0; i < n; i++)
		bytes += utf8_len((uint32_t)folded[i]);
	if (bytes > UTF8_LEN_MAX && out->len + bytes > normal_len_max(at)) {
		add_char(out, (uint32_t)utf8proc_tolower((utf8proc_int32_t)c), at);
		return;
	}
	for (utf8proc_ssize_t i = 0; i < n; i++) {
		if (i && folded[0] < 0x80 && utf8proc_category(folded[i]) == UTF8PROC_CATEGORY_MN)
			continue; /* the dot of the Turkish capital I */
		add_char(out, (uint32_t)folded[i], at);
	}
}

static void add_runes(const struct runes *runes, struct buffer *out)
{
	for (size_t i = 0; i < runes->count; i++) {
		uint32_t c = runes->items[i].c, at = runes->items[i].at;

		if (c < 0x80 && is_blank((uint8_t)c))
			white_space_add(out, c != ' ' && c != '\t', at);
		else if (c < 0x80)
			add_char(out, c >= 'A' && c <= 'Z' ? c | 0x20 : c, at);
		else
			add_folded(out, c, at);
	}
}

static int add_stretch(struct views *v, const struct source *in, size_t begin, size_t end,
		       struct buffer *out)
{
	size_t before = MIN(out->len, (size_t)NEIGHBOUR_LEN);
	size_t after = MIN(in->len - end, (size_t)NEIGHBOUR_LEN);
	int r;

	r = fold_read(v, in, begin, end, out->len);
	if (r < 0)
		return r;
	r = lookalikes_fold(v, has_letter(out->text + out->len - before, before),
			    has_letter(in->text + end, after));
	if (r < 0)
		return r;
	add_runes(&v->runes, out);
	return 0;
}

/* No white space at the end; offsets of the original instead of the source's. */
static void finish(const struct source *in, struct buffer *out)
{
	out->origin[out->len] = (uint32_t)in->len;
	if (out->len && is_blank((uint8_t)out->text[out->len - 1]))
		out->len--;
	for (size_t i = 0; in->origin && i <= out->len; i++)
		out->origin[i] = in->origin[out->origin[i]];
}

int normalise(struct views *v, const struct source *in, struct buffer *out)
{
	size_t at = 0;
	int r;

	r = buffer_reserve(out, normal_len_max(in->len));
	if (r < 0)
		return r;
	while ((at = ascii_normalise(in, at, out)) < in->len) {
		size_t end = stretch_end(in, at);

		r = add_stretch(v, in, retreat(out, at), end, out);
		if (r < 0)
			return r;
		at = end;
	}
	finish(in, out);
	return 0;
}
