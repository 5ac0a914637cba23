/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTML entities: numeric ones, and the named ones that are ASCII or that people use. Browsers take
 * a number without its semicolon, so models do. A word at a time, like percent encoding; a word
 * that has both is that view's, which sees to the entities, too.
 */
#include <string.h>
#include "views/decode.h"

#define NAME_MAX_LEN 8
#define DIGITS_MAX   8 /* leading zeros are allowed, but not without end */

/* Sorted. */
static const struct name {
	char name[NAME_MAX_LEN + 1];
	uint32_t c;
} names[] = {
	{ "aacute", 0xe1 },   { "agrave", 0xe0 }, { "amp", '&' },     { "apos", '\'' },
	{ "ast", '*' },	      { "auml", 0xe4 },	  { "bsol", '\\' },   { "ccedil", 0xe7 },
	{ "colon", ':' },     { "comma", ',' },	  { "commat", '@' },  { "copy", 0xa9 },
	{ "dollar", '$' },    { "eacute", 0xe9 }, { "egrave", 0xe8 }, { "emsp", 0x2003 },
	{ "ensp", 0x2002 },   { "equals", '=' },  { "euro", 0x20ac }, { "excl", '!' },
	{ "grave", '`' },     { "gt", '>' },	  { "hat", '^' },     { "hellip", 0x2026 },
	{ "hyphen", '-' },    { "iacute", 0xed }, { "laquo", '"' },   { "lbrace", '{' },
	{ "lbrack", '[' },    { "lcub", '{' },	  { "ldquo", '"' },   { "lowbar", '_' },
	{ "lpar", '(' },      { "lsqb", '[' },	  { "lsquo", '\'' },  { "lt", '<' },
	{ "mdash", '-' },     { "nbsp", 0xa0 },	  { "ndash", '-' },   { "newline", '\n' },
	{ "ntilde", 0xf1 },   { "num", '#' },	  { "oacute", 0xf3 }, { "ouml", 0xf6 },
	{ "percnt", '%' },    { "period", '.' },  { "plus", '+' },    { "pound", 0xa3 },
	{ "quest", '?' },     { "quot", '"' },	  { "raquo", '"' },   { "rbrace", '}' },
	{ "rbrack", ']' },    { "rcub", '}' },	  { "rdquo", '"' },   { "reg", 0xae },
	{ "rpar", ')' },      { "rsqb", ']' },	  { "rsquo", '\'' },  { "semi", ';' },
	{ "shy", 0xad },      { "sol", '/' },	  { "szlig", 0xdf },  { "tab", '\t' },
	{ "thinsp", 0x2009 }, { "tilde", '~' },	  { "uacute", 0xfa }, { "uuml", 0xfc },
	{ "verbar", '|' },    { "vert", '|' },	  { "zwj", 0x200d },  { "zwnj", 0x200c },
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The number behind "&#"; its length, 0: there is none. */
static unsigned read_number(const char *s, size_t len, uint32_t *ret)
{
	unsigned base = len > 2 && (s[2] | 0x20) == 'x' ? 16 : 10;
	unsigned first = base == 16 ? 3 : 2, i = first;
	uint32_t c = 0;

	for (; i < len && i - first < DIGITS_MAX; i++) {
		int value = hex_value(s[i]);

		if (value < 0 || (unsigned)value >= base)
			break;
		c = MIN(c * base + (unsigned)value, CODE_POINT_MAX + 1);
	}
	if (i == first || c > CODE_POINT_MAX || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return i < len && s[i] == ';' ? i + 1 : i;
}

static int compare_names(const void *name, const void *row)
{
	return strcmp(name, ((const struct name *)row)->name);
}

static unsigned read_name(const char *s, size_t len, uint32_t *ret)
{
	char name[NAME_MAX_LEN + 1] = { 0 };
	const struct name *found;
	unsigned n = 0;

	while (n < NAME_MAX_LEN && n + 1 < len && is_ascii_alnum(s[n + 1])) {
		name[n] = (char)(s[n + 1] | 0x20);
		n++;
	}
	if (n + 1 >= len || s[n + 1] != ';')
		return 0;
	found = bsearch(name, names, ARRAY_SIZE(names), sizeof(*names), compare_names);
	if (!found)
		return 0;
	*ret = found->c;
	return n + 2;
}

/* The entity at s; its length, 0: it isn't one. */
static unsigned read_entity(const char *s, size_t len, uint32_t *ret)
{
	if (len < 3 || s[0] != '&')
		return 0;
	return s[1] == '#' ? read_number(s, len, ret) : read_name(s, len, ret);
}

static bool has_percent(const struct source *in, size_t begin, size_t end)
{
	for (size_t i = begin; i + 2 < end; i++) {
		if (in->text[i] == '%' && hex_value(in->text[i + 1]) >= 0 &&
		    hex_value(in->text[i + 2]) >= 0)
			return true;
	}
	return false;
}

/* Decodes the word at `at`; how many entities it had. */
static size_t decode_word(const struct source *in, size_t at, struct buffer *out, size_t *ret_end)
{
	size_t count = 0;

	while (at < in->len && !is_blank(in->text[at])) {
		char bytes[UTF8_LEN_MAX];
		uint32_t c;
		unsigned len = read_entity(in->text + at, in->len - at, &c), n;

		if (!len) {
			buffer_add(out, in->text[at], at);
			at++;
			continue;
		}
		n = utf8_write(c, bytes);
		for (unsigned i = 0; i < n; i++)
			buffer_add(out, bytes[i], at);
		count++;
		at += len;
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
		if (decode_word(in, word, out, &at) && !has_percent(in, word, at)) {
			*ret_begin = word;
			*ret_end = at;
			return true;
		}
	}
	out->len = 0;
	return false;
}

const struct codec entity_codec = { next };
