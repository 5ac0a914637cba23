/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of pii share: a detector, and texts whose values stand in {{double braces}}. */
#ifndef PII_FIXTURE_H
#define PII_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "pii/pii.h"

struct row {
	enum pii_type type;
	const char *text; /* {{…}} around each value of that type; none: nothing is found */
};

#define MARKED_MAX 16
#define ROW_MAX	   4096

static struct pii_detector *detector;
static struct pii_scratch *scratch;

static inline int pii_setup(void **state)
{
	return pii_detector_new(NULL, &detector) || pii_scratch_new(&scratch);
}

static inline int pii_teardown(void **state)
{
	pii_scratch_free(&scratch);
	pii_detector_free(&detector);
	return 0;
}

/* In memory of its very size, so that ASan sees a byte read behind it. */
static inline void find(const char *text, size_t len, const struct pii_span **ret,
			size_t *ret_count)
{
	_cleanup_(freep) char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	assert_int_equal(pii_find(detector, scratch, copy, len, ret, ret_count), 0);
}

/* Takes the braces out; the places between them go to marked. */
static inline size_t unmark(const struct row *row, char *text, struct pii_span *marked,
			    size_t *ret_count)
{
	size_t len = 0;

	*ret_count = 0;
	for (const char *p = row->text; *p;) {
		assert_true(len < ROW_MAX && *ret_count < MARKED_MAX);
		if (!strncmp(p, "{{", 2)) {
			marked[*ret_count].type = row->type;
			marked[*ret_count].begin = (uint32_t)len;
			p += 2;
		} else if (!strncmp(p, "}}", 2)) {
			marked[(*ret_count)++].end = (uint32_t)len;
			p += 2;
		} else {
			text[len++] = *p++;
		}
	}
	return len;
}

static inline void check_row(const struct row *row)
{
	struct pii_span marked[MARKED_MAX] = { 0 };
	const struct pii_span *found;
	size_t marks, count, len;
	char text[ROW_MAX];

	len = unmark(row, text, marked, &marks);
	find(text, len, &found, &count);
	if (count != marks)
		print_message("%s: %zu found, not %zu\n", row->text, count, marks);
	for (size_t i = 0; i < count; i++) {
		if (i >= marks || found[i].begin != marked[i].begin ||
		    found[i].end != marked[i].end || found[i].type != marked[i].type)
			print_message("%s: found %s '%.*s'\n", row->text,
				      pii_type_name(found[i].type),
				      (int)(found[i].end - found[i].begin), text + found[i].begin);
	}
	assert_int_equal(count, marks);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(found[i].type, marked[i].type);
		assert_int_equal(found[i].begin, marked[i].begin);
		assert_int_equal(found[i].end, marked[i].end);
	}
}

static inline void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_row(&rows[i]);
}

#endif
