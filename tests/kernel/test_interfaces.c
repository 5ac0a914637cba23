/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces: native and generic, somebody else's program, missing ones, and whether an answer can
 * leave. */
#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <unistd.h>
#include "kernel/internal.h"
#include "kernel/netlink.h"
#include "lab.h"

static int new_pins(void **state)
{
	lab_new_pin_dir();
	return 0;
}

static int remove_links(void **state)
{
	/* the pair ends with one of its ends; missing is fine */
	return system("ip link del axk0 2>/dev/null; ip link del axk.1 2>/dev/null; true");
}

static struct kernel_interface interface_of(struct kernel *k, unsigned i)
{
	struct kernel_state s;

	kernel_state(k, &s);
	assert_true(i < s.interface_count);
	return s.interfaces[i];
}

static bool is_enforcing(void *arg)
{
	struct kernel_state s;

	kernel_state(arg, &s);
	return s.enforcing;
}

static bool is_not_enforcing(void *arg)
{
	return !is_enforcing(arg);
}

static bool may_answer(struct kernel *k, unsigned ifindex)
{
	for (unsigned i = 0; i < AXFW_INTERFACES_MAX; i++)
		if (ifindex && k->config->answer_ifindex[i] == ifindex)
			return true;
	return false;
}

static void test_veth_answers_only_with_a_program_on_its_peer(void **state)
{
	struct kernel_state s;
	struct kernel *k;
	int link;

	lab_add_veth("axk0", 1);
	k = lab_start("axk0");
	kernel_state(k, &s);
	assert_string_equal(s.interfaces[0].mode, "native");
	assert_false(s.interfaces[0].answers);
	assert_non_null(strstr(s.interfaces[0].reason, "peer (axk0p)"));
	assert_false(s.enforcing);
	assert_non_null(strstr(s.reason, "axk0: can't answer"));
	assert_false(may_answer(k, if_nametoindex("axk0")));

	lab_enter_peer();
	link = lab_attach_pass("axk0p");
	lab_leave_peer();
	lab_wait(is_enforcing, k, "the peer's program is noticed");
	assert_string_equal(interface_of(k, 0).reason, "");
	assert_true(may_answer(k, if_nametoindex("axk0")));

	close(link);
	lab_wait(is_not_enforcing, k, "it is noticed that the peer's program went");
	assert_false(may_answer(k, if_nametoindex("axk0")));
	kernel_stop(&k);
}

static void test_peer_in_the_same_namespace(void **state)
{
	struct kernel *k;
	int link;

	lab_run("ip link add axk0 type veth peer name axk0p && ip link set axk0 up && "
		"ip link set axk0p up");
	link = lab_attach_pass("axk0p");
	k = lab_start("axk0");
	assert_true(interface_of(k, 0).answers);
	assert_true(is_enforcing(k));
	close(link);
	kernel_stop(&k);
}

static void test_foreign_program_is_left_alone(void **state)
{
	struct netlink_interface before, after;
	struct kernel_state s;
	struct kernel *k;
	int link;

	lab_add_veth("axk0", 1);
	link = lab_attach_pass("axk0");
	assert_int_equal(netlink_get(if_nametoindex("axk0"), NETLINK_THIS_NETNS, &before), 0);
	k = lab_start("axk0,lo");
	kernel_state(k, &s);
	assert_int_equal(s.interface_count, 2);
	assert_string_equal(s.interfaces[0].mode, "none");
	assert_non_null(strstr(s.interfaces[0].reason, "someone_elses"));
	assert_string_equal(s.interfaces[1].mode, "generic");
	assert_true(s.enforcing);
	assert_int_equal(netlink_get(if_nametoindex("axk0"), NETLINK_THIS_NETNS, &after), 0);
	assert_int_not_equal(before.xdp_native, 0);
	assert_int_equal(before.xdp_native, after.xdp_native);
	kernel_stop(&k);
	assert_int_equal(netlink_get(if_nametoindex("axk0"), NETLINK_THIS_NETNS, &after), 0);
	assert_int_equal(before.xdp_native, after.xdp_native);
	close(link);
}

static bool is_attached(void *arg)
{
	return !strcmp(interface_of(arg, 0).mode, "native");
}

static bool is_missing(void *arg)
{
	return !strcmp(interface_of(arg, 0).reason, "no such interface");
}

/* Not there at the start, then there, then gone, then made anew. Its name has a dot, as VLANs'
 * have. */
