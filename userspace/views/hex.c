/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes and characters written as hexadecimal numbers: 686f77…, 68 6f 77, 0x68, 0x6f, \x68\x6f,
 * \u0068\u006f, U+0068 U+006F. The first number says how the others have to look, and so does what
 * stands between the first two. Plain numbers must be many, because dates and sums are such, too.
 */
#include <string.h>
#include "views/decode.h"

#define BYTES_MIN_JOINED 8 /* 16 digits */
#define BYTES_MIN_SPACED 6
#define UNITS_MIN_MARKED 3
#define GAP_MAX		 2

static const struct form {
	const char *prefix;
	unsigned prefix_len, digits, min;
	bool is_unicode;
} forms[] = {
	{ "\\x", 2, 2, UNITS_MIN_MARKED, false }, { "0x", 2, 2, UNITS_MIN_MARKED, false },
	{ "\\u", 2, 4, UNITS_MIN_MARKED, true },  { "u+", 2, 4, UNITS_MIN_MARKED, true },
	{ "", 0, 2, BYTES_MIN_SPACED, false },
};

struct unit {
	const struct form *form;
	char gap[GAP_MAX];
	unsigned gap_len;
};

static bool has_prefix(const char *s, const struct form *f)
{
	for (unsigned i = 0; i < f->prefix_len; i++) {
		char c = s[i] == 'X' || s[i] == 'U' ? (char)(s[i] | 0x20) : s[i];

		if (c != f->prefix[i])
			return false;
	}
	return true;
}

/* Reads one number at `at`; its length, 0: there is none. */
static unsigned read_unit(const struct source *in, size_t at, const struct form *f, uint32_t *ret)
{
	unsigned len = f->prefix_len + f->digits;

	if (in->len - at < len || !has_prefix(in->text + at, f))
		return 0;
	*ret = 0;
	for (unsigned i = f->prefix_len; i < len; i++) {
		int value = hex_value(in->text[at + i]);

		if (value < 0)
			return 0;
		*ret = *ret << 4 | (uint32_t)value;
	}
	return len;
}

static const struct form *form_at(const struct source *in, size_t at)
{
	char first = in->text[at];
	uint32_t c;

	if (first != '\\' && (first | 0x20) != 'u' && hex_value(first) < 0)
		return NULL;
	for (unsigned i = 0; i < ARRAY_SIZE(forms); i++) {
		if (read_unit(in, at, &forms[i], &c))
			return &forms[i];
	}
	return NULL;
}

/* What stands between the first two numbers: nothing, or up to two characters like these. */
static unsigned gap_at(const struct source *in, size_t at)
{
	unsigned n = 0;

	while (n < GAP_MAX && at + n < in->len && in->text[at + n] &&
	       strchr(" ,:;-\n", in->text[at + n]))
		n++;
	return n;
}

static void add_unit(struct buffer *out, const struct form *f, uint32_t c, size_t at)
{
	char bytes[UTF8_LEN_MAX] = { (char)c };
	unsigned n = 1;

	if (f->is_unicode) /* half of a pair is no character */
		n = utf8_write(c >= 0xd800 && c < 0xe000 ? REPLACEMENT : c, bytes);
	for (unsigned i = 0; i < n; i++)
		buffer_add(out, bytes[i], at);
}

/* Card and account numbers are of decimal digits only. */
static bool has_hex_letter(const struct source *in, size_t begin, size_t end)
{
	for (size_t i = begin; i < end; i++) {
		if ((in->text[i] | 0x20) >= 'a' && (in->text[i] | 0x20) <= 'f')
			return true;
	}
	return false;
}

/* Decodes the numbers from at on, all alike; where they end. */
static size_t decode(const struct source *in, size_t at, const struct form *f, struct buffer *out,
		     unsigned *ret_count, bool *ret_joined)
{
	size_t gap = 0, gap_len = 0, end = at;
	uint32_t c;

	out->len = *ret_count = 0;
	while (read_unit(in, at, f, &c)) {
		add_unit(out, f, c, at);
		end = at += f->prefix_len + f->digits;
		if (!(*ret_count)++) {
			gap = at;
			gap_len = gap_at(in, at);
		}
		if (in->len - at < gap_len || memcmp(in->text + at, in->text + gap, gap_len) != 0)
			break;
		at += gap_len;
	}
	*ret_joined = !gap_len;
	return end;
}

static bool next(const struct source *in, size_t at, struct buffer *out, size_t *ret_begin,
		 size_t *ret_end)
{
	while (at < in->len) {
		const struct form *f = form_at(in, at);
		unsigned count;
		bool is_joined;
		size_t end;

		if (!f) {
			/* pairs of digits begin where the word does */
			bool in_word = is_ascii_alnum(in->text[at++]);

			while (in_word && at < in->len && is_ascii_alnum(in->text[at]))
				at++;
			continue;
		}
		end = decode(in, at, f, out, &count, &is_joined);
		if (count >= (f->prefix_len || !is_joined ? f->min : BYTES_MIN_JOINED) &&
		    (f->prefix_len || has_hex_letter(in, at, end)) &&
		    is_readable(out->text, out->len)) {
			*ret_begin = at;
			*ret_end = end;
			return true;
		}
		at = end;
	}
	out->len = 0;
	return false;
}

const struct codec hex_codec = { next };
