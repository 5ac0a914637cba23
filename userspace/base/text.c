/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#define TEXT_SIZE_FIRST 256 /* most JSON answers fit */

static bool reserve(struct text *t, size_t more)
{
	size_t size = t->size ? t->size : TEXT_SIZE_FIRST;
	char *data;

	if (t->failed)
		return false;
	if (t->data && t->len + more < t->size)
		return true;
	while (size <= t->len + more)
		size *= 2;
	data = realloc(t->data, size);
	if (!data) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->size = size;
	return true;
}

void text_add_n(struct text *t, const char *s, size_t len)
{
	if (!reserve(t, len))
		return;
	memcpy(t->data + t->len, s, len);
	t->len += len;
	t->data[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
	text_add_n(t, s, strlen(s));
}

void text_addf(struct text *t, const char *format, ...)
{
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	if (len < 0)
		t->failed = true;
	else if (reserve(t, (size_t)len)) {
		vsnprintf(t->data + t->len, (size_t)len + 1, format, again);
		t->len += (size_t)len;
	}
	va_end(again);
	va_end(args);
}

static const char *html_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void text_add_html(struct text *t, const char *s)
{
	const char *run = s;

	for (; *s; s++) {
		const char *entity = html_entity(*s);

		if (!entity)
			continue;
		text_add_n(t, run, (size_t)(s - run));
		text_add(t, entity);
		run = s + 1;
	}
	text_add_n(t, run, (size_t)(s - run));
}

void text_add_count(struct text *t, unsigned long long n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			text_add_n(t, ",", 1);
		text_add_n(t, digits + i, 1);
	}
}

/* Characters, without escape sequences. */
static size_t word_width(const char *s, size_t len)
{
	bool escape = false;
	size_t width = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\033')
			escape = true;
		else if (escape)
			escape = s[i] != 'm';
		else
			width += (s[i] & 0xc0) != 0x80;
	}
	return width;
}

void text_add_wrapped(struct text *t, const char *s, size_t column, size_t indent, size_t width)
{
	while (*s) {
		size_t blanks = strspn(s, " "), len = strcspn(s + blanks, " ");
		size_t wide = word_width(s + blanks, len);

		if (width && len && column > indent && column + blanks + wide > width) {
			text_addf(t, "\n%*s", (int)indent, "");
			column = indent;
		} else {
			text_add_n(t, s, blanks);
			column += blanks;
		}
		text_add_n(t, s + blanks, len);
		column += wide;
		s += blanks + len;
	}
}

void text_clear(struct text *t)
{
	t->len = 0;
	t->failed = false;
	if (t->data)
		t->data[0] = '\0';
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){ 0 };
}

char *text_take(struct text *t)
{
	char *data = NULL;

	if (reserve(t, 0)) {
		t->data[t->len] = '\0';
		data = TAKE_PTR(t->data);
	}
	text_free(t);
	return data;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

char *text_trim(char *s)
{
	size_t len;

	while (is_blank(*s))
		s++;
	len = strlen(s);
	while (len && is_blank(s[len - 1]))
		len--;
	s[len] = '\0';
	return s;
}

bool text_is_utf8(const char *s, size_t len)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s;
	utf8proc_ssize_t left = (utf8proc_ssize_t)len;

	while (left > 0) {
		utf8proc_int32_t codepoint;
		utf8proc_ssize_t n = *p < 0x80 ? 1 : utf8proc_iterate(p, left, &codepoint);

		if (n < 1)
			return false;
		p += n;
		left -= n;
	}
	return true;
}

size_t text_characters(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}
