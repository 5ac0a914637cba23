/* SPDX-License-Identifier: Apache-2.0 */
/* The signup limit: exact, bounded, kept over a restart, told to the kernel before it is answered.
 */
#include <pthread.h>
#include <stdatomic.h>
#include "identity_fixture.h"

static int attempt(struct fixture *f, const char *client, uint32_t *ret_retry_after_s)
{
	struct address a = address_of(client);

	return identity_signup_attempt(f->identity, &a, ret_retry_after_s);
}

static int check(struct fixture *f, const char *client, uint32_t *ret_retry_after_s)
{
	struct address a = address_of(client);

	return identity_signup_check(f->identity, &a, ret_retry_after_s);
}

static void the_sixth_attempt_is_refused(void **state)
{
	struct fixture *f = *state;
	uint32_t wait = 0;

	for (unsigned n = 0; n < 5; n++) {
		assert_int_equal(check(f, "192.0.2.1", &wait), 0);
		assert_int_equal(attempt(f, "192.0.2.1", &wait), 0);
		assert_int_equal(f->signups, n + 1);
	}
	assert_int_equal(check(f, "192.0.2.1", &wait), -EDQUOT);
	assert_int_equal(attempt(f, "192.0.2.1", &wait), -EDQUOT);
	assert_in_range(wait, 3590, 3600);
	assert_int_equal(f->signups, 5); /* a refused one is not recorded */
	assert_int_equal(attempt(f, "192.0.2.2", &wait), 0);
}

static void the_kernel_sees_the_same_client(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
	struct fixture *f = *state;
	uint32_t wait;

	assert_int_equal(attempt(f, "192.0.2.1", &wait), 0);
	assert_memory_equal(f->client.address, mapped, sizeof(mapped));
	assert_true(f->window.at_ns[0] > 0 && f->window.at_ns[0] <= clock_boot_ns());
	assert_int_equal(f->window.next, 1);
}

static void an_ipv6_network_is_one_client(void **state)
{
	struct fixture *f = *state;
	char address[64];
	uint32_t wait;

	for (unsigned n = 0; n < 5; n++) {
		snprintf(address, sizeof(address), "2001:db8:1:2::%x", n + 1);
		assert_int_equal(attempt(f, address, &wait), 0);
	}
	assert_int_equal(attempt(f, "2001:db8:1:2:ffff::1", &wait), -EDQUOT);
	assert_int_equal(attempt(f, "2001:db8:1:3::1", &wait), 0);
}

static void attempts_outlive_a_restart(void **state)
{
	struct fixture *f = *state;
	uint32_t wait;

	for (unsigned n = 0; n < 5; n++)
		assert_int_equal(attempt(f, "2001:db8::1", &wait), 0);
	f->signups = 0;
	reopen_node(f);
	assert_int_equal(f->signups, 1); /* the kernel gets the window back, whole */
	assert_true(f->window.at_ns[4] > 0);
	assert_int_equal(attempt(f, "2001:db8::2", &wait), -EDQUOT);
	assert_in_range(wait, 3590, 3600);
}

static void old_attempts_are_forgotten(void **state)
{
	struct fixture *f = *state;
	uint64_t now_us = clock_wall_us();
	uint32_t wait;

	for (unsigned n = 0; n < 4; n++)
		assert_int_equal(
			store_add_signup_attempt(f->store, "192.0.2.7", now_us - 3601 * US_PER_S),
			0);
	for (unsigned n = 0; n < 5; n++)
		assert_int_equal(store_add_signup_attempt(f->store, "192.0.2.8",
							  now_us - (2996 + n) * US_PER_S),
				 0);
	assert_int_equal(store_add_signup_attempt(f->store, "anything, really", now_us), 0);
	reopen_node(f);
	for (unsigned n = 0; n < 5; n++)
		assert_int_equal(attempt(f, "192.0.2.7", &wait), 0);
	/* The window is an hour from the oldest, whatever order the store kept; a machine that
	 * booted less than that ago counts from its boot. */
	assert_int_equal(attempt(f, "192.0.2.8", &wait), -EDQUOT);
	assert_in_range(wait, 590, 3600);
	if (clock_boot_ns() > 3010 * NS_PER_S)
		assert_in_range(wait, 590, 601);
}

struct racing {
	struct fixture *f;
	_Atomic unsigned admitted;
};

static void *race(void *arg)
{
	struct racing *race = arg;
	uint32_t wait;

	for (unsigned n = 0; n < 5; n++)
		if (attempt(race->f, "192.0.2.9", &wait) == 0)
			race->admitted++;
	return NULL;
}

static void parallel_attempts_are_counted_exactly(void **state)
{
	struct racing racing = { .f = *state };
	pthread_t threads[4];

	for (size_t n = 0; n < ARRAY_SIZE(threads); n++)
		assert_int_equal(pthread_create(&threads[n], NULL, race, &racing), 0);
	for (size_t n = 0; n < ARRAY_SIZE(threads); n++)
		pthread_join(threads[n], NULL);
	assert_int_equal(racing.admitted, 5);
}

/* The oldest client makes room, and the kernel is told that its window is empty again. */
static void the_table_is_bounded(void **state)
{
	struct fixture *f = *state;
	char address[64];
	uint32_t wait;

	for (unsigned n = 0; n < 5; n++)
		assert_int_equal(store_add_signup_attempt(f->store, "192.0.2.1",
							  clock_wall_us() - 60 * US_PER_S),
				 0);
	for (unsigned n = 0; n < AXFW_SIGNUPS_MAX - 1; n++) {
		snprintf(address, sizeof(address), "10.1.%u.%u", n / 256, n % 256);
		assert_int_equal(store_add_signup_attempt(f->store, address, clock_wall_us()), 0);
	}
	reopen_node(f);
	assert_int_equal(f->signups, AXFW_SIGNUPS_MAX);
	assert_int_equal(check(f, "192.0.2.1", &wait), -EDQUOT);
	f->signups = 0;
	assert_int_equal(attempt(f, "192.0.2.2", &wait), 0);
	assert_int_equal(f->signups, 2);
	assert_int_equal(check(f, "192.0.2.1", &wait), 0);
	assert_int_equal(attempt(f, "10.1.0.0", &wait), 0);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_sixth_attempt_is_refused),  TEST(the_kernel_sees_the_same_client),
		TEST(an_ipv6_network_is_one_client), TEST(attempts_outlive_a_restart),
		TEST(old_attempts_are_forgotten),    TEST(parallel_attempts_are_counted_exactly),
		TEST(the_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
