/* SPDX-License-Identifier: Apache-2.0 */
/* Where the kernel half can't or may not start: nothing breaks, and the reason is said. */
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kernel/internal.h"
#include "lab.h"

static void expect_userspace(struct kernel *k, const char *words)
{
	struct axfw_counter counters[AXFW_REASON_COUNT];
	struct axfw_key_hash hash = lab_hash(1);
	struct axfw_admission admission = lab_admission(AXFW_REVOKED, 1);
	struct axfw_client client = {};
	struct axfw_signup_window window = {};
	struct kernel_map_state map;
	struct kernel_state s = lab_state(k);

	assert_false(s.enforcing);
	if (!strstr(s.reason, words))
		fail_msg("'%s' doesn't say '%s'", s.reason, words);
	assert_int_equal(kernel_put_key(k, &hash, &admission), 0);
	assert_int_equal(kernel_forget_key(k, &hash), 0);
	assert_int_equal(kernel_reconcile_begin(k), 0);
	assert_int_equal(kernel_reconcile_put(k, &hash, &admission), 0);
	assert_int_equal(kernel_reconcile_end(k, true), 0);
	assert_int_equal(kernel_put_signup_window(k, &client, &window), 0);
	kernel_set_complete(k, true);
	kernel_bump_generation(k);
	assert_int_equal(kernel_generation(k), 0);
	kernel_remember_unknown(k, &hash, 0);
	kernel_counters(k, counters);
	assert_int_equal(counters[0].packets, 0);
	assert_int_equal(kernel_map_states(k, &map, 1), 0);
	kernel_keep(k);
}

static void test_no_interface(void **state)
{
	struct kernel *k = lab_start("none");

	expect_userspace(k, "no interface is configured");
	kernel_stop(&k);
	k = lab_start("");
	expect_userspace(k, "no interface is configured");
	kernel_stop(&k);
	assert_int_equal(access(lab_pin_dir(), F_OK), -1);
}

/* What an earlier daemon left must not judge this daemon's requests when nobody keeps it in step.
 */
static void test_userspace_mode_retires_leftovers(void **state)
{
	static const uint16_t other_port[] = { LAB_PORT + 1 };
	struct kernel_options o = lab_options("none");
	struct kernel *k;

	lab_start_and_leave("lo");
	o.ports = other_port;
	k = lab_start_options(&o);
	kernel_stop(&k);
	assert_true(lab_is_pinned("link_xdp_lo")); /* not our business */
	o = lab_options("none");
	k = lab_start_options(&o);
	assert_int_equal(access(lab_pin_dir(), F_OK), -1);
	lab_run("! ip link show lo | grep -q xdp");
	kernel_stop(&k);
}

static void test_other_daemon_holds_the_pins(void **state)
{
	struct kernel *first = lab_start("lo"), *second = NULL;
	struct kernel_options o = lab_options("lo");
	char error[KERNEL_REASON_MAX] = "", expected[KERNEL_REASON_MAX];

	assert_int_equal(kernel_start(&o, &second, error, sizeof(error)), -EBUSY);
	assert_null(second);
	snprintf(expected, sizeof(expected),
		 "process %d holds %s: stop it, or set another pin directory (--pin-dir)",
		 (int)getpid(), lab_pin_dir());
	assert_string_equal(error, expected);
	assert_true(lab_state(first).enforcing);
	assert_true(lab_is_pinned("link_xdp_lo"));
	second = lab_start("none");
	kernel_stop(&second);
	assert_true(lab_is_pinned("link_xdp_lo"));
	lab_stop_for_good(first);
}

static void *stop_soon(void *arg)
{
	struct kernel *k = arg;

	usleep(300000);
	kernel_keep(k);
	kernel_stop(&k);
	return NULL;
}

static void test_waits_for_the_one_it_replaces(void **state)
{
	struct kernel *first = lab_start("lo"), *second;
	pthread_t stopper;

	assert_int_equal(pthread_create(&stopper, NULL, stop_soon, first), 0);
	second = lab_start("lo");
	pthread_join(stopper, NULL);
	assert_true(lab_state(second).enforcing);
	assert_true(lab_state(second).adopted);
	lab_stop_for_good(second);
}

static void drop_capability(unsigned capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	syscall(SYS_capget, &header, data);
	data[capability / 32].effective &= ~(1u << (capability % 32));
	data[CAP_SYS_ADMIN / 32].effective &= ~(1u << (CAP_SYS_ADMIN % 32));
	syscall(SYS_capset, &header, data);
}

