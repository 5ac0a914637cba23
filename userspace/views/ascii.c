/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast path: printable ASCII with single blanks between its words, which is nearly all there
 * is, is copied and lower-cased sixteen bytes a step. SSE2 because every x86-64 has it; elsewhere,
 * and for blocks with control characters or runs of white space, a byte a step.
 */
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include "views/internal.h"

#define BLOCK 16

void white_space_add(struct buffer *out, bool line_break, uint32_t at)
{
	char c = line_break ? '\n' : ' ';

	if (!out->len)
		return;
	if (out->text[out->len - 1] == ' ' || out->text[out->len - 1] == '\n') {
		if (line_break)
			out->text[out->len - 1] = c;
		return;
	}
	out->text[out->len] = c;
	out->origin[out->len++] = at;
}

static void add_byte(uint8_t c, size_t at, struct buffer *out)
{
	if (c == ' ' || (c >= '\t' && c <= '\r')) {
		white_space_add(out, c != ' ' && c != '\t', (uint32_t)at);
		return;
	}
	if (c < ' ' || c == 0x7f)
		return; /* can't be seen */
	out->text[out->len] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	out->origin[out->len++] = (uint32_t)at;
}

#ifdef __SSE2__
/* Does one step; false: this block isn't as simple as that. */
static bool add_block(const char *in, size_t at, struct buffer *out)
{
	__m128i x = _mm_loadu_si128((const __m128i *)(in + at));
	__m128i lf = _mm_cmpeq_epi8(x, _mm_set1_epi8('\n'));
	__m128i blank = _mm_or_si128(lf, _mm_cmpeq_epi8(x, _mm_set1_epi8(' ')));
	/* signed, so bytes from 0x80 on are below too */
	__m128i odd = _mm_or_si128(_mm_andnot_si128(lf, _mm_cmplt_epi8(x, _mm_set1_epi8(' '))),
				   _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f)));
	__m128i upper = _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8('A' - 1)),
				      _mm_cmplt_epi8(x, _mm_set1_epi8('Z' + 1)));
	__m128i index = _mm_add_epi32(_mm_set1_epi32((int)at), _mm_set_epi32(3, 2, 1, 0));
	unsigned blanks = (unsigned)_mm_movemask_epi8(blank);
	bool after_blank = !out->len || out->text[out->len - 1] == ' ' ||
			   out->text[out->len - 1] == '\n';

	if (_mm_movemask_epi8(odd) || (blanks & (blanks << 1 | after_blank)))
		return false;
	x = _mm_or_si128(x, _mm_and_si128(upper, _mm_set1_epi8(0x20)));
	_mm_storeu_si128((__m128i *)(out->text + out->len), x);
	for (unsigned i = 0; i < BLOCK; i += 4) {
		_mm_storeu_si128((__m128i *)(out->origin + out->len + i), index);
		index = _mm_add_epi32(index, _mm_set1_epi32(4));
	}
	out->len += BLOCK;
	return true;
}

bool ascii_is_next(const struct source *in, size_t at)
{
	if (in->len - at < BLOCK)
		return false;
	return !_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(in->text + at)));
}
#else
static bool add_block(const char *in, size_t at, struct buffer *out)
{
	return false;
}

bool ascii_is_next(const struct source *in, size_t at)
{
	if (in->len - at < BLOCK)
		return false;
	for (unsigned i = 0; i < BLOCK; i++) {
		if (in->text[at + i] & 0x80)
			return false;
	}
	return true;
}
#endif

size_t ascii_normalise(const struct source *in, size_t at, struct buffer *out)
{
	while (at < in->len) {
		size_t end = MIN(at + BLOCK, in->len);

		if (end - at == BLOCK && add_block(in->text, at, out)) {
			at = end;
			continue;
		}
		for (; at < end; at++) {
			if (in->text[at] & 0x80)
				return at;
			add_byte((uint8_t)in->text[at], at, out);
		}
	}
	return at;
}
