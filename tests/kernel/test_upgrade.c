/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon takes over what one of an older version left, and what one that died half-way left,
 * while clients call: whoever was refused is refused all the time, whoever was served is served,
 * and connections that were closing finish their close.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "client.h"
#include "crypto/crypto.h"
#include "kernel/internal.h"
#include "lab.h"
#include "old_daemon.h"

#define SERVER	 "10.88.1.1"
#define GOOD_KEY "axfw_good567890123456789012345678901234567890123"

static const char good_call[] = "POST /v1/guard/check HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\n"
				"Authorization: Bearer " GOOD_KEY "\r\n\r\n{\"text\":\"hi\"}\n";
static const char good_answer[] =
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

/* --- a server, and clients that never pause -------------------------------------------------- */

static struct {
	int listener, peer_link;
	_Atomic bool stop, stop_server; /* the server last: a call may be on its way */
	pthread_t server, callers[2];
	unsigned pause_us; /* between two calls of a client */
	_Atomic unsigned refused, served;
	unsigned failures;
	char first_failure[1024];
	pthread_mutex_t lock;
	struct axfw_key_hash hash;
	uint8_t admission_key[CRYPTO_SIPHASH_KEY];
} world = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void serve_one(int fd)
{
	char request[1024];

	if (recv(fd, request, sizeof(request), 0) > 0)
		send(fd, good_answer, strlen(good_answer), MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	while (recv(fd, request, sizeof(request), 0) > 0)
		;
	close(fd);
}

static void *serve(void *arg)
{
	while (!atomic_load(&world.stop_server)) {
		int fd = accept(world.listener, NULL, NULL);

		if (fd >= 0)
			serve_one(fd);
		else
			usleep(500);
	}
	return NULL;
}

static void note_failure(const char *what, const char *answer)
{
	pthread_mutex_lock(&world.lock);
	if (!world.failures++)
		snprintf(world.first_failure, sizeof(world.first_failure), "%s: %.900s", what,
			 answer);
	pthread_mutex_unlock(&world.lock);
}

static void *call_wrongly(void *arg)
{
	char answer[1024];

	lab_enter_peer();
	while (!atomic_load(&world.stop)) {
		client_ask(SERVER, client_guard_call, answer, sizeof(answer));
		if (!client_is_kernels_401(answer))
			note_failure("not refused by the kernel", answer);
		atomic_fetch_add(&world.refused, 1);
		usleep(world.pause_us);
	}
	return NULL;
}

static void *call_rightly(void *arg)
{
	char answer[1024];

	lab_enter_peer();
	while (!atomic_load(&world.stop)) {
		client_ask(SERVER, good_call, answer, sizeof(answer));
		if (strcmp(answer, good_answer) != 0)
			note_failure("a valid key", answer);
		atomic_fetch_add(&world.served, 1);
		usleep(world.pause_us);
	}
	return NULL;
}

static bool enough(void *arg)
{
	const unsigned *from = arg;

	return atomic_load(&world.refused) > from[0] + 10 &&
	       atomic_load(&world.served) > from[1] + 10;
}

static void let_them_call(void)
{
	unsigned from[] = { atomic_load(&world.refused), atomic_load(&world.served) };

	lab_wait(enough, from, "clients have called");
}

static void derive_keys(void)
{
	struct crypto *crypto = NULL;

	assert_int_equal(
		crypto_new("0123456789abcdef0123456789abcdef", "fedcba9876543210", &crypto), 0);
	crypto_admission_key(crypto, world.admission_key);
	crypto_api_key_hash(crypto, GOOD_KEY, strlen(GOOD_KEY), &world.hash);
	crypto_free(&crypto);
}

static int build_world(void **state)
{
	lab_new_pin_dir();
	lab_add_veth("axk0", 1);
	lab_run("ethtool -K axk0 tx off >/dev/null");
	lab_enter_peer();
	lab_run("ethtool -K axk0p tx off >/dev/null");
	world.peer_link = lab_attach_pass("axk0p");
	lab_leave_peer();
	derive_keys();
	world.listener = client_listen();
	world.failures = 0;
	world.pause_us = 0;
	return world.listener < 0;
}

static int end_world(void **state)
{
	close(world.listener);
	close(world.peer_link);
	lab_run("ip link del axk0");
	return 0;
}

static void start_calling(void)
{
	atomic_store(&world.stop, false);
	atomic_store(&world.stop_server, false);
	assert_int_equal(pthread_create(&world.server, NULL, serve, NULL), 0);
	assert_int_equal(pthread_create(&world.callers[0], NULL, call_wrongly, NULL), 0);
	assert_int_equal(pthread_create(&world.callers[1], NULL, call_rightly, NULL), 0);
	let_them_call();
}

static void stop_calling(void)
{
	let_them_call();
	atomic_store(&world.stop, true);
	pthread_join(world.callers[0], NULL);
	pthread_join(world.callers[1], NULL);
	atomic_store(&world.stop_server, true);
	pthread_join(world.server, NULL);
	print_message("%u refused, %u served\n", atomic_load(&world.refused),
		      atomic_load(&world.served));
	if (world.failures)
		fail_msg("%u calls went wrong, the first: %s", world.failures, world.first_failure);
}

/* --- daemons --------------------------------------------------------------------------------- */

static struct kernel_options options(void)
{
	struct kernel_options o = lab_options("axk0");

	o.admission_key = world.admission_key;
	return o;
}

static void reconcile(struct kernel *k)
{
	struct axfw_admission admission = lab_admission(AXFW_ADMITTED, 1);

	assert_int_equal(kernel_reconcile_begin(k), 0);
	assert_int_equal(kernel_reconcile_put(k, &world.hash, &admission), 0);
	assert_int_equal(kernel_reconcile_end(k, true), 0);
}

static void leave_old(const struct kernel_options *o)
{
	struct axfw_admission admission = lab_admission(AXFW_ADMITTED, 1);
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	int fd;

	old_daemon_leave(o, "axk0");
	fd = lab_pinned_fd("config");
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	assert_true(info.value_size < sizeof(struct axfw_config)); /* another layout indeed */
	close(fd);
	fd = lab_pinned_fd("admissions");
	assert_int_equal(bpf_map_update_elem(fd, &world.hash, &admission, BPF_ANY), 0);
	close(fd);
}

static void expect_enforcing(struct kernel *k)
{
	struct kernel_state s;

	kernel_state(k, &s);
	assert_string_equal(s.reason, "");
	assert_true(s.enforcing);
	assert_true(s.complete);
}

static bool is_symlink(const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", lab_pin_dir(), name);
	return !lstat(path, &st) && S_ISLNK(st.st_mode);
}

static void test_older_version(void **state)
{
	struct kernel_options o = options();
	uint32_t config, admissions, flows, link, program;
	struct kernel_state s;
	struct kernel *k;

	leave_old(&o);
	config = lab_pinned_map_id("config");
	admissions = lab_pinned_map_id("admissions");
	flows = lab_pinned_map_id("flows");
	link = lab_pinned_link_id("link_xdp_axk0");
	program = lab_pinned_program_id();
	start_calling();
	k = lab_start_options(&o);
	kernel_state(k, &s);
	assert_true(s.adopted);
	assert_non_null(strstr(s.reason, "until these have their keys"));
	assert_int_equal(lab_pinned_program_id(), program);
	let_them_call(); /* nobody has said anything about keys: the old one goes on */
	reconcile(k);
	expect_enforcing(k);
	assert_int_not_equal(lab_pinned_program_id(), program);
	assert_int_not_equal(lab_pinned_map_id("config"), config);
	assert_int_equal(lab_pinned_map_id("admissions"), admissions);
	assert_int_equal(lab_pinned_map_id("flows"), flows);
	assert_int_equal(lab_pinned_link_id("link_xdp_axk0"), link);
	assert_true(is_symlink("config") && is_symlink("prog_xdp"));
	stop_calling();
	kernel_stop(&k);
	assert_int_equal(access(lab_pin_dir(), F_OK), -1);
}

/* The keys are made under another admission key: nothing that the maps say holds any longer. */
static void test_another_admission_key(void **state)
{
	static const uint8_t other[CRYPTO_SIPHASH_KEY] = { 1 };
	struct kernel_options o = options(), before = options();
	uint32_t flows, admissions;
	struct kernel *k;

	before.admission_key = other;
	k = lab_start_options(&before);
	flows = lab_pinned_map_id("flows");
	admissions = lab_pinned_map_id("admissions");
	kernel_keep(k);
	kernel_stop(&k);
	k = lab_start_options(&o);
	reconcile(k);
	expect_enforcing(k);
	assert_int_equal(lab_pinned_map_id("flows"), flows);
	assert_int_not_equal(lab_pinned_map_id("admissions"), admissions);
	start_calling();
	stop_calling();
	kernel_stop(&k);
}

static void test_newer_version(void **state)
{
	struct axfw_config config;
	struct kernel_options o = options();
	uint32_t zero = 0, flows;
	struct kernel_state s;
	struct kernel *k = lab_start_options(&o);
	int fd;

	reconcile(k);
	fd = lab_pinned_fd("config");
	flows = lab_pinned_map_id("flows");
	start_calling();
	kernel_keep(k);
	kernel_stop(&k);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &config), 0);
	config.abi_version = AXFW_ABI_VERSION + 1;
	k = NULL;
	/* its programs refuse by their own number, so traffic can't go on through this one */
	stop_calling();
	assert_int_equal(bpf_map_update_elem(fd, &zero, &config, BPF_ANY), 0);
	close(fd);
	k = lab_start_options(&o);
	kernel_state(k, &s);
	assert_false(s.adopted);
	reconcile(k);
	expect_enforcing(k);
	assert_int_not_equal(lab_pinned_map_id("flows"), flows);
	kernel_stop(&k);
}

