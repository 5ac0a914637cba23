/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical form is written here and not by jansson: jansson 2.14 prints 0.55 with 17 digits
 * and \u escapes in upper case, so nobody else's sorted, compact JSON would have the signed bytes.
 */
#include "base/json.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"

#define CANONICAL_DEPTH_MAX 64 /* what we sign is flat; a stranger's receipt may not be */
#define CANONICAL_KEYS_MAX  256

char *json_text(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* jansson has checked that it is UTF-8. Returns the code point and steps over it. */
static unsigned next_code_point(const unsigned char **at, const unsigned char *end)
{
	const unsigned char *p = *at;
	unsigned more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc0 ? 1 : 0;
	unsigned c = more ? *p & (0x3fu >> more) : *p;

	for (p++; more && p < end; more--, p++)
		c = c << 6 | (*p & 0x3fu);
	*at = p;
	return c;
}

static void add_code_point(struct text *t, unsigned c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *escape = c && c < 0x80 ? strchr(plain, (int)c) : NULL;

	if (escape)
		text_addf(t, "\\%c", letters[escape - plain]);
	else if (c >= 0x10000)
		text_addf(t, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
			  0xdc00 + ((c - 0x10000) & 0x3ff));
	else
		text_addf(t, "\\u%04x", c);
}

static bool is_plain(unsigned char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

static void add_string(struct text *t, const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + len, *run;

	text_add(t, "\"");
	while (p < end) {
		for (run = p; p < end && is_plain(*p); p++)
			continue;
		text_add_n(t, (const char *)run, (size_t)(p - run));
		if (p < end)
			add_code_point(t, next_code_point(&p, end));
	}
	text_add(t, "\"");
}

/* The shortest text that reads back as the same number, as Python's repr() chooses it. */
static void add_real(struct text *t, double value)
{
	char digits[40];
	int precision, exponent;

	for (precision = 1; precision < 17; precision++) {
		snprintf(digits, sizeof(digits), "%.*e", precision - 1, value);
		if (strtod(digits, NULL) == value)
			break;
	}
	snprintf(digits, sizeof(digits), "%.*e", precision - 1, value);
	exponent = atoi(strchr(digits, 'e') + 1);
	if (exponent >= -4 && exponent < 16)
		text_addf(t, "%.*f", MAX(precision - 1 - exponent, 1), value);
	else
		text_add(t, digits);
}

static void add_value(struct text *t, const json_t *value, unsigned depth);

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* UTF-8 sorts by bytes as its code points do, which is Python's order. */
static void add_object(struct text *t, const json_t *object, unsigned depth)
{
	const char *names[CANONICAL_KEYS_MAX];
	size_t count = 0;

	if (json_object_size(object) > CANONICAL_KEYS_MAX) {
		t->failed = true;
		return;
	}
	for (void *i = json_object_iter((json_t *)object); i;
	     i = json_object_iter_next((json_t *)object, i))
		names[count++] = json_object_iter_key(i);
	qsort(names, count, sizeof(*names), by_name);
	text_add(t, "{");
	for (size_t i = 0; i < count; i++) {
		if (i)
			text_add(t, ",");
		add_string(t, names[i], strlen(names[i]));
		text_add(t, ":");
		add_value(t, json_object_get(object, names[i]), depth + 1);
	}
	text_add(t, "}");
}

static void add_array(struct text *t, const json_t *array, unsigned depth)
{
	text_add(t, "[");
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (i)
			text_add(t, ",");
		add_value(t, json_array_get(array, i), depth + 1);
	}
	text_add(t, "]");
}

static void add_value(struct text *t, const json_t *value, unsigned depth)
{
	if (depth > CANONICAL_DEPTH_MAX || !value) {
		t->failed = true;
		return;
	}
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		add_object(t, value, depth);
		break;
	case JSON_ARRAY:
		add_array(t, value, depth);
		break;
	case JSON_STRING:
		add_string(t, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		text_addf(t, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		add_real(t, json_real_value(value));
		break;
	case JSON_TRUE:
		text_add(t, "true");
		break;
	case JSON_FALSE:
		text_add(t, "false");
		break;
	case JSON_NULL:
		text_add(t, "null");
		break;
	}
}

char *json_canonical(const json_t *value)
{
	_cleanup_(text_free) struct text t = { 0 };

	add_value(&t, value, 0);
	return text_failed(&t) ? NULL : text_take(&t);
}

json_t *json_time(uint64_t wall_us)
{
	char text[CLOCK_ISO_LEN];

	if (!wall_us)
		return json_null();
	clock_format_iso(wall_us, text);
	return json_string(text);
}
