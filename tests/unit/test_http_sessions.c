/* SPDX-License-Identifier: Apache-2.0 */
/* Forms and cookies, as browsers and as those who abuse them send them: over real sockets. */
#include "http_node.h"

static struct answer answer;
static char value[512];

struct browser {
	char cookie[256]; /* of the session; "" without one */
	char csrf[SESSION_CSRF_LEN + 1];
};

static int set_up(void **state)
{
	static const char *const flags[] = { "--signup-limit", "16", NULL };

	http_node_start(&node, flags);
	return 0;
}

static void keep_cookie(struct browser *b)
{
	const char *set = answer_header(&answer, "Set-Cookie", value);

	if (set && !strncmp(set, "session=", 8))
		snprintf(b->cookie, sizeof(b->cookie), "%.*s", (int)strcspn(set + 8, ";"), set + 8);
}

/* Headers: each line with its CRLF. */
static void post(struct browser *b, const char *path, const char *headers, const char *body)
{
	ask(&node, &answer,
	    "POST %s HTTP/1.1\r\nHost: axfw.example\r\nCookie: other=1; session=%s\r\n"
	    "Content-Type: application/x-www-form-urlencoded\r\n%sContent-Length: %zu\r\n\r\n%s",
	    path, b->cookie, headers, strlen(body), body);
	keep_cookie(b);
}

static void get(struct browser *b, const char *path)
{
	ask(&node, &answer, "GET %s HTTP/1.1\r\nHost: axfw.example\r\nCookie: session=%s\r\n\r\n",
	    path, b->cookie);
	keep_cookie(b);
}

static void find_csrf(struct browser *b)
{
	const char *at = strstr(answer.body, "name=\"csrf\" value=\"");

	assert_non_null(at);
	snprintf(b->csrf, sizeof(b->csrf), "%s", at + strlen("name=\"csrf\" value=\""));
}

static void sign_up(struct browser *b, const char *email)
{
	char body[256];

	*b = (struct browser){ 0 };
	snprintf(body, sizeof(body), "email=%s&password=correct+horse", email);
	post(b, "/signup", "", body);
	assert_int_equal(answer.status, 303);
	assert_string_equal(answer_header(&answer, "Location", value), "/dashboard");
}

static bool is_logged_in(struct browser *b)
{
	get(b, "/dashboard");
	if (answer.status == 303)
		assert_string_equal(answer_header(&answer, "Location", value), "/login");
	return answer.status == 200;
}

static void cookies_have_their_attributes(void **state)
{
	struct browser b;

	sign_up(&b, "attributes@example.org");
	assert_true(is_logged_in(&b));
	/* Sliding: it comes again with every answer. */
	answer_header(&answer, "Set-Cookie", value);
	assert_non_null(strstr(value, "; path=/; Max-Age=1209600; httponly; samesite=lax"));
	assert_null(strstr(value, "secure"));
	get(&b, "/healthz");
	assert_int_equal(strncmp(answer_header(&answer, "Set-Cookie", value), "session=", 8), 0);
	get(&b, "/static/axfw.css");
	assert_int_equal(answer.status, 200);
	assert_null(answer_header(&answer, "Set-Cookie", value));
}

static void forms_need_their_token(void **state)
{
	struct browser b;
	char body[256];

	sign_up(&b, "token@example.org");
	assert_true(is_logged_in(&b));
	find_csrf(&b);
	post(&b, "/dashboard/keys", "", "name=forged");
	assert_int_equal(answer.status, 403);
	post(&b, "/dashboard/keys", "",
	     "name=forged&csrf=0000000000000000000000000000000000000000000");
	assert_int_equal(answer.status, 403);
	post(&b, "/dashboard/keys", "", "csrf=x");
	assert_int_equal(answer.status, 422); /* what is missing comes first */
	snprintf(body, sizeof(body), "name=real&csrf=%s", b.csrf);
	post(&b, "/dashboard/keys", "", body);
	assert_int_equal(answer.status, 303);
	get(&b, "/dashboard");
	assert_non_null(strstr(answer.body, "real"));
	assert_null(strstr(answer.body, "forged"));
}

