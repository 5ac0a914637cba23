/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever comes in, what goes out is ours: the contract's status, a JSON or HTML error that says
 * what is wrong, and the headers that every answer carries. libmicrohttpd has pages of its own for
 * what its parser refuses; this fails when one of them gets through.
 */
#include "http_node.h"

#define LARGE	(64 * 1024)
#define LINE	"GET /healthz HTTP/1.1\r\n"
#define POST	"POST /v1/guard/check HTTP/1.1\r\n"
#define HOST	"Host: a\r\n"
#define KEY	"Authorization: Bearer axfw_none\r\n"
#define BROWSER "Accept: text/html,*/*\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static struct answer answer;

enum kind { JSON, HTML };

static const struct row {
	const char *name, *bytes;
	size_t len;
	size_t fill; /* so many times 'a' behind bytes, then after */
	const char *after;
	int status;
	enum kind kind;
	const char *sentence;
} rows[] = {
#define ROW(name, bytes, ...)                                                                      \
	{                                                                                          \
		name, bytes, sizeof(bytes) - 1, __VA_ARGS__                                        \
	}
	ROW("no blank in the line", "garbage\r\n\r\n", 0, NULL, 400, JSON, "request line"),
	ROW("no blank, bare LF", "garbage\n", 0, NULL, 400, JSON, "request line"),
	ROW("a blank first", " GET / HTTP/1.1\r\n\r\n", 0, NULL, 400, JSON, "request line"),
	ROW("words", "complete nonsense here\r\n\r\n", 0, NULL, 400, JSON, "request line"),
	ROW("no version", "GET /healthz\r\n\r\n", 0, NULL, 400, JSON, "request line"),
	ROW("a blank for a target", "GET \r\n\r\n", 0, NULL, 400, JSON, "request line"),
	ROW("no such version", "GET / HTTQ/1.1\r\n\r\n", 0, NULL, 400, JSON, "request line"),
	ROW("HTTP/0.9", "GET /healthz HTTP/0.9\r\n\r\n", 0, NULL, 505, JSON, "HTTP/1.1"),
	ROW("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, NULL, 505, JSON, "HTTP/1.1"),
	ROW("HTTP/3", "GET / HTTP/3.0\r\n\r\n", 0, NULL, 505, JSON, "HTTP/1.1"),
	ROW("TLS ClientHello",
	    "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\x0a\x0b\x0c\x0d\x0e\x0f\x10", 0, NULL,
	    400, JSON, "request line"),
	ROW("NULs", "G\0\0\0\0\0\0\0\r\n\r\n", 0, NULL, 400, JSON, "request line"),
	ROW("a NUL in the line", "GET /\0 HTTP/1.1\r\n" HOST "\r\n", 0, NULL, 400, JSON, NULL),
	ROW("a target of 64 KiB", "GET /", LARGE, " HTTP/1.1\r\n" HOST "\r\n", 414, JSON,
	    "request line is too long"),
	ROW("a target of 64 KiB without an end", "GET /", LARGE, NULL, 414, JSON,
	    "request line is too long"),
	ROW("a method of 64 KiB", "", LARGE, NULL, 414, JSON, "request line is too long"),
	ROW("a target of 12 KiB", "GET /", 12 * 1024, " HTTP/1.1\r\n" HOST "\r\n", 404, JSON,
	    "Not Found"),
	ROW("a query of 12 KiB", "GET /no?", 12 * 1024, " HTTP/1.1\r\n" HOST "\r\n", 404, JSON,
	    "Not Found"),
	ROW("a blank in the target", "GET /a b HTTP/1.1\r\n" HOST "\r\n", 0, NULL, 400, JSON, NULL),
	ROW("a header of 64 KiB", LINE HOST "X: ", LARGE, "\r\n\r\n", 431, JSON, "too large"),
	ROW("a header without an end", LINE HOST "X: ", LARGE, NULL, 431, JSON, "too large"),
	ROW("a header's name of 64 KiB", LINE HOST, LARGE, ": x\r\n\r\n", 431, JSON, "too large"),
	ROW("a header of 64 KiB, for a browser", LINE BROWSER HOST "X: ", LARGE, "\r\n\r\n", 431,
	    HTML, "too large"),
	ROW("a cookie too large to take apart", LINE HOST "Cookie: ", 9 * 1024, "\r\n\r\n", 431,
	    JSON, "too large"),
	ROW("a header without a colon", LINE HOST "nonsense\r\n\r\n", 0, NULL, 400, JSON, "header"),
	ROW("the first header without a colon", LINE "nonsense\r\n\r\n", 0, NULL, 400, JSON,
	    "header"),
	ROW("the same for a browser", LINE HOST BROWSER "nonsense\r\n\r\n", 0, NULL, 400, HTML,
	    "header"),
	ROW("a folded line", LINE HOST "X: a\r\n b\r\n\r\n", 0, NULL, 400, JSON, "header"),
	ROW("a folded first line", LINE " X: a\r\n\r\n", 0, NULL, 400, JSON, "header"),
	ROW("no host", LINE "\r\n", 0, NULL, 400, JSON, "Host"),
	ROW("a negative length", POST HOST "Content-Length: -1\r\n\r\n", 0, NULL, 400, JSON,
	    "Content-Length"),
	ROW("a length that is a word, for a browser",
	    "POST /login HTTP/1.1\r\n" HOST BROWSER "Content-Length: x\r\n\r\n", 0, NULL, 400, HTML,
	    "Content-Length"),
	ROW("a length beyond every number",
	    POST HOST "Content-Length: 99999999999999999999999\r\n\r\n", 0, NULL, 413, JSON,
	    "\"limit_bytes\":262144"),
	ROW("the same elsewhere",
	    "POST /no HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n", 0, NULL,
	    413, JSON, "\"limit_bytes\":1048576"),
	ROW("a chunk size that is none", POST HOST CHUNKED "zz\r\n", 0, NULL, 400, JSON, "chunked"),
	ROW("a negative chunk size", POST HOST CHUNKED "-1\r\n", 0, NULL, 400, JSON, "chunked"),
	ROW("no chunk size", POST HOST CHUNKED "\r\n\r\n", 0, NULL, 400, JSON, "chunked"),
	ROW("a chunk size with a blank", POST HOST CHUNKED " 5\r\nhello\r\n", 0, NULL, 400, JSON,
	    "chunked"),
	ROW("a chunk that doesn't end", POST HOST CHUNKED "5\r\nhelloworld\r\n", 0, NULL, 400, JSON,
	    "chunked"),
	ROW("a chunk size beyond every number", POST HOST CHUNKED "fffffffffffffffffff\r\n", 0,
	    NULL, 413, JSON, "\"limit_bytes\":262144"),
	ROW("a chunk extension without an end", POST HOST CHUNKED "5;", LARGE, NULL, 400, JSON,
	    "chunked"),
	ROW("a trailer without a colon", POST HOST CHUNKED "5\r\nhello\r\n0\r\nnonsense\r\n\r\n", 0,
	    NULL, 400, JSON, "chunked"),
	ROW("a trailer of 64 KiB", POST HOST CHUNKED "5\r\nhello\r\n0\r\nX: ", LARGE, "\r\n\r\n",
	    431, JSON, "too large"),
	ROW("chunks for a route that isn't", "POST /no HTTP/1.1\r\n" HOST CHUNKED "zz\r\n", 0, NULL,
	    400, JSON, "chunked"),
	ROW("chunks that are fine", POST HOST KEY CHUNKED "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n", 0,
	    NULL, 401, JSON, "API key"),
#undef ROW
};

static void must_have(const struct row *row, const char *name, const char *value)
{
	char said[512];

	if (!answer_header(&answer, name, said))
		fail_msg("%s: no %s in\n%s", row->name, name, answer.raw);
	if (value && strcmp(said, value))
		fail_msg("%s: %s: %s", row->name, name, said);
}

static void judge_headers(const struct row *row)
{
	must_have(row, "X-Request-ID", NULL);
	must_have(row, "Content-Security-Policy", NULL);
	must_have(row, "X-Frame-Options", "DENY");
	must_have(row, "X-Content-Type-Options", "nosniff");
	must_have(row, "Referrer-Policy", "same-origin");
	must_have(row, "Cache-Control", "no-store");
	must_have(row, "Content-Type",
		  row->kind == JSON ? "application/json" : "text/html; charset=utf-8");
}

static void judge(const struct row *row, int fd)
{
	hear(fd, &answer);
	if (answer.status != row->status)
		fail_msg("%s: %d instead of %d:\n%s", row->name, answer.status, row->status,
			 answer.raw);
	judge_headers(row);
	if (row->sentence && !strstr(answer.body, row->sentence))
		fail_msg("%s: no '%s' in %s", row->name, row->sentence, answer.body);
	if (row->kind == JSON && *answer.body != '{')
		fail_msg("%s: %s", row->name, answer.body);
	if (row->status != 401 && row->status != 404 && !is_at_end(fd))
		fail_msg("%s: more behind the answer, or a reset", row->name);
}

static void send_row(const struct row *row, int fd)
{
	static char fill[LARGE];

	memset(fill, 'a', sizeof(fill));
	(void)say(fd, row->bytes, row->len);
	if (row->fill)
		(void)say(fd, fill, row->fill);
	if (row->after)
		(void)say(fd, row->after, strlen(row->after));
}

static void every_answer_is_ours(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = dial(node.ports[0]);

		send_row(&rows[i], fd);
		judge(&rows[i], fd);
		close(fd);
	}
}

