/* SPDX-License-Identifier: Apache-2.0 */
/* What every answer has, who may ask what, and how much: over real sockets. */
#include "http_node.h"

static char key[CRYPTO_API_KEY_LEN + 1];
static struct answer answer;
static char value[512];

#define HEAD_OF(method, path) method " " path " HTTP/1.1\r\nHost: axfw.example\r\n"
#define GET(path)	      HEAD_OF("GET", path)

static int set_up(void **state)
{
	static const char *const flags[] = { "--cors-origins",
					     "https://a.example.org, https://b.example.org",
					     "--forwarded-allow-ips",
					     "127.0.0.1,10.0.0.0/8",
					     "--listen",
					     "127.0.0.1:0,127.0.0.1:0",
					     NULL };

	http_node_start(&node, flags);
	http_node_key(&node, "indie", key);
	return 0;
}

static void assert_header(const char *name, const char *expected)
{
	const char *found = answer_header(&answer, name, value);

	if (!found)
		fail_msg("no %s in:\n%s", name, answer.raw);
	assert_string_equal(found, expected);
}

static void assert_no_header(const char *name)
{
	if (answer_header(&answer, name, value))
		fail_msg("%s: %s", name, value);
}

static void assert_body(const char *expected)
{
	assert_int_equal(answer.body_len, strlen(expected));
	assert_memory_equal(answer.body, expected, answer.body_len);
}

/* --- shapes ---------------------------------------------------------------------------------- */

static void paths_and_methods(void **state)
{
	ask(&node, &answer, GET("/healthz") "\r\n");
	assert_int_equal(answer.status, 200);
	assert_header("Content-Type", "application/json");
	assert_body("{\"status\":\"ok\"}");
	ask(&node, &answer, GET("/readyz") "\r\n");
	assert_int_equal(answer.status, 200);
	ask(&node, &answer, GET("/no/such/path") "\r\n");
	assert_int_equal(answer.status, 404);
	assert_body("{\"detail\":\"Not Found\"}");
	ask(&node, &answer, GET("/v1/guard/check") "\r\n");
	assert_int_equal(answer.status, 405);
	assert_header("Allow", "POST");
	assert_body("{\"detail\":\"Method Not Allowed\"}");
	ask(&node, &answer, HEAD_OF("OPTIONS", "/healthz") "\r\n");
	assert_int_equal(answer.status, 405);
	ask(&node, &answer, GET("/%%00") "\r\n");
	assert_int_equal(answer.status, 404);
	ask(&node, &answer, GET("/node/status") "\r\n");
	assert_int_equal(answer.status, 404);
}

static void head_has_no_body(void **state)
{
	int fd = dial(node.ports[0]);
	static const char bytes[] = HEAD_OF("HEAD", "/healthz") "\r\n" GET("/healthz") "\r\n";

	assert_true(say(fd, bytes, sizeof(bytes) - 1));
	hear(fd, &answer);
	/* hear() reads as many bytes as Content-Length says: the start of the next answer. */
	assert_int_equal(answer.status, 405);
	assert_memory_equal(answer.body, "HTTP/1.1 200 OK", 15);
	close(fd);
}

static void a_slash_too_many_is_redirected(void **state)
{
	ask(&node, &answer, GET("/dashboard/") "\r\n");
	assert_int_equal(answer.status, 307);
	assert_header("Location", "http://axfw.example/dashboard");
	ask(&node, &answer, GET("/login/?next=a%%20b") "X-Forwarded-Proto: https\r\n\r\n");
	assert_header("Location", "https://axfw.example/login?next=a%20b");
	ask(&node, &answer, "GET /login/ HTTP/1.1\r\nHost: \"><script>\r\n\r\n");
	assert_header("Location", "/login");
	ask(&node, &answer, GET("/no/such/") "\r\n");
	assert_int_equal(answer.status, 404);
}

static void request_ids_are_echoed_when_sane(void **state)
{
	char long_id[200];

	ask(&node, &answer, GET("/healthz") "X-Request-ID: abc 1\r\n\r\n");
	assert_header("X-Request-ID", "abc 1");
	ask(&node, &answer, GET("/healthz") "\r\n");
	assert_int_equal(strlen(answer_header(&answer, "X-Request-ID", value)), 16);
	assert_int_equal(strspn(value, "0123456789abcdef"), 16);
	ask(&node, &answer, GET("/healthz") "X-Request-ID: gr\xc3\xbc\xc3\x9f\r\n\r\n");
	assert_int_equal(strlen(answer_header(&answer, "X-Request-ID", value)), 16);
	memset(long_id, 'a', sizeof(long_id));
	long_id[128] = '\0';
	ask(&node, &answer, GET("/healthz") "X-Request-ID: %s\r\n\r\n", long_id);
	assert_header("X-Request-ID", long_id);
	long_id[128] = 'a';
	long_id[129] = '\0';
	ask(&node, &answer, GET("/healthz") "X-Request-ID: %s\r\n\r\n", long_id);
	assert_int_equal(strlen(answer_header(&answer, "X-Request-ID", value)), 16);
}

