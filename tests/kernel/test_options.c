/* SPDX-License-Identifier: Apache-2.0 */
/* What the options say is what the maps say: lists of prefixes, tiers, rates; also when they are
 * changed under a program that is judging by them. */
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/address.h"
#include "kernel/internal.h"
#include "lab.h"

static struct prefix_list list_of(const char *text)
{
	struct prefix_list list;

	assert_int_equal(prefix_list_parse(text, &list), 0);
	return list;
}

/* Whose longest prefix covers the address. */
static bool has_address(const char *map, const char *text)
{
	_cleanup_(closep) int fd = lab_pinned_fd(map);
	struct axfw_prefix key = { .bits = 128 };
	struct axfw_listed value;
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	memcpy(key.address, address.bytes, sizeof(key.address));
	return !bpf_map_lookup_elem(fd, &key, &value);
}

static unsigned entries_of(struct kernel *k, enum map_id map)
{
	unsigned count = 0;
	struct axfw_prefix key;

	for (const void *from = NULL; !bpf_map_get_next_key(k->object.map_fd[map], from, &key);
	     from = &key)
		count++;
	return count;
}

static void test_off_by_default(void **state)
{
	struct kernel *k = lab_start("lo");

	assert_int_equal(k->config->tiers, 0);
	assert_int_equal(k->config->event_sample, 0);
	assert_int_equal(entries_of(k, MAP_allowed), 0);
	assert_int_equal(entries_of(k, MAP_proxies), 0);
	kernel_stop(&k);
}

static void test_lists(void **state)
{
	struct prefix_list proxies = list_of("10.1.0.0/16, fd00::/8"), none = {};
	struct prefix_list allowed = list_of("192.0.2.0/24,2001:db8::7");
	struct kernel_options o = lab_options("lo");
	struct kernel *k;

	o.proxies = &proxies;
	o.allowed = &allowed;
	o.proxy_protocol = true;
	k = lab_start_options(&o);
	assert_int_equal(k->config->tiers,
			 AXFW_TIER_ALLOWED | AXFW_TIER_PROXIES | AXFW_TIER_PROXY_PROTOCOL);
	assert_true(has_address("proxies", "10.1.255.255"));
	assert_true(has_address("proxies", "fdff::1"));
	assert_false(has_address("proxies", "10.2.0.0"));
	assert_true(has_address("allowed", "192.0.2.255"));
	assert_true(has_address("allowed", "2001:db8::7"));
	assert_false(has_address("allowed", "2001:db8::8"));
	assert_true(has_address("allowed", "127.0.0.2")); /* never shut out */
	assert_true(has_address("allowed", "::1"));
	kernel_keep(k);
	kernel_stop(&k);

	/* the next daemon has neither: nothing is left behind */
	o.proxies = o.allowed = &none;
	o.proxy_protocol = false;
	k = lab_start_options(&o);
	assert_int_equal(k->config->tiers, 0);
	assert_int_equal(entries_of(k, MAP_proxies), 0);
	assert_int_equal(entries_of(k, MAP_allowed), 0);
	kernel_stop(&k);
	prefix_list_free(&proxies);
	prefix_list_free(&allowed);
}

static void test_any(void **state)
{
	struct prefix_list any = list_of("10.0.0.1,*");
	struct kernel_options o = lab_options("lo");
	struct kernel *k;

	o.proxies = o.allowed = &any;
	k = lab_start_options(&o);
	assert_int_equal(k->config->tiers, AXFW_TIER_PROXIES | AXFW_TIER_ANY_PROXY);
	assert_int_equal(entries_of(k, MAP_allowed), 0);
	kernel_stop(&k);
	prefix_list_free(&any);
}

