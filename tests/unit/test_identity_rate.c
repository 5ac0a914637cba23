/* SPDX-License-Identifier: Apache-2.0 */
/* A key's rate: counted in userspace, exact when calls are parallel, told to the kernel once for
 * each time that it is exceeded. */
#include <pthread.h>
#include "axfw/rate.h"
#include "identity_fixture.h"

#define BURST	  5
#define PER_HOUR  1 /* so slow that no test ever sees the next turn come */
#define HOUR_NS	  (3600 * NS_PER_S)
#define THREADS	  4
#define TURNS_MAX 1000

static struct caller caller_with_key(struct fixture *f, char secret[CRYPTO_API_KEY_LEN + 1])
{
	struct caller caller;
	struct key_info info;

	assert_int_equal(identity_create_key(f->identity, 1, "k", secret, &info), 0);
	identity_enter();
	assert_int_equal(identity_authenticate(f->identity, secret, CRYPTO_API_KEY_LEN, &caller),
			 0);
	return caller; /* still inside: the caller leaves */
}

static int setup_limited(void **state)
{
	struct fixture *f;

	if (new_directory(state) < 0)
		return -1;
	f = *state;
	f->key_rate = axfw_rate_of(PER_HOUR, HOUR_NS, BURST);
	open_node(f);
	add_tenant(f, "me@example.org");
	return 0;
}

static int setup_unlimited(void **state)
{
	if (setup(state) < 0)
		return -1;
	add_tenant(*state, "me@example.org");
	return 0;
}

static void there_is_no_limit_by_default(void **state)
{
	struct fixture *f = *state;
	char secret[CRYPTO_API_KEY_LEN + 1];
	struct caller caller = caller_with_key(f, secret);
	uint32_t wait;

	for (unsigned n = 0; n < TURNS_MAX; n++)
		assert_int_equal(identity_take_turn(f->identity, &caller, &wait), 0);
	identity_leave();
	assert_int_equal(seen(f, &caller.hash)->admission.state, AXFW_ADMITTED);
}

static void a_burst_is_allowed_and_no_more(void **state)
{
	struct fixture *f = *state;
	char secret[CRYPTO_API_KEY_LEN + 1];
	struct caller caller = caller_with_key(f, secret);
	const struct axfw_admission *told;
	uint64_t now_ns = clock_boot_ns();
	uint32_t wait = 0;

	for (unsigned n = 0; n < BURST; n++)
		assert_int_equal(identity_take_turn(f->identity, &caller, &wait), 0);
	told = &seen(f, &caller.hash)->admission;
	assert_int_equal(told->state, AXFW_ADMITTED);
	assert_int_equal(identity_take_turn(f->identity, &caller, &wait), -EBUSY);
	assert_in_range(wait, 3590, 3600);
	assert_int_equal(told->state, AXFW_RATE_EXCEEDED);
	/* the moment at which userspace would allow it again, not a moment later */
	assert_in_range(told->deny_until_ns, now_ns + HOUR_NS, clock_boot_ns() + HOUR_NS);
	identity_leave();
}

static void the_kernel_is_told_once(void **state)
{
	struct fixture *f = *state;
	char secret[CRYPTO_API_KEY_LEN + 1];
	struct caller caller = caller_with_key(f, secret);
	unsigned told;
	uint32_t wait;

	for (unsigned n = 0; n < BURST; n++)
		assert_int_equal(identity_take_turn(f->identity, &caller, &wait), 0);
	told = f->keys_announced;
	for (unsigned n = 0; n < TURNS_MAX; n++)
		assert_int_equal(identity_take_turn(f->identity, &caller, &wait), -EBUSY);
	assert_int_equal(f->keys_announced, told + 1);
	identity_leave();
}

static void each_key_has_its_own(void **state)
{
	struct fixture *f = *state;
	char one[CRYPTO_API_KEY_LEN + 1], other[CRYPTO_API_KEY_LEN + 1];
	struct caller caller = caller_with_key(f, one);
	uint32_t wait;

	for (unsigned n = 0; n < BURST; n++)
		assert_int_equal(identity_take_turn(f->identity, &caller, &wait), 0);
	assert_int_equal(identity_take_turn(f->identity, &caller, &wait), -EBUSY);
	identity_leave();
	caller = caller_with_key(f, other);
	assert_int_equal(identity_take_turn(f->identity, &caller, &wait), 0);
	identity_leave();
}

struct taker {
	struct fixture *f;
	const struct caller *caller;
	unsigned allowed;
};

static void *take_turns(void *arg)
{
	struct taker *t = arg;
	uint32_t wait;

	for (unsigned n = 0; n < TURNS_MAX; n++)
		t->allowed += identity_take_turn(t->f->identity, t->caller, &wait) == 0;
	return NULL;
}

static void parallel_calls_are_counted_exactly(void **state)
{
	struct fixture *f = *state;
	char secret[CRYPTO_API_KEY_LEN + 1];
	struct caller caller = caller_with_key(f, secret);
	struct taker takers[THREADS];
	pthread_t threads[THREADS];
	unsigned allowed = 0;

	for (unsigned n = 0; n < THREADS; n++) {
		takers[n] = (struct taker){ .f = f, .caller = &caller };
		assert_int_equal(pthread_create(&threads[n], NULL, take_turns, &takers[n]), 0);
	}
	for (unsigned n = 0; n < THREADS; n++) {
		pthread_join(threads[n], NULL);
		allowed += takers[n].allowed;
	}
	assert_int_equal(allowed, BURST);
	identity_leave();
}

static void a_revoked_key_is_revoked_and_not_slow(void **state)
{
	struct fixture *f = *state;
	char secret[CRYPTO_API_KEY_LEN + 1];
	struct caller caller = caller_with_key(f, secret);
	struct key_info *keys;
	size_t count;
	uint32_t wait;

	for (unsigned n = 0; n <= BURST; n++)
		(void)identity_take_turn(f->identity, &caller, &wait);
	identity_leave();
	assert_int_equal(seen(f, &caller.hash)->admission.state, AXFW_RATE_EXCEEDED);
	assert_int_equal(identity_list_keys(f->identity, 1, false, &keys, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(identity_revoke_key(f->identity, 1, keys[0].id), 0);
	free(keys);
	assert_int_equal(seen(f, &caller.hash)->admission.state, AXFW_REVOKED);
}

int main(void)
{
#define LIMITED(t) cmocka_unit_test_setup_teardown(t, setup_limited, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(there_is_no_limit_by_default, setup_unlimited,
						teardown),
		LIMITED(a_burst_is_allowed_and_no_more),
		LIMITED(the_kernel_is_told_once),
		LIMITED(each_key_has_its_own),
		LIMITED(parallel_calls_are_counted_exactly),
		LIMITED(a_revoked_key_is_revoked_and_not_slow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
