/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, stopping, and one daemon after another: what stays, what is adopted, what is replaced.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kernel/internal.h"
#include "lab.h"

static int new_pins(void **state)
{
	lab_new_pin_dir();
	return 0;
}

static struct kernel_state state_of(struct kernel *k)
{
	struct kernel_state s;

	kernel_state(k, &s);
	return s;
}

/* A stopped daemon that left everything enforcing. */
static void start_and_leave(const char *interfaces)
{
	struct kernel_options o = lab_options(interfaces);
	struct kernel *k;

	o.persist = true;
	k = lab_start_options(&o);
	assert_true(state_of(k).enforcing);
	kernel_stop(&k);
	assert_null(k);
}

static void stop_for_good(struct kernel *k)
{
	kernel_stop(&k);
	assert_int_equal(access(lab_pin_dir(), F_OK), -1);
}

static void test_loopback(void **state)
{
	static const char *const names[] = {
#define X(name, since, writer, text) #name,
		AXFW_MAPS(X)
#undef X
			AXFW_PIN_PROG_XDP,
		"link_xdp_lo",
	};
	struct kernel_state s;
	struct kernel *k = lab_start("lo");
	struct stat st;

	s = state_of(k);
	assert_string_equal(s.reason, "");
	assert_true(s.enforcing);
	assert_false(s.adopted);
	assert_false(s.complete);
	assert_int_equal(s.interface_count, 1);
	assert_string_equal(s.interfaces[0].name, "lo");
	assert_string_equal(s.interfaces[0].mode, "generic");
	assert_string_equal(s.interfaces[0].hook, "xdp");
	assert_true(s.interfaces[0].answers);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_true(lab_is_pinned(names[i]));
	assert_int_equal(stat(lab_pin_dir(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	stop_for_good(k);
	lab_run("! ip link show lo | grep -q xdp");
}

static void test_restart_adopts(void **state)
{
	struct axfw_key_hash hash = lab_hash(7);
	struct axfw_admission admission = lab_admission(AXFW_ADMITTED, 7), seen;
	uint32_t link, program, flows, admissions;
	struct kernel_options o = lab_options("lo");
	struct kernel *k;
	uint64_t generation;
	int fd;

	k = lab_start_options(&o);
	assert_int_equal(kernel_put_key(k, &hash, &admission), 0);
	kernel_set_complete(k, true);
	generation = kernel_generation(k);
	link = lab_pinned_link_id("link_xdp_lo");
	program = lab_pinned_program_id();
	flows = lab_pinned_map_id("flows");
	admissions = lab_pinned_map_id("admissions");
	kernel_keep(k); /* the handover */
	kernel_stop(&k);
	assert_int_equal(lab_pinned_link_id("link_xdp_lo"), link);

	k = lab_start_options(&o);
	assert_true(state_of(k).adopted);
	assert_true(state_of(k).complete); /* not for a moment did a miss stop being a refusal */
	assert_true(state_of(k).enforcing);
	assert_true(kernel_generation(k) > generation);
	assert_int_equal(lab_pinned_link_id("link_xdp_lo"), link);
	assert_int_not_equal(lab_pinned_program_id(), program);
	assert_int_equal(lab_pinned_map_id("flows"), flows);
	assert_int_equal(lab_pinned_map_id("admissions"), admissions);
	fd = lab_pinned_fd("admissions");
	assert_int_equal(bpf_map_lookup_elem(fd, &hash, &seen), 0);
	assert_int_equal(seen.state, AXFW_ADMITTED);
	close(fd);
	stop_for_good(k);
}

/* kill -9: nothing is said, everything stays. */
static void test_killed_daemon_goes_on_enforcing(void **state)
{
	struct kernel *k;
	uint32_t link;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		lab_start("lo");
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	lab_run("ip link show lo | grep -q xdp");
	link = lab_pinned_link_id("link_xdp_lo");
	k = lab_start("lo");
	assert_true(state_of(k).adopted);
	assert_int_equal(lab_pinned_link_id("link_xdp_lo"), link);
	stop_for_good(k);
}

/* What the callers say at every start; with it, what was new takes over from what was there. */
static void reconcile_nothing(struct kernel *k)
{
	assert_int_equal(kernel_reconcile_begin(k), 0);
	assert_int_equal(kernel_reconcile_end(k, false), 0);
}

static void test_another_admission_key_empties(void **state)
{
	static const uint8_t other_key[16] = { 9 };
	struct axfw_key_hash hash = lab_hash(1);
	struct axfw_admission admission = lab_admission(AXFW_REVOKED, 1);
	struct kernel_options o = lab_options("lo");
	struct kernel_map_state maps[MAP_COUNT];
	struct kernel *k;

	k = lab_start_options(&o);
	assert_int_equal(kernel_put_key(k, &hash, &admission), 0);
	kernel_remember_unknown(k, &hash, kernel_generation(k));
	kernel_set_complete(k, true);
	kernel_keep(k);
	kernel_stop(&k);
	o.admission_key = other_key;
	k = lab_start_options(&o);
	assert_true(state_of(k).adopted);
	assert_false(state_of(k).complete);
	assert_false(state_of(k).enforcing);
	reconcile_nothing(k);
	assert_true(state_of(k).enforcing);
	assert_int_equal(kernel_map_states(k, maps, ARRAY_SIZE(maps)), MAP_COUNT);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		if (!strcmp(maps[i].name, "admissions") || !strcmp(maps[i].name, "unknown"))
			assert_int_equal(maps[i].entries, 0);
	stop_for_good(k);
}

static void test_another_signup_rule_empties(void **state)
{
	struct axfw_signup_window window = { .at_ns = { 1, 2, 3 }, .next = 3 };
	struct axfw_client client = { .address = { 1 } };
	struct kernel_options o = lab_options("lo");
	struct kernel *k;
	int fd;

	k = lab_start_options(&o);
	assert_int_equal(kernel_put_signup_window(k, &client, &window), 0);
	kernel_keep(k);
	kernel_stop(&k);
	k = lab_start_options(&o);
	fd = lab_pinned_fd("signups");
	assert_int_equal(bpf_map_lookup_elem(fd, &client, &window),
			 0); /* the same rule keeps them */
	close(fd);
	kernel_keep(k);
	kernel_stop(&k);
	o.signup.limit = 8;
	k = lab_start_options(&o);
	reconcile_nothing(k);
	fd = lab_pinned_fd("signups");
	assert_int_equal(bpf_map_lookup_elem(fd, &client, &window), -ENOENT);
	close(fd);
	stop_for_good(k);
}

static void test_another_version_is_replaced(void **state)
{
	struct axfw_config config;
	uint32_t link, zero = 0, config_id;
	struct kernel *k;
	int fd;

	start_and_leave("lo");
	fd = lab_pinned_fd("config");
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &config), 0);
	config.abi_version = AXFW_ABI_VERSION + 1;
	assert_int_equal(bpf_map_update_elem(fd, &zero, &config, BPF_ANY), 0);
	close(fd);
	link = lab_pinned_link_id("link_xdp_lo");
	config_id = lab_pinned_map_id("config");
	k = lab_start("lo");
	assert_false(state_of(k).adopted);
	reconcile_nothing(k);
	assert_true(state_of(k).enforcing);
	assert_int_not_equal(lab_pinned_map_id("config"), config_id);
	assert_int_equal(lab_pinned_link_id("link_xdp_lo"), link); /* switched over in place */
	stop_for_good(k);
}

static void test_broken_pins_are_replaced(void **state)
{
	struct kernel *k;

	start_and_leave("lo");
	lab_run("rm %s/current/flows %s/prog_xdp && mkdir %s/left", lab_pin_dir(), lab_pin_dir(),
		lab_pin_dir());
	k = lab_start("lo");
	assert_true(state_of(k).adopted);
	assert_true(state_of(k).enforcing);
	assert_true(lab_is_pinned("flows"));
	assert_true(lab_is_pinned("prog_xdp"));
	lab_run("rmdir %s/left", lab_pin_dir());
	stop_for_good(k);
}

static void test_interface_dropped_from_the_list(void **state)
{
	struct kernel *k;

	int link;

	lab_run("ip link add axk-d type veth peer name axk-dp");
	lab_run("ip link set axk-d up && ip link set axk-dp up");
	link = lab_attach_pass("axk-dp");
	start_and_leave("lo,axk-d");
	assert_true(lab_is_pinned("link_xdp_axk-d"));
	close(link);
	k = lab_start("lo");
	assert_false(lab_is_pinned("link_xdp_axk-d"));
	lab_run("! ip link show axk-d | grep -q xdp");
	stop_for_good(k);
	lab_run("ip link del axk-d");
}

/* --- userspace mode -------------------------------------------------------------------------- */

static void expect_userspace(struct kernel *k, const char *words)
{
	struct axfw_counter counters[AXFW_REASON_COUNT];
	struct axfw_key_hash hash = lab_hash(1);
	struct axfw_admission admission = lab_admission(AXFW_REVOKED, 1);
	struct axfw_client client = {};
	struct axfw_signup_window window = {};
	struct kernel_map_state map;
	struct kernel_state s = state_of(k);

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

	start_and_leave("lo");
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
	assert_true(state_of(first).enforcing);
	assert_true(lab_is_pinned("link_xdp_lo"));
	second = lab_start("none");
	kernel_stop(&second);
	assert_true(lab_is_pinned("link_xdp_lo"));
	stop_for_good(first);
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
	assert_true(state_of(second).enforcing);
	assert_true(state_of(second).adopted);
	stop_for_good(second);
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
	assert_string_equal(state_of(k).reason, "");
	assert_true(state_of(k).enforcing);
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
	assert_false(state_of(k).enforcing);
	assert_non_null(strstr(state_of(k).reason, "only counts"));
	stop_for_good(k);
}

/* Only addresses are judged then. */
static void test_no_routes(void **state)
{
	struct kernel_options o = lab_options("lo");
	struct kernel *k;

	o.routes = NULL;
	o.route_count = 0;
	k = lab_start_options(&o);
	assert_true(state_of(k).enforcing);
	stop_for_good(k);
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

static void test_doctor(void **state)
{
	struct kernel_check checks[KERNEL_CHECKS_MAX];
	unsigned n = kernel_doctor("lo,axk-none", lab_pin_dir(), checks, ARRAY_SIZE(checks));

	assert_true(n >= 13);
	for (unsigned i = 0; i < n; i++) {
		print_message("%-18s %-5s %s%s%s\n", checks[i].name, checks[i].ok ? "ok" : "NOT",
			      checks[i].found, *checks[i].advice ? " - " : "", checks[i].advice);
		assert_int_equal(checks[i].ok, strcmp(checks[i].name, "axk-none") != 0);
		assert_int_equal(checks[i].ok, *checks[i].advice == '\0');
		assert_true(*checks[i].found);
	}
	assert_int_equal(kernel_doctor("lo", lab_pin_dir(), checks, 2), 2);
	assert_int_equal(access(lab_pin_dir(), F_OK), -1);
}

static const struct kernel_check *find_check(const struct kernel_check *checks, unsigned n,
					     const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(checks[i].name, name))
			return &checks[i];
	fail_msg("no row '%s'", name);
	return checks;
}

/* What isn't as it should be comes with the thing to do. */
static void test_doctor_finds(void **state)
{
	struct kernel_check checks[KERNEL_CHECKS_MAX];
	const struct kernel_check *c;
	unsigned n;
	int link;

	lab_run("echo 0 > /proc/sys/net/ipv4/tcp_syncookies");
	lab_run("ip tuntap add axk0 mode tun");
	lab_run("ip link add axk1 type veth peer name axk1p && ip link set axk1 up");
	lab_run("ip link add axk2 type veth peer name axk2p && ip link set axk2 up");
	link = lab_attach_pass("axk2");
	n = kernel_doctor("axk0,axk1,axk2", lab_pin_dir(), checks, ARRAY_SIZE(checks));
	close(link);
	lab_run("echo 1 > /proc/sys/net/ipv4/tcp_syncookies");
	lab_run("for i in 0 1 2; do ip link del axk$i; done");
	c = find_check(checks, n, "SYN cookies");
	assert_false(c->ok);
	assert_non_null(strstr(c->advice, "net.ipv4.tcp_syncookies=1"));
	c = find_check(checks, n, "axk0");
	assert_false(c->ok);
	assert_non_null(strstr(c->found, "no Ethernet header"));
	c = find_check(checks, n, "axk1: answers");
	assert_true(c->ok);
	assert_non_null(strstr(c->found, "by TC"));
	c = find_check(checks, n, "axk2: program");
	assert_true(c->ok);
	assert_non_null(strstr(c->found, "TC beside it"));
}

int run_start_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_loopback, new_pins),
		cmocka_unit_test_setup(test_restart_adopts, new_pins),
		cmocka_unit_test_setup(test_killed_daemon_goes_on_enforcing, new_pins),
		cmocka_unit_test_setup(test_another_admission_key_empties, new_pins),
		cmocka_unit_test_setup(test_another_signup_rule_empties, new_pins),
		cmocka_unit_test_setup(test_another_version_is_replaced, new_pins),
		cmocka_unit_test_setup(test_broken_pins_are_replaced, new_pins),
		cmocka_unit_test_setup(test_interface_dropped_from_the_list, new_pins),
		cmocka_unit_test_setup(test_no_interface, new_pins),
		cmocka_unit_test_setup(test_userspace_mode_retires_leftovers, new_pins),
		cmocka_unit_test_setup(test_other_daemon_holds_the_pins, new_pins),
		cmocka_unit_test_setup(test_waits_for_the_one_it_replaces, new_pins),
		cmocka_unit_test_setup(test_without_privilege, new_pins),
		cmocka_unit_test_setup(test_mounts_bpffs, new_pins),
		cmocka_unit_test_setup(test_impossible_pin_dir, new_pins),
		cmocka_unit_test_setup(test_refuse_pass, new_pins),
		cmocka_unit_test_setup(test_no_routes, new_pins),
		cmocka_unit_test_setup(test_bad_options, new_pins),
		cmocka_unit_test_setup(test_doctor, new_pins),
		cmocka_unit_test_setup(test_doctor_finds, new_pins),
	};

	return cmocka_run_group_tests_name("kernel: start", tests, NULL, NULL);
}
