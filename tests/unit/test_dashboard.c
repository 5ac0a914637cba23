/* SPDX-License-Identifier: Apache-2.0 */
/* The pages' handlers over a real store, with exchanges filled in by hand: statuses, texts, forms,
 * cookies. */
#include <sqlite3.h>
#include "identity_fixture.h"
#include "dashboard/dashboard.h"
#include "kernel/kernel.h"

#define FIELDS_MAX 8

static struct settings settings;
static struct services services;

/* What a browser brings along. */
static struct exchange_field headers[FIELDS_MAX], query[FIELDS_MAX], form[FIELDS_MAX];
static char cookie[SESSION_COOKIE_MAX];

static const char *find_in(const struct exchange_field *list, const char *name)
{
	for (size_t n = 0; n < FIELDS_MAX && list[n].name; n++)
		if (!strcasecmp(list[n].name, name))
			return list[n].value;
	return NULL;
}

static const char *find_header(const struct exchange *x, const char *name)
{
	return find_in(headers, name);
}

static const char *find_query(const struct exchange *x, const char *name)
{
	return find_in(query, name);
}

static const char *find_cookie(const struct exchange *x, const char *name)
{
	return !strcmp(name, "session") && *cookie ? cookie : NULL;
}

static int setup_node(void **state)
{
	static const uint8_t key[CRYPTO_SIPHASH_KEY];
	static const uint16_t port = 8004;
	static const struct axfw_route route;
	const struct kernel_options off = { .interfaces = "none",
					    .pin_dir = "/nowhere",
					    .ports = &port,
					    .port_count = 1,
					    .routes = &route,
					    .admission_key = key };
	char error[KERNEL_REASON_MAX];
	struct fixture *f;

	if (setup(state) < 0)
		return -1;
	f = *state;
	settings = (struct settings){ .public_url = (char *)(uintptr_t) "",
				      .listen = (char *)(uintptr_t) "127.0.0.1:8004",
				      .beta_feedback = (char *)(uintptr_t) "" };
	services = (struct services){ .settings = &settings,
				      .crypto = f->crypto,
				      .store = f->store,
				      .identity = f->identity,
				      .started_us = clock_wall_us(),
				      .version = "0" };
	memset(headers, 0, sizeof(headers));
	memset(query, 0, sizeof(query));
	memset(form, 0, sizeof(form));
	*cookie = '\0';
	return kernel_start(&off, &services.kernel, error, sizeof(error));
}

static int teardown_node(void **state)
{
	kernel_stop(&services.kernel);
	return teardown(state);
}

static struct exchange begin(const char *method, const char *path)
{
	struct exchange x = {
		.services = &services,
		.method = method,
		.path = path,
		.host = "127.0.0.1:8004",
		.client = address_of("192.0.2.1"),
		.form = form,
		.request_id = "0123456789abcdef",
		.now_us = clock_wall_us(),
		.find_header = find_header,
		.find_query = find_query,
		.find_cookie = find_cookie,
	};

	while (form[x.form_count].name)
		x.form_count++;
	/* As http/ does for a route that needs a session. */
	if (*cookie)
		x.has_session = session_find(services.identity, cookie, &x.session) == 0;
	return x;
}

static struct exchange get(void (*handler)(struct exchange *x))
{
	struct exchange x = begin("GET", "/");

	handler(&x);
	return x;
}

static void fill_form_from(va_list fields)
{
	size_t n = 0;

	memset(form, 0, sizeof(form));
	while ((form[n].name = va_arg(fields, const char *)))
		form[n++].value = va_arg(fields, const char *);
}

static void fill_form(int unused, ...)
{
	va_list fields;

	va_start(fields, unused);
	fill_form_from(fields);
	va_end(fields);
}

/* Fields: name, value, ..., NULL. */
static struct exchange post(void (*handler)(struct exchange *x), const char *path_value, ...)
{
	struct exchange x;
	va_list fields;

