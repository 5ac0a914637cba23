/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Percent encoding, a word at a time: what is between two encoded characters of a word belongs to
 * it. A '+' in such a word is a blank, as in forms.
 */
#include "views/decode.h"

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_encoded(const struct source *in, size_t at)
{
	return in->len - at >= 3 && in->text[at] == '%' && hex_value(in->text[at + 1]) >= 0 &&
	       hex_value(in->text[at + 2]) >= 0;
}

static char value_at(const struct source *in, size_t at)
{
	return (char)(hex_value(in->text[at + 1]) << 4 | hex_value(in->text[at + 2]));
}

/* Decodes the word at `at`; how many characters of it were encoded. */
static size_t decode_word(const struct source *in, size_t at, struct buffer *out, size_t *ret_end)
{
	size_t count = 0;

	while (at < in->len && !is_blank(in->text[at])) {
		size_t begin = at;

		if (!is_encoded(in, at)) {
			buffer_add(out, in->text[at] == '+' ? ' ' : in->text[at], at);
			at++;
			continue;
		}
		count++;
		buffer_add(out, value_at(in, at), begin);
		at += 3;
	}
	*ret_end = at;
	return count;
}

static bool next(const struct source *in, size_t at, struct buffer *out, size_t *ret_begin,
		 size_t *ret_end)
{
	while (at < in->len) {
		size_t word;

		while (at < in->len && is_blank(in->text[at]))
			at++;
		word = at;
		out->len = 0;
		if (decode_word(in, word, out, &at) && is_readable(out->text, out->len)) {
			*ret_begin = word;
			*ret_end = at;
			return true;
		}
	}
	out->len = 0;
	return false;
}

const struct codec percent_codec = { next };
