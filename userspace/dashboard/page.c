/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Around every page: the frame's values, the session cookie's attributes, no caching (a page may
 * hold a secret that is shown once).
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include "dashboard/assets.h"
#include "dashboard/page.h"
#include "dashboard/template.h"

#define COOKIE "session"

static const char *secure_attribute(const struct exchange *x)
{
	return x->services->settings->production || x->https ? "; secure" : "";
}

void page_set_cookie(struct exchange *x, const char *cookie)
{
	exchange_set_headerf(x, "Set-Cookie",
			     COOKIE "=%s; path=/; Max-Age=%d; httponly; samesite=lax%s", cookie,
			     SESSION_MAX_AGE_S, secure_attribute(x));
}

void page_clear_cookie(struct exchange *x)
{
	exchange_set_headerf(x, "Set-Cookie",
			     COOKIE "=null; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; "
				    "httponly; samesite=lax%s",
			     secure_attribute(x));
}

bool page_has_session(struct exchange *x)
{
	const char *cookie = exchange_cookie(x, COOKIE);

	if (!x->has_session && cookie)
		x->has_session = session_find(x->services->identity, cookie, &x->session) == 0;
	return x->has_session;
}

static int set_version(json_t *data, const char *name, const char *file)
{
	char etag[ASSET_ETAG_LEN + 1];

	asset_etag(asset_static(file), etag);
	return json_object_set_new(data, name, json_string(etag));
}

/* Only what a browser opens without running anything. */
static bool is_link(const char *url)
{
	return !strncmp(url, "https://", 8) || !strncmp(url, "http://", 7) ||
	       !strncmp(url, "mailto:", 7);
}

static int add_frame(struct exchange *x, const char *title, json_t *data)
{
	const struct settings *s = x->services->settings;
	const char *feedback = s->beta_feedback && is_link(s->beta_feedback) ? s->beta_feedback
									     : "";
	bool session = page_has_session(x);
	int r = 0;

	r |= json_object_set_new(data, "title", json_string(title));
	r |= json_object_set_new(data, "version", json_string(x->services->version));
	r |= json_object_set_new(data, "feedback", json_string(feedback));
	r |= json_object_set_new(data, "session", json_boolean(session));
	r |= json_object_set_new(data, "csrf", json_string(session ? x->session.csrf : ""));
	r |= set_version(data, "style_version", "axfw.css");
	r |= set_version(data, "script_version", "axfw.js");
	return r ? -ENOMEM : 0;
}

void page_reply(struct exchange *x, unsigned status, const char *page, const char *title,
		json_t *data)
{
	_cleanup_(json_decrefp) json_t *owned = data;
	_cleanup_(text_free) struct text out = { 0 };
	int r;

	r = owned ? add_frame(x, title, owned) : -ENOMEM;
	if (r >= 0)
		r = template_render(page, owned, &out);
	if (r < 0) {
		exchange_fail(x, r, page);
		return;
	}
	exchange_reply_text(x, status, HTML_TYPE, &out);
	exchange_set_header(x, "Cache-Control", "no-store");
}

static bool is_host(const char *host)
{
	if (!host || !*host)
		return false;
	for (const char *c = host; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(".-:[]", *c))
			return false;
	return true;
}

void page_base_url(const struct exchange *x, struct text *ret)
{
	const char *url = x->services->settings->public_url;

	if (url && *url)
		text_add(ret, url);
	else if (is_host(x->host))
		text_addf(ret, "%s://%s", x->https ? "https" : "http", x->host);
	else
		text_addf(ret, "http://%s", x->services->settings->listen);
}

json_t *page_count(uint64_t n)
{
	_cleanup_(text_free) struct text t = { 0 };

	text_add_count(&t, n);
	return text_failed(&t) ? NULL : json_string(t.data);
}

json_t *page_ago(uint64_t then_us, uint64_t now_us)
{
	static const struct {
		const char *one, *many;
		uint64_t s;
	} units[] = {
		{ "year", "years", 365 * 86400 }, { "month", "months", 30 * 86400 },
		{ "day", "days", 86400 },	  { "hour", "hours", 3600 },
		{ "minute", "minutes", 60 },
	};
	uint64_t s = now_us > then_us ? (now_us - then_us) / US_PER_S : 0;

	for (size_t u = 0; u < ARRAY_SIZE(units); u++) {
		uint64_t n = s / units[u].s;

		if (n)
			return json_sprintf("%llu %s ago", (unsigned long long)n,
					    n == 1 ? units[u].one : units[u].many);
	}
	return json_string("just now");
}
