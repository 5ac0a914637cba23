/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures cover canonical JSON, and other people's programs have to arrive at the same bytes.
 * The expected texts are what Python's json.dumps(v, sort_keys=True, separators=(",", ":")) prints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/base.h"

static const struct {
	const char *in, *canonical;
} rows[] = {
	{ "{\"b\":1,\"a\":[true,false,null]}", "{\"a\":[true,false,null],\"b\":1}" },
	{ "[0.55,0.7,0.95,0.3,1.0,0.0]", "[0.55,0.7,0.95,0.3,1.0,0.0]" },
	{ "[0.1,1e16,1e15,123456.789,0.0001,1e-5]",
	  "[0.1,1e+16,1000000000000000.0,123456.789,0.0001,1e-05]" },
	{ "[-0.25,1e22,1.7976931348623157e308,5e-324]",
	  "[-0.25,1e+22,1.7976931348623157e+308,5e-324]" },
	{ "[0.30000000000000004,100.0,2.5e20]", "[0.30000000000000004,100.0,2.5e+20]" },
	{ "[\"\\u007f\\u00E9\\u20ac\\ud83d\\ude00\"]",
	  "[\"\\u007f\\u00e9\\u20ac\\ud83d\\ude00\"]" },
	{ "[\"\\u0001\\n\\t\\\"\\\\/\\b\\f\\r\"]", "[\"\\u0001\\n\\t\\\"\\\\/\\b\\f\\r\"]" },
	{ "{\"\\u00e9\":1,\"z\":2,\"Z\":3,\"\":4}", "{\"\":4,\"Z\":3,\"z\":2,\"\\u00e9\":1}" },
	{ "{}", "{}" },
	{ "[]", "[]" },
	{ "-9223372036854775808", "-9223372036854775808" },
};

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(json_decrefp) json_t *v = json_loads(rows[i].in, JSON_DECODE_ANY, NULL);
		_cleanup_(freep) char *text = json_canonical(v);

		assert_non_null(v);
		assert_non_null(text);
		assert_string_equal(text, rows[i].canonical);
	}
}

static void test_what_is_read_back_is_signed_alike(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(json_decrefp)
			json_t *v = json_loads(rows[i].canonical, JSON_DECODE_ANY, NULL);
		_cleanup_(freep) char *text = json_canonical(v);

		assert_string_equal(text, rows[i].canonical);
	}
}

static void test_depth_is_bounded(void **state)
{
	_cleanup_(json_decrefp) json_t *v = json_array();

	for (int i = 0; i < 1000; i++) {
		json_t *outer = json_array();

		json_array_append_new(outer, v);
		v = outer;
	}
	assert_null(json_canonical(v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_what_is_read_back_is_signed_alike),
		cmocka_unit_test(test_depth_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
