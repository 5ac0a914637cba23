/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that two readers could read differently are refused with 400 and the end of the
 * connection, and what follows them is never answered. Over real sockets, whole and byte by byte,
 * because what the parser left in its buffer depends on how the bytes arrived.
 */
#include "http_node.h"

static char key[CRYPTO_API_KEY_LEN + 1];
static struct answer answer;

static int set_up(void **state)
{
	http_node_start(&node, NULL);
	http_node_key(&node, "indie", key);
	return 0;
}

#define LINE "POST /v1/guard/check HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define AUTH "Authorization: Bearer KEY\r\n"
#define LEN  "Content-Length: 12\r\n"
#define BODY "{\"text\":\"x\"}"
#define ROW(name, bytes, status)                                                                   \
	{                                                                                          \
		name, bytes, sizeof(bytes) - 1, status                                             \
	}

static const struct row {
	const char *name, *bytes;
	size_t len;
	int status;
} rows[] = {
	/* what is fine */
	ROW("plain", LINE HOST AUTH LEN "\r\n" BODY, 200),
	ROW("blanks around values",
	    LINE HOST "Authorization: \t Bearer  KEY \t\r\n" LEN "\r\n" BODY, 200),
	ROW("no headers in between",
	    LINE HOST "Authorization: KEY\r\nContent-Length:12\r\n\r\n" BODY, 200),
	ROW("an empty value", LINE HOST AUTH "X-Empty:\r\n" LEN "\r\n" BODY, 200),
	ROW("an empty value, last", LINE HOST AUTH LEN "X-Empty: \r\n\r\n" BODY, 200),
	ROW("colons in a value", LINE HOST AUTH "X: a:b::c\r\n" LEN "\r\n" BODY, 200),
	ROW("bytes above ASCII", LINE HOST AUTH "X: gr\xc3\xbc\xff\r\n" LEN "\r\n" BODY, 200),
	ROW("a query", "POST /v1/guard/check?a=b&c HTTP/1.1\r\n" HOST AUTH LEN "\r\n" BODY, 200),
	ROW("an escaped path", "POST /v1/guard/%63heck HTTP/1.1\r\n" HOST AUTH LEN "\r\n" BODY,
	    200),
	ROW("chunked",
	    LINE HOST AUTH "Transfer-Encoding: chunked\r\n\r\nc\r\n" BODY "\r\n0\r\n\r\n", 200),
	ROW("chunked, another case",
	    LINE HOST AUTH "transfer-encoding: Chunked\r\n\r\nc\r\n" BODY "\r\n0\r\n\r\n", 200),
	ROW("two cookies", LINE HOST AUTH "Cookie: a=b\r\nCookie: c=d\r\n" LEN "\r\n" BODY, 200),
	ROW("HTTP/1.0", "POST /v1/guard/check HTTP/1.0\r\n" AUTH LEN "\r\n" BODY, 200),
	ROW("empty lines first", "\r\n\r\n" LINE HOST AUTH LEN "\r\n" BODY, 200),
	/* framing */
	ROW("both framings", LINE HOST AUTH LEN "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
	ROW("both, other order",
	    LINE HOST AUTH "Transfer-Encoding: chunked\r\n" LEN "\r\n0\r\n\r\n", 400),
	ROW("two lengths", LINE HOST AUTH LEN "Content-Length: 3\r\n\r\n" BODY, 400),
	ROW("the same length twice", LINE HOST AUTH LEN LEN "\r\n" BODY, 400),
	ROW("a list of lengths", LINE HOST AUTH "Content-Length: 12, 12\r\n\r\n" BODY, 400),
	ROW("length not a number", LINE HOST AUTH "Content-Length: abc\r\n\r\n", 400),
	ROW("length with a sign", LINE HOST AUTH "Content-Length: +12\r\n\r\n" BODY, 400),
	ROW("length negative", LINE HOST AUTH "Content-Length: -1\r\n\r\n", 400),
	ROW("length in hex", LINE HOST AUTH "Content-Length: 0xc\r\n\r\n" BODY, 400),
	ROW("length with a NUL",
	    LINE HOST AUTH "Content-Length: 12\0"
			   "34\r\n\r\n" BODY,
	    400),
	ROW("length empty", LINE HOST AUTH "Content-Length:\r\n\r\n", 400),
	ROW("other codings", LINE HOST AUTH "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
	    400),
	ROW("coding identity", LINE HOST AUTH "Transfer-Encoding: identity\r\n\r\n", 400),
	ROW("coding with a blank", LINE HOST AUTH "Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n",
	    400),
	ROW("coding behind a vertical tab",
	    LINE HOST AUTH "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400),
	ROW("coding twice",
	    LINE HOST AUTH
	    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	    400),
	ROW("coding in HTTP/1.0",
	    "POST /v1/guard/check HTTP/1.0\r\n" AUTH "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	    400),
	ROW("chunk size not a number", LINE HOST AUTH "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
	    400),
	/* headers that may occur once */
	ROW("two hosts", LINE HOST "Host: b\r\n" AUTH LEN "\r\n" BODY, 400),
	ROW("no host", LINE AUTH LEN "\r\n" BODY, 400),
	ROW("two keys", LINE HOST AUTH AUTH LEN "\r\n" BODY, 400),
	ROW("two x-api-keys", LINE HOST "x-api-key: KEY\r\nX-API-Key: KEY\r\n" LEN "\r\n" BODY,
	    400),
	/* NUL */
	ROW("a NUL ends a value", LINE HOST "Authorization: Bearer KEY\0\r\n" LEN "\r\n" BODY, 400),
	ROW("a NUL in a value", LINE HOST AUTH "X: a\0b\r\n" LEN "\r\n" BODY, 400),
	ROW("a NUL starts a value", LINE HOST AUTH "X: \0b\r\n" LEN "\r\n" BODY, 400),
	ROW("a NUL in the last value", LINE HOST AUTH LEN "X: a\0b\r\n\r\n" BODY, 400),
	ROW("a NUL ends the last value", LINE HOST AUTH LEN "X: a\0\r\n\r\n" BODY, 400),
	ROW("a header behind a NUL", LINE HOST AUTH LEN "X: a\0\r\nY: b\r\n\r\n" BODY, 400),
	ROW("two NULs", LINE HOST AUTH "X: a\0\0Y: b\r\n" LEN "\r\n" BODY, 400),
	ROW("a NUL in a name", LINE HOST AUTH "X\0Y: z\r\n" LEN "\r\n" BODY, 400),
	ROW("a NUL in the target", "POST /v1/guard/check\0x HTTP/1.1\r\n" HOST AUTH LEN "\r\n" BODY,
	    400),
	ROW("a NUL in the query",
	    "POST /v1/guard/check?a\0x HTTP/1.1\r\n" HOST AUTH LEN "\r\n" BODY, 400),
	ROW("a NUL in the method", "PO\0ST /v1/guard/check HTTP/1.1\r\n" HOST AUTH LEN "\r\n" BODY,
	    400),
	/* line ends and blanks */
	ROW("bare LF after a header", LINE HOST AUTH "X: y\n" LEN "\r\n" BODY, 400),
	ROW("bare LF after the line", "POST /v1/guard/check HTTP/1.1\n" HOST AUTH LEN "\r\n" BODY,
	    400),
	ROW("bare LF at the end", LINE HOST AUTH "Content-Length: 12\r\n\n" BODY, 400),
	ROW("bare LF everywhere",
	    "POST /v1/guard/check HTTP/1.1\nHost: a\nAuthorization: Bearer KEY\nContent-Length: "
	    "12\n\n" BODY,
	    400),
	ROW("bare CR in a value", LINE HOST AUTH "X: a\rContent-Length: 3\r\n" LEN "\r\n" BODY,
	    400),
	ROW("a folded line", LINE HOST AUTH "X: a\r\n b\r\n" LEN "\r\n" BODY, 400),
	ROW("a folded length", LINE HOST AUTH "Content-Length:\r\n 12\r\n\r\n" BODY, 400),
	ROW("a blank before the colon", LINE HOST AUTH "Content-Length : 12\r\n\r\n" BODY, 400),
	ROW("a blank before the name", LINE " X: y\r\n" HOST AUTH LEN "\r\n" BODY, 400),
	ROW("no name", LINE HOST AUTH ": y\r\n" LEN "\r\n" BODY, 400),
	ROW("no colon", LINE HOST AUTH "nonsense\r\n" LEN "\r\n" BODY, 400),
	ROW("brackets in a name", LINE HOST AUTH "X(y): z\r\n" LEN "\r\n" BODY, 400),
	ROW("a control character", LINE HOST AUTH "X: a\x01\r\n" LEN "\r\n" BODY, 400),
	ROW("DEL", LINE HOST AUTH "X: a\x7f\r\n" LEN "\r\n" BODY, 400),
	ROW("two blanks in the line",
	    "POST  /v1/guard/check HTTP/1.1\r\n" HOST AUTH LEN "\r\n" BODY, 400),
	ROW("a blank in the target",
	    "POST /v1/guard/check x HTTP/1.1\r\n" HOST AUTH LEN "\r\n" BODY, 400),
	ROW("a tab in the target", "POST /v1/guard/check\tx HTTP/1.1\r\n" HOST AUTH LEN "\r\n" BODY,
	    400),
	ROW("an absolute target",
	    "POST http://a/v1/guard/check HTTP/1.1\r\n" HOST AUTH LEN "\r\n" BODY, 200),
	ROW("another's absolute target",
	    "POST http://b/v1/guard/check HTTP/1.1\r\n" HOST AUTH LEN "\r\n" BODY, 400),
	ROW("an odd method", "PO(ST /v1/guard/check HTTP/1.1\r\n" HOST AUTH LEN "\r\n" BODY, 400),
	ROW("no request at all", "complete nonsense\r\n\r\n", 400),
	ROW("no version", "GET /healthz\r\n\r\n", 400),
};

/* What a smuggled request would look like: it must stay unanswered after a 400. */
#define SECOND "GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n"

/* The row's bytes with the key in them. */
static size_t fill(const struct row *row, char *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < row->len;) {
		if (row->len - i >= 3 && !memcmp(row->bytes + i, "KEY", 3)) {
			memcpy(ret + n, key, CRYPTO_API_KEY_LEN);
			n += CRYPTO_API_KEY_LEN;
			i += 3;
		} else {
			ret[n++] = row->bytes[i++];
		}
	}
	return n;
}

static void judge(const struct row *row, bool in_pieces)
{
	char bytes[2048];
	size_t len = fill(row, bytes);
	int fd = dial(node.ports[0]);

	for (size_t i = 0; in_pieces && i < len; i++) {
		if (!say(fd, bytes + i, 1))
			break;
		if (i % 16 == 0)
			usleep(500);
	}
	if (!in_pieces)
		(void)say(fd, bytes, len);
	(void)say(fd, SECOND, sizeof(SECOND) - 1);
	hear(fd, &answer);
	if (answer.status != row->status)
		fail_msg("%s: %d instead of %d:\n%s", row->name, answer.status, row->status,
			 answer.raw);
	if (row->status == 400 && !is_at_end(fd))
		fail_msg("%s: the connection goes on, or was reset", row->name);
	if (row->status == 200 && !memmem(row->bytes, row->len, "HTTP/1.0", 8)) {
		hear(fd, &answer);
		if (answer.status != 200)
			fail_msg("%s: the next request was lost", row->name);
	}
	close(fd);
}

static void corpus_at_once(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		judge(&rows[i], false);
}

static void corpus_in_pieces(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		judge(&rows[i], true);
}

/* Large enough that the parser's buffer grows in between. */
static void long_headers_are_read_to_the_last_byte(void **state)
{
	static char bytes[12000];
	int n = snprintf(bytes, sizeof(bytes), LINE HOST "Authorization: Bearer %s\r\n" LEN, key);

	for (int i = 0; i < 40; i++)
		n += snprintf(bytes + n, sizeof(bytes) - (size_t)n, "X-Filler-%d: %0100d\r\n", i,
			      i);
	n += snprintf(bytes + n, sizeof(bytes) - (size_t)n, "\r\n" BODY);
	ask_raw(&node, bytes, (size_t)n, &answer);
	assert_int_equal(answer.status, 200);
	bytes[n - 60] = '\0';
	ask_raw(&node, bytes, (size_t)n, &answer);
	assert_int_equal(answer.status, 400);
}

static void endless_headers_are_refused(void **state)
{
	static char bytes[65536];
	int n = snprintf(bytes, sizeof(bytes), LINE HOST "X: ");

	memset(bytes + n, 'a', sizeof(bytes) - (size_t)n);
	ask_raw(&node, bytes, sizeof(bytes), &answer);
	assert_true(answer.status == 431 || answer.status == 0);
	ask(&node, &answer, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(answer.status, 200);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	char id[512];
	int fd = dial(node.ports[0]);
	static const char bytes[] =
		"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-ID: one\r\n\r\n"
		"GET /no HTTP/1.1\r\nHost: a\r\nX-Request-ID: two\r\n\r\n"
		"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-ID: three\r\n\r\n";

	assert_true(say(fd, bytes, sizeof(bytes) - 1));
	hear(fd, &answer);
	assert_string_equal(answer_header(&answer, "X-Request-ID", id), "one");
	hear(fd, &answer);
	assert_string_equal(answer_header(&answer, "X-Request-ID", id), "two");
	assert_int_equal(answer.status, 404);
	hear(fd, &answer);
	assert_string_equal(answer_header(&answer, "X-Request-ID", id), "three");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus_at_once),
		cmocka_unit_test(corpus_in_pieces),
		cmocka_unit_test(long_headers_are_read_to_the_last_byte),
		cmocka_unit_test(endless_headers_are_refused),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
	};

	return cmocka_run_group_tests(tests, set_up, http_node_tear_down);
}
