/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces: native and generic, somebody else's program, missing ones, and whether an answer can
 * leave. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <poll.h>
#include <unistd.h>
#include "kernel/internal.h"
#include "kernel/netlink.h"
#include "kernel/tc.h"
#include "lab.h"

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

static bool is_at_xdp(void *arg)
{
	return !strcmp(interface_of(arg, 0).hook, "xdp");
}

static bool is_at_tc(void *arg)
{
	return !strcmp(interface_of(arg, 0).hook, "tc");
}

static bool is_enforcing(struct kernel *k)
{
	struct kernel_state s;

	kernel_state(k, &s);
	return s.enforcing;
}

static bool may_answer(struct kernel *k, unsigned ifindex)
{
	for (unsigned i = 0; i < AXFW_INTERFACES_MAX; i++)
		if (ifindex && k->config->answer_ifindex[i] == ifindex)
			return true;
	return false;
}

/* As the kernel itself has it: ours at XDP, ours at TC, never both. */
static void expect_hook(const char *interface, const char *hook)
{
	bool tc = !strcmp(hook, "tc"), xdp = !strcmp(hook, "xdp");

	lab_run("%s ip link show %s | grep -q xdp", xdp ? "" : "!", interface);
	lab_run("%s tc filter show dev %s ingress | grep -q 'pref 10 bpf.*handle 0xaf'",
		tc ? "" : "!", interface);
	lab_run("%s tc qdisc show dev %s | grep -q clsact", tc ? "" : "!", interface);
}

/* XDP_TX on veth needs a program on the peer: TC answers meanwhile. */
static void test_veth_without_a_program_on_its_peer(void **state)
{
	struct kernel *k;
	int link;

	lab_add_veth("axk0", 1);
	k = lab_start("axk0");
	assert_true(is_at_tc(k));
	assert_string_equal(interface_of(k, 0).mode, "clsact");
	assert_true(interface_of(k, 0).answers);
	assert_non_null(strstr(interface_of(k, 0).reason, "peer (axk0p)"));
	assert_true(is_enforcing(k));
	assert_true(may_answer(k, if_nametoindex("axk0")));
	assert_true(lab_is_pinned("tc_axk0") && !lab_is_pinned("link_xdp_axk0"));
	expect_hook("axk0", "tc");

	link = lab_attach_pass_to_peer("axk0p");
	lab_wait(is_at_xdp, k, "the peer's program is noticed");
	assert_string_equal(interface_of(k, 0).reason, "");
	assert_true(may_answer(k, if_nametoindex("axk0")));
	assert_true(!lab_is_pinned("tc_axk0") && lab_is_pinned("link_xdp_axk0"));
	expect_hook("axk0", "xdp");

	close(link);
	lab_wait(is_at_tc, k, "it is noticed that the peer's program went");
	assert_true(may_answer(k, if_nametoindex("axk0")));
	expect_hook("axk0", "tc");
	kernel_stop(&k);
	expect_hook("axk0", "none");
	assert_int_equal(access(lab_pin_dir(), F_OK), -1);
}

static uint32_t filter_program(const char *interface)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(interface),
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);

	assert_int_equal(bpf_tc_query(&hook, &opts), 0);
	return opts.prog_id;
}

/* A filter is found again by the next daemon, and replaced where it is. */
static void test_filter_outlives_a_restart(void **state)
{
	struct kernel_options o = lab_options("axk0");
	uint32_t before, after;
	struct kernel *k;

	lab_add_veth("axk0", 1);
	o.persist = true;
	k = lab_start_options(&o);
	before = filter_program("axk0");
	kernel_stop(&k);
	assert_int_equal(filter_program("axk0"), before);
	o.persist = false;
	k = lab_start_options(&o);
	assert_true(is_at_tc(k) && is_enforcing(k));
	after = filter_program("axk0");
	assert_int_not_equal(after, before);
	lab_run("test $(tc filter show dev axk0 ingress | grep -c axfw_tc) = 1");
	kernel_keep(k);
	kernel_stop(&k);
	k = lab_start("lo"); /* it isn't named any longer */
	expect_hook("axk0", "none");
	kernel_stop(&k);
}