	va_start(fields, path_value);
	fill_form_from(fields);
	va_end(fields);
	x = begin("POST", "/");
	x.path_value = path_value;
	handler(&x);
	return x;
}

static const char *body(const struct exchange *x)
{
	return x->reply_body ? x->reply_body : "";
}

static bool has(const struct exchange *x, const char *text)
{
	return strstr(body(x), text) != NULL;
}

static unsigned times(const struct exchange *x, const char *text)
{
	unsigned n = 0;

	for (const char *at = body(x); (at = strstr(at, text)); at++)
		n++;
	return n;
}

static const char *header(const struct exchange *x, const char *name)
{
	for (unsigned n = 0; n < x->header_count; n++)
		if (!strcasecmp(x->headers[n].name, name))
			return x->headers[n].value;
	return NULL;
}

/* Keeps the session cookie as a browser would. */
static void take_cookie(const struct exchange *x)
{
	const char *value = header(x, "Set-Cookie");

	assert_non_null(value);
	assert_int_equal(sscanf(value, "session=%127[^;]", cookie), 1);
}

static void expect(struct exchange x, unsigned status, const char *text)
{
	assert_int_equal(x.status, status);
	if (!has(&x, text))
		fail_msg("'%s' is not in: %s", text, body(&x));
	exchange_clear(&x);
}

static void expect_redirect(struct exchange x, const char *location)
{
	assert_int_equal(x.status, 303);
	assert_string_equal(header(&x, "Location"), location);
	assert_int_equal(x.reply_len, 0);
	exchange_clear(&x);
}

static void enter(void)
{
	struct exchange x =
		post(dashboard_signup, NULL, "email", "Me@Example.org", "password", PASSWORD, NULL);

	assert_int_equal(x.status, 303);
	take_cookie(&x);
	exchange_clear(&x);
}

/* --- public pages ---------------------------------------------------------------------------- */

static void public_pages_say_what_clients_look_for(void **state)
{
	struct exchange x = get(dashboard_landing);

	assert_int_equal(x.status, 200);
	assert_string_equal(x.content_type, "text/html; charset=utf-8");
	assert_true(has(&x, "Block harm") && has(&x, "orivael.dev") &&
		    has(&x, "firewall.orivael.dev"));
	assert_false(has(&x, "feedback welcome"));
	assert_null(header(&x, "Set-Cookie"));
	exchange_clear(&x);
	settings.beta_feedback = (char *)(uintptr_t) "https://example.org/?a&b";
	expect(get(dashboard_landing), 200, "https://example.org/?a&amp;b");
	expect(get(dashboard_landing), 200, "feedback welcome");
	settings.beta_feedback = (char *)(uintptr_t) "javascript:alert(1)";
	x = get(dashboard_landing);
	assert_false(has(&x, "javascript:"));
	exchange_clear(&x);
	expect(get(dashboard_signup_form), 200, "name=\"password\"");
	expect(get(dashboard_login_form), 200, "action=\"/login\"");
}

static void error_pages_escape_and_name_the_request(void **state)
{
	struct exchange x = begin("GET", "/nowhere");

	dashboard_error_page(&x, 404, "There is no <page> here.");
	assert_int_equal(x.status, 404);
	assert_true(has(&x, "no &lt;page&gt; here"));
	assert_true(has(&x, "0123456789abcdef"));
	exchange_clear(&x);
	dashboard_error_page(&x, 404, "Not Found"); /* the API's words aren't a person's */
	assert_true(has(&x, "There is no page at this address."));
	assert_false(has(&x, "Not Found"));
	exchange_clear(&x);
}

/* --- signing up ------------------------------------------------------------------------------ */

