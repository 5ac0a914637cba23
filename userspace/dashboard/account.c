/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing up, logging in, logging out. A full signup window is said before the form is looked at; a
 * form that misses a field doesn't count as an attempt, every other one does. Forms come back with
 * what was typed, except the password.
 */
#include <errno.h>
#include <string.h>
#include "dashboard/dashboard.h"
#include "dashboard/page.h"

static const char *typed(const struct exchange *x, const char *name)
{
	const char *value = exchange_form(x, name);

	return value ? value : "";
}

static json_t *form_data(const struct exchange *x, const char *on, const char *problem)
{
	return json_pack("{s:s, s:b, s:s}", "email", typed(x, "email"), on, 1, "problem",
			 problem ? problem : "");
}

/* Opens a session and goes to the dashboard. One that was open in this browser ends: its cookie is
 * replaced. */
static void enter(struct exchange *x, uint32_t tenant, const struct session_flash *flash)
{
	char cookie[SESSION_COOKIE_MAX];
	int r = session_open(x->services->identity, tenant, flash, cookie);

	if (r < 0) {
		exchange_fail(x, r, "a session can't be opened");
		return;
	}
	if (page_has_session(x)) {
		r = session_close(x->services->identity, &x->session);
		if (r < 0)
			log_error_r(r, "an earlier session of the browser stays open");
	}
	exchange_redirect(x, "/dashboard");
	page_set_cookie(x, cookie);
	wipe(cookie, sizeof(cookie));
}

/* --- signing up ------------------------------------------------------------------------------ */

static void show_signup(struct exchange *x, unsigned status, const char *problem)
{
	page_reply(x, status, "signup", "Sign up", form_data(x, "on_signup", problem));
}

void dashboard_signup_form(struct exchange *x)
{
	show_signup(x, 200, NULL);
}

static void too_many_signups(struct exchange *x, uint32_t retry_after_s)
{
	char sentence[128];

	snprintf(sentence, sizeof(sentence),
		 "Too many signup attempts from this IP. Try again in %u minute(s).",
		 retry_after_s / 60);
	show_signup(x, 429, sentence);
	exchange_set_headerf(x, "Retry-After", "%u", retry_after_s);
}

bool dashboard_signup_limit(struct exchange *x)
{
	uint32_t retry_after_s;

	if (identity_signup_check(x->services->identity, &x->client, &retry_after_s) != -EDQUOT)
		return false;
	too_many_signups(x, retry_after_s);
	return true;
}

/* The field that is wrong has the message. */
static void refuse_signup(struct exchange *x, const char *field, const char *sentence)
{
	json_t *data = form_data(x, "on_signup", NULL);

	if (data && json_object_set_new(data, field, json_string(sentence)) < 0) {
		json_decref(data);
		data = NULL;
	}
	page_reply(x, 400, "signup", "Sign up", data);
}

static void refuse_credentials(struct exchange *x, int r)
{
	switch (r) {
	case -EEXIST:
		refuse_signup(x, "email_error", "An account with that email already exists.");
		break;
	case -EINVAL:
		refuse_signup(x, "email_error", "That is not an e-mail address.");
		break;
	case -ERANGE:
		if (strlen(typed(x, "password")) > IDENTITY_PASSWORD_MAX)
			refuse_signup(x, "password_error", "Password must be at most 1,024 bytes.");
		else
			refuse_signup(x, "password_error",
				      "Password must be at least 8 characters.");
		break;
	default:
		exchange_fail(x, r, "a tenant can't be created");
	}
}
_Static_assert(IDENTITY_PASSWORD_MIN == 8 && IDENTITY_PASSWORD_MAX == 1024, "as the sentences say");

void dashboard_signup(struct exchange *x)
{
	struct identity *identity = x->services->identity;
	struct session_flash flash = { 0 };
	uint32_t retry_after_s, tenant;
	int r;

	if (!exchange_require_fields(x, "email", "password", NULL))
		return;
	r = identity_signup_attempt(identity, &x->client, &retry_after_s);
	if (r == -EDQUOT) {
		too_many_signups(x, retry_after_s);
		return;
	}
	if (r < 0) {
		exchange_fail(x, r, "a signup attempt can't be recorded");
		return;
	}
	r = identity_sign_up(identity, typed(x, "email"), typed(x, "password"), "free", &tenant,
			     flash.recovery_code);
	if (r < 0)
		refuse_credentials(x, r);
	else
		enter(x, tenant, &flash);
	wipe(&flash, sizeof(flash));
}

/* --- logging in and out ---------------------------------------------------------------------- */

static void show_login(struct exchange *x, unsigned status, const char *problem)
{
	page_reply(x, status, "login", "Log in", form_data(x, "on_login", problem));
}

void dashboard_login_form(struct exchange *x)
{
	show_login(x, 200, NULL);
}

void dashboard_login(struct exchange *x)
{
	uint32_t tenant;
	int r;

	if (!exchange_require_fields(x, "email", "password", NULL))
		return;
	r = identity_log_in(x->services->identity, typed(x, "email"), typed(x, "password"),
			    &tenant);
	if (r == -EKEYREJECTED) {
		exchange_count_refusal(x);
		show_login(x, 401, "Invalid email or password.");
	} else if (r < 0) {
		exchange_fail(x, r, "a password can't be checked");
	} else {
		enter(x, tenant, NULL);
	}
}

void dashboard_logout(struct exchange *x)
{
	int r = page_has_session(x) ? session_close(x->services->identity, &x->session) : 0;

	if (r < 0) {
		exchange_fail(x, r, "a session can't be ended");
		return;
	}
	exchange_redirect(x, "/");
	page_clear_cookie(x);
}