static void test_other_filters_are_left_alone(void **state)
{
	struct kernel *k;

	lab_add_veth("axk0", 1);
	lab_put_filter("axk0", BPF_TC_INGRESS, 3);
	lab_put_filter("axk0", BPF_TC_EGRESS, 3);
	k = lab_start("axk0");
	assert_true(is_at_tc(k));
	lab_run("tc filter show dev axk0 ingress | grep -q axfw_tc");
	kernel_stop(&k);
	lab_run("tc filter show dev axk0 ingress | grep -q someone_elses");
	lab_run("tc filter show dev axk0 egress | grep -q someone_elses");
	lab_run("! tc filter show dev axk0 ingress | grep -q axfw_tc");
	/* a clsact that we made stays while somebody uses it */
	lab_run("tc qdisc del dev axk0 clsact");
	k = lab_start("axk0");
	lab_put_filter("axk0", BPF_TC_EGRESS, 3);
	kernel_stop(&k);
	lab_run("tc filter show dev axk0 egress | grep -q someone_elses");
	lab_run("! tc filter show dev axk0 ingress | grep -q axfw_tc");
}

/* Somebody's filter is in our very place, and XDP can't answer: it isn't replaced. */
static void test_place_is_taken(void **state)
{
	struct kernel *k;
	uint32_t theirs;

	lab_add_veth("axk0", 1);
	lab_put_filter("axk0", BPF_TC_INGRESS, TC_PRIORITY);
	theirs = filter_program("axk0");
	k = lab_start("axk0");
	assert_true(is_at_xdp(k));
	assert_false(interface_of(k, 0).answers);
	assert_non_null(strstr(interface_of(k, 0).reason, "another filter"));
	assert_int_equal(filter_program("axk0"), theirs);
	kernel_stop(&k);
	assert_int_equal(filter_program("axk0"), theirs);
}

static bool has_filter(void *arg)
{
	const struct interface it = { .index = if_nametoindex(arg) };

	return tc_is_attached(&it);
}

/* Somebody takes the clsact away under us. */
static void test_filter_is_put_back(void **state)
{
	struct kernel *k;
	uint32_t program;
	char name[] = "axk0";

	lab_add_veth("axk0", 1);
	k = lab_start("axk0");
	program = filter_program("axk0");
	lab_run("tc qdisc del dev axk0 clsact");
	lab_wait(has_filter, name, "the filter is back");
	assert_int_equal(filter_program("axk0"), program);
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
	int link, peer;

	lab_add_veth("axk0", 1);
	peer = lab_attach_pass_to_peer("axk0p");
	link = lab_attach_pass("axk0");
	assert_int_equal(netlink_get(if_nametoindex("axk0"), NETLINK_THIS_NETNS, &before), 0);
	k = lab_start("axk0,lo");
	kernel_state(k, &s);
	assert_int_equal(s.interface_count, 2);
	assert_string_equal(s.interfaces[0].hook, "tc");
	assert_true(s.interfaces[0].answers);
	assert_non_null(strstr(s.interfaces[0].reason, "someone_elses"));
	assert_string_equal(s.interfaces[1].mode, "generic");
	assert_true(s.enforcing);
	assert_int_equal(netlink_get(if_nametoindex("axk0"), NETLINK_THIS_NETNS, &after), 0);
	assert_int_not_equal(before.xdp_native, 0);
	assert_int_equal(before.xdp_native, after.xdp_native);
	close(link);
	lab_wait(is_at_xdp, k, "the foreign program's end is noticed");
	expect_hook("axk0", "xdp");
	kernel_stop(&k);
	close(peer);
}

static bool is_attached(void *arg)
{
	return strcmp(interface_of(arg, 0).mode, "none") != 0;
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
		assert_true(lab_is_pinned("tc_axk:1"));
		lab_run("ip link del axk.1");
		lab_wait(is_missing, k, "it is noticed that the interface went");
		assert_false(lab_is_pinned("tc_axk:1"));
	}
	kernel_stop(&k);
	assert_false(lab_is_pinned("config"));
}