static void other_sites_forms_are_refused(void **state)
{
	static const struct {
		const char *headers;
		int status;
	} rows[] = {
		{ "", 303 },
		{ "Sec-Fetch-Site: same-origin\r\n", 303 },
		{ "Sec-Fetch-Site: none\r\n", 303 },
		{ "Origin: http://axfw.example\r\n", 303 },
		{ "Sec-Fetch-Site: cross-site\r\n", 403 },
		{ "Sec-Fetch-Site: same-site\r\n", 403 },
		{ "Origin: http://evil.example\r\n", 403 },
		{ "Origin: http://axfw.example.evil\r\n", 403 },
		{ "Origin: null\r\n", 403 },
	};
	struct browser b;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		b = (struct browser){ 0 };
		post(&b, "/logout", rows[i].headers, "");
		if (answer.status != rows[i].status)
			fail_msg("%s: %d", rows[i].headers, answer.status);
	}
	/* Not even a log-in: it would make the browser ours. */
	post(&b, "/login", "Sec-Fetch-Site: cross-site\r\n",
	     "email=a@example.org&password=12345678");
	assert_int_equal(answer.status, 403);
}

static void logging_out_ends_every_copy(void **state)
{
	struct browser b, thief;
	char body[256];

	sign_up(&b, "thief@example.org");
	thief = b;
	assert_true(is_logged_in(&thief));
	assert_true(is_logged_in(&b));
	find_csrf(&b);
	snprintf(body, sizeof(body), "csrf=%s", b.csrf);
	post(&b, "/logout", "", body);
	assert_int_equal(answer.status, 303);
	assert_string_equal(answer_header(&answer, "Location", value), "/");
	answer_header(&answer, "Set-Cookie", value);
	assert_int_equal(
		strncmp(value, "session=null; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT", 59),
		0);
	assert_false(is_logged_in(&thief));
	assert_false(is_logged_in(&b));
}

static void without_a_session_pages_lead_to_the_login(void **state)
{
	static const char *const cookies[] = { "",    "null", "AAAA",	    "a; session=b",
					       "%00", "\xff", "\"quoted\"", "=;;=" };
	struct browser b;

	for (size_t i = 0; i < ARRAY_SIZE(cookies); i++) {
		b = (struct browser){ 0 };
		snprintf(b.cookie, sizeof(b.cookie), "%s", cookies[i]);
		assert_false(is_logged_in(&b));
	}
	memset(b.cookie, 'A', sizeof(b.cookie) - 1);
	assert_false(is_logged_in(&b));
	b = (struct browser){ 0 };
	post(&b, "/dashboard/keys", "", "name=x");
	assert_int_equal(answer.status, 303);
	assert_string_equal(answer_header(&answer, "Location", value), "/login");
	post(&b, "/dashboard/keys/abc/revoke", "", "");
	assert_int_equal(answer.status, 303);
}

static void bad_forms_are_refused(void **state)
{
	struct browser b = { 0 };

	post(&b, "/login", "", "email=a%00b@example.org&password=12345678");
	assert_int_equal(answer.status, 400);
	post(&b, "/login", "", "email=%ff%fe&password=12345678");
	assert_int_equal(answer.status, 400);
	post(&b, "/login", "", "email=&password=");
	assert_int_equal(answer.status, 422);
	assert_non_null(strstr(answer.body, "\"loc\":[\"body\",\"password\"]"));
	ask(&node, &answer,
	    "POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
	    "13\r\n\r\n"
	    "{\"email\":\"a\"}");
	assert_int_equal(answer.status, 422);
}

static void logging_in(void **state)
{
	struct browser b, other = { 0 };

	sign_up(&b, "login@example.org");
	post(&other, "/login", "", "email=+LOGIN@example.org&password=correct+horse");
	assert_int_equal(answer.status, 303);
	assert_true(is_logged_in(&other));
	assert_true(is_logged_in(&b));
	other = (struct browser){ 0 };
	post(&other, "/login", "", "email=login@example.org&password=wrong+horse");
	assert_int_equal(answer.status, 401);
	assert_non_null(strstr(answer.body, "Invalid email or password."));
	assert_false(is_logged_in(&other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookies_have_their_attributes),
		cmocka_unit_test(forms_need_their_token),
		cmocka_unit_test(other_sites_forms_are_refused),
		cmocka_unit_test(logging_out_ends_every_copy),
		cmocka_unit_test(without_a_session_pages_lead_to_the_login),
		cmocka_unit_test(bad_forms_are_refused),
		cmocka_unit_test(logging_in),
	};

	return cmocka_run_group_tests(tests, set_up, http_node_tear_down);
}