static void signing_up_opens_a_session(void **state)
{
	struct exchange x = post(dashboard_signup, NULL, "email", " Me@Example.org", "password",
				 PASSWORD, NULL);
	const char *set = header(&x, "Set-Cookie");

	assert_non_null(set);
	assert_non_null(strstr(set, "; path=/; Max-Age=1209600; httponly; samesite=lax"));
	assert_null(strstr(set, "secure"));
	take_cookie(&x);
	expect_redirect(x, "/dashboard");
	expect(get(dashboard_overview), 200, "<h1>me@example.org</h1>");
}

static void the_cookie_is_secure_in_production_and_over_https(void **state)
{
	struct exchange x;

	settings.production = true;
	x = post(dashboard_signup, NULL, "email", "a@b.org", "password", PASSWORD, NULL);
	assert_non_null(strstr(header(&x, "Set-Cookie"), "; secure"));
	exchange_clear(&x);
	settings.production = false;
	fill_form(0, "email", "c@d.org", "password", PASSWORD, NULL);
	x = begin("POST", "/signup");
	x.https = true;
	dashboard_signup(&x);
	assert_non_null(strstr(header(&x, "Set-Cookie"), "; secure"));
	exchange_clear(&x);
}

static void signup_refusals_keep_what_was_typed(void **state)
{
	struct exchange x;

	enter();
	*cookie = '\0';
	expect(post(dashboard_signup, NULL, "email", "me@example.org", "password", PASSWORD, NULL),
	       400, "An account with that email already exists.");
	expect(post(dashboard_signup, NULL, "email", "me@example.org", "password", "short", NULL),
	       400, "An account with that email already exists."); /* which comes first */
	x = post(dashboard_signup, NULL, "email", "\"><b>@c.org", "password", "short", NULL);
	assert_int_equal(x.status, 400);
	assert_true(has(&x, "&quot;&gt;&lt;b&gt;@c.org"));
	assert_false(has(&x, "\"><b>"));
	exchange_clear(&x);
	expect(post(dashboard_signup, NULL, "email", "a@b.org", "password", "seven77", NULL), 400,
	       "Password must be at least 8 characters.");
}

static void missing_fields_are_422_and_not_counted(void **state)
{
	struct fixture *f = *state;

	expect(post(dashboard_signup, NULL, NULL), 422, "\"email\"");
	expect(post(dashboard_signup, NULL, "email", "a@b.org", "password", "", NULL), 422,
	       "\"password\"");
	expect(post(dashboard_login, NULL, "email", "a@b.org", NULL), 422, "\"password\"");
	assert_int_equal(f->signups, 0);
}

static void the_sixth_signup_is_429_before_anything_else(void **state)
{
	struct exchange x = begin("POST", "/signup");
	unsigned wait;

	for (unsigned n = 0; n < 5; n++) {
		assert_false(dashboard_signup_limit(&x));
		expect(post(dashboard_signup, NULL, "email", "x", "password", "y", NULL), 400,
		       "not an e-mail address");
	}
	assert_true(dashboard_signup_limit(&x));
	assert_int_equal(x.status, 429);
	assert_true(has(&x, "Too many signup attempts from this IP. Try again in 59 minute(s).") ||
		    has(&x, "Too many signup attempts from this IP. Try again in 60 minute(s)."));
	assert_int_equal(sscanf(header(&x, "Retry-After"), "%u", &wait), 1);
	assert_in_range(wait, 3590, 3600);
	exchange_clear(&x);
	expect(post(dashboard_signup, NULL, "email", "a@b.org", "password", PASSWORD, NULL), 429,
	       "Too many");
}

/* --- logging in and out ---------------------------------------------------------------------- */