static void test_interface_made_anew_between_daemons(void **state)
{
	struct kernel_options o = lab_options("lo,axk0");
	struct kernel *k;
	int link;

	for (int with_peer = 0; with_peer < 2; with_peer++) {
		link = -1;
		lab_add_veth("axk0", 1);
		if (with_peer)
			link = lab_attach_pass_to_peer("axk0p");
		o.persist = true;
		k = lab_start_options(&o);
		kernel_stop(&k);
		close(link);
		lab_run("ip link del axk0");
		k = lab_start("lo"); /* the link of what is gone isn't left lying about */
		assert_false(lab_is_pinned("link_xdp_axk0") || lab_is_pinned("tc_axk0"));
		kernel_keep(k);
		kernel_stop(&k);
		lab_add_veth("axk0", 1);
		o.persist = false;
		k = lab_start_options(&o);
		assert_string_equal(interface_of(k, 1).hook, "tc");
		assert_int_equal(interface_of(k, 1).index, if_nametoindex("axk0"));
		kernel_stop(&k);
		lab_run("ip link del axk0");
	}
}

/* The name counts: who has lost it is let go, also in another namespace. */
static void test_renamed_and_moved_away(void **state)
{
	struct kernel *k;
	int link;

	lab_add_veth("axk0", 1);
	link = lab_attach_pass_to_peer("axk0p");
	k = lab_start("axk0");
	assert_true(is_at_xdp(k));
	lab_run("ip link set axk0 down && ip link set axk0 name axk1 && ip link set axk1 up");
	lab_wait(is_missing, k, "it is noticed that the name is nobody's");
	expect_hook("axk1", "none");
	assert_false(lab_is_pinned("link_xdp_axk0"));
	lab_run("ip link set axk1 down && ip link set axk1 name axk0 && ip link set axk0 up");
	lab_wait(is_at_xdp, k, "the name is back");
	lab_run("ip link set axk0 netns %d", lab_peer());
	lab_wait(is_missing, k, "it is noticed that it moved away");
	lab_enter_peer();
	expect_hook("axk0", "none");
	lab_run("ip link del axk0");
	lab_leave_peer();
	assert_false(lab_is_pinned("link_xdp_axk0"));
	close(link);
	kernel_stop(&k);
}

static void test_attach_and_detach_at_run_time(void **state)
{
	char reason[KERNEL_REASON_MAX] = "";
	struct kernel_state s;
	struct kernel *k = lab_start("lo");

	assert_int_equal(kernel_attach(k, "lo", reason, sizeof(reason)), -EEXIST);
	assert_int_equal(kernel_attach(k, "axk0", reason, sizeof(reason)), -ENODEV);
	assert_string_equal(reason, "no such interface: axk0");
	assert_int_equal(kernel_detach(k, "axk0", reason, sizeof(reason)), -ENODEV);
	assert_int_equal(kernel_attach(k, "a-name-of-sixteen", reason, sizeof(reason)), -EINVAL);
	assert_int_equal(kernel_attach(k, "", reason, sizeof(reason)), -EINVAL);
	lab_add_veth("axk0", 1);
	assert_int_equal(kernel_attach(k, "axk0", reason, sizeof(reason)), 0);
	assert_true(may_answer(k, if_nametoindex("axk0")));
	expect_hook("axk0", "tc");
	assert_int_equal(kernel_detach(k, "lo", reason, sizeof(reason)), 0);
	expect_hook("lo", "none");
	kernel_state(k, &s);
	assert_int_equal(s.interface_count, 1);
	assert_string_equal(s.interfaces[0].name, "axk0");
	assert_true(s.enforcing);
	assert_int_equal(kernel_detach(k, "axk0", reason, sizeof(reason)), 0);
	expect_hook("axk0", "none");
	assert_false(may_answer(k, if_nametoindex("axk0")));
	assert_false(is_enforcing(k));
	assert_int_equal(kernel_attach(k, "lo", reason, sizeof(reason)), 0);
	assert_true(is_enforcing(k));
	kernel_stop(&k);
	k = lab_start("none");
	assert_int_equal(kernel_attach(k, "lo", reason, sizeof(reason)), -EOPNOTSUPP);
	assert_non_null(strstr(reason, "userspace mode: no interface is configured"));
	kernel_stop(&k);
}

