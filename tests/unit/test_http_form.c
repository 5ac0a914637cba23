/* SPDX-License-Identifier: Apache-2.0 */
/* Forms, bodies and the route table, without a socket. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "http/internal.h"

#define URLENCODED  "application/x-www-form-urlencoded"
#define MULTIPART   "multipart/form-data; boundary=B"
#define BODY_SIZE   (1 << 20)
#define BODIES_MOST 200
#define ROW(type, body, r, text)                                                                   \
	{                                                                                          \
		type, body, sizeof(body) - 1, r, text                                              \
	}
#define PART(name, value)                                                                          \
	"--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

/* Expected fields as "name=value;…". */
static const struct form {
	const char *type, *body;
	size_t len;
	int r;
	const char *text;
} forms[] = {
	ROW(URLENCODED, "", 0, ""),
	ROW(URLENCODED, "a=b", 0, "a=b;"),
	ROW(NULL, "a=b", 0, "a=b;"),
	ROW(URLENCODED "; charset=utf-8", "a=b", 0, "a=b;"),
	ROW("APPLICATION/X-WWW-FORM-URLENCODED", "a=b", 0, "a=b;"),
	ROW(URLENCODED, "a=b&c=d&a=e", 0, "a=b;c=d;a=e;"),
	ROW(URLENCODED, "a=&b", 0, "a=;"),
	ROW(URLENCODED, "&&a=b&", 0, "a=b;"),
	ROW(URLENCODED, "a=b=c", 0, "a=b=c;"),
	ROW(URLENCODED, "a=b+c%2Bd%20e", 0, "a=b c+d e;"),
	ROW(URLENCODED, "%61%3D=%C3%BC", 0, "a==\xc3\xbc;"),
	ROW(URLENCODED, "a=100%&b=%zz&c=%4", 0, "a=100%;b=%zz;c=%4;"),
	ROW(URLENCODED, "a=%", 0, "a=%;"),
	ROW(URLENCODED, "a=b%00c", -EBADMSG, NULL),
	ROW(URLENCODED, "a%00=b", -EBADMSG, NULL),
	ROW(URLENCODED, "a=b\0c", -EBADMSG, NULL),
	ROW(URLENCODED, "a=%ff%fe", -EBADMSG, NULL),
	ROW(URLENCODED, "a=\xc0\xaf", -EBADMSG, NULL),
	ROW(URLENCODED, "a=%ed%a0%80", -EBADMSG, NULL),
	ROW("application/json", "{\"a\":\"b\"}", 0, ""),
	ROW("application/x-www-form-urlencodedx", "a=b", 0, ""),
	ROW(MULTIPART, "", 0, ""),
	ROW(MULTIPART, PART("a", "b") PART("c", "d") "--B--\r\n", 0, "a=b;c=d;"),
	ROW(MULTIPART, "preamble\r\n" PART("a", "b") "--B--", 0, "a=b;"),
	ROW(MULTIPART, PART("a", "") "--B--\r\n", 0, "a=;"),
	ROW(MULTIPART, PART("a", "two\r\nlines --B in it") "--B--\r\n", 0,
	    "a=two\r\nlines --B in it;"),
	ROW(MULTIPART, PART("a", "%41+") "--B--\r\n", 0, "a=%41+;"),
	ROW("multipart/form-data; boundary=\"B\"", PART("a", "b") "--B--\r\n", 0, "a=b;"),
	ROW(MULTIPART,
	    "--B\r\ncontent-disposition: form-data; Name=\"a\"\r\nX: y\r\n\r\nb\r\n--B--\r\n", 0,
	    "a=b;"),
	ROW(MULTIPART,
	    "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nb\r\n" PART(
		    "a", "b") "--B--\r\n",
	    0, "a=b;"),
	ROW(MULTIPART, PART("a", "b"), -EBADMSG, NULL),
	ROW(MULTIPART, "--B\r\n\r\n", -EBADMSG, NULL),
	ROW(MULTIPART, "--Bx\r\n\r\nb\r\n--B--\r\n", -EBADMSG, NULL),
	ROW(MULTIPART, "nothing of it", -EBADMSG, NULL),
	ROW(MULTIPART, PART("a", "b\0c") "--B--\r\n", -EBADMSG, NULL),
	ROW(MULTIPART, PART("a", "\xff") "--B--\r\n", -EBADMSG, NULL),
	ROW("multipart/form-data", PART("a", "b") "--B--\r\n", -EBADMSG, NULL),
	ROW("multipart/form-data; boundary=", PART("a", "b") "--B--\r\n", -EBADMSG, NULL),
};