static void login_and_logout(void **state)
{
	struct exchange x;
	struct session s;
	char first[SESSION_COOKIE_MAX];

	enter();
	memcpy(first, cookie, sizeof(first));
	expect(post(dashboard_login, NULL, "email", "me@example.org", "password", "wrong password",
		    NULL),
	       401, "Invalid email or password.");
	expect(post(dashboard_login, NULL, "email", "no@example.org", "password", PASSWORD, NULL),
	       401, "Invalid email or password.");
	x = post(dashboard_login, NULL, "email", " ME@example.org", "password", PASSWORD, NULL);
	take_cookie(&x);
	expect_redirect(x, "/dashboard");
	assert_string_not_equal(cookie, first);
	assert_int_equal(session_find(services.identity, first, &s), -ENOENT); /* replaced */
	memcpy(first, cookie, sizeof(first));
	x = post(dashboard_logout, NULL, NULL);
	assert_string_equal(
		header(&x, "Set-Cookie"),
		"session=null; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly; "
		"samesite=lax");
	expect_redirect(x, "/");
	assert_int_equal(session_find(services.identity, first, &s), -ENOENT);
	expect_redirect(post(dashboard_logout, NULL, NULL), "/"); /* needs no login */
}

/* --- the dashboard --------------------------------------------------------------------------- */

static void the_first_view_shows_the_recovery_code_once(void **state)
{
	struct exchange x;
	char code[64];
	const char *at;

	enter();
	x = get(dashboard_overview);
	at = strstr(body(&x), "<pre><code>");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "<pre><code>%63[A-Z2-7-]</code></pre>", code), 1);
	assert_int_equal(strlen(code), CRYPTO_RECOVERY_CODE_LEN);
	assert_int_equal(times(&x, code), 1);
	assert_true(has(&x, "Welcome to the Orivael Intent Firewall beta"));
	assert_true(has(&x, "Free tier · 1,000 calls / month"));
	assert_true(has(&x, "This month: 0 / 1,000"));
	assert_true(has(&x, "0.0%") && has(&x, "quota-bar"));
	assert_true(has(&x, "total calls (all time)") && has(&x, "blocked") &&
		    has(&x, "average latency"));
	assert_string_equal(header(&x, "Cache-Control"), "no-store");
	exchange_clear(&x);
	x = get(dashboard_overview);
	assert_false(has(&x, code));
	assert_false(has(&x, "<pre><code>"));
	exchange_clear(&x);
}

static void a_new_key_is_shown_once_and_works(void **state)
{
	struct fixture *f = *state;
	struct caller caller;
	struct exchange x;
	char secret[64] = "";
	int r;

	enter();
	expect(get(dashboard_overview), 200, "Welcome");
	x = post(dashboard_create_key, NULL, "name", "<b>&co", NULL);
	assert_int_equal(x.header_count, 1); /* Location, and no cookie with a secret in it */
	expect_redirect(x, "/dashboard");
	x = get(dashboard_overview);
	assert_int_equal(
		sscanf(strstr(body(&x), "<pre><code>"), "<pre><code>%63[^<]</code></pre>", secret),
		1);
	assert_int_equal(strlen(secret), CRYPTO_API_KEY_LEN);
	assert_int_equal(times(&x, "<pre><code>"), 1);
	assert_int_equal(times(&x, secret), 2); /* by itself, and inside the curl command */
	assert_true(has(&x, "curl http://127.0.0.1:8004/v1/guard/check"));
	assert_true(has(&x, "&lt;b&gt;&amp;co"));
	assert_false(has(&x, "<b>&co"));
	assert_false(has(&x, "Welcome to"));
	assert_null(header(&x, "Set-Cookie"));
	exchange_clear(&x);
	identity_enter();
	r = identity_authenticate(f->identity, secret, strlen(secret), &caller);
	identity_leave();
	assert_int_equal(r, 0);
	x = get(dashboard_overview);
	assert_false(has(&x, secret));
	exchange_clear(&x);
}

