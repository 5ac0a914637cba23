/* SPDX-License-Identifier: Apache-2.0 */
/* The deny list's copy in the kernel, and how many events are asked for. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>
#include "kernel/internal.h"
#include "lab.h"

struct fixture {
	struct kernel *k;
};

static int start(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	lab_new_pin_dir();
	f->k = lab_start("lo");
	*state = f;
	return 0;
}

static int stop(void **state)
{
	struct fixture *f = *state;

	kernel_stop(&f->k);
	free(f);
	return 0;
}

static struct axfw_prefix prefix4(const char *address, uint32_t bits)
{
	struct axfw_prefix p = { .bits = 96 + bits, .address = { [10] = 0xff, 0xff } };

	assert_int_equal(inet_pton(AF_INET, address, p.address + 12), 1);
	return p;
}

static void put(struct fixture *f, const char *address, uint32_t bits, uint64_t until_ns)
{
	const struct axfw_denial denial = { .until_ns = until_ns,
					    .cause = AXFW_DENIED_BY_OPERATOR };
	const struct axfw_prefix prefix = prefix4(address, bits);

	assert_int_equal(kernel_put_denial(f->k, &prefix, &denial), 0);
}

static void drop(struct fixture *f, const char *address, uint32_t bits)
{
	const struct axfw_prefix prefix = prefix4(address, bits);

	assert_int_equal(kernel_drop_denial(f->k, &prefix), 0);
}

static bool is_asked(const struct fixture *f)
{
	return f->k->config->tiers & AXFW_TIERS_DENIED;
}

static uint64_t end_of(struct fixture *f, const char *address)
{
	const struct axfw_prefix prefix = prefix4(address, 32);
	struct axfw_denial denial;
	int r = kernel_find_denial(f->k, &prefix, &denial);

	if (r == -ENOENT)
		return 0;
	assert_int_equal(r, 0);
	return denial.until_ns;
}

static void packets_are_asked_only_while_there_is_an_entry(void **state)
{
	struct fixture *f = *state;

	assert_false(is_asked(f));
	put(f, "192.0.2.0", 24, 7);
	put(f, "192.0.2.1", 32, 9);
	assert_true(is_asked(f));
	drop(f, "192.0.2.0", 24);
	assert_true(is_asked(f));
	drop(f, "192.0.2.1", 32);
	assert_false(is_asked(f));
	drop(f, "192.0.2.1", 32); /* not there: as asked for */
}

static void an_address_and_a_network_are_asked_apart(void **state)
{
	struct fixture *f = *state;
	uint32_t *tiers = &f->k->config->tiers;

	put(f, "192.0.2.1", 32, 9);
	assert_int_equal(*tiers & AXFW_TIERS_DENIED, AXFW_TIER_DENIED_HOSTS);
	put(f, "192.0.2.0", 24, 7);
	assert_int_equal(*tiers & AXFW_TIERS_DENIED, AXFW_TIERS_DENIED);
	assert_int_equal(end_of(f, "192.0.2.1"), 9);
	assert_int_equal(end_of(f, "192.0.2.2"), 7);
	drop(f, "192.0.2.1", 32);
	assert_int_equal(*tiers & AXFW_TIERS_DENIED, AXFW_TIER_DENIED);
}

static void count_entry(void *arg, const struct axfw_prefix *prefix,
			const struct axfw_denial *denial)
{
	(*(unsigned *)arg)++;
	assert_int_equal(denial->bits, prefix->bits);
}

static void both_maps_are_one_list(void **state)
{
	struct fixture *f = *state;
	unsigned count = 0;

	put(f, "192.0.2.1", 32, 9);
	put(f, "192.0.2.2", 32, 9);
	put(f, "192.0.2.0", 24, 7);
	assert_int_equal(kernel_each_denial(f->k, count_entry, &count), 0);
	assert_int_equal(count, 3);
}

static void the_longest_prefix_speaks(void **state)
{
	struct fixture *f = *state;

	put(f, "192.0.2.0", 24, 7);
	put(f, "192.0.2.128", 25, 9);
	assert_int_equal(end_of(f, "192.0.2.1"), 7);
	assert_int_equal(end_of(f, "192.0.2.200"), 9);
	assert_int_equal(end_of(f, "192.0.3.1"), 0);
}

