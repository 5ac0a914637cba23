/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every path of the route table with every method, and the corners of a request that reach a route:
 * doubled fields, cookies that are none, escapes.
 */
#include "http/internal.h"
#include "http_node.h"

static struct answer answer;
static char value[512];

/* A path that the row's pattern matches. */
static void path_of(const struct route *r, char ret[static 128])
{
	const char *open = strchr(r->path, '{');

	snprintf(ret, 128, "%s", r->path);
	if (open)
		snprintf(ret + (open - r->path), 128 - (size_t)(open - r->path), "x%s",
			 strchr(open, '}') + 1);
}

/* What Allow has to be, by the table: "" where the method is one of the path's. */
static void allowed(const char *path, const char *method, char ret[static 128])
{
	size_t count, len = 0;
	const struct route *rows = http_routes(&count);

	ret[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		char other[128];

		path_of(&rows[i], other);
		if (strcmp(other, path))
			continue;
		if (!strcmp(rows[i].method, method)) {
			ret[0] = '\0';
			return;
		}
		len += (size_t)snprintf(ret + len, 128 - len, "%s%s", len ? ", " : "",
					rows[i].method);
	}
}

/* HEAD's answer has the length of a body that doesn't come: the end of the connection does. */
static void ask_method(const char *method, const char *path)
{
	char bytes[512];
	int fd = dial(node.ports[0]);
	int len = snprintf(bytes, sizeof(bytes),
			   "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", method, path);

	assert_true(say(fd, bytes, (size_t)len));
	hear(fd, &answer);
	if (!strcmp(method, "HEAD")) {
		assert_true(answer.len == (size_t)(answer.body - answer.raw));
		answer.status = atoi(answer.raw + strlen("HTTP/1.1 "));
		*answer.body = '\0';
	}
	close(fd);
}

static void judge_method(const struct route *r, const char *method)
{
	char path[128], wanted[128];
	const char *said;

	path_of(r, path);
	allowed(path, method, wanted);
	ask_method(method, path);
	said = answer_header(&answer, "Allow", value);
	if (r->auth == AUTH_OPERATOR) {
		if (answer.status != 404 || said)
			fail_msg("%s %s: %d, the operator's", method, path, answer.status);
	} else if (!*wanted) {
		if (answer.status == 405 || answer.status >= 500 || !answer.status)
			fail_msg("%s %s: %d", method, path, answer.status);
	} else if (answer.status != 405 || !said || strcmp(said, wanted)) {
		fail_msg("%s %s: %d, Allow: %s instead of %s", method, path, answer.status,
			 said ? said : "none", wanted);
	}
}

static void every_method_on_every_path(void **state)
{
	static const char *const methods[] = { "GET",	"HEAD",	   "POST",  "PUT",  "DELETE",
					       "PATCH", "OPTIONS", "TRACE", "BREW", "get",
					       "G",	"CONNECT", "QUERY", "PRI" };
	size_t count;
	const struct route *rows = http_routes(&count);

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(methods); j++)
			judge_method(&rows[i], methods[j]);
	}
}

/* Its headers, and the connection goes on behind them. */
static void head_of_a_static_file(void **state)
{
	static const char head[] = "HEAD /static/axfw.css HTTP/1.1\r\nHost: a\r\n\r\n"
				   "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
	int fd = dial(node.ports[0]);
	char length[512];

	ask(&node, &answer, "GET /static/axfw.css HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(answer.status, 200);
	snprintf(length, sizeof(length), "%zu", answer.body_len);
	assert_true(say(fd, head, sizeof(head) - 1));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	hear(fd, &answer);
	assert_string_equal(answer_header(&answer, "Content-Length", value), length);
	assert_memory_equal(answer.body, "HTTP/1.1 200 OK", 15);
	close(fd);
}

/* Targets of proxies and of whole servers aren't ours. */
static void other_forms_of_targets(void **state)
{
	static const char *const lines[] = { "OPTIONS *",
					     "GET *",
					     "CONNECT a:443",
					     "GET ftp://a/healthz",
					     "GET healthz",
					     "GET ?a=b",
					     "GET http://b/healthz",
					     "GET http://a:80/healthz",
					     "GET http:///healthz",
					     "GET http://u@a/healthz" };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		ask(&node, &answer, "%s HTTP/1.1\r\nHost: a\r\n\r\n", lines[i]);
		if (answer.status != 400)
			fail_msg("%s: %d", lines[i], answer.status);
		assert_non_null(strstr(answer.body, "request target"));
	}
}

