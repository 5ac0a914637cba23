/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that send a byte now and then, so that a connection never stands still and never gets on.
 * Each ends by its deadline, with an answer that says so wherever one can be told.
 */
#include <poll.h>
#include "http/internal.h"
#include "http_node.h"

#define BYTE_MS	  100
#define BYTES_MAX 300 /* three times the longest patience of this test */
#define HEAD	  "POST /v1/guard/check HTTP/1.1\r\nHost: a\r\n"
#define LENGTH	  "Content-Length: 2000\r\n\r\n"
#define GOOD	  "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"

static struct answer answer;
static char key_header[128];

static int set_up(void **state)
{
	char key[CRYPTO_API_KEY_LEN + 1];

	http_patience = (struct patience){ .idle_s = 4, .header_s = 1, .body_s = 1, .answer_s = 1 };
	http_node_start(&node, NULL);
	http_node_key(&node, "indie", key);
	snprintf(key_header, sizeof(key_header), "x-api-key: %s\r\n", key);
	return 0;
}

struct slow {
	int fd;
	const char *piece;
	size_t at;
};

/* A byte on each, again and again, until something has come back on all. */
static void trickle(struct slow *slow, size_t count)
{
	size_t heard = 0;

	for (int i = 0; i < BYTES_MAX && heard < count; i++) {
		usleep(BYTE_MS * 1000);
		heard = 0;
		for (size_t j = 0; j < count; j++) {
			struct pollfd p = { .fd = slow[j].fd, .events = POLLIN };

			if (poll(&p, 1, 0) == 1) {
				heard++;
				continue;
			}
			(void)say(slow[j].fd, slow[j].piece + slow[j].at, 1);
			slow[j].at = slow[j].piece[slow[j].at + 1] ? slow[j].at + 1 : 0;
		}
	}
}

static void must_say(const char *name, int status, const char *type, const char *sentence)
{
	char value[512];

	if (answer.status != status)
		fail_msg("%s: %d instead of %d", name, answer.status, status);
	assert_string_equal(answer_header(&answer, "Content-Type", value), type);
	assert_string_equal(answer_header(&answer, "Connection", value), "close");
	assert_non_null(answer_header(&answer, "X-Request-ID", value));
	if (!strstr(answer.body, sentence))
		fail_msg("%s: %s", name, answer.body);
}

static void what_trickles_is_answered(void **state)
{
	static const struct {
		const char *name, *first;
		bool with_key;
		const char *framing, *piece;
		int status;
		const char *type, *sentence;
	} rows[] = {
		{ "a method", "P", false, "", "O", 408, "application/json", "too long" },
		{ "a target", "GET /", false, "", "a", 408, "application/json", "too long" },
		{ "a header's name", HEAD, false, "", "X", 408, "application/json", "too long" },
		{ "headers", HEAD, false, "", "X: y\r\n", 408, "application/json", "too long" },
		{ "headers, for a browser", HEAD "Accept: text/html\r\n", false, "", "X: y\r\n",
		  408, "text/html; charset=utf-8", "too long" },
		{ "a body", HEAD, true, LENGTH, "a", 408, "application/json", "too long" },
		{ "chunks", HEAD, true, "Transfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n", 408,
		  "application/json", "too long" },
		{ "a form", "POST /login HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n", false,
		  LENGTH, "a", 408, "text/html; charset=utf-8", "too long" },
		{ "a body that nobody wants", "POST /no HTTP/1.1\r\nHost: a\r\n", false, LENGTH,
		  "a", 404, "application/json", "Not Found" },
	};

	struct slow slow[ARRAY_SIZE(rows)];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = dial(node.ports[0]);

		assert_true(say(fd, rows[i].first, strlen(rows[i].first)));
		if (rows[i].with_key)
			assert_true(say(fd, key_header, strlen(key_header)));
		assert_true(say(fd, rows[i].framing, strlen(rows[i].framing)));
		slow[i] = (struct slow){ .fd = fd, .piece = rows[i].piece };
	}
	trickle(slow, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		hear(slow[i].fd, &answer);
		must_say(rows[i].name, rows[i].status, rows[i].type, rows[i].sentence);
		close(slow[i].fd);
	}
}

/* Who says nothing more is no other case. */
static void what_stops_is_answered(void **state)
{
	static const char *const starts[] = { "GET", "GET / HTTP/1.1\r\nHost:",
					      "POST /login HTTP/1.1\r\nHost: a\r\n" LENGTH "a" };

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		int fd = dial(node.ports[0]);

		assert_true(say(fd, starts[i], strlen(starts[i])));
		hear(fd, &answer);
		must_say(starts[i], 408, "application/json", "too long");
		assert_true(is_at_end(fd));
		close(fd);
	}
}

static int served_once(void)
{
	int fd = dial(node.ports[0]);

	assert_true(say(fd, GOOD, sizeof(GOOD) - 1));
	hear(fd, &answer);
	assert_int_equal(answer.status, 200);
	return fd;
}

static void later_requests_have_deadlines_too(void **state)
{
	static const char *const starts[] = { "G", HEAD "X: ", HEAD LENGTH };
	struct slow slow[ARRAY_SIZE(starts)];

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		slow[i] = (struct slow){ .fd = served_once(), .piece = "a" };
		assert_true(say(slow[i].fd, starts[i], strlen(starts[i])));
	}
	trickle(slow, ARRAY_SIZE(starts));
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		hear(slow[i].fd, &answer);
		must_say(starts[i], 408, "application/json", "too long");
		close(slow[i].fd);
	}
}

/* Between requests nothing is owed, so nothing is said. */
static void idle_connections_end_without_a_word(void **state)
{
	int fd = served_once();

	assert_true(is_at_end(fd));
	close(fd);
}

/* TLS has no line that could end: it isn't waited for. */
static void tls_is_told_at_once(void **state)
{
	static const char hello[] = "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03";
	int fd = dial(node.ports[0]);

	assert_true(say(fd, hello, sizeof(hello) - 1));
	hear(fd, &answer);
	must_say("TLS", 400, "application/json", "not TLS");
	assert_true(is_at_end(fd));
	close(fd);
}

/* What was ended in time isn't touched by the deadlines of what went before. */
static void others_go_on(void **state)
{
	int fd = served_once();

	for (int i = 0; i < 8; i++) {
		usleep(BYTE_MS * 5 * 1000);
		assert_true(say(fd, GOOD, sizeof(GOOD) - 1));
		hear(fd, &answer);
		assert_int_equal(answer.status, 200);
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_trickles_is_answered),
		cmocka_unit_test(what_stops_is_answered),
		cmocka_unit_test(later_requests_have_deadlines_too),
		cmocka_unit_test(idle_connections_end_without_a_word),
		cmocka_unit_test(tls_is_told_at_once),
		cmocka_unit_test(others_go_on),
	};

	return cmocka_run_group_tests(tests, set_up, http_node_tear_down);
}
