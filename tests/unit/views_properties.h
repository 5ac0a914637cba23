/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for the views of any bytes. For the tests and the fuzz target; aborts. */
#ifndef VIEWS_PROPERTIES_H
#define VIEWS_PROPERTIES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/base.h"
#include "views/views.h"

/* The promise: 4 × len and a constant. */
#define VIEWS_BYTES_CONSTANT (64u << 10)

static inline void views_require(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "views: %s\n", what);
	abort();
}

static inline void views_check_one(const struct view *v, size_t text_len)
{
	views_require(text_is_utf8(v->text, v->len), "a view isn't UTF-8");
	for (size_t i = 0; i <= v->len; i++) {
		views_require(v->origin[i] <= text_len, "an offset is beyond the text");
		if (i && v->kind != VIEW_REVERSED)
			views_require(v->origin[i - 1] <= v->origin[i], "offsets decrease");
	}
	for (size_t i = 0; i < v->len; i++) {
		unsigned char c = (unsigned char)v->text[i];

		views_require(c >= ' ' || c == '\n', "a control character");
		views_require(c < 'A' || c > 'Z', "a capital");
		if (i && (c == ' ' || c == '\n'))
			views_require(v->text[i - 1] != ' ' && v->text[i - 1] != '\n',
				      "two blanks");
	}
	if (v->len)
		views_require(v->text[0] > ' ' || v->text[0] < 0, "a blank in front");
}

/* A span of a view comes from a span of the text that isn't empty. */
static inline void views_check_spans(const struct view *v, size_t text_len)
{
	size_t step = v->len / 64 + 1;

	for (size_t begin = 0; begin < v->len; begin += step) {
		size_t end = MIN(begin + 1 + begin % 7, v->len);
		uint32_t from, to;

		view_span(v, begin, end, &from, &to);
		views_require(from < to && to <= text_len, "a span of nothing");
	}
}

static inline void views_check(const struct view *views, size_t count, size_t text_len)
{
	size_t bytes = 0;

	views_require(count >= 1 && count <= VIEWS_MAX, "number of views");
	views_require(views[0].kind == VIEW_NORMAL, "the first is the normal one");
	for (size_t i = 0; i < count; i++) {
		views_check_one(&views[i], text_len);
		views_check_spans(&views[i], text_len);
		views_require(!i || views[i].len, "an empty view beside the normal one");
		views_require(!i || views[i].kind > views[i - 1].kind, "a kind twice");
		bytes += views[i].len;
	}
	views_require(bytes <= 4 * text_len + VIEWS_BYTES_CONSTANT, "too many bytes");
}

#endif