/* Somebody who calls gets 503 and no reason; here it is. */
static void a_policy_that_does_not_compile_is_shown(void **state)
{
	static const char sql[] = "INSERT INTO tenant_policy (body, version, updated_at) "
				  "VALUES ('{\"allow_only_classes\":7}', 3, '')";
	struct fixture *f = *state;
	char path[160];
	sqlite3 *db;

	enter();
	identity_enter();
	snprintf(path, sizeof(path), "%s/%s.db", f->dir,
		 tenant_id(identity_find_email(f->identity, "me@example.org")));
	identity_leave();
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	expect(get(dashboard_overview), 200, "Traffic");
	assert_int_equal(identity_compile_policy(f->identity, 1), -EBADMSG);
	expect(get(dashboard_overview), 200,
	       "Your policy (version 3) can’t be applied, so every call is refused with 503 until "
	       "it is changed: allow_only_classes must be a list or null");
}

static void a_hostile_host_is_not_put_into_a_command(void **state)
{
	struct exchange x;

	enter();
	expect_redirect(post(dashboard_create_key, NULL, "name", "k", NULL), "/dashboard");
	x = begin("GET", "/dashboard");
	x.host = "x;rm -rf ~";
	dashboard_overview(&x);
	assert_false(has(&x, "rm -rf"));
	assert_true(has(&x, "curl http://127.0.0.1:8004/"));
	exchange_clear(&x);
}