/* A connection that has been used already looks different to the parser, and to us. */
static void also_later_on_a_connection(void **state)
{
	static const char good[] = LINE HOST "\r\n";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = dial(node.ports[0]);

		assert_true(say(fd, good, sizeof(good) - 1));
		hear(fd, &answer);
		assert_int_equal(answer.status, 200);
		send_row(&rows[i], fd);
		judge(&rows[i], fd);
		close(fd);
	}
}

/* The parser takes a query apart into memory that it may not have, and then goes on. */
static void queries_with_too_many_parts(void **state)
{
	static const struct row row = { .name = "many arguments", .status = 431, .kind = JSON };
	char bytes[8192] = "GET /healthz?";
	size_t len = strlen(bytes);
	int fd = dial(node.ports[0]);

	memset(bytes + len, '&', 4000);
	len += 4000;
	len += (size_t)snprintf(bytes + len, sizeof(bytes) - len, " HTTP/1.1\r\n" HOST "\r\n");
	assert_true(say(fd, bytes, len));
	judge(&row, fd);
	close(fd);
}

/* A client that half-closes still reads. */
static void also_for_half_closed_connections(void **state)
{
	static const char garbage[] = "garbage\r\n";
	int fd = dial(node.ports[0]);

	assert_true(say(fd, garbage, sizeof(garbage) - 1));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	hear(fd, &answer);
	assert_int_equal(answer.status, 400);
	close(fd);
}

