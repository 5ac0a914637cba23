/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole way once: what this module puts into the maps makes the program answer real clients,
 * and goes on doing so while daemons come and go and maps grow. The server behind only listens:
 * whatever reaches it would be accepted, and nothing must.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client.h"
#include "crypto/crypto.h"
#include "kernel/internal.h"
#include "kernel/tc.h"
#include "lab.h"

static int listener = -1;
static int peer_link = -1;

static int start(void **state)
{
	lab_new_pin_dir();
	lab_add_veth("axk0", 1);
	lab_run("ethtool -K axk0 tx off >/dev/null"); /* real checksums, as on a wire */
	lab_enter_peer();
	lab_run("ethtool -K axk0p tx off >/dev/null");
	peer_link = lab_attach_pass("axk0p");
	lab_leave_peer();
	listener = client_listen();
	return listener < 0;
}

static int stop(void **state)
{
	close(listener);
	close(peer_link);
	lab_run("ip link del axk0");
	return 0;
}

static void expect_refusal(const char *address)
{
	char answer[1024];

	client_ask(address, client_guard_call, answer, sizeof(answer));
	if (!client_is_kernels_401(answer))
		fail_msg("not the kernel's 401: %s", answer);
}

static void expect_nothing_accepted(void)
{
	assert_int_equal(accept(listener, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
}

static uint64_t refused(struct kernel *k)
{
	struct axfw_counter counters[AXFW_REASON_COUNT];

	kernel_counters(k, counters);
	return counters[AXFW_REASON_KEY_UNKNOWN].packets;
}

static void test_loopback(void **state)
{
	struct kernel *k = lab_start("lo");

	kernel_set_complete(k, true);
	expect_refusal("127.0.0.1");
	assert_int_equal(refused(k), 1);
	expect_nothing_accepted();
	kernel_stop(&k);
}

static void test_veth(void **state)
{
	struct kernel *k = lab_start("axk0");
	struct kernel_state s;

	kernel_set_complete(k, true);
	kernel_state(k, &s);
	assert_string_equal(s.reason, "");
	lab_enter_peer();
	expect_refusal("10.88.1.1");
	lab_leave_peer();
	assert_int_equal(refused(k), 1);
	expect_nothing_accepted();
	kernel_stop(&k);
}

/* The request is served by userspace: here it comes out of the listener and nobody answers. */
static void expect_passed(const char *address, const char *request)
{
	_cleanup_(closep) int fd = client_connect(address);
	char seen[1024];
	ssize_t n;

	assert_true(fd >= 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	for (int i = 0; i < 1000; i++) { /* the listener doesn't block */
		_cleanup_(closep) int accepted = accept(listener, NULL, NULL);

		if (accepted < 0) {
			usleep(5000);
			continue;
		}
		n = recv(accepted, seen, sizeof(seen), 0);
		assert_int_equal(n, strlen(request));
		assert_memory_equal(seen, request, n);
		return;
	}
	fail_msg("the request never came up");
}

/* Without a program on the peer XDP can't answer, TC can. */
static void lose_peer(void)
{
	close(peer_link);
	peer_link = -1;
}

static void test_veth_at_tc(void **state)
{
	struct kernel_state s;
	struct kernel *k;

	lose_peer();
	k = lab_start("axk0");
	kernel_set_complete(k, true);
	kernel_state(k, &s);
	assert_string_equal(s.interfaces[0].hook, "tc");
	lab_enter_peer();
	expect_refusal("10.88.1.1");
	lab_leave_peer();
	assert_int_equal(refused(k), 1); /* counted by one hook, not by two */
	expect_nothing_accepted();
	kernel_stop(&k);
}

/* Whoever can't be answered isn't refused: the request comes up. */
static void test_unanswerable_interface_refuses_nothing(void **state)
{
	struct kernel *k;

	lose_peer();
	lab_put_filter("axk0", BPF_TC_INGRESS, TC_PRIORITY); /* not even TC */
	k = lab_start("axk0");
	kernel_set_complete(k, true);
	lab_enter_peer();
	expect_passed("10.88.1.1", client_guard_call);
	lab_leave_peer();
	assert_int_equal(refused(k), 0);
	kernel_stop(&k);
}

/* --- what userspace says about a key, the program does --------------------------------------- */

static struct kernel *start_with_keys(struct axfw_key_hash *ret_hash)
{
	struct kernel_options o = lab_options("lo");
	uint8_t admission_key[CRYPTO_SIPHASH_KEY];
	struct crypto *crypto = NULL;
	struct kernel *k;

	assert_int_equal(
		crypto_new("0123456789abcdef0123456789abcdef", "fedcba9876543210", &crypto), 0);
	crypto_admission_key(crypto, admission_key);
	crypto_api_key_hash(crypto, CLIENT_KEY, strlen(CLIENT_KEY), ret_hash);
	crypto_free(&crypto);
	o.admission_key = admission_key;
	k = lab_start_options(&o);
	return k;
}

static void put(struct kernel *k, const struct axfw_key_hash *hash, uint8_t state, uint64_t until)
{
	struct axfw_admission admission = lab_admission(state, 1);

	admission.deny_until_ns = until;
	assert_int_equal(kernel_put_key(k, hash, &admission), 0);
}

static long number_behind(const char *answer, const char *words)
{
	const char *at = strstr(answer, words);

	return at ? strtol(at + strlen(words), NULL, 10) : -1;
}

/* Within the seconds that the test took, and as often as it is said. */
static void expect_429(const char *answer, long seconds)
{
	long said = number_behind(answer, "Retry-After:");

	if (strncmp(answer, "HTTP/1.1 429 ", 13) || !strstr(answer, "x-axfw-path: kernel\r\n") ||
	    said > seconds || said < seconds - CLIENT_PATIENCE_S)
		fail_msg("not the kernel's 429: %s", answer);
}

static void test_states_of_a_key(void **state)
{
	const uint64_t wait_ns = 7262 * NS_PER_S;
	struct axfw_key_hash hash;
	struct kernel *k = start_with_keys(&hash);
	char answer[1024];

	expect_passed("127.0.0.1", client_guard_call); /* nobody has said anything yet */
	put(k, &hash, AXFW_ADMITTED, 0);
	kernel_set_complete(k, true);
	expect_passed("127.0.0.1", client_guard_call);
	put(k, &hash, AXFW_REVOKED, 0);
	expect_refusal("127.0.0.1");
	put(k, &hash, AXFW_QUOTA_EXHAUSTED, clock_boot_ns() + wait_ns);
	client_ask("127.0.0.1", client_guard_call, answer, sizeof(answer));
	expect_429(answer, 7262);
	assert_int_equal(number_behind(answer, "{\"retry_after_seconds\":"),
			 number_behind(answer, "Retry-After:"));
	put(k, &hash, AXFW_QUOTA_EXHAUSTED, clock_boot_ns()); /* the month is over */
	expect_passed("127.0.0.1", client_guard_call);
	assert_int_equal(kernel_forget_key(k, &hash), 0);
	expect_refusal("127.0.0.1");
	kernel_stop(&k);
}

static void test_remembered_refusal(void **state)
{
	struct axfw_key_hash hash;
	struct kernel *k = start_with_keys(&hash);

	expect_passed("127.0.0.1", client_guard_call);
	kernel_remember_unknown(k, &hash, kernel_generation(k));
	expect_refusal("127.0.0.1");
	kernel_bump_generation(k); /* a key is created: it might be this one */
	expect_passed("127.0.0.1", client_guard_call);
	kernel_stop(&k);
}

static void test_signup_window(void **state)
{
	struct kernel *k = lab_start("lo");
	struct kernel_options o = lab_options("lo");
	struct axfw_client client = { .address = { [10] = 0xff, 0xff, 127, 0, 0, 1 } };
	struct axfw_signup_window window = {};
	char answer[1024];

	for (unsigned i = 0; i < o.signup.limit; i++) {
		expect_passed("127.0.0.1", client_signup);
		axfw_signup_record(&window, clock_boot_ns(), &o.signup);
		assert_int_equal(kernel_put_signup_window(k, &client, &window), 0);
	}
	client_ask("127.0.0.1", client_signup, answer, sizeof(answer));
	expect_429(answer, 3600);
	assert_in_range(number_behind(answer, "Try again in "), 59, 60);
	kernel_stop(&k);
}

/* --- refusing goes on ------------------------------------------------------------------------ */

struct caller {
	_Atomic bool stop;
	unsigned calls, failures;
	char first_failure[1024];
};

static void *call_on_and_on(void *arg)
{
	struct caller *c = arg;
	char answer[1024];

	lab_enter_peer();
	while (!atomic_load(&c->stop)) {
		client_ask("10.88.1.1", client_guard_call, answer, sizeof(answer));
		c->calls++;
		if (!client_is_kernels_401(answer) && !c->failures++)
			memcpy(c->first_failure, answer, sizeof(answer));
	}
	return NULL;
}

static void restart_and_grow(struct kernel_options *o, struct kernel **k)
{
	const uint32_t over = AXFW_ADMISSIONS_MAX / 4 * 3 + 1;

	for (int i = 0; i < 5; i++) {
		kernel_keep(*k);
		kernel_stop(k);
		*k = lab_start_options(o);
		assert_int_equal(kernel_reconcile_begin(*k), 0);
		for (uint32_t j = 0; i >= 3 && j < over; j++) {
			struct axfw_admission admission = lab_admission(AXFW_ADMITTED, j);
			struct axfw_key_hash hash = lab_hash(j);

			assert_int_equal(kernel_reconcile_put(*k, &hash, &admission), 0);
		}
		assert_int_equal(kernel_reconcile_end(*k, true), 0);
	}
}

static void expect_no_gap(void)
{
	struct kernel_options o = lab_options("axk0");
	struct kernel *k = lab_start_options(&o);
	struct caller c = {};
	pthread_t thread;

	kernel_set_complete(k, true);
	assert_int_equal(pthread_create(&thread, NULL, call_on_and_on, &c), 0);
	restart_and_grow(&o, &k);
	atomic_store(&c.stop, true);
	pthread_join(thread, NULL);
	print_message("%u refusals over 5 restarts and a growth\n", c.calls);
	if (c.failures)
		fail_msg("%u of %u calls weren't refused by the kernel, the first: %s", c.failures,
			 c.calls, c.first_failure);
	assert_true(c.calls > 20);
	expect_nothing_accepted();
	kernel_stop(&k);
}

static void test_no_gap_over_restarts_and_growth(void **state)
{
	expect_no_gap();
}

static void test_no_gap_at_tc(void **state)
{
	lose_peer();
	expect_no_gap();
}

int run_refusal_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_loopback, start, stop),
		cmocka_unit_test_setup_teardown(test_veth, start, stop),
		cmocka_unit_test_setup_teardown(test_unanswerable_interface_refuses_nothing, start,
						stop),
		cmocka_unit_test_setup_teardown(test_states_of_a_key, start, stop),
		cmocka_unit_test_setup_teardown(test_remembered_refusal, start, stop),
		cmocka_unit_test_setup_teardown(test_signup_window, start, stop),
		cmocka_unit_test_setup_teardown(test_veth_at_tc, start, stop),
		cmocka_unit_test_setup_teardown(test_no_gap_over_restarts_and_growth, start, stop),
		cmocka_unit_test_setup_teardown(test_no_gap_at_tc, start, stop),
	};

	return cmocka_run_group_tests_name("kernel: refusal", tests, NULL, NULL);
}