/* --- connections that are closing ------------------------------------------------------------ */

#define CLOSING 20

/* Refused, the answer read to its end; the client's own end is still open. */
static int be_refused(void)
{
	char answer[1024];
	size_t len = 0;
	ssize_t n;
	int fd;

	lab_enter_peer();
	fd = client_connect(SERVER);
	lab_leave_peer();
	assert_true(fd >= 0);
	assert_int_equal(send(fd, client_guard_call, strlen(client_guard_call), MSG_NOSIGNAL),
			 strlen(client_guard_call));
	while ((n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0)
		len += (size_t)n;
	answer[len] = '\0';
	assert_int_equal(n, 0);
	assert_true(client_is_kernels_401(answer));
	return fd;
}

static bool is_closed(void *arg)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	assert_int_equal(getsockopt(*(int *)arg, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_state == TCP_CLOSE;
}

/* More of the body, then the end: all of it must be acknowledged, by the flow that is remembered.
 */
static void finish(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	assert_int_equal(send(fd, "late", 4, MSG_NOSIGNAL), 4);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	lab_wait(is_closed, &fd, "the client's end is closed");
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	if (error)
		fail_msg("a connection that was closing ended with: %s", strerror(error));
	close(fd);
}

static void test_flows_finish_their_close(void **state)
{
	struct kernel_options o = options();
	struct axfw_counter counters[AXFW_REASON_COUNT];
	int fds[CLOSING];
	struct kernel *k;

	leave_old(&o);
	for (int i = 0; i < CLOSING; i++)
		fds[i] = be_refused();
	k = lab_start_options(&o);
	reconcile(k);
	for (int i = 0; i < CLOSING; i++)
		finish(fds[i]);
	kernel_counters(k, counters);
	assert_true(counters[AXFW_REASON_FLOW_LATE_DATA].packets >= CLOSING);
	kernel_stop(&k);
}

/* --- dying half-way -------------------------------------------------------------------------- */

/* A child starts over what is pinned and is killed after so many microseconds. */
static void start_and_die(const struct kernel_options *o, unsigned us)
{
	struct kernel *k = NULL;
	char error[256];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (kernel_start(o, &k, error, sizeof(error)) == 0)
			reconcile(k);
		pause();
		_exit(0);
	}
	usleep(us);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* How long a start takes on this machine, for deaths to be spread over it. */
static unsigned start_us(const struct kernel_options *o)
{
	uint64_t began = clock_monotonic_ns();
	struct kernel *k = lab_start_options(o);

	reconcile(k);
	began = clock_monotonic_ns() - began;
	kernel_stop(&k);
	return (unsigned)(began / 1000);
}

/* However far it came: what enforces is a complete set, and the next daemon takes over. */
static void die_at_many_points(const struct kernel_options *o, unsigned over_us)
{
	const unsigned steps = 12;
	struct kernel *k;

	for (unsigned i = 0; i < steps; i++) {
		start_and_die(o, over_us / steps * i);
		let_them_call();
	}
	k = lab_start_options(o);
	reconcile(k);
	expect_enforcing(k);
	kernel_keep(k);
	kernel_stop(&k);
}

static void test_death_while_upgrading(void **state)
{
	struct kernel_options o = options();
	unsigned over_us = 2 * start_us(&o); /* while others call it takes longer */
	struct kernel *k;

	leave_old(&o);
	world.pause_us =
		1000; /* or all these starts would wait for the processor most of the time */
	start_calling();
	die_at_many_points(&o, over_us);
	o.signup.limit++; /* the same version, but maps that must be made anew */
	die_at_many_points(&o, over_us);
	k = lab_start_options(&o);
	reconcile(k);
	stop_calling();
	kernel_stop(&k);
	assert_int_equal(access(lab_pin_dir(), F_OK), -1); /* nothing was left lying about */
}

int run_upgrade_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_older_version, build_world, end_world),
		cmocka_unit_test_setup_teardown(test_another_admission_key, build_world, end_world),
		cmocka_unit_test_setup_teardown(test_newer_version, build_world, end_world),
		cmocka_unit_test_setup_teardown(test_flows_finish_their_close, build_world,
						end_world),
		cmocka_unit_test_setup_teardown(test_death_while_upgrading, build_world, end_world),
	};

	return cmocka_run_group_tests_name("kernel: upgrade", tests, NULL, NULL);
}
