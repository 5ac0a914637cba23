/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing string. Allocation failure is remembered, so a page is built without a check per line:
 * ask text_failed() once at the end. Not shared between threads.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include "base/memory.h"

struct text {
	char *data; /* always terminated when not NULL; owned */
	size_t len;
	size_t size;
	bool failed;
};

void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t len);
void text_addf(struct text *t, const char *format, ...) _printf_(2, 3);
/* Escapes & < > " ' for HTML text and attributes. */
void text_add_html(struct text *t, const char *s);
/* Thousands separators: 1234567 as "1,234,567". */
void text_add_count(struct text *t, unsigned long long n);
/* Breaks s at blanks, so that no line is wider than width (0: never). s begins at column; the lines
 * after its first begin with indent blanks. Colours take no room, and a word that no line has room
 * for stays whole. */
void text_add_wrapped(struct text *t, const char *s, size_t column, size_t indent, size_t width);
void text_clear(struct text *t); /* keeps the memory */
void text_free(struct text *t);
static inline bool text_failed(const struct text *t)
{
	return t->failed;
}
/* The string, owned by the caller; NULL when an allocation failed. The text is empty afterwards. */
char *text_take(struct text *t);

/* Trims ASCII white space on both ends in place; returns the start. */
char *text_trim(char *s);
/* Characters of the UTF-8 in len bytes. */
size_t text_characters(const char *s, size_t len);
/* Is len bytes at s valid UTF-8 (no surrogates, no overlong forms)? */
bool text_is_utf8(const char *s, size_t len);

#endif
