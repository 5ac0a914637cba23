// SPDX-License-Identifier: Apache-2.0
/* The signup rule as arithmetic: what the daemon and the BPF program both compile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "axfw/signup.h"

#define S      1000000000ULL
#define WINDOW (3600 * S)

static const struct axfw_signup_rule five = { .window_ns = WINDOW, .limit = 5 };

static void try_at(struct axfw_signup_window *w, uint64_t now, uint64_t expected_wait)
{
	uint64_t wait = axfw_signup_wait_ns(w, now, &five);

	assert_int_equal(wait, expected_wait);
	if (!wait)
		axfw_signup_record(w, now, &five);
}

static void check_sixth_waits(void **state)
{
	struct axfw_signup_window w = { 0 };

	for (unsigned i = 1; i <= 5; i++)
		try_at(&w, i * S, 0);
	try_at(&w, 6 * S, WINDOW - 5 * S);
	try_at(&w, WINDOW + 1 * S - 1, 1);
	try_at(&w, WINDOW + 1 * S, 0);	   /* the first has left the window */
	try_at(&w, WINDOW + 1 * S, 1 * S); /* the second not yet */
}

/* Refused attempts aren't recorded, so they don't prolong the wait. */
static void check_refused_do_not_count(void **state)
{
	struct axfw_signup_window w = { 0 };

	for (unsigned i = 0; i < 5; i++)
		try_at(&w, 100 * S, 0);
	for (unsigned i = 0; i < 1000; i++)
		try_at(&w, (200 + i) * S, WINDOW - (100 + i) * S);
	try_at(&w, 100 * S + WINDOW, 0);
}

/* Against a list of all attempts: never more than five in any window, never refused with fewer. */
static void check_against_list(void **state)
{
	struct axfw_signup_window w = { 0 };
	uint64_t allowed[4096], now = S;
	unsigned count = 0;
	uint32_t random = 7;

	for (unsigned i = 0; i < 4000; i++) {
		unsigned recent = 0;

		random = random * 1664525 + 1013904223;
		now += (random >> 16) % 1200 * S;
		for (unsigned j = 0; j < count; j++)
			recent += allowed[j] + WINDOW > now;
		assert_int_equal(!axfw_signup_wait_ns(&w, now, &five), recent < 5);
		if (recent < 5) {
			allowed[count++] = now;
			axfw_signup_record(&w, now, &five);
		}
	}
	assert_true(count > 1000 && count < 4000);
}

static void check_limits(void **state)
{
	for (uint32_t limit = 1; limit <= AXFW_SIGNUP_LIMIT_MAX; limit++) {
		const struct axfw_signup_rule rule = { .window_ns = WINDOW, .limit = limit };
		struct axfw_signup_window w = { 0 };

		for (uint32_t i = 0; i < limit; i++) {
			assert_int_equal(axfw_signup_wait_ns(&w, S, &rule), 0);
			axfw_signup_record(&w, S, &rule);
		}
		assert_int_equal(axfw_signup_wait_ns(&w, S, &rule), WINDOW);
	}
}

static void check_retry_after(void **state)
{
	assert_int_equal(axfw_signup_retry_after_s(1), 60);
	assert_int_equal(axfw_signup_retry_after_s(60 * S), 60);
	assert_int_equal(axfw_signup_retry_after_s(60 * S + 1), 61);
	assert_int_equal(axfw_signup_retry_after_s(WINDOW), 3600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_sixth_waits),  cmocka_unit_test(check_refused_do_not_count),
		cmocka_unit_test(check_against_list), cmocka_unit_test(check_limits),
		cmocka_unit_test(check_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