static void key_names_are_judged_where_they_were_typed(void **state)
{
	char large[STORE_NAME_MAX + 2];

	memset(large, 'n', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	enter();
	expect(post(dashboard_create_key, NULL, "name", "", NULL), 422, "\"name\"");
	expect(post(dashboard_create_key, NULL, "name", large, NULL), 400, "at most 100 bytes");
	expect(post(dashboard_create_key, NULL, "name", large, NULL), 400, large);
	expect_redirect(post(dashboard_create_key, NULL, "name", "  ", NULL), "/dashboard");
	expect(get(dashboard_overview), 200, "unnamed");
}

static void revoking_says_what_happened_once(void **state)
{
	struct fixture *f = *state;
	_cleanup_(freep) struct key_info *keys = NULL;
	struct exchange x;
	struct session s;
	size_t count;

	enter();
	expect_redirect(post(dashboard_create_key, NULL, "name", "backend", NULL), "/dashboard");
	expect(get(dashboard_overview), 200, "backend");
	assert_int_equal(session_find(f->identity, cookie, &s), 0);
	assert_int_equal(identity_list_keys(f->identity, s.tenant, false, &keys, &count), 0);
	assert_int_equal(count, 1);
	expect_redirect(post(dashboard_revoke_key, keys[0].id, "confirm", "other", NULL),
			"/dashboard");
	expect(get(dashboard_overview), 200, "nothing was revoked");
	expect_redirect(post(dashboard_revoke_key, "unknown", NULL), "/dashboard");
	expect(get(dashboard_overview), 200,
	       "That key is already revoked or doesn&#39;t belong to this account.");
	expect_redirect(post(dashboard_revoke_key, keys[0].id, NULL), "/dashboard");
	x = get(dashboard_overview);
	assert_true(has(&x, "API key revoked. Calls using that key will be rejected immediately."));
	assert_false(has(&x, "/dashboard/keys/")); /* active keys only */
	exchange_clear(&x);
	x = get(dashboard_overview);
	assert_false(has(&x, "API key revoked."));
	exchange_clear(&x);
	assert_int_equal(identity_key_count(f->identity), 0);
}

static void every_form_of_a_session_carries_its_token(void **state)
{
	struct exchange x;
	struct session s;
	char field[128];

	enter();
	expect_redirect(post(dashboard_create_key, NULL, "name", "k", NULL), "/dashboard");
	assert_int_equal(session_find(services.identity, cookie, &s), 0);
	snprintf(field, sizeof(field), "name=\"csrf\" value=\"%s\"", s.csrf);
	x = get(dashboard_overview);
	assert_int_equal(times(&x, "<form "), 3); /* log out, revoke, create */
	assert_int_equal(times(&x, field), 3);
	exchange_clear(&x);
	x = get(dashboard_login_form); /* log out, log in */
	assert_int_equal(times(&x, field), 2);
	exchange_clear(&x);
	x = get(dashboard_signup_form);
	assert_int_equal(times(&x, field), 2);
	exchange_clear(&x);
}

static void the_quota_shows_before_it_is_used_up(void **state)
{
	struct fixture *f = *state;
	const struct tenant *t;
	struct session s;
	struct exchange x;

	enter();
	assert_int_equal(session_find(f->identity, cookie, &s), 0);
	identity_enter();
	t = identity_find_tenant(f->identity, s.tenant);
	for (unsigned n = 0; n < 799; n++)
		assert_int_equal(identity_charge(f->identity, t, clock_wall_us()), 0);
	x = get(dashboard_overview);
	assert_false(has(&x, "80%"));
	assert_true(has(&x, "This month: 799 / 1,000") && has(&x, "79.9%"));
	exchange_clear(&x);
	identity_charge(f->identity, t, clock_wall_us());
	expect(get(dashboard_overview), 200, "More than 80%");
	for (unsigned n = 800; n < 1000; n++)
		identity_charge(f->identity, t, clock_wall_us());
	identity_leave();
	x = get(dashboard_overview);
	assert_true(has(&x, "This month: 1,000 / 1,000") && has(&x, "100.0%") &&
		    has(&x, "used up"));
	exchange_clear(&x);
	expect(get(dashboard_calls), 200, "{\"calls\":1000}");
}

/* --- static files ---------------------------------------------------------------------------- */

static struct exchange get_file(const char *name)
{
	struct exchange x = begin("GET", "/static/x");

	x.path_value = name;
	dashboard_static(&x);
	return x;
}

static void static_files_are_cached_by_their_content(void **state)
{
	struct exchange x = get_file("axfw.css");
	char etag[64], date[64];

	assert_int_equal(x.status, 200);
	assert_string_equal(x.content_type, "text/css; charset=utf-8");
	assert_true(x.reply_len > 1000);
	snprintf(etag, sizeof(etag), "%s", header(&x, "ETag"));
	snprintf(date, sizeof(date), "%s", header(&x, "Last-Modified"));
	exchange_clear(&x);
	headers[0] = (struct exchange_field){ "If-None-Match", etag };
	x = get_file("axfw.css");
	assert_int_equal(x.status, 304);
	assert_int_equal(x.reply_len, 0);
	assert_string_equal(header(&x, "ETag"), etag);
	exchange_clear(&x);
	headers[0].value = "\"another\"";
	headers[1] = (struct exchange_field){ "If-Modified-Since", date };
	x = get_file("axfw.css");
	assert_int_equal(x.status, 200); /* the tag decides */
	exchange_clear(&x);
	headers[0] = headers[1];
	headers[1].name = NULL;
	x = get_file("axfw.css");
	assert_int_equal(x.status, 304);
	exchange_clear(&x);
	expect(get_file("../secret"), 404, "Not Found");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup_node, teardown_node)
	const struct CMUnitTest tests[] = {
		TEST(public_pages_say_what_clients_look_for),
		TEST(error_pages_escape_and_name_the_request),
		TEST(signing_up_opens_a_session),
		TEST(the_cookie_is_secure_in_production_and_over_https),
		TEST(signup_refusals_keep_what_was_typed),
		TEST(missing_fields_are_422_and_not_counted),
		TEST(the_sixth_signup_is_429_before_anything_else),
		TEST(login_and_logout),
		TEST(the_first_view_shows_the_recovery_code_once),
		TEST(a_new_key_is_shown_once_and_works),
		TEST(a_policy_that_does_not_compile_is_shown),
		TEST(a_hostile_host_is_not_put_into_a_command),
		TEST(key_names_are_judged_where_they_were_typed),
		TEST(revoking_says_what_happened_once),
		TEST(every_form_of_a_session_carries_its_token),
		TEST(the_quota_shows_before_it_is_used_up),
		TEST(static_files_are_cached_by_their_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
