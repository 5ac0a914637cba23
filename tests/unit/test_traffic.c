/* SPDX-License-Identifier: Apache-2.0 */
/* The last events, without gaps, and who sends most, in fixed space. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "axfw/reason.h"
#include "traffic/sketch.h"

static struct axfw_event event(uint32_t client, uint32_t weight, enum axfw_reason reason)
{
	struct axfw_event e = { .kind = AXFW_EVENT_SAMPLED,
				.weight = weight,
				.reason = (uint8_t)reason,
				.client = { [10] = 0xff, 0xff } };

	memcpy(e.client + 12, &client, sizeof(client));
	memcpy(e.key.bytes, &client, sizeof(client));
	return e;
}

static int setup(void **state)
{
	return traffic_new((struct traffic **)state);
}

static int teardown(void **state)
{
	traffic_free((struct traffic **)state);
	return 0;
}

static void events_are_read_once_each(void **state)
{
	struct traffic_event read[64];
	struct traffic *t = *state;
	uint64_t next, lost;
	struct axfw_event e;

	assert_int_equal(traffic_read(t, 0, read, 64, &next, &lost), 0);
	assert_int_equal(next, 1);
	for (uint32_t n = 1; n <= 100; n++) {
		e = event(n, 1, AXFW_REASON_KEY_ADMITTED);
		traffic_see(t, &e, n);
	}
	assert_int_equal(traffic_read(t, next, read, 64, &next, &lost), 64);
	assert_int_equal(read[63].number, 64);
	assert_int_equal(traffic_read(t, next, read, 64, &next, &lost), 36);
	assert_int_equal(read[35].number, 100);
	assert_int_equal(traffic_read(t, next, read, 64, &next, &lost), 0);
	assert_int_equal(lost, 0);
	assert_int_equal(traffic_read(t, 1000000, read, 64, &next, &lost), 0);
	assert_int_equal(next, 101); /* a new daemon counts anew */
}

static void what_was_overwritten_is_said(void **state)
{
	struct traffic_event read[8];
	struct traffic *t = *state;
	uint64_t next, lost;

	for (uint32_t n = 1; n <= TRAFFIC_EVENTS_MAX + 10; n++) {
		const struct axfw_event e = event(n, 1, AXFW_REASON_KEY_ADMITTED);

		traffic_see(t, &e, n);
	}
	assert_int_equal(traffic_read(t, 3, read, 8, &next, &lost), 8);
	assert_int_equal(lost, 8);
	assert_int_equal(read[0].number, 11);
}

static void the_heaviest_come_first(void **state)
{
	uint64_t now = clock_monotonic_ns();
	struct traffic_heavy top[2];
	struct traffic *t = *state;
	struct axfw_event e;
	double seconds;

	e = event(1, 10, AXFW_REASON_KEY_UNKNOWN);
	traffic_see(t, &e, now);
	e = event(2, 30, AXFW_REASON_KEY_ADMITTED);
	traffic_see(t, &e, now);
	e = event(3, 20, AXFW_REASON_KEY_UNKNOWN);
	traffic_see(t, &e, now);
	assert_int_equal(traffic_top(t, TRAFFIC_SOURCES, now + NS_PER_S, top, 2, &seconds), 2);
	assert_int_equal(top[0].weight, 30);
	assert_int_equal(top[0].refused, 0);
	assert_int_equal(top[1].weight, 20);
	assert_int_equal(top[1].refused, 20);
	assert_true(seconds >= 1 && seconds < 60);
	assert_int_equal(traffic_top(t, TRAFFIC_KEYS, now, top, 2, &seconds), 2);
	assert_int_equal(top[0].id[0], 2);
}

static void traced_ones_weigh_nothing(void **state)
{
	struct axfw_event e = event(1, 1, AXFW_REASON_KEY_UNKNOWN);
	struct traffic_heavy top[2];
	struct traffic *t = *state;
	double seconds;

	e.kind = AXFW_EVENT_TRACED;
	traffic_see(t, &e, clock_monotonic_ns());
	assert_int_equal(traffic_top(t, TRAFFIC_SOURCES, clock_monotonic_ns(), top, 2, &seconds),
			 0);
}

