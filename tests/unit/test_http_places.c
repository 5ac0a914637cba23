/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several addresses have one limit of connections. Beyond it nobody is turned away: connections
 * wait in the sockets' backlogs until others end, each address in its turn.
 */
#include <poll.h>
#include <sys/resource.h>
#include "http_node.h"

#define PLACES	     16
#define MANY	     60
#define ADDRESSES    3
#define WAIT_MS	     10000
#define A_WHILE	     300 /* ms in which nothing may happen */
#define A_LONG_WHILE 1000

static int three_addresses(void **state)
{
	static const char *const flags[] = { "--connections", "16", "--listen",
					     "127.0.0.1:0,127.0.0.1:0,127.0.0.1:0", NULL };

	http_node_start(&node, flags);
	assert_int_not_equal(node.ports[ADDRESSES - 1], 0);
	return 0;
}

static int one_address_of_a_proxy(void **state)
{
	static const char *const flags[] = { "--connections",	 "16",
					     "--proxy-protocol", "--forwarded-allow-ips",
					     "127.0.0.1",	 NULL };

	http_node_start(&node, flags);
	return 0;
}

#define REQUEST "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"

static void begin_with(struct pollfd *p, uint16_t port, const char *bytes)
{
	*p = (struct pollfd){ .fd = dial(port), .events = POLLIN };
	assert_true(say(p->fd, bytes, strlen(bytes)));
}

static void begin(struct pollfd *p, uint16_t port)
{
	begin_with(p, port, REQUEST);
}

/* Hears the answers that are there, or come within that time. Returns how many; ended ones fail. */
static int hear_some(struct pollfd *polled, int count, int ms)
{
	static struct answer answer;
	int heard = 0;

	if (poll(polled, (nfds_t)count, ms) <= 0)
		return 0;
	for (int i = 0; i < count; i++) {
		if (!polled[i].revents)
			continue;
		hear(polled[i].fd, &answer);
		if (answer.status != 200)
			fail_msg("connection %d: status %d", i, answer.status);
		polled[i].events = 0;
		heard++;
	}
	return heard;
}

/* Ends those that were heard. */
static void end_heard(struct pollfd *polled, int count)
{
	for (int i = 0; i < count; i++) {
		if (polled[i].fd < 0 || polled[i].events)
			continue;
		close(polled[i].fd);
		polled[i].fd = -1;
	}
}

/* So many are served at once, and all of them in the end. */
static void hear_all(struct pollfd polled[static MANY])
{
	int heard = 0, more;

	while (heard < PLACES && (more = hear_some(polled, MANY, WAIT_MS)))
		heard += more;
	assert_int_equal(heard, PLACES);
	assert_int_equal(hear_some(polled, MANY, A_WHILE), 0);
	for (more = heard; more && heard < MANY; heard += more) {
		end_heard(polled, MANY);
		more = hear_some(polled, MANY, WAIT_MS);
	}
	assert_int_equal(heard, MANY);
	end_heard(polled, MANY);
}

static void beyond_the_limit_connections_wait(void **state)
{
	struct pollfd polled[MANY];

	for (int i = 0; i < MANY; i++)
		begin(&polled[i], node.ports[i % ADDRESSES]);
	hear_all(polled);
}

/* Someone who connects to one address again and again doesn't keep the others from their turn. */
static void each_address_has_its_turn(void **state)
{
	struct pollfd polled[MANY], other;
	int turns = 0;

	for (int i = 0; i < MANY; i++)
		begin(&polled[i], node.ports[0]);
	begin(&other, node.ports[1]);
	while (!hear_some(&other, 1, 0)) {
		assert_true(turns < MANY);
		turns += hear_some(polled, MANY, WAIT_MS);
		for (int i = 0; i < MANY; i++) {
			if (polled[i].events)
				continue;
			close(polled[i].fd);
			begin(&polled[i], node.ports[0]);
		}
	}
	close(other.fd);
	for (int i = 0; i < MANY; i++)
		close(polled[i].fd);
}

static uint64_t cpu_time_ms(void)
{
	struct rusage used;

	assert_int_equal(getrusage(RUSAGE_SELF, &used), 0);
	return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
	       (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

/* Out of descriptors: connections wait, nobody burns a core, and it goes on when there are some. */
static void without_descriptors_it_rests(void **state)
{
	struct pollfd polled;
	struct rlimit before, none;
	uint64_t used_ms;

	/* Without data it isn't accepted yet. */
	begin_with(&polled, node.ports[0], "");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = STDERR_FILENO + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_true(say(polled.fd, REQUEST, sizeof(REQUEST) - 1));
	used_ms = cpu_time_ms();
	assert_int_equal(hear_some(&polled, 1, A_LONG_WHILE), 0);
	used_ms = cpu_time_ms() - used_ms;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(hear_some(&polled, 1, WAIT_MS), 1);
	close(polled.fd);
	assert_true(used_ms < A_LONG_WHILE / 4);
}

/* --- connections of a proxy ------------------------------------------------------------------ */

#define HEADER "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n"

static void so_do_those_of_a_proxy(void **state)
{
	struct pollfd polled[MANY];

	for (int i = 0; i < MANY; i++)
		begin_with(&polled[i], node.ports[0], HEADER REQUEST);
	hear_all(polled);
}

/* Who owes a header has a place, too, until its time is up. */
static void who_owes_a_header_has_a_place(void **state)
{
	struct pollfd owing[PLACES], served;

	for (int i = 0; i < PLACES; i++)
		begin_with(&owing[i], node.ports[0], "PROX");
	begin_with(&served, node.ports[0], HEADER REQUEST);
	assert_int_equal(hear_some(&served, 1, A_WHILE), 0);
	assert_int_equal(hear_some(&served, 1, WAIT_MS), 1);
	close(served.fd);
	for (int i = 0; i < PLACES; i++) {
		char byte;

		assert_true(recv(owing[i].fd, &byte, 1, 0) <= 0);
		close(owing[i].fd);
	}
}

int main(void)
{
	const struct CMUnitTest addresses[] = {
		cmocka_unit_test(beyond_the_limit_connections_wait),
		cmocka_unit_test(each_address_has_its_turn),
		cmocka_unit_test(without_descriptors_it_rests),
	};
	const struct CMUnitTest proxies[] = {
		cmocka_unit_test(so_do_those_of_a_proxy),
		cmocka_unit_test(who_owes_a_header_has_a_place),
	};
	int failed = cmocka_run_group_tests(addresses, three_addresses, http_node_tear_down);

	return failed +
	       cmocka_run_group_tests(proxies, one_address_of_a_proxy, http_node_tear_down);
}
