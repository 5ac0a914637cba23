/* SPDX-License-Identifier: Apache-2.0 */
/* What axfw top shows of two answers of the daemon: rates, an order, and no line too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "../../tools/axfw/top.h"

static json_t *answer(unsigned seconds, unsigned admitted, unsigned unknown)
{
	json_t *v = json_pack(
		"{s:i, s:s, s:s, s:{s:i, s:i}, s:{s:i, s:i}, s:[{s:s, s:s, s:i}, {s:s, s:s, s:i}, "
		"{s:s, s:s, s:i}]}",
		"monotonic_ms", seconds * 1000, "mode", "enforcing", "why", "", "denied",
		"operator", 2, "boxed", 1, "events", "one_in", 40, "seen", seconds * 100,
		"counters", "reason", "KEY_ADMITTED", "action", "pass", "packets", admitted,
		"reason", "KEY_UNKNOWN", "action", "answer", "packets", unknown, "reason",
		"TRUNCATED", "action", "pass", "packets", 0);

	assert_non_null(v);
	json_object_set_new(v, "requests",
			    json_pack("{s:{s:i, s:i}, s:{s:i, s:i}}", "verdicts", "allow", admitted,
				      "block", 0, "refusals", "key", seconds, "quota", seconds));
	json_object_set_new(v, "sources",
			    json_pack("[{s:s, s:f, s:f, s:s, s:b}, {s:s, s:f, s:f, s:s, s:b}]",
				      "source", "203.0.113.7", "per_second", 1234.5,
				      "refused_per_second", 1234.5, "reason", "KEY_UNKNOWN",
				      "denied", 1, "source", "2001:db8::/64", "per_second", 0.25,
				      "refused_per_second", 0.0, "reason", "KEY_ADMITTED", "denied",
				      0));
	json_object_set_new(v, "keys",
			    json_pack("[{s:s, s:s, s:s, s:s, s:f, s:f, s:s}]", "hash",
				      "00112233445566778899aabbccddeeff", "id", "9b1d", "name",
				      "ci\033[2J", "tenant", "ada@example.org", "per_second", 3.0,
				      "refused_per_second", 0.0, "reason", "KEY_ADMITTED"));
	return v;
}

static const char *find(const struct top_screen *s, const char *word)
{
	for (unsigned i = 0; i < s->count; i++)
		if (strstr(s->lines[i].text, word))
			return s->lines[i].text;
	fail_msg("no line says %s", word);
	return "";
}

static void rates_are_differences(void **state)
{
	_cleanup_(json_decrefp) json_t *before = answer(10, 100, 1000);
	_cleanup_(json_decrefp) json_t *now = answer(12, 110, 43000);
	_cleanup_(json_decrefp) json_t *rates = top_rates(before, now);
	static struct top_screen s;
	const json_t *counter = json_array_get(json_object_get(rates, "counters"), 1);

	top_draw(before, now, 40, &s);
	assert_non_null(strstr(find(&s, "packets/s"), "pass 5.0   answer 21,000   close 0"));
	assert_non_null(strstr(find(&s, "userspace/s"), "allow 5.0   block 0   refused 2.0"));
	assert_non_null(strstr(find(&s, "axfw top"), "2 denied, 1 boxed; 1 of 40"));
	assert_non_null(strstr(find(&s, "KEY_UNKNOWN"), "21,000           43,000"));
	assert_non_null(strstr(find(&s, "203.0.113.7"), "denied"));
	assert_non_null(strstr(find(&s, "2001:db8::/64"), "0.2"));
	assert_float_equal(json_number_value(json_object_get(counter, "per_second")), 21000, 1);
}

static void what_never_happened_takes_no_line(void **state)
{
	_cleanup_(json_decrefp) json_t *now = answer(1, 1, 1);
	static struct top_screen s;

	top_draw(now, now, 40, &s);
	for (unsigned i = 0; i < s.count; i++)
		assert_null(strstr(s.lines[i].text, "TRUNCATED"));
}

static void names_obey_nobody(void **state)
{
	_cleanup_(json_decrefp) json_t *now = answer(1, 1, 1);
	static struct top_screen s;

	top_draw(now, now, 40, &s);
	assert_null(strchr(find(&s, "ada@example.org"), '\033'));
}

static void a_restarted_daemon_has_no_negative_rate(void **state)
{
	_cleanup_(json_decrefp) json_t *before = answer(100, 5000, 5000);
	_cleanup_(json_decrefp) json_t *now = answer(102, 10, 10);
	static struct top_screen s;

	top_draw(before, now, 40, &s);
	assert_non_null(strstr(find(&s, "packets/s"), "pass 0   answer 0"));
}

static void it_fits_whatever_the_height(void **state)
{
	_cleanup_(json_decrefp) json_t *before = answer(1, 1, 1);
	_cleanup_(json_decrefp) json_t *now = answer(2, 9, 9);
	static struct top_screen s;

	for (unsigned height = 1; height <= 60; height++) {
		top_draw(before, now, height, &s);
		assert_in_range(s.count, 1, height);
	}
	top_draw(before, now, 14, &s); /* all there is, and no more */
	assert_int_equal(s.count, 14);
	find(&s, "2001:db8::/64");
	find(&s, "ada@example.org");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_differences),
		cmocka_unit_test(what_never_happened_takes_no_line),
		cmocka_unit_test(names_obey_nobody),
		cmocka_unit_test(a_restarted_daemon_has_no_negative_rate),
		cmocka_unit_test(it_fits_whatever_the_height),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