static void every_answer_has_security_headers(void **state)
{
	static const char *const requests[] = { GET("/login"),	GET("/healthz"),
						GET("/no"),	GET("/dashboard"),
						GET("/login/"), GET("/x") "Host: twice\r\n" };

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		ask(&node, &answer, "%s\r\n", requests[i]);
		assert_non_null(strstr(answer_header(&answer, "Content-Security-Policy", value),
				       "default-src 'self'"));
		assert_null(strstr(value, "unsafe"));
		assert_header("X-Frame-Options", "DENY");
		assert_header("X-Content-Type-Options", "nosniff");
		assert_header("Referrer-Policy", "same-origin");
		assert_header("Cache-Control", "no-store");
		assert_no_header("Strict-Transport-Security");
	}
	ask(&node, &answer, GET("/login") "X-Forwarded-Proto: http, https\r\n\r\n");
	assert_non_null(answer_header(&answer, "Strict-Transport-Security", value));
	ask(&node, &answer, GET("/static/axfw.css") "\r\n");
	assert_int_equal(answer.status, 200);
	assert_int_equal(strncmp(answer_header(&answer, "Cache-Control", value), "public", 6), 0);
}

static void browsers_get_pages_for_errors(void **state)
{
	ask(&node, &answer, GET("/no") "Accept: text/html,*/*\r\n\r\n");
	assert_int_equal(answer.status, 404);
	assert_header("Content-Type", "text/html; charset=utf-8");
}

/* --- CORS ------------------------------------------------------------------------------------ */

#define PREFLIGHT(origin, method)                                                                  \
	HEAD_OF("OPTIONS", "/v1/guard/check")                                                      \
	"Origin: " origin "\r\nAccess-Control-Request-Method: " method "\r\n"

static void cross_origin_calls_are_for_listed_origins(void **state)
{
	ask(&node, &answer, PREFLIGHT("https://b.example.org", "POST") "\r\n");
	assert_int_equal(answer.status, 200);
	assert_header("Access-Control-Allow-Origin", "https://b.example.org");
	assert_header("Access-Control-Max-Age", "3600");
	assert_header("Vary", "Origin");
	ask(&node, &answer,
	    PREFLIGHT(
		    "https://a.example.org",
		    "POST") "Access-Control-Request-Headers: authorization, content-type\r\n\r\n");
	assert_int_equal(answer.status, 200);
	ask(&node, &answer,
	    PREFLIGHT("https://a.example.org",
		      "POST") "Access-Control-Request-Headers: x-secret\r\n\r\n");
	assert_int_equal(answer.status, 400);
	ask(&node, &answer, PREFLIGHT("https://a.example.org", "DELETE") "\r\n");
	assert_int_equal(answer.status, 400);
	ask(&node, &answer, PREFLIGHT("https://c.example.org", "POST") "\r\n");
	assert_int_equal(answer.status, 400);
	assert_no_header("Access-Control-Allow-Origin");
	ask(&node, &answer, GET("/healthz") "Origin: https://a.example.org\r\n\r\n");
	assert_header("Access-Control-Allow-Origin", "https://a.example.org");
	assert_no_header("Access-Control-Allow-Credentials");
	/* a page can read why it is refused, however early that is */
	ask(&node, &answer,
	    HEAD_OF("POST", "/v1/guard/check") "Origin: https://a.example.org\r\n"
					       "Content-Length: 262145\r\n\r\n");
	assert_int_equal(answer.status, 413);
	assert_header("Access-Control-Allow-Origin", "https://a.example.org");
	ask(&node, &answer, GET("/healthz") "Origin: https://a.example.org.evil\r\n\r\n");
	assert_no_header("Access-Control-Allow-Origin");
}

/* --- who asks -------------------------------------------------------------------------------- */

/* Signs up from the address that these headers make the daemon believe in; its answer's status. */
static int sign_up_from(const char *headers, int n)
{
	char body[128];
	int len = snprintf(body, sizeof(body), "email=from%d@example.org&password=short", n);

	ask(&node, &answer,
	    HEAD_OF("POST", "/signup") "Content-Type: application/x-www-form-urlencoded\r\n"
				       "%sContent-Length: %d\r\n\r\n%s",
	    headers, len, body);
	return answer.status;
}

/* 127.0.0.1 and 10.0.0.0/8 are trusted here. Five attempts count against whoever is believed to
 * ask. */
