/* SPDX-License-Identifier: Apache-2.0 */
/* How much a stranger may send, and that the refusal arrives although more was sent than was read.
 */
#include <poll.h>
#include "http_node.h"

#define GUARD_MAX 262144
#define OTHER_MAX 1048576
#define WAIT_MS	  60000

static char key[CRYPTO_API_KEY_LEN + 1];
static struct answer answer;
static char *large; /* OTHER_MAX * 8 bytes of 'a' */

static int set_up(void **state)
{
	static const char *const flags[] = { "--connections", "128", NULL };

	http_node_start(&node, flags);
	http_node_key(&node, "indie", key);
	large = malloc(OTHER_MAX * 8);
	memset(large, 'a', OTHER_MAX * 8);
	return 0;
}

static int tear_down(void **state)
{
	free(large);
	http_node_remove(&node);
	return 0;
}

static int begin(const char *line, const char *credential, const char *framing)
{
	char head[1024];
	int fd = dial(node.ports[0]);
	int len = snprintf(head, sizeof(head),
			   "%s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n", line,
			   credential, framing);

	assert_true(say(fd, head, (size_t)len));
	return fd;
}

/* A body of that many bytes that is a prompt. */
static int send_sized(const char *line, const char *credential, size_t size)
{
	static const char first[9] = "{\"text\":\"", last[2] = "\"}";
	char framing[64];
	int fd;

	snprintf(framing, sizeof(framing), "Content-Length: %zu", size);
	fd = begin(line, credential, framing);
	memcpy(large, first, sizeof(first));
	memcpy(large + size - sizeof(last), last, sizeof(last));
	(void)say(fd, large, size);
	memset(large + size - 2, 'a', 2);
	hear(fd, &answer);
	return fd;
}

static void bodies_up_to_the_limit(void **state)
{
	close(send_sized("POST /v1/guard/check", key, GUARD_MAX));
	assert_int_equal(answer.status, 200);
	close(send_sized("POST /no/such", key, OTHER_MAX));
	assert_int_equal(answer.status, 404);
}

/* Size comes before the key, the path and the method. */
static void bodies_beyond_it(void **state)
{
	static const struct {
		const char *line;
		size_t size, limit;
	} rows[] = {
		{ "POST /v1/guard/check", GUARD_MAX + 1, GUARD_MAX },
		{ "POST /v1/%67uard/check", GUARD_MAX + 1, GUARD_MAX },
		{ "POST /v1%2fguard/check", GUARD_MAX + 1, GUARD_MAX },
		{ "POST /v1/guard/no/such", GUARD_MAX + 1, GUARD_MAX },
		{ "DELETE /v1/guard/check", OTHER_MAX * 8, GUARD_MAX },
		{ "POST /no/such", OTHER_MAX + 1, OTHER_MAX },
		{ "GET /healthz", OTHER_MAX * 8, OTHER_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char body[128];
		int fd = send_sized(rows[i].line, i % 2 ? key : "axfw_none", rows[i].size);

		snprintf(body, sizeof(body),
			 "{\"error\":\"request body too large\",\"limit_bytes\":%zu}",
			 rows[i].limit);
		if (answer.status != 413)
			fail_msg("%s: %d", rows[i].line, answer.status);
		assert_string_equal(answer.body, body);
		assert_true(is_at_end(fd));
		close(fd);
	}
}

static void a_browser_sees_a_page(void **state)
{
	int fd = begin("POST /signup", key, "Accept: text/html\r\nContent-Length: 1048577");

	hear(fd, &answer);
	assert_int_equal(answer.status, 413);
	assert_non_null(strstr(answer.body, "At most 1024 KiB can be sent to this address."));
	assert_true(is_at_end(fd));
	close(fd);
}

static void lengths_beyond_every_number(void **state)
{
	int fd = begin("POST /v1/guard/check", key, "Content-Length: 99999999999999999999999999");

	hear(fd, &answer);
	assert_int_equal(answer.status, 413);
	assert_true(is_at_end(fd));
	close(fd);
}

static void send_chunks(int fd, size_t total)
{
	for (size_t sent = 0; sent < total; sent += 4096) {
		if (!say(fd, "1000\r\n", 6) || !say(fd, large, 4096) || !say(fd, "\r\n", 2))
			return;
	}
	(void)say(fd, "0\r\n\r\n", 5);
}

static void chunked_bodies_have_the_limit_too(void **state)
{
	static const char *const lines[] = { "POST /v1/guard/check", "POST /v1/guard/no",
					     "POST /login" };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		int fd = begin(lines[i], key, "Transfer-Encoding: chunked");

		send_chunks(fd, OTHER_MAX * 2);
		hear(fd, &answer);
		if (answer.status != 413)
			fail_msg("%s: %d", lines[i], answer.status);
		close(fd);
	}
}

/* A wrong key with a large body: the answer comes, and the connection may go on. */
static void a_refusal_outlives_the_body(void **state)
{
	int fd = send_sized("POST /v1/guard/check", "axfw_wrong", 65536);

	assert_int_equal(answer.status, 401);
	assert_true(say(fd, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 34));
	hear(fd, &answer);
	assert_int_equal(answer.status, 200);
	close(fd);
}

