/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64, of the usual and of the URL alphabet, on one line or on several. Long words and paths are
 * of its alphabet, too: what counts is whether the result can be read. Several lines are judged
 * together, and if that is nothing, one by one, so a byte is decoded at most twice.
 */
#include "views/decode.h"

#define CHARS_MIN  16 /* 12 bytes: shorter ones are words */
#define SAMPLE_LEN 32

/* A character's value and one; 0: it is none of the alphabets. */
static const uint8_t values[256] = {
	['A'] = 1,  ['B'] = 2,	['C'] = 3,  ['D'] = 4,	['E'] = 5,  ['F'] = 6,	['G'] = 7,
	['H'] = 8,  ['I'] = 9,	['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
	['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
	['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
	['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
	['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
	['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63,
	['-'] = 63, ['/'] = 64, ['_'] = 64,
};

static int value_of(char c)
{
	return values[(uint8_t)c] - 1;
}

static size_t line_end(const struct source *in, size_t at)
{
	while (at < in->len && value_of(in->text[at]) >= 0)
		at++;
	return at;
}

/* Where the line behind the one that ends at `at` begins; 0: what is behind isn't a line break. */
static size_t next_line(const struct source *in, size_t at)
{
	if (at < in->len && in->text[at] == '\r')
		at++;
	if (at >= in->len || in->text[at] != '\n')
		return 0;
	at++;
	return at < in->len && value_of(in->text[at]) >= 0 ? at : 0;
}

/* The end of the last line of the block whose first ends at end. */
static size_t block_end(const struct source *in, size_t begin, size_t end)
{
	for (size_t next; end - begin >= CHARS_MIN && (next = next_line(in, end)); begin = next)
		end = line_end(in, next);
	return end;
}

static size_t skip_padding(const struct source *in, size_t at)
{
	for (unsigned i = 0; i < 2 && at < in->len && in->text[at] == '='; i++)
		at++;
	return at;
}

/* Decodes [begin, end), line breaks and all; did it make sense? What makes none in its first bytes
 * isn't decoded further. */
static bool decode(const struct source *in, size_t begin, size_t end, struct buffer *out)
{
	uint32_t bits = 0;
	unsigned count = 0;

	out->len = 0;
	for (size_t i = begin; i < end; i++) {
		int value = value_of(in->text[i]);

		if (value < 0)
			continue;
		bits = (bits << 6 | (uint32_t)value) & 0xffffff;
		count += 6;
		if (count >= 8) {
			/* the character before this one has the byte's first bits */
			count -= 8;
			buffer_add(out, (char)(bits >> count),
				   out->len && i > begin ? i - 1 : begin);
		}
	}
	return is_readable(out->text, out->len);
}

static bool next(const struct source *in, size_t at, struct buffer *out, size_t *ret_begin,
		 size_t *ret_end)
{
	size_t judged = 0; /* up to here, lines have been judged together */

	while (at < in->len) {
		size_t end = line_end(in, at), block;

		if (end - at < CHARS_MIN) {
			at = end + (end == at);
			continue;
		}
		block = at < judged ? end : block_end(in, at, end);
		for (;; block = end) {
			if (decode(in, at, block, out)) {
				*ret_begin = at;
				*ret_end = skip_padding(in, block);
				return true;
			}
			judged = MAX(judged, block);
			if (block == end)
				break;
		}
		at = end;
	}
	out->len = 0;
	return false;
}

const struct codec base64_codec = { next };
