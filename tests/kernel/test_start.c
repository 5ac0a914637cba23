/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, stopping, and one daemon after another: what stays, what is adopted, what is replaced.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kernel/internal.h"
#include "lab.h"

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

	s = lab_state(k);
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
	lab_stop_for_good(k);
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
	assert_true(lab_state(k).adopted);
	assert_true(lab_state(k).complete); /* not for a moment did a miss stop being a refusal */
	assert_true(lab_state(k).enforcing);
	assert_true(kernel_generation(k) > generation);
	assert_int_equal(lab_pinned_link_id("link_xdp_lo"), link);
	assert_int_not_equal(lab_pinned_program_id(), program);
	assert_int_equal(lab_pinned_map_id("flows"), flows);
	assert_int_equal(lab_pinned_map_id("admissions"), admissions);
	fd = lab_pinned_fd("admissions");
	assert_int_equal(bpf_map_lookup_elem(fd, &hash, &seen), 0);
	assert_int_equal(seen.state, AXFW_ADMITTED);
	close(fd);
	lab_stop_for_good(k);
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
	assert_true(lab_state(k).adopted);
	assert_int_equal(lab_pinned_link_id("link_xdp_lo"), link);
	lab_stop_for_good(k);
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
	assert_true(lab_state(k).adopted);
	assert_false(lab_state(k).complete);
	assert_false(lab_state(k).enforcing);
	reconcile_nothing(k);
	assert_true(lab_state(k).enforcing);
	assert_int_equal(kernel_map_states(k, maps, ARRAY_SIZE(maps)), MAP_COUNT);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		if (!strcmp(maps[i].name, "admissions") || !strcmp(maps[i].name, "unknown"))
			assert_int_equal(maps[i].entries, 0);
	lab_stop_for_good(k);
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
	lab_stop_for_good(k);
}

static void test_another_version_is_replaced(void **state)
{
	struct axfw_config config;
	uint32_t link, zero = 0, config_id;
	struct kernel *k;
	int fd;

	lab_start_and_leave("lo");
	fd = lab_pinned_fd("config");
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &config), 0);
	config.abi_version = AXFW_ABI_VERSION + 1;
	assert_int_equal(bpf_map_update_elem(fd, &zero, &config, BPF_ANY), 0);
	close(fd);
	link = lab_pinned_link_id("link_xdp_lo");
	config_id = lab_pinned_map_id("config");
	k = lab_start("lo");
	assert_false(lab_state(k).adopted);
	reconcile_nothing(k);
	assert_true(lab_state(k).enforcing);
	assert_int_not_equal(lab_pinned_map_id("config"), config_id);
	assert_int_equal(lab_pinned_link_id("link_xdp_lo"), link); /* switched over in place */
	lab_stop_for_good(k);
}

static void test_broken_pins_are_replaced(void **state)
{
	struct kernel *k;

	lab_start_and_leave("lo");
	lab_run("rm %s/current/flows %s/prog_xdp && mkdir %s/left", lab_pin_dir(), lab_pin_dir(),
		lab_pin_dir());
	k = lab_start("lo");
	assert_true(lab_state(k).adopted);
	assert_true(lab_state(k).enforcing);
	assert_true(lab_is_pinned("flows"));
	assert_true(lab_is_pinned("prog_xdp"));
	lab_run("rmdir %s/left", lab_pin_dir());
	lab_stop_for_good(k);
}

static void test_interface_dropped_from_the_list(void **state)
{
	struct kernel *k;

	int link;

	lab_run("ip link add axk-d type veth peer name axk-dp");
	lab_run("ip link set axk-d up && ip link set axk-dp up");
	link = lab_attach_pass("axk-dp");
	lab_start_and_leave("lo,axk-d");
	assert_true(lab_is_pinned("link_xdp_axk-d"));
	close(link);
	k = lab_start("lo");
	assert_false(lab_is_pinned("link_xdp_axk-d"));
	lab_run("! ip link show axk-d | grep -q xdp");
	lab_stop_for_good(k);
	lab_run("ip link del axk-d");
}

int run_start_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_loopback, lab_new_pins),
		cmocka_unit_test_setup(test_restart_adopts, lab_new_pins),
		cmocka_unit_test_setup(test_killed_daemon_goes_on_enforcing, lab_new_pins),
		cmocka_unit_test_setup(test_another_admission_key_empties, lab_new_pins),
		cmocka_unit_test_setup(test_another_signup_rule_empties, lab_new_pins),
		cmocka_unit_test_setup(test_another_version_is_replaced, lab_new_pins),
		cmocka_unit_test_setup(test_broken_pins_are_replaced, lab_new_pins),
		cmocka_unit_test_setup(test_interface_dropped_from_the_list, lab_new_pins),
	};

	return cmocka_run_group_tests_name("kernel: start", tests, NULL, NULL);
}