/* As a proxy sends them. */
static void absolute_targets(void **state)
{
	static const struct {
		const char *target;
		int status;
	} rows[] = {
		{ "http://a/healthz", 200 },
		{ "HTTP://A/healthz?x=http://b/", 200 },
		{ "https://a/%68ealthz", 200 },
		{ "http://a", 200 },
		{ "http://a?b", 200 },
		{ "http://a/", 200 },
		{ "http://a/nope", 404 },
		{ "http://a//healthz", 404 },
		{ "http://a/v1/guard/check", 405 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ask(&node, &answer, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].target);
		if (answer.status != rows[i].status)
			fail_msg("%s: %d", rows[i].target, answer.status);
	}
	ask(&node, &answer, "GET http://a/login/?b=c HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(answer.status, 307);
	assert_non_null(strstr(answer.raw, "\r\nLocation: http://a/login?b=c\r\n"));
	/* the smaller of the two limits is a path's, however it is written */
	ask(&node, &answer,
	    "POST http://a/v1/guard/check HTTP/1.1\r\nHost: a\r\nContent-Length: 262145\r\n\r\n");
	assert_int_equal(answer.status, 413);
}

static void escapes_in_paths(void **state)
{
	static const struct {
		const char *path;
		int status;
	} rows[] = {
		{ "/%68ealthz", 200 },
		{ "/%48ealthz", 404 },
		{ "/healthz%", 404 },
		{ "/healthz%0", 404 },
		{ "/healthz%zz", 404 },
		{ "/healthz%00", 404 },
		{ "/healthz%0d%0a", 404 },
		{ "/%2e%2e/healthz", 404 },
		{ "/static/../healthz", 404 },
		{ "/%2fhealthz", 404 },
		{ "//healthz", 404 },
		{ "/healthz?%00", 200 },
		{ "/healthz?%zz=%", 200 },
		{ "/healthz%3fa", 404 },
		{ "/healthz#a", 404 },
		{ "/healthz;a=b", 404 },
		{ "/static/..%2f..%2fetc%2fpasswd", 404 },
		{ "/%ff%fe", 404 },
		{ "/static/%00", 404 },
		{ "/healthz%2f", 404 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ask(&node, &answer, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].path);
		if (answer.status != rows[i].status)
			fail_msg("%s: %d", rows[i].path, answer.status);
	}
}

/* Whatever stands in a cookie, it is no session; and only a real one is. */
static void cookies_that_are_none(void **state)
{
	static const char *const cookies[] = {
		"session",
		"session=",
		"=",
		";;;",
		"session==",
		"session=%00%ff",
		"session=\xff\xfe\x80",
		"SESSION=a; session=b; session=c",
		"$Version=1; session=a; $Path=/",
		"session=a.b.c.d",
		" \t ; session = a",
		"session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"a=b, session=c"
	};
	char longest[4096];

	for (size_t i = 0; i <= ARRAY_SIZE(cookies); i++) {
		memset(longest, 'a', sizeof(longest));
		memcpy(longest, "session=", 8);
		longest[sizeof(longest) - 1] = '\0';
		ask(&node, &answer, "GET /dashboard HTTP/1.1\r\nHost: a\r\nCookie: %s\r\n\r\n",
		    i < ARRAY_SIZE(cookies) ? cookies[i] : longest);
		if (answer.status != 303)
			fail_msg("%s: %d", cookies[i % ARRAY_SIZE(cookies)], answer.status);
		assert_string_equal(answer_header(&answer, "Location", value), "/login");
	}
}

static void log_in_with(const char *body)
{
	ask(&node, &answer,
	    "POST /login HTTP/1.1\r\nHost: a\r\n"
	    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n%s",
	    strlen(body), body);
}

/* The library can't read it, and says that it is too large. */
static void a_cookie_that_is_a_quote(void **state)
{
	ask(&node, &answer, "GET /healthz HTTP/1.1\r\nHost: a\r\nCookie: a=b; c=\"\r\n\r\n");
	assert_int_equal(answer.status, 400);
	assert_non_null(strstr(answer.body, "cookie"));
}

/* Of a field that comes twice the first counts, for everyone who looks: there is no second meaning
 * of the same form. */
static void fields_that_come_twice(void **state)
{
	char code[CRYPTO_RECOVERY_CODE_LEN + 1];
	uint32_t tenant;

	assert_int_equal(identity_sign_up(node.services->identity, "twice@example.org",
					  "correct horse", "indie", &tenant, code),
			 0);
	log_in_with("email=twice%40example.org&password=correct+horse");
	assert_int_equal(answer.status, 303);
	log_in_with("email=twice%40example.org&password=correct+horse&password=wrong&email=x");
	assert_int_equal(answer.status, 303);
	log_in_with("email=twice%40example.org&password=wrong&password=correct+horse");
	assert_int_equal(answer.status, 401);
	log_in_with("email=&email=twice%40example.org&password=correct+horse");
	assert_int_equal(answer.status, 422);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_method_on_every_path),
		cmocka_unit_test(head_of_a_static_file),
		cmocka_unit_test(other_forms_of_targets),
		cmocka_unit_test(absolute_targets),
		cmocka_unit_test(escapes_in_paths),
		cmocka_unit_test(cookies_that_are_none),
		cmocka_unit_test(a_cookie_that_is_a_quote),
		cmocka_unit_test(fields_that_come_twice),
	};

	return cmocka_run_group_tests(tests, http_node_set_up, http_node_tear_down);
}
