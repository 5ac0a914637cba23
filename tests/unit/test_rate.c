// SPDX-License-Identifier: Apache-2.0
/* The rate rule as arithmetic: what the daemon and the BPF program both compile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "axfw/rate.h"

#define S 1000000000ULL

static int try_at(uint64_t *arrival, uint64_t now, const struct axfw_rate *rate)
{
	uint64_t next = axfw_rate_next(*arrival, now, rate);

	assert_int_equal(!next, axfw_rate_wait_ns(*arrival, now, rate) > 0);
	if (next)
		*arrival = next;
	return next != 0;
}

static void check_burst_then_interval(void **state)
{
	const struct axfw_rate rate = axfw_rate_of(10, S, 3);
	uint64_t arrival = 0;

	for (unsigned i = 0; i < 3; i++)
		assert_true(try_at(&arrival, 5 * S, &rate));
	assert_false(try_at(&arrival, 5 * S, &rate));
	assert_int_equal(axfw_rate_wait_ns(arrival, 5 * S, &rate), S / 10);
	assert_false(try_at(&arrival, 5 * S + S / 10 - 1, &rate));
	assert_true(try_at(&arrival, 5 * S + S / 10, &rate));
	assert_false(try_at(&arrival, 5 * S + S / 10, &rate));
	assert_true(try_at(&arrival, 100 * S, &rate)); /* rest gives the burst back, no more */
	assert_true(try_at(&arrival, 100 * S, &rate));
	assert_true(try_at(&arrival, 100 * S, &rate));
	assert_false(try_at(&arrival, 100 * S, &rate));
}

static void check_no_limit(void **state)
{
	const struct axfw_rate none = { 0 };
	uint64_t arrival = 0;

	for (unsigned i = 0; i < 1000; i++)
		assert_true(try_at(&arrival, S, &none));
	assert_int_equal(axfw_rate_of(0, S, 7).interval_ns, 0);
}

/* In any stretch of time no more than its intervals and the burst, and what was refused wasn't
 * counted: of a flood as much gets through as of the same number at the right rate. */
static void check_flood(void **state)
{
	const struct axfw_rate rate = axfw_rate_of(100, S, 20);
	uint64_t arrival = 0, allowed = 0;

	for (uint64_t now = S; now < 11 * S; now += S / 10000)
		allowed += try_at(&arrival, now, &rate);
	assert_true(allowed >= 1000 + 19 && allowed <= 1000 + 20);
}

/* Two at once can't both take the last place: of two next states only one is swapped in. */
static void check_state_moves(void **state)
{
	const struct axfw_rate rate = axfw_rate_of(1, S, 2);
	uint64_t arrival = 0;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t next = axfw_rate_next(arrival, 7 * S, &rate);

		assert_true(next > arrival);
		arrival = next;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_burst_then_interval),
		cmocka_unit_test(check_no_limit),
		cmocka_unit_test(check_flood),
		cmocka_unit_test(check_state_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