static void what_was_long_ago_is_gone(void **state)
{
	const struct axfw_event e = event(1, 10, AXFW_REASON_KEY_UNKNOWN);
	uint64_t now = clock_monotonic_ns();
	struct traffic_heavy top[2];
	struct traffic *t = *state;
	double seconds;

	traffic_see(t, &e, now);
	traffic_see(t, &e, now + 12 * NS_PER_S);
	assert_int_equal(traffic_top(t, TRAFFIC_SOURCES, now + 13 * NS_PER_S, top, 2, &seconds), 1);
	assert_int_equal(top[0].weight, 20);
	assert_int_equal(traffic_top(t, TRAFFIC_SOURCES, now + 23 * NS_PER_S, top, 2, &seconds), 1);
	assert_int_equal(top[0].weight, 10);
	traffic_see(t, &e, now + 24 * NS_PER_S); /* where the first window was */
	assert_int_equal(traffic_top(t, TRAFFIC_SOURCES, now + 25 * NS_PER_S, top, 2, &seconds), 1);
	assert_int_equal(top[0].weight, 20);
	assert_int_equal(top[0].error, 0);
	assert_int_equal(traffic_top(t, TRAFFIC_SOURCES, now + 100 * NS_PER_S, top, 2, &seconds),
			 0);
	assert_true(seconds >= 10 && seconds <= 20);
}

static void userspace_reports_where_no_program_does(void **state)
{
	const struct address client = { .bytes = { [10] = 0xff, 0xff, 192, 0, 2, 1 } };
	const struct axfw_key_hash key = { { 1 } };
	uint64_t now = clock_monotonic_ns(), next, lost;
	struct traffic *t = *state;
	struct traffic_heavy top[2];
	double seconds;

	traffic_offer(t, &client, &key, AXFW_REASON_KEY_UNKNOWN, now);
	traffic_read(t, 0, NULL, 0, &next, &lost);
	assert_int_equal(next, 1); /* nobody asked */
	traffic_take_own(t, 100);
	for (unsigned n = 0; n < 50000; n++) /* 10,000 a second */
		traffic_offer(t, &client, &key, AXFW_REASON_KEY_UNKNOWN, now + n * 100000ull);
	traffic_read(t, UINT64_MAX, NULL, 0, &next, &lost);
	/* all of the first second, and then about a hundred each */
	assert_in_range(next, 10000, 11500);
	assert_int_equal(traffic_top(t, TRAFFIC_SOURCES, now + 5 * NS_PER_S, top, 2, &seconds), 1);
	assert_in_range(top[0].weight, 49000, 50100); /* and no decision is lost */
	assert_int_equal(top[0].refused, top[0].weight);
}

/* Who has more than 1/256 is in it, however many others there are; nobody is underestimated. */
static void a_crowd_does_not_hide_the_heavy(void **state)
{
	static struct sketch s;
	uint64_t whole = 0;
	uint8_t id[16] = { 0 };

	for (uint32_t n = 0; n < 100000; n++) {
		memcpy(id, &n, sizeof(n));
		sketch_add(&s, id, 1, true, 0);
		memset(id, 0, sizeof(id));
		id[15] = 1 + n % 4; /* each of four has an eighth of the whole */
		sketch_add(&s, id, 1, false, 0);
		whole += 2;
	}
	for (uint8_t n = 1; n <= 4; n++) {
		const struct traffic_heavy *h;

		memset(id, 0, sizeof(id));
		id[15] = n;
		h = sketch_find(&s, id);
		assert_non_null(h);
		assert_in_range(h->weight, 25000, 25000 + whole / SKETCH_SIZE);
		assert_true(h->weight - h->error <= 25000);
	}
	assert_int_equal(s.count, SKETCH_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(events_are_read_once_each, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_overwritten_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(the_heaviest_come_first, setup, teardown),
		cmocka_unit_test_setup_teardown(traced_ones_weigh_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_long_ago_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(userspace_reports_where_no_program_does, setup,
						teardown),
		cmocka_unit_test(a_crowd_does_not_hide_the_heavy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
