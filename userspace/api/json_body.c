/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON says UTF-8 (RFC 8259), but clients of the Python firewall could send UTF-16 and UTF-32, and
 * a BOM. The encoding is found as RFC 4627 did it: JSON starts with two ASCII characters, so the
 * NULs among the first four bytes tell. The Content-Type isn't looked at.
 */
#include "api/json_body.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <string.h>

static const struct {
	const char *name;
	const char *bom;
	size_t bom_len;
} encodings[] = {
	/* UTF-32 before UTF-16: its little-endian BOM starts with the other's */
	{ "UTF-32LE", "\xff\xfe\0\0", 4 }, { "UTF-32BE", "\0\0\xfe\xff", 4 },
	{ "UTF-16LE", "\xff\xfe", 2 },	   { "UTF-16BE", "\xfe\xff", 2 },
	{ "UTF-8", "\xef\xbb\xbf", 3 },
};

/* By the NULs of text without a BOM. */
static const char *guess_encoding(const char *body, size_t len)
{
	if (len >= 4 && !body[0] && !body[1])
		return "UTF-32BE";
	if (len >= 4 && body[0] && !body[1] && !body[2] && !body[3])
		return "UTF-32LE";
	if (len >= 2 && !body[0])
		return "UTF-16BE";
	if (len >= 2 && !body[1])
		return "UTF-16LE";
	return "UTF-8";
}

static const char *find_encoding(const char **body, size_t *len)
{
	for (size_t i = 0; i < ARRAY_SIZE(encodings); i++) {
		size_t bom = encodings[i].bom_len;

		if (*len < bom || memcmp(*body, encodings[i].bom, bom))
			continue;
		*body += bom;
		*len -= bom;
		return encodings[i].name;
	}
	return guess_encoding(*body, *len);
}

/* UTF-16 and UTF-32 to UTF-8, which is at most half as long again. */
static int to_utf8(const char *encoding, const char *body, size_t len, char **ret, size_t *ret_len)
{
	size_t size = len + len / 2 + 4, left = size;
	_cleanup_(freep) char *text = malloc(size);
	char *in = (char *)body, *out = text;
	iconv_t converter;
	size_t r;

	if (!text)
		return -ENOMEM;
	converter = iconv_open("UTF-8", encoding);
	if (converter == (iconv_t)-1)
		return -EBADMSG;
	r = iconv(converter, &in, &len, &out, &left);
	iconv_close(converter);
	if (r || len)
		return -EBADMSG;
	*ret = TAKE_PTR(text);
	*ret_len = size - left;
	return 0;
}

/* --- halves of characters ----------------------------------------------------------------------
 */

#define ESCAPE_LEN 6 /* \uXXXX */

/* The UTF-16 unit of the escape at `at`; 0: there is none. */
static unsigned escaped_unit(const char *at, const char *end)
{
	unsigned unit = 0;

	if (end - at < ESCAPE_LEN || at[0] != '\\' || at[1] != 'u')
		return 0;
	for (int i = 2; i < ESCAPE_LEN; i++) {
		if (!isxdigit((unsigned char)at[i]))
			return 0;
		unit = unit << 4 |
		       (unsigned)(isdigit((unsigned char)at[i]) ? at[i] - '0'
								: (at[i] | 0x20) - 'a' + 10);
	}
	return unit;
}

static bool is_high(unsigned unit)
{
	return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(unsigned unit)
{
	return unit >= 0xdc00 && unit < 0xe000;
}

/* The first escape from `at` on that is one half of a pair without the other; NULL: none. */
static const char *find_half(const char *at, const char *end)
{
	while (at < end && (at = memchr(at, '\\', (size_t)(end - at)))) {
		unsigned unit = escaped_unit(at, end);

		if (is_high(unit) && is_low(escaped_unit(at + ESCAPE_LEN, end)))
			at += 2 * ESCAPE_LEN;
		else if (is_high(unit) || is_low(unit))
			return at;
		else
			at += 2;
	}
	return NULL;
}

/*
 * Programs cut texts in the middle of an emoji, and JavaScript and Python then write half of it, as
 * "\ud83d". That is JSON (RFC 8259, 8.2) but no text, and jansson refuses it: U+FFFD stands there
 * instead. *ret NULL: nothing to replace.
 */
static int replace_halves(const char *body, size_t len, char **ret)
{
	const char *half = find_half(body, body + len);
	char *copy, *at;

	*ret = NULL;
	if (!half)
		return 0;
	copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, body, len);
	for (at = copy + (half - body); at; at = (char *)find_half(at + ESCAPE_LEN, copy + len))
		memcpy(at + 2, "fffd", 4);
	*ret = copy;
	return 0;
}

int json_body_parse(const char *body, size_t len, json_t **ret)
{
	_cleanup_(freep) char *converted = NULL, *whole = NULL;
	const char *encoding = find_encoding(&body, &len);
	json_t *value;
	int r = 0;

	if (strcmp(encoding, "UTF-8")) {
		r = to_utf8(encoding, body, len, &converted, &len);
		body = converted;
	}
	if (r == 0)
		r = replace_halves(body, len, &whole);
	if (r < 0)
		return r;
	if (whole)
		body = whole;
	/* Python's integers have no end; what nobody reads may be rounded. */
	value = json_loadb(body, len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL,
			   NULL);
	if (!value)
		return -EBADMSG;
	*ret = value;
	return 0;
}

json_t *json_body_object(struct exchange *x)
{
	json_t *value = NULL;

	if (json_body_parse(x->body, x->body_len, &value) < 0) {
		exchange_error(x, 400, "Body must be valid JSON");
		return NULL;
	}
	if (json_is_object(value))
		return value;
	json_decref(value);
	exchange_error(x, 400, "Body must be a JSON object");
	return NULL;
}