/* A daemon that leaves what it pinned, or is killed, and the next one. */
static void replace(struct kernel **k, const char *interfaces)
{
	kernel_keep(*k);
	kernel_stop(k);
	*k = lab_start(interfaces);
}

static void attach_now(struct kernel *k, const char *name)
{
	char reason[KERNEL_REASON_MAX] = "";

	if (kernel_attach(k, name, reason, sizeof(reason)) < 0)
		fail_msg("%s", reason);
}

static void expect_interfaces(struct kernel *k, unsigned count, bool last_is_added)
{
	struct kernel_state s;

	kernel_state(k, &s);
	assert_int_equal(s.interface_count, count);
	assert_false(s.interfaces[0].added);
	assert_int_equal(s.interfaces[count - 1].added, last_is_added);
	assert_int_equal(lab_is_pinned("added_axk:1"), last_is_added);
}

/* What was attached at run time stays attached, at either hook, without having been off. */
static void test_added_outlives_the_daemon(void **state)
{
	struct kernel *k = lab_start("lo");
	char reason[KERNEL_REASON_MAX];
	uint32_t link_id;
	int link;

	lab_add_veth("axk.1", 2);
	attach_now(k, "axk.1");
	expect_interfaces(k, 2, true);
	replace(&k, "lo");
	expect_interfaces(k, 2, true);
	assert_string_equal(interface_of(k, 1).hook, "tc");
	assert_true(interface_of(k, 1).answers);
	assert_int_equal(kernel_detach(k, "axk.1", reason, sizeof(reason)), 0);
	expect_interfaces(k, 1, false);
	replace(&k, "lo");
	expect_interfaces(k, 1, false);
	expect_hook("axk.1", "none");

	link = lab_attach_pass_to_peer("axk.1p");
	attach_now(k, "axk.1");
	link_id = lab_pinned_link_id("link_xdp_axk:1");
	replace(&k, "lo");
	expect_interfaces(k, 2, true);
	assert_int_equal(lab_pinned_link_id("link_xdp_axk:1"), link_id);
	close(link);
	kernel_stop(&k);
	assert_int_equal(access(lab_pin_dir(), F_OK), -1);
	k = lab_start("lo"); /* that one took it along */
	expect_interfaces(k, 1, false);
	kernel_stop(&k);
}

/* The configuration counts where it says something: then taking it out there takes it out. */
static void test_added_and_configured(void **state)
{
	struct kernel *k = lab_start("lo");
	struct kernel_state s;

	lab_add_veth("axk.1", 2);
	attach_now(k, "axk.1");
	replace(&k, "lo,axk.1");
	expect_interfaces(k, 2, false);
	assert_string_equal(interface_of(k, 1).hook, "tc");
	replace(&k, "lo");
	expect_interfaces(k, 1, false);
	expect_hook("axk.1", "none");

	attach_now(k, "axk.1");
	replace(&k, "lo,a,b,c,d,e,f,g,h,i,j,k,l,m,n,o"); /* all there is room for */
	expect_interfaces(k, KERNEL_INTERFACES_MAX, false);
	expect_hook("axk.1", "none");

	replace(&k, "lo");
	attach_now(k, "axk.1");
	replace(&k, "none"); /* userspace mode is a configuration, too */
	kernel_state(k, &s);
	assert_int_equal(s.interface_count, 0);
	expect_hook("axk.1", "none");
	assert_int_equal(access(lab_pin_dir(), F_OK), -1);
	kernel_stop(&k);
}

static bool second_is_attached(void *arg)
{
	return !strcmp(interface_of(arg, 1).hook, "tc");
}

/* It goes while no daemon is there, and comes back under its name. */
static void test_added_that_comes_and_goes(void **state)
{
	struct kernel *k = lab_start("lo");

	lab_add_veth("axk.1", 2);
	attach_now(k, "axk.1");
	kernel_keep(k);
	kernel_stop(&k);
	lab_run("ip link del axk.1");
	k = lab_start("lo");
	expect_interfaces(k, 2, true);
	assert_string_equal(interface_of(k, 1).reason, "no such interface");
	assert_false(lab_is_pinned("tc_axk:1"));
	lab_add_veth("axk.1", 2);
	lab_wait(second_is_attached, k, "the interface is attached to");
	kernel_stop(&k);
}