static void clients_are_who_trusted_proxies_say(void **state)
{
	static const struct {
		const char *fills, *same; /* two spellings of one client */
	} rows[] = {
		{ "X-Forwarded-For: 192.0.2.1\r\n", "X-Forwarded-For: 203.0.113.9, 192.0.2.1\r\n" },
		{ "X-Forwarded-For: 192.0.2.2\r\n", "X-Forwarded-For: 192.0.2.2, 10.1.2.3\r\n" },
		{ "X-Forwarded-For: 192.0.2.3\r\n",
		  "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 192.0.2.3:4711\r\n" },
		{ "X-Forwarded-For: 2001:db8::1\r\n",
		  "X-Forwarded-For: [2001:db8::2]:80, 10.0.0.1\r\n" },
		{ "X-Forwarded-For: 10.0.0.9\r\n", "X-Forwarded-For: nonsense, 10.0.0.9\r\n" },
	};
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int attempt = 0; attempt < 5; attempt++)
			assert_int_equal(sign_up_from(rows[i].fills, n++), 400);
		assert_int_equal(sign_up_from(rows[i].same, n++), 429);
		assert_non_null(answer_header(&answer, "Retry-After", value));
	}
	assert_int_equal(sign_up_from("X-Forwarded-For: 192.0.2.77\r\n", n), 400);
}

static void a_full_window_comes_before_missing_fields(void **state)
{
	for (int n = 0; n < 5; n++)
		sign_up_from("X-Forwarded-For: 192.0.2.200\r\n", n);
	ask(&node, &answer,
	    HEAD_OF("POST", "/signup") "X-Forwarded-For: 192.0.2.200\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(answer.status, 429);
	ask(&node, &answer,
	    HEAD_OF("POST", "/signup") "X-Forwarded-For: 192.0.2.201\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(answer.status, 422);
	assert_non_null(strstr(answer.body, "\"loc\":[\"body\",\"email\"]"));
}

static void keys_in_all_their_forms(void **state)
{
	static const struct {
		const char *header;
		int status;
	} rows[] = {
		{ "Authorization: Bearer %s\r\n", 200 },
		{ "authorization: BEARER    %s  \r\n", 200 },
		{ "Authorization: %s\r\n", 200 },
		{ "x-api-key: %s\r\n", 200 },
		{ "Authorization: Basic dXNlcg==\r\nX-Api-Key: %s\r\n", 200 },
		{ "Authorization: Basic %s\r\n", 401 },
		{ "Authorization: Bearer x%s\r\n", 401 },
		{ "Authorization: Bearer %sx\r\n", 401 },
		{ "Authorization: Bearer\r\n", 401 },
		{ "Cookie: session=%s\r\n", 401 },
		{ "", 401 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char header[256];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(header, sizeof(header), rows[i].header, key);
#pragma GCC diagnostic pop
		ask(&node, &answer,
		    HEAD_OF("POST",
			    "/v1/guard/check") "%sContent-Length: 12\r\n\r\n{\"text\":\"x\"}",
		    header);
		if (answer.status != rows[i].status)
			fail_msg("%s: %d", rows[i].header, answer.status);
		if (answer.status == 401)
			assert_body(API_UNAUTHORIZED_BODY);
		assert_no_header("WWW-Authenticate");
	}
}

static void metrics_are_for_loopback_by_default(void **state)
{
	ask(&node, &answer, GET("/metrics") "\r\n");
	assert_int_equal(answer.status, 200);
	assert_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
	assert_non_null(strstr(answer.body, "# TYPE axfw_verdicts_total counter\n"));
	assert_non_null(strstr(answer.body, "axfw_packets_total{reason=\"key_unknown\"} 0\n"));
}

static void operators_ask_at_the_local_socket(void **state)
{
	static const char status[] = GET("/node/status") "\r\n" GET("/v1/guard/check") "\r\n";
	struct stat st;
	int fd = dial_local(node.socket_path);

	assert_int_equal(stat(node.socket_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(say(fd, status, sizeof(status) - 1));
	hear(fd, &answer);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "\"mode\":\"userspace\""));
	hear(fd, &answer);
	assert_int_equal(answer.status, 404);
	close(fd);
}

static void every_address_is_served(void **state)
{
	assert_int_not_equal(node.ports[0], node.ports[1]);
	for (int i = 0; i < 2; i++) {
		int fd = dial(node.ports[i]);
		static const char bytes[] = GET("/healthz") "\r\n";

		assert_true(say(fd, bytes, sizeof(bytes) - 1));
		hear(fd, &answer);
		assert_int_equal(answer.status, 200);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_and_methods),
		cmocka_unit_test(head_has_no_body),
		cmocka_unit_test(a_slash_too_many_is_redirected),
		cmocka_unit_test(request_ids_are_echoed_when_sane),
		cmocka_unit_test(every_answer_has_security_headers),
		cmocka_unit_test(browsers_get_pages_for_errors),
		cmocka_unit_test(cross_origin_calls_are_for_listed_origins),
		cmocka_unit_test(clients_are_who_trusted_proxies_say),
		cmocka_unit_test(a_full_window_comes_before_missing_fields),
		cmocka_unit_test(keys_in_all_their_forms),
		cmocka_unit_test(metrics_are_for_loopback_by_default),
		cmocka_unit_test(operators_ask_at_the_local_socket),
		cmocka_unit_test(every_address_is_served),
	};

	return cmocka_run_group_tests(tests, set_up, http_node_tear_down);
}
