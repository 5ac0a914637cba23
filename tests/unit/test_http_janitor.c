/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines end connections, and only those; what comes after a refusal is read for a while. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "http/internal.h"

#define CONNECTIONS 4
#define SOON_MS	    3000 /* several ticks */
#define A_WHILE_MS  1200

static struct janitor *janitor;

static int set_up(void **state)
{
	return janitor_new(CONNECTIONS, &janitor);
}

static int tear_down(void **state)
{
	janitor_free(&janitor);
	return 0;
}

/* Does the other end see the end of the connection within that time? */
static bool ends_within(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&p, 1, ms) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void make_pair(int fds[static 2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void deadlines_end_connections(void **state)
{
	struct conn *late, *early, *none;
	int a[2], b[2], c[2];

	make_pair(a);
	make_pair(b);
	make_pair(c);
	late = janitor_add(janitor, a[0]);
	early = janitor_add(janitor, b[0]);
	none = janitor_add(janitor, c[0]);
	conn_set_deadline(late, clock_monotonic_ns() - 1);
	conn_set_deadline(early, clock_monotonic_ns() + 60 * NS_PER_S);
	conn_set_deadline(none, 0);
	assert_true(ends_within(a[1], SOON_MS));
	assert_false(ends_within(b[1], A_WHILE_MS));
	assert_false(ends_within(c[1], 0));
	conn_announce_end(early);
	conn_announce_end(none);
	conn_announce_end(late);
	janitor_remove(janitor, late);
	janitor_remove(janitor, early);
	janitor_remove(janitor, none);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
		close(c[i]);
	}
}

/* More connections than records: they have no deadline, and nothing breaks. */
static void records_run_out_and_come_back(void **state)
{
	struct conn *conns[CONNECTIONS + 1];
	int pair[2];

	make_pair(pair);
	for (int i = 0; i < CONNECTIONS; i++)
		assert_non_null(conns[i] = janitor_add(janitor, pair[0]));
	assert_null(janitor_add(janitor, pair[0]));
	conn_set_deadline(NULL, 1);
	conn_announce_end(NULL);
	janitor_remove(janitor, NULL);
	for (int i = 0; i < CONNECTIONS; i++) {
		conn_announce_end(conns[i]);
		janitor_remove(janitor, conns[i]);
	}
	assert_non_null(conns[0] = janitor_add(janitor, pair[0]));
	conn_announce_end(conns[0]);
	janitor_remove(janitor, conns[0]);
	close(pair[0]);
	close(pair[1]);
}

/* The daemon's descriptor is closed with the request half read; the client can send the rest and
 * read its answer. */
static void what_is_sent_after_a_refusal_is_read(void **state)
{
	struct conn *conn;
	char answer[8];
	char rest[4096] = { 0 };
	int pair[2];

	make_pair(pair);
	conn = janitor_add(janitor, pair[0]);
	assert_int_equal(send(pair[0], "refused", 7, 0), 7);
	janitor_remove(janitor, conn); /* nobody announced the end */
	close(pair[0]);
	for (int i = 0; i < 256; i++)
		assert_int_equal(send(pair[1], rest, sizeof(rest), MSG_NOSIGNAL), sizeof(rest));
	assert_int_equal(recv(pair[1], answer, sizeof(answer), 0), 7);
	assert_true(ends_within(pair[1], SOON_MS));
	close(pair[1]);
}

/* Sixteen MiB are enough of that. */
static void not_for_ever(void **state)
{
	static char rest[65536];
	int pair[2], n = 0;

	make_pair(pair);
	janitor_linger(janitor, pair[0]);
	close(pair[0]);
	while (n < 1024 && send(pair[1], rest, sizeof(rest), MSG_NOSIGNAL) > 0)
		n++;
	assert_true(errno == EPIPE || errno == ECONNRESET);
	assert_true(n >= 256 && n < 300);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(deadlines_end_connections, set_up, tear_down),
		cmocka_unit_test_setup_teardown(records_run_out_and_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_sent_after_a_refusal_is_read, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(not_for_ever, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