static void forms_are_read(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct exchange_field fields[FORM_FIELDS_MAX];
		/* Exactly as large as http/ makes it, so that ASan sees what goes beyond. */
		_cleanup_(freep) char *body = malloc(forms[i].len + 1);
		struct text said = { 0 };
		size_t count = 0;
		int r;

		memcpy(body, forms[i].body, forms[i].len + 1);
		r = form_parse(forms[i].type, body, forms[i].len, fields, &count);
		for (size_t n = 0; n < count; n++)
			text_addf(&said, "%s=%s;", fields[n].name, fields[n].value);
		text_add(&said, "");
		if (r != forms[i].r || (r == 0 && strcmp(said.data, forms[i].text)))
			fail_msg("form %zu (%s): %d, '%s'", i, forms[i].body, r, said.data);
		text_free(&said);
	}
}

static void too_many_fields_are_an_error(void **state)
{
	struct exchange_field fields[FORM_FIELDS_MAX];
	struct text body = { 0 };
	size_t count = 0;

	for (int i = 0; i < FORM_FIELDS_MAX; i++)
		text_addf(&body, "a%d=b&", i);
	assert_int_equal(form_parse(URLENCODED, body.data, body.len, fields, &count), 0);
	assert_int_equal(count, FORM_FIELDS_MAX);
	text_clear(&body);
	for (int i = 0; i <= FORM_FIELDS_MAX; i++)
		text_addf(&body, "a%d=b&", i);
	assert_int_equal(form_parse(URLENCODED, body.data, body.len, fields, &count), -EBADMSG);
	text_free(&body);
}

static void bodies_grow_up_to_their_limit(void **state)
{
	static struct body b;
	char piece[1000];

	memset(piece, 'x', sizeof(piece));
	body_init(&b);
	for (int i = 0; i < 100; i++)
		assert_int_equal(body_add(&b, piece, sizeof(piece), 100000), 0);
	assert_int_equal(b.len, 100000);
	assert_int_equal(strlen(b.data), 100000);
	assert_int_equal(body_add(&b, piece, 1, 100000), -E2BIG);
	assert_int_equal(b.len, 100000);
	body_free(&b);
	assert_int_equal(b.len, 0);
}

/* Bodies until there is no room for one more; how many there were. */
static int fill(struct body *bodies, int most, enum body_room room)
{
	char *piece = calloc(1, BODY_SIZE);
	int n = 0, r = 0;

	while (n < most && r == 0) {
		body_init(&bodies[n]);
		bodies[n].room = room;
		r = body_add(&bodies[n], piece, BODY_SIZE, BODY_SIZE);
		n += r == 0;
	}
	assert_int_equal(r, -ENOBUFS);
	free(piece);
	return n;
}

static void free_all(struct body *bodies, int count)
{
	for (int i = 0; i < count; i++)
		body_free(&bodies[i]);
}

/* All bodies of a room together: the rest is told to come back, and the other room isn't touched.
 */
static void bodies_share_a_bound(void **state)
{
	struct body *strangers = calloc(BODIES_MOST, sizeof(*strangers));
	struct body *calls = calloc(BODIES_MOST, sizeof(*calls));
	int n = fill(strangers, BODIES_MOST, BODY_ROOM_OTHERS);
	int m = fill(calls, BODIES_MOST, BODY_ROOM_CALLS);

	assert_int_equal(n, 16);
	assert_int_equal(m, 48);
	body_free(&strangers[n - 1]);
	assert_int_equal(fill(strangers + n - 1, BODIES_MOST - n, BODY_ROOM_OTHERS), 1);
	free_all(strangers, n);
	free_all(calls, m);
	assert_int_equal(fill(calls, BODIES_MOST, BODY_ROOM_CALLS), m);
	free_all(calls, m);
	free(strangers);
	free(calls);
}

/* --- the table ------------------------------------------------------------------------------- */

