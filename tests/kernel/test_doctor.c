/* SPDX-License-Identifier: Apache-2.0 */
/* What axfw doctor finds, and what it says to do about it. */
#include <unistd.h>
#include "kernel/internal.h"
#include "lab.h"

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

int run_doctor_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_doctor, lab_new_pins),
		cmocka_unit_test_setup(test_doctor_finds, lab_new_pins),
	};

	return cmocka_run_group_tests_name("kernel: doctor", tests, NULL, NULL);
}