static void what_is_not_kept_goes(void **state)
{
	const struct axfw_prefix kept[] = { prefix4("192.0.2.2", 32), prefix4("198.51.100.0", 24) };
	struct fixture *f = *state;

	for (unsigned i = 0; i < 200; i++) {
		char address[32];

		snprintf(address, sizeof(address), "192.0.2.%u", i);
		put(f, address, 32, 7);
	}
	assert_int_equal(kernel_keep_denials(f->k, kept, ARRAY_SIZE(kept)), 0);
	assert_int_equal(end_of(f, "192.0.2.2"), 7);
	assert_int_equal(end_of(f, "192.0.2.1"), 0);
	assert_int_equal(end_of(f, "192.0.2.199"), 0);
	assert_true(is_asked(f));
	assert_int_equal(kernel_keep_denials(f->k, NULL, 0), 0);
	assert_false(is_asked(f));
}

static int fill(struct fixture *f, uint32_t bits)
{
	const struct axfw_denial denial = { .until_ns = 1 };
	struct axfw_prefix prefix = { .bits = bits };
	int r = 0;

	for (uint32_t i = 0; i <= AXFW_DENIED_MAX && r == 0; i++) {
		memcpy(prefix.address, &i, sizeof(i));
		r = kernel_put_denial(f->k, &prefix, &denial);
	}
	return r;
}

static void a_full_list_is_an_error(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fill(f, 127), -ENOSPC);
	assert_int_equal(fill(f, 128), -ENOSPC);
}

static void nothing_is_there_in_userspace_mode(void **state)
{
	const struct axfw_prefix prefix = prefix4("192.0.2.1", 32);
	const struct axfw_denial denial = { .until_ns = 1 };
	struct kernel *k = lab_start("none");
	struct axfw_denial found;

	assert_int_equal(kernel_put_denial(k, &prefix, &denial), 0);
	assert_int_equal(kernel_find_denial(k, &prefix, &found), -ENOENT);
	assert_int_equal(kernel_keep_denials(k, &prefix, 1), 0);
	assert_int_equal(kernel_drop_denial(k, &prefix), 0);
	kernel_trace(k, &(struct axfw_trace){ .until_ns = 1 });
	kernel_stop(&k);
}

/* --- events ---------------------------------------------------------------------------------- */

static void the_sample_follows_what_arrives(void **state)
{
	/* a million a second, of which the program's budget let 200 through */
	assert_int_equal(events_next_sample(1, 200, 1000000, 200), 5000);
	/* the estimate was of more than is sampled: back, in proportion */
	assert_int_equal(events_next_sample(5000, 20, 1000000, 200), 1000);
	/* about half of what is wanted: left alone */
	assert_int_equal(events_next_sample(1000, 100, 1000000, 200), 1000);
	/* quiet again: everything */
	assert_int_equal(events_next_sample(1000, 0, 0, 200), 1);
	assert_int_equal(events_next_sample(1, 3, 3, 200), 1);
	/* never so thin that it says nothing about a day */
	assert_int_equal(events_next_sample(1u << 24, 1000, UINT32_MAX, 1), 1u << 24);
}

static void tracing_is_off_until_asked_for(void **state)
{
	struct axfw_trace trace = { .until_ns = 77, .client = { 1 }, .key = { { 2 } } };
	struct fixture *f = *state;

	assert_int_equal(f->k->config->trace.until_ns, 0);
	kernel_trace(f->k, &trace);
	assert_memory_equal(&f->k->config->trace, &trace, sizeof(trace));
	kernel_trace(f->k, &(struct axfw_trace){ 0 });
	assert_int_equal(f->k->config->trace.until_ns, 0);
}

static void settings_reach_the_program(void **state)
{
	struct kernel_options o = lab_options("lo");
	struct kernel *k;

	lab_new_pin_dir();
	o.events_per_second = 200;
	o.penalty = (struct axfw_penalty_rule){ .window_ns = 10 * NS_PER_S, .refusals = 100 };
	k = lab_start_options(&o);
	assert_int_equal(k->config->event_sample, 1);
	assert_int_equal(k->config->events_per_second, 200);
	assert_int_equal(k->config->penalty.refusals, 100);
	assert_true(k->config->tiers & AXFW_TIER_PENALTY);
	kernel_stop(&k);
}

int run_denied_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(packets_are_asked_only_while_there_is_an_entry,
						start, stop),
		cmocka_unit_test_setup_teardown(an_address_and_a_network_are_asked_apart, start,
						stop),
		cmocka_unit_test_setup_teardown(both_maps_are_one_list, start, stop),
		cmocka_unit_test_setup_teardown(the_longest_prefix_speaks, start, stop),
		cmocka_unit_test_setup_teardown(what_is_not_kept_goes, start, stop),
		cmocka_unit_test_setup_teardown(a_full_list_is_an_error, start, stop),
		cmocka_unit_test(nothing_is_there_in_userspace_mode),
		cmocka_unit_test(the_sample_follows_what_arrives),
		cmocka_unit_test_setup_teardown(tracing_is_off_until_asked_for, start, stop),
		cmocka_unit_test(settings_reach_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