static void routes_match_their_paths_only(void **state)
{
	static const struct {
		const char *method, *path;
		bool local;
		enum routes_found found;
		const char *said; /* the value, or Allow */
	} rows[] = {
		{ "POST", "/v1/guard/check", false, ROUTES_FOUND, NULL },
		{ "GET", "/v1/guard/check", false, ROUTES_OTHER_METHOD, "POST" },
		{ "POST", "/v1/guard/check/", false, ROUTES_UNKNOWN, NULL },
		{ "POST", "/v1/guard", false, ROUTES_UNKNOWN, NULL },
		{ "post", "/v1/guard/check", false, ROUTES_OTHER_METHOD, "POST" },
		{ "DELETE", "/login", false, ROUTES_OTHER_METHOD, "GET, POST" },
		{ "POST", "/static/axfw.css", false, ROUTES_OTHER_METHOD, "GET, HEAD" },
		{ "POST", "/login", false, ROUTES_FOUND, NULL },
		{ "HEAD", "/healthz", false, ROUTES_OTHER_METHOD, "GET" },
		{ "GET", "/static/axfw.css", false, ROUTES_FOUND, "axfw.css" },
		{ "GET", "/static/", false, ROUTES_UNKNOWN, NULL },
		{ "GET", "/static/a/b", false, ROUTES_UNKNOWN, NULL },
		{ "POST", "/dashboard/keys/x-1/revoke", false, ROUTES_FOUND, "x-1" },
		{ "POST", "/dashboard/keys//revoke", false, ROUTES_UNKNOWN, NULL },
		{ "POST", "/dashboard/keys/x/revoke/", false, ROUTES_UNKNOWN, NULL },
		{ "GET", "/node/status", false, ROUTES_UNKNOWN, NULL },
		{ "GET", "/node/status", true, ROUTES_FOUND, NULL },
		{ "POST", "/v1/guard/check", true, ROUTES_UNKNOWN, NULL },
		{ "POST", "/login", true, ROUTES_OTHER_METHOD, "GET" },
		{ "GET", "/.well-known/axfw-keys.json", true, ROUTES_FOUND, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct routes_match m = { 0 };
		enum routes_found found =
			routes_find(rows[i].method, rows[i].path, rows[i].local, &m);
		char value[64] = "";

		if (found != rows[i].found)
			fail_msg("%s %s: %d", rows[i].method, rows[i].path, (int)found);
		if (m.value)
			snprintf(value, sizeof(value), "%.*s", (int)m.value_len, m.value);
		if (found == ROUTES_OTHER_METHOD)
			assert_string_equal(m.allow, rows[i].said);
		else if (rows[i].said)
			assert_string_equal(value, rows[i].said);
	}
}

/* Columns that a row may not forget. */
static void rows_are_safe(void **state)
{
	size_t count;
	const struct route *r = http_routes(&count);

	for (size_t i = 0; i < count; i++) {
		assert_non_null(r[i].handle);
		assert_non_null(r[i].summary);
		assert_true(r[i].body_max == routes_body_max(r[i].path));
		/* A POST that a browser can send is a form, and has its token checked. */
		if (!strcmp(r[i].method, "POST") && r[i].auth != AUTH_API_KEY &&
		    r[i].auth != AUTH_OPERATOR)
			assert_true(r[i].form);
		assert_true(!r[i].hashes || r[i].slow);
		assert_true(!r[i].form || r[i].slow); /* it changes state on disk */
		if (!strncmp(r[i].path, "/node/", 6))
			assert_int_equal(r[i].auth, AUTH_OPERATOR);
		if (!strncmp(r[i].path, "/dashboard", 10))
			assert_int_equal(r[i].auth, AUTH_SESSION);
	}
}

static void the_kernel_gets_its_rows(void **state)
{
	struct axfw_route rows[AXFW_ROUTES_MAX];
	unsigned count = http_kernel_routes(rows);

	assert_int_equal(count, 5); /* sign-up, and the calls that judge texts */
	for (unsigned i = 0; i < count; i++) {
		bool signup = !strncmp(rows[i].line, "POST /signup HTTP/1.1\r\n", rows[i].line_len);

		assert_int_equal(rows[i].line_len, strlen(rows[i].line));
		assert_int_equal(rows[i].kind, signup ? AXFW_ROUTE_SIGNUP : AXFW_ROUTE_API_KEY);
		assert_int_equal(rows[i].body_max, signup ? 1048576 : 262144);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_read),
		cmocka_unit_test(too_many_fields_are_an_error),
		cmocka_unit_test(bodies_grow_up_to_their_limit),
		cmocka_unit_test(bodies_share_a_bound),
		cmocka_unit_test(routes_match_their_paths_only),
		cmocka_unit_test(rows_are_safe),
		cmocka_unit_test(the_kernel_gets_its_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
