/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies whose JSON holds halves of characters: read, with U+FFFD in their place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "api/json_body.h"

#define HALF "\xef\xbf\xbd"

static const struct {
	const char *body, *text; /* text NULL: not JSON */
} rows[] = {
	{ "\"\\ud83d\"", HALF },
	{ "\"\\ude00\"", HALF },
	{ "\"\\uD83D\"", HALF },
	{ "\"a\\ud83d b\"", "a" HALF " b" },
	{ "\"\\ud83d\\ude00\"", "\U0001f600" },
	{ "\"\\ud83d\\ud83d\\ude00\"", HALF "\U0001f600" },
	{ "\"\\ude00\\ud83d\"", HALF HALF },
	{ "\"\\ud83d\\n\\ude00\"", HALF "\n" HALF },
	{ "\"\\\\ud83d\"", "\\ud83d" },
	{ "\"\\\\\\ud83d\"", "\\" HALF },
	{ "\"\\ud7ff\\ue000\"", "\xed\x9f\xbf\xee\x80\x80" },
	{ "\"\\ud83\"", NULL },
	{ "\"\\ud83", NULL },
	{ "\"\\", NULL },
	{ "\"\\ud83g\"", NULL },
	{ "\\ud83d", NULL },
};

static void halves_are_replaced(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		/* exactly as long as the text, so that a sanitizer sees a byte too many read */
		size_t len = strlen(rows[i].body);
		_cleanup_(freep) char *body = malloc(len);
		_cleanup_(json_decrefp) json_t *value = NULL;
		int r;

		memcpy(body, rows[i].body, len);
		r = json_body_parse(body, len, &value);
		assert_int_equal(r, rows[i].text ? 0 : -EBADMSG);
		if (r == 0)
			assert_string_equal(json_string_value(value), rows[i].text);
		assert_memory_equal(body, rows[i].body, len);
	}
}

static void every_cut_is_bounded(void **state)
{
	static const char all[] = "[\"\\ud83d\\ude00\\ud83d\\\\\\udfff\\ud800\"]";

	for (size_t len = 0; len < sizeof(all); len++) {
		_cleanup_(freep) char *body = malloc(len + !len);
		_cleanup_(json_decrefp) json_t *value = NULL;

		memcpy(body, all, len);
		assert_int_equal(json_body_parse(body, len, &value),
				 len == sizeof(all) - 1 ? 0 : -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(halves_are_replaced),
		cmocka_unit_test(every_cut_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