static void test_rates(void **state)
{
	struct kernel_options o = lab_options("lo");
	struct kernel_map_state maps[MAP_COUNT];
	struct kernel *k = lab_start_options(&o);

	assert_int_equal(kernel_map_states(k, maps, ARRAY_SIZE(maps)), MAP_COUNT);
	assert_int_equal(maps[MAP_syn_budget].capacity, 1);
	kernel_stop(&k);
	o.syn_rate = (struct axfw_rate){ .interval_ns = 1000, .burst_ns = 2000 };
	o.penalty = (struct axfw_penalty_rule){ .window_ns = 3000, .refusals = 4 };
	o.syn_cookies = true;
	o.events_per_second = 150;
	k = lab_start_options(&o);
	assert_int_equal(k->config->tiers,
			 AXFW_TIER_SYN_BUDGET | AXFW_TIER_SYN_COOKIES | AXFW_TIER_PENALTY);
	assert_int_equal(k->config->syn_rate.burst_ns, 2000);
	assert_int_equal(k->config->penalty.refusals, 4);
	assert_int_equal(k->config->events_per_second, 150);
	kernel_map_states(k, maps, ARRAY_SIZE(maps));
	assert_int_equal(maps[MAP_syn_budget].capacity, AXFW_SYN_BUDGET_MAX);
	kernel_stop(&k);
}

static void test_too_many(void **state)
{
	struct prefix_list many = { .count = AXFW_PROXIES_MAX + 1 };
	struct kernel_options o = lab_options("lo");
	struct kernel_state s;
	struct kernel *k;

	many.items = calloc(many.count, sizeof(*many.items));
	for (unsigned i = 0; i < many.count; i++) {
		many.items[i].len = 128;
		memcpy(many.items[i].address.bytes, &i, sizeof(i));
	}
	o.proxies = &many;
	k = lab_start_options(&o);
	kernel_state(k, &s);
	assert_false(s.enforcing);
	assert_string_equal(s.reason, "1025 prefixes are more than `proxies` takes: 1024");
	kernel_stop(&k);
	assert_int_equal(access(lab_pin_dir(), F_OK), -1);
	many.count--; /* exactly as many fit, also in the place of as many others */
	k = lab_start_options(&o);
	kernel_keep(k);
	kernel_stop(&k);
	for (unsigned i = 0; i < many.count; i++)
		many.items[i].address.bytes[15] = 9;
	k = lab_start_options(&o);
	kernel_state(k, &s);
	assert_true(s.enforcing);
	assert_int_equal(entries_of(k, MAP_proxies), AXFW_PROXIES_MAX);
	kernel_stop(&k);
	prefix_list_free(&many);
}

struct reader {
	_Atomic bool stop;
	int fd;
	struct axfw_prefix key;
	unsigned seen, missing;
};

static void *look_on_and_on(void *arg)
{
	struct reader *r = arg;
	struct axfw_listed value;

	while (!atomic_load(&r->stop)) {
		r->seen++;
		r->missing += bpf_map_lookup_elem(r->fd, &r->key, &value) < 0;
	}
	return NULL;
}

/* A proxy that is on the old list and on the new one is trusted all the time. */
static void test_change_without_a_gap(void **state)
{
	struct prefix_list lists[] = { list_of("10.0.0.0/8,10.1.1.1,fd00::/8"),
				       list_of("192.0.2.0/24,10.0.0.0/8,10.1.1.2") };
	struct reader reader = { .key = { .bits = 128,
					  .address = { [10] = 0xff, 0xff, 10, 1, 1, 9 } } };
	struct kernel_options o = lab_options("lo");
	struct kernel *k;
	pthread_t thread;

	o.proxies = &lists[0];
	k = lab_start_options(&o);
	reader.fd = lab_pinned_fd("proxies");
	assert_int_equal(pthread_create(&thread, NULL, look_on_and_on, &reader), 0);
	for (unsigned i = 1; i < 7; i++) {
		kernel_keep(k);
		kernel_stop(&k);
		o.proxies = &lists[i % 2];
		k = lab_start_options(&o);
		assert_int_equal(entries_of(k, MAP_proxies), 3);
	}
	atomic_store(&reader.stop, true);
	pthread_join(thread, NULL);
	print_message("%u look-ups\n", reader.seen);
	assert_int_equal(reader.missing, 0);
	kernel_stop(&k);
	close(reader.fd);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		prefix_list_free(&lists[i]);
}

int run_option_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_off_by_default, lab_new_pins),
		cmocka_unit_test_setup(test_lists, lab_new_pins),
		cmocka_unit_test_setup(test_any, lab_new_pins),
		cmocka_unit_test_setup(test_rates, lab_new_pins),
		cmocka_unit_test_setup(test_too_many, lab_new_pins),
		cmocka_unit_test_setup(test_change_without_a_gap, lab_new_pins),
	};

	return cmocka_run_group_tests_name("kernel: options", tests, NULL, NULL);
}