static void test_too_many_interfaces(void **state)
{
	char reason[KERNEL_REASON_MAX] = "";
	struct kernel *k = lab_start("lo,a,b,c,d,e,f,g,h,i,j,k,l,m,n,o");

	lab_add_veth("axk0", 1);
	assert_int_equal(kernel_attach(k, "axk0", reason, sizeof(reason)), -ENOSPC);
	expect_hook("axk0", "none");
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

/* The tag isn't in the frame that XDP sees, so it wouldn't be in the answer either. */
static void test_vlans_on_a_veth(void **state)
{
	struct kernel *k;
	int link;

	lab_add_veth("axk0", 1);
	link = lab_attach_pass_to_peer("axk0p");
	k = lab_start("axk0");
	assert_true(interface_of(k, 0).answers);
	if (system("ip link add link axk0 name axk0.5 type vlan id 5 2>/dev/null")) {
		print_message("this kernel has no VLANs; the ones that vmtest boots have\n");
	} else {
		lab_wait(is_at_tc, k, "the VLAN is noticed");
		assert_true(interface_of(k, 0).answers);
		assert_non_null(strstr(interface_of(k, 0).reason, "veth hides their tags"));
		lab_run("ip link del axk0.5");
		lab_wait(is_at_xdp, k, "it is noticed that the VLAN went");
	}
	close(link);
	kernel_stop(&k);
}

/* A tunnel: the program would find nothing it understands. */
static void test_interface_without_ethernet(void **state)
{
	struct kernel *k;

	lab_run("ip tuntap add axk0 mode tun");
	k = lab_start("axk0");
	assert_string_equal(interface_of(k, 0).hook, "none");
	assert_false(is_enforcing(k));
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

static bool has_news(void *arg)
{
	struct pollfd news = { .fd = *(int *)arg, .events = POLLIN };

	return poll(&news, 1, 0) == 1;
}

/* What makes it unnecessary to look at every interface all the time. */
static void test_netlink_tells_of_changes(void **state)
{
	int fd = netlink_subscribe();

	assert_true(fd >= 0);
	assert_false(has_news(&fd));
	lab_add_veth("axk0", 1);
	lab_wait(has_news, &fd, "netlink tells of a new interface");
	netlink_drain(fd);
	assert_false(has_news(&fd));
	lab_run("ip link del axk0");
	lab_wait(has_news, &fd, "netlink tells of its end");
	close(fd);
}

int run_interface_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_veth_without_a_program_on_its_peer,
						lab_new_pins, remove_links),
		cmocka_unit_test_setup_teardown(test_filter_outlives_a_restart, lab_new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_other_filters_are_left_alone, lab_new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_place_is_taken, lab_new_pins, remove_links),
		cmocka_unit_test_setup_teardown(test_filter_is_put_back, lab_new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_peer_in_the_same_namespace, lab_new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_foreign_program_is_left_alone, lab_new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_interface_that_comes_and_goes, lab_new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_interface_made_anew_between_daemons,
						lab_new_pins, remove_links),
		cmocka_unit_test_setup_teardown(test_renamed_and_moved_away, lab_new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_attach_and_detach_at_run_time, lab_new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_added_outlives_the_daemon, lab_new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_added_and_configured, lab_new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_added_that_comes_and_goes, lab_new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_too_many_interfaces, lab_new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_odd_lists, lab_new_pins, remove_links),
		cmocka_unit_test_setup_teardown(test_vlans_on_a_veth, lab_new_pins, remove_links),
		cmocka_unit_test_setup_teardown(test_interface_without_ethernet, lab_new_pins,
						remove_links),
		cmocka_unit_test_setup_teardown(test_counters, lab_new_pins, remove_links),
		cmocka_unit_test_setup_teardown(test_netlink_tells_of_changes, lab_new_pins,
						remove_links),
	};

	return cmocka_run_group_tests_name("kernel: interfaces", tests, NULL, NULL);
}
