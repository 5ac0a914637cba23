/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "../../tools/axfw/duration.h"
#include "base/base.h"

static void what_people_type_is_understood(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} rows[] = {
		{ "90", 90 },	   { "90s", 90 },
		{ "10m", 600 },	   { "2h", 7200 },
		{ "7d", 604800 },  { "1h30m", 5400 },
		{ "1d1s", 86401 }, { "3153600000", 3153600000 },
	};
	uint64_t seconds;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(duration_parse(rows[i].text, &seconds), 0);
		assert_int_equal(seconds, rows[i].seconds);
	}
}

static void anything_else_is_not(void **state)
{
	static const char *const texts[] = { "",
					     "s",
					     "10x",
					     "-5m",
					     "1h30",
					     "0",
					     "0s",
					     "1.5h",
					     " 10",
					     "10 ",
					     "36501d",
					     "99999999999999999999s",
					     "3153600000m",
					     "1m2" };
	uint64_t seconds;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(duration_parse(texts[i], &seconds), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_people_type_is_understood),
		cmocka_unit_test(anything_else_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