/* Nothing is said to who says nothing, nor after an answer that was the last. */
static void nobody_is_answered_twice(void **state)
{
	static const char *const last[] = {
		LINE HOST "Connection: close\r\n\r\n",
		LINE HOST "Connection: keep-alive, Close\r\n\r\n",
		"GET /healthz HTTP/1.0\r\n\r\n",
	};
	int fd = dial(node.ports[0]);

	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_true(is_at_end(fd));
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(last); i++) {
		fd = dial(node.ports[0]);
		assert_true(say(fd, last[i], strlen(last[i])));
		hear(fd, &answer);
		assert_int_equal(answer.status, 200);
		assert_true(is_at_end(fd));
		close(fd);
	}
	fd = dial(node.ports[0]);
	assert_true(say(fd, LINE HOST "\r\n", sizeof(LINE HOST "\r\n") - 1));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	hear(fd, &answer);
	assert_int_equal(answer.status, 200);
	assert_true(is_at_end(fd));
	close(fd);
}

static void ids_of_refused_requests_are_kept(void **state)
{
	char id[512];

	ask(&node, &answer, LINE HOST "X-Request-ID: mine\r\nnonsense\r\n\r\n");
	assert_int_equal(answer.status, 400);
	assert_string_equal(answer_header(&answer, "X-Request-ID", id), "mine");
	ask(&node, &answer, "garbage\r\n\r\n");
	assert_int_equal(strlen(answer_header(&answer, "X-Request-ID", id)), 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_answer_is_ours),
		cmocka_unit_test(also_later_on_a_connection),
		cmocka_unit_test(queries_with_too_many_parts),
		cmocka_unit_test(also_for_half_closed_connections),
		cmocka_unit_test(nobody_is_answered_twice),
		cmocka_unit_test(ids_of_refused_requests_are_kept),
	};

	return cmocka_run_group_tests(tests, http_node_set_up, http_node_tear_down);
}