static void test_interface_that_comes_and_goes(void **state)
{
	struct kernel_state s;
	struct kernel *k = lab_start(" axk.1 ,,");

	kernel_state(k, &s);
	assert_int_equal(s.interface_count, 1);
	assert_false(s.enforcing);
	assert_string_equal(s.interfaces[0].reason, "no such interface");
	assert_string_equal(s.reason, "axk.1: no such interface");
	for (int i = 0; i < 2; i++) {
		lab_add_veth("axk.1", 2);
		lab_wait(is_attached, k, "the interface is attached to");
		assert_true(lab_is_pinned("link_xdp_axk:1"));
		lab_run("ip link del axk.1");
		lab_wait(is_missing, k, "it is noticed that the interface went");
	}
	kernel_stop(&k);
	assert_false(lab_is_pinned("config"));
}

static void test_interface_made_anew_between_daemons(void **state)
{
	struct kernel_options o = lab_options("axk0");
	struct kernel *k;

	lab_add_veth("axk0", 1);
	o.persist = true;
	k = lab_start_options(&o);
	kernel_stop(&k);
	lab_run("ip link del axk0");
	lab_add_veth("axk0", 1);
	o.persist = false;
	k = lab_start_options(&o);
	assert_string_equal(interface_of(k, 0).mode, "native");
	assert_int_equal(interface_of(k, 0).index, if_nametoindex("axk0"));
	kernel_stop(&k);
}

static void expect_reason(const char *interfaces, const char *reason)
{
	struct kernel *k = lab_start(interfaces);
	struct kernel_state s;

	kernel_state(k, &s);
	assert_false(s.enforcing);
	assert_string_equal(s.reason, reason);
	kernel_stop(&k);
}

static void test_odd_lists(void **state)
{
	struct kernel *k;
	struct kernel_state s;

	expect_reason("lo,a-name-of-sixteen", "not an interface's name: a-name-of-sixteen");
	expect_reason("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "one interface too many: q");
	expect_reason(" , ,", "no interface is configured");
	k = lab_start("lo, lo ,lo,");
	kernel_state(k, &s);
	assert_int_equal(s.interface_count, 1);
	assert_true(s.enforcing);
	kernel_stop(&k);
}

static bool answers_again(void *arg)
{
	return interface_of(arg, 0).answers;
}

static bool answers_no_more(void *arg)
{
	return !answers_again(arg);
}

/* The tag isn't in the frame that XDP sees, so it wouldn't be in the answer either. */
static void test_vlans_on_a_veth(void **state)
{
	struct kernel *k;
	int link;

	lab_add_veth("axk0", 1);
	lab_enter_peer();
	link = lab_attach_pass("axk0p");
	lab_leave_peer();
	k = lab_start("axk0");
	assert_true(interface_of(k, 0).answers);
	if (system("ip link add link axk0 name axk0.5 type vlan id 5 2>/dev/null")) {
		print_message("this kernel has no VLANs; the ones that vmtest boots have\n");
	} else {
		lab_wait(answers_no_more, k, "the VLAN is noticed");
		assert_non_null(strstr(interface_of(k, 0).reason, "veth hides their tags"));
		lab_run("ip link del axk0.5");
		lab_wait(answers_again, k, "it is noticed that the VLAN went");
	}
	close(link);
	kernel_stop(&k);
}

/* A tunnel: the program runs, and finds nothing it understands. */
static void test_interface_without_ethernet(void **state)
{
	struct kernel *k;

	lab_run("ip tuntap add axk0 mode tun");
	k = lab_start("axk0");
	assert_string_equal(interface_of(k, 0).mode, "generic");
	assert_false(interface_of(k, 0).answers);
	assert_non_null(strstr(interface_of(k, 0).reason, "no Ethernet header"));
	kernel_stop(&k);
}

static bool packets_were_counted(void *arg)
{
	struct axfw_counter counters[AXFW_REASON_COUNT];
	uint64_t packets = 0;

	kernel_counters(arg, counters);
	for (unsigned i = 0; i < AXFW_REASON_COUNT; i++)
		packets += counters[i].packets;
	return packets > 0;
}

static void test_counters(void **state)
{
	struct kernel *k = lab_start("lo");

	lab_run("ping -c1 -W1 127.0.0.1 >/dev/null 2>&1 || bash -c 'echo > /dev/tcp/127.0.0.1/9' "
		"2>/dev/null || true");
	lab_wait(packets_were_counted, k, "a packet is counted");
	kernel_stop(&k);
}

int run_interface_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_veth_answers_only_with_a_program_on_its_peer,
						new_pins, remove_links),
		cmocka_unit_test_setup_teardown(test_peer_in_the_same_namespace, new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_foreign_program_is_left_alone, new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_interface_that_comes_and_goes, new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_interface_made_anew_between_daemons, new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_vlans_on_a_veth, new_pins, remove_links),
		cmocka_unit_test_setup_teardown(test_interface_without_ethernet, new_pins,
						remove_links),
		cmocka_unit_test_setup(test_odd_lists, new_pins),
		cmocka_unit_test_setup(test_counters, new_pins),
	};

	return cmocka_run_group_tests_name("kernel: interfaces", tests, NULL, NULL);
}
