/* SPDX-License-Identifier: Apache-2.0 */
/* A map that forgets says nothing of it: what shows that it did. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>
#include "kernel/internal.h"
#include "lab.h"

#define TOO_MANY 5000 /* refused connections at once, beyond what flows has room for */
#define CLOSED	 100

/* As the program does it on one CPU. */
static void add_counts(int map, uint64_t begun, uint64_t ended)
{
	struct axfw_flow_counts *cpus =
		test_calloc((size_t)libbpf_num_possible_cpus(), sizeof(*cpus));
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(map, &zero, cpus), 0);
	cpus[0].begun += begun;
	cpus[0].ended += ended;
	assert_int_equal(bpf_map_update_elem(map, &zero, cpus, BPF_EXIST), 0);
	test_free(cpus);
}

static void begin_flows(int map, uint32_t from, uint32_t to, bool closed)
{
	struct axfw_flow flow = { .acknowledged = closed, .fin_seen = closed };
	struct axfw_flow_key key = {};

	for (uint32_t i = from; i < to; i++) {
		memcpy(key.client, &i, sizeof(i));
		assert_int_equal(bpf_map_update_elem(map, &key, &flow, BPF_NOEXIST), 0);
	}
}

static uint64_t held(int map)
{
	struct axfw_flow_key key;
	uint64_t count = 0;

	for (int r = bpf_map_get_next_key(map, NULL, &key); r == 0;
	     r = bpf_map_get_next_key(map, &key, &key))
		count++;
	return count;
}

static void test_forgotten_flows(void **state)
{
	struct kernel *k = lab_start("lo");
	int flows = lab_pinned_fd("flows"), counts = lab_pinned_fd("flow_counts");
	struct kernel_flows seen;

	kernel_flows(k, &seen);
	assert_int_equal(seen.begun + seen.ended + seen.forgotten, 0);
	begin_flows(flows, 0, CLOSED, true);
	add_counts(counts, CLOSED, CLOSED);
	begin_flows(flows, CLOSED, 2 * CLOSED, false);
	add_counts(counts, CLOSED, 0);
	kernel_flows(k, &seen);
	assert_int_equal(seen.begun, 2 * CLOSED);
	assert_int_equal(seen.ended, CLOSED);
	assert_int_equal(seen.forgotten, 0);

	begin_flows(flows, 2 * CLOSED, AXFW_FLOWS_MAX + TOO_MANY, false);
	add_counts(counts, AXFW_FLOWS_MAX + TOO_MANY - 2 * CLOSED, 0);
	kernel_flows(k, &seen);
	assert_true(seen.forgotten >= TOO_MANY - CLOSED); /* of the closed ones nothing is missed */
	assert_true(seen.forgotten <= AXFW_FLOWS_MAX + TOO_MANY - held(flows));
	kernel_stop(&k);
	close(flows);
	close(counts);
}

int run_limit_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_forgotten_flows, lab_new_pins),
	};

	return cmocka_run_group_tests_name("kernel: limits", tests, NULL, NULL);
}