/* In a child, because a capability that is gone is gone. */
static void expect_without(unsigned capability, const char *words)
{
	struct kernel *k = NULL;
	struct kernel_options o = lab_options("lo");
	char error[KERNEL_REASON_MAX];
	struct kernel_state s;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		drop_capability(capability);
		if (kernel_start(&o, &k, error, sizeof(error)) < 0)
			_exit(2);
		kernel_state(k, &s);
		fprintf(stderr, "%s\n", s.reason);
		_exit(strstr(s.reason, words) && !s.enforcing ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_without_privilege(void **state)
{
	expect_without(CAP_BPF, "no CAP_BPF");
	expect_without(CAP_NET_ADMIN, "no CAP_NET_ADMIN");
	expect_without(CAP_PERFMON, "no CAP_PERFMON");
}

static void test_mounts_bpffs(void **state)
{
	struct kernel_options o = lab_options("lo");
	char dir[] = "/tmp/axfw-kernel-mount-XXXXXX", pins[64];
	struct kernel *k;

	assert_non_null(mkdtemp(dir));
	snprintf(pins, sizeof(pins), "%s/fs/axfw", dir);
	o.pin_dir = pins;
	k = lab_start_options(&o);
	assert_string_equal(lab_state(k).reason, "");
	assert_true(lab_state(k).enforcing);
	kernel_stop(&k);
	lab_run("findmnt -n -t bpf %s/fs >/dev/null && umount %s/fs && rmdir %s/fs %s", dir, dir,
		dir, dir);
}

static void test_impossible_pin_dir(void **state)
{
	struct kernel_options o = lab_options("lo");
	struct kernel *k;

	o.pin_dir = "/proc/axfw/pins";
	k = lab_start_options(&o);
	expect_userspace(k, "no BPF file system at /proc/axfw and it can't be mounted");
	kernel_stop(&k);
	o.pin_dir = "relative";
	k = lab_start_options(&o);
	expect_userspace(k, "absolute path");
	kernel_stop(&k);
}

static void test_refuse_pass(void **state)
{
	struct kernel_options o = lab_options("lo");
	struct kernel *k;

	o.refuse = REFUSE_PASS;
	k = lab_start_options(&o);
	assert_false(lab_state(k).enforcing);
	assert_non_null(strstr(lab_state(k).reason, "only counts"));
	lab_stop_for_good(k);
}

/* Only addresses are judged then. */
static void test_no_routes(void **state)
{
	struct kernel_options o = lab_options("lo");
	struct kernel *k;

	o.routes = NULL;
	o.route_count = 0;
	k = lab_start_options(&o);
	assert_true(lab_state(k).enforcing);
	lab_stop_for_good(k);
}

static void test_bad_options(void **state)
{
	static const uint16_t ports[AXFW_PORTS_MAX + 1];
	struct kernel_options o = lab_options("lo");
	char error[KERNEL_REASON_MAX];
	struct kernel *k = NULL;

	o.ports = ports;
	o.port_count = ARRAY_SIZE(ports);
	assert_int_equal(kernel_start(&o, &k, error, sizeof(error)), -EINVAL);
	assert_null(k);
	o = lab_options("lo");
	o.answers[0].head = "no status line";
	k = lab_start_options(&o);
	expect_userspace(k, "doesn't fit");
	kernel_stop(&k);
	kernel_stop(&k);
}

int run_userspace_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_no_interface, lab_new_pins),
		cmocka_unit_test_setup(test_userspace_mode_retires_leftovers, lab_new_pins),
		cmocka_unit_test_setup(test_other_daemon_holds_the_pins, lab_new_pins),
		cmocka_unit_test_setup(test_waits_for_the_one_it_replaces, lab_new_pins),
		cmocka_unit_test_setup(test_without_privilege, lab_new_pins),
		cmocka_unit_test_setup(test_mounts_bpffs, lab_new_pins),
		cmocka_unit_test_setup(test_impossible_pin_dir, lab_new_pins),
		cmocka_unit_test_setup(test_refuse_pass, lab_new_pins),
		cmocka_unit_test_setup(test_no_routes, lab_new_pins),
		cmocka_unit_test_setup(test_bad_options, lab_new_pins),
	};

	return cmocka_run_group_tests_name("kernel: userspace mode", tests, NULL, NULL);
}