static void nobody_is_asked_for_a_body_that_is_refused(void **state)
{
	int fd = begin("POST /v1/guard/check", "axfw_wrong",
		       "Content-Length: 65536\r\nExpect: 100-continue");

	hear(fd, &answer);
	assert_int_equal(answer.status, 401);
	close(fd);
	fd = begin("POST /v1/guard/check", key, "Content-Length: 9999999\r\nExpect: 100-continue");
	hear(fd, &answer);
	assert_int_equal(answer.status, 413);
	close(fd);
	fd = begin("POST /v1/guard/check", key, "Content-Length: 12\r\nExpect: 100-continue");
	hear(fd, &answer);
	assert_int_equal(answer.status, 100);
	assert_true(say(fd, "{\"text\":\"x\"}", 12));
	hear(fd, &answer);
	assert_int_equal(answer.status, 200);
	close(fd);
}

static int answered(const int *fds, int count)
{
	int n = 0;

	for (int i = 0; i < count; i++) {
		struct pollfd p = { .fd = fds[i], .events = POLLIN };

		n += poll(&p, 1, 0);
	}
	return n;
}

/* Password checks queue up to a bound; what doesn't fit is told to come back, and nothing else
 * waits. */
static void a_burst_of_logins_is_bounded(void **state)
{
	enum { BURST = 90 }; /* more than are checked and queued at a time */
	static const char body[] = "email=a@example.org&password=correct+horse";
	int fds[BURST], checked = 0, busy = 0;
	char framing[128], value[512];

	snprintf(framing, sizeof(framing),
		 "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu",
		 sizeof(body) - 1);
	for (int i = 0; i < BURST; i++) {
		fds[i] = begin("POST /login", "", framing);
		assert_true(say(fds[i], body, sizeof(body) - 1));
	}
	close(send_sized("POST /v1/guard/check", key, 100));
	assert_int_equal(answer.status, 200);
	assert_true(answered(fds, BURST) < BURST); /* it didn't wait for them */
	for (int i = 0; i < BURST; i++) {
		hear(fds[i], &answer);
		assert_true(answer.status == 401 || answer.status == 503);
		if (answer.status == 503)
			assert_non_null(answer_header(&answer, "Retry-After", value));
		checked += answer.status == 401;
		busy += answer.status == 503;
		close(fds[i]);
	}
	assert_true(checked >= 64 && busy >= 1);
}

/* All but the last byte of a body. */
static int send_most(const char *line, const char *credential, size_t size)
{
	char framing[64];
	int fd;

	snprintf(framing, sizeof(framing), "Content-Length: %zu", size);
	fd = begin(line, credential, framing);
	(void)say(fd, large, size - 1);
	return fd;
}

static int send_rest(int fd)
{
	(void)say(fd, "a", 1);
	hear(fd, &answer);
	close(fd);
	return answer.status;
}

/* Bodies of those who have no key are kept in a room of their own: full, it isn't everybody's. */
static void strangers_do_not_fill_the_room_of_calls(void **state)
{
	enum { STRANGERS = 24, FIT = 16, CALLS = 16 }; /* a megabyte each, a quarter */
	int strangers[STRANGERS], calls[CALLS], busy = 0;

	for (int i = 0; i < STRANGERS; i++)
		strangers[i] = send_most("POST /login", "", OTHER_MAX);
	for (int i = 0; i < WAIT_MS && answered(strangers, STRANGERS) < STRANGERS - FIT; i++)
		usleep(1000);
	/* Now less than a megabyte of the strangers' room is left. */
	for (int i = 0; i < CALLS; i++)
		calls[i] = send_most("POST /v1/guard/check", key, GUARD_MAX);
	for (int i = 0; i < CALLS; i++)
		assert_int_equal(send_rest(calls[i]), 400); /* no JSON, but read */
	for (int i = 0; i < STRANGERS; i++) {
		int status = send_rest(strangers[i]);

		assert_true(status == 422 || status == 503);
		busy += status == 503;
	}
	assert_true(busy >= STRANGERS - FIT && busy < STRANGERS);
}

/* Beyond the limit connections wait; when others end, they are served. */
static void connections_beyond_the_limit_wait(void **state)
{
	enum { MANY = 160 };
	int fds[MANY];

	for (int i = 0; i < MANY; i++) {
		fds[i] = begin("GET /healthz", "", "X: y");
	}
	for (int i = 0; i < MANY; i++) {
		hear(fds[i], &answer);
		assert_int_equal(answer.status, 200);
		close(fds[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_up_to_the_limit),
		cmocka_unit_test(bodies_beyond_it),
		cmocka_unit_test(a_browser_sees_a_page),
		cmocka_unit_test(lengths_beyond_every_number),
		cmocka_unit_test(chunked_bodies_have_the_limit_too),
		cmocka_unit_test(a_refusal_outlives_the_body),
		cmocka_unit_test(nobody_is_asked_for_a_body_that_is_refused),
		cmocka_unit_test(a_burst_of_logins_is_bounded),
		cmocka_unit_test(strangers_do_not_fill_the_room_of_calls),
		cmocka_unit_test(connections_beyond_the_limit_wait),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
