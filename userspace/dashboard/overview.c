/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /dashboard: is my traffic safe and served? What is shown once (recovery code, new key, a
 * notice) is taken from the session here, as the last thing that can fail before the page is built.
 */
#include <errno.h>
#include <string.h>
#include "dashboard/dashboard.h"
#include "dashboard/overview.h"
#include "dashboard/page.h"

#define SHORT_ID_LEN	 8
#define WARN_PERMILLE	 800 /* of the free tier's calls: time to do something about it */
#define POLICY_FAULT_MAX 256 /* as much of the reason as identity keeps */

/* --- the tenant and its quota ---------------------------------------------------------------- */

struct facts {
	char email[STORE_EMAIL_MAX + 1];
	const struct tier *tier;
	uint64_t used;
	uint32_t policy_version;
	char policy_fault[POLICY_FAULT_MAX]; /* empty: none */
};

static int read_tenant(struct exchange *x, struct facts *ret)
{
	const struct tenant *t;
	const char *fault;

	identity_enter();
	t = identity_find_tenant(x->services->identity, x->session.tenant);
	if (t) {
		snprintf(ret->email, sizeof(ret->email), "%s", tenant_email(t));
		ret->tier = tenant_tier(t);
		ret->used = tenant_used(t, x->now_us);
		fault = tenant_policy_fault(t, &ret->policy_version);
		snprintf(ret->policy_fault, sizeof(ret->policy_fault), "%s", fault ? fault : "");
	}
	identity_leave();
	return t ? 0 : -ENOENT;
}

static const char *quota_warning(const struct facts *f, unsigned permille)
{
	if (!f->tier->enforced || permille < WARN_PERMILLE)
		return "";
	if (permille >= 1000)
		return "This month’s calls are used up: further calls are refused with 429 until "
		       "the month turns.";
	return "More than 80% of this month’s calls are used. When they are used up, further "
	       "calls "
	       "are refused until the month turns.";
}

static json_t *quota_data(const struct exchange *x, const struct facts *f)
{
	uint64_t limit = f->tier->monthly_calls;
	unsigned permille = f->used >= limit ? 1000 : (unsigned)(f->used * 1000 / limit);
	double percent = f->used >= limit ? 100.0 : 100.0 * (double)f->used / (double)limit;
	char reset[CLOCK_ISO_LEN];

	clock_format_iso(clock_month_start_us(clock_month(x->now_us) + 1), reset);
	return json_pack("{s:s, s:s, s:o, s:o, s:i, s:o, s:o, s:s}", "tenant_email", f->email,
			 "tier", f->tier->title, "limit", page_count(limit), "used",
			 page_count(f->used), "quota_permille", (int)permille, "quota_percent",
			 json_sprintf("%.1f%%", percent), "quota_reset",
			 json_sprintf("%.10s", reset), "quota_warning", quota_warning(f, permille));
}

/* --- traffic and the kernel ------------------------------------------------------------------ */

static json_t *traffic_data(struct exchange *x)
{
	struct store_usage_summary usage;
	int r = store_usage_summary(x->services->store, x->session.tenant, &usage);

	if (r < 0) {
		log_error_r(r, "the usage of tenant %u can't be read", x->session.tenant);
		return NULL;
	}
	return json_pack("{s:o, s:o, s:b, s:b, s:o}", "calls", page_count(usage.calls), "blocked",
			 page_count(usage.blocked), "has_blocked", usage.blocked > 0, "no_calls",
			 usage.calls == 0, "latency",
			 usage.calls ? json_sprintf("%.1f ms", usage.latency_ms_mean)
				     : json_string("– ms"));
}

static json_t *kernel_data(struct exchange *x)
{
	struct kernel_state state;

	kernel_state(x->services->kernel, &state);
	return json_pack("{s:b, s:s}", "kernel_on", state.enforcing, "kernel_reason",
			 *state.reason ? state.reason : "the kernel path is off");
}

/* --- keys ------------------------------------------------------------------------------------ */

static json_t *key_data(const struct key_info *k, uint64_t now_us)
{
	char iso[CLOCK_ISO_LEN]; /* "2026-01-31T23:59:59.123456" */

	clock_format_iso(k->created_us, iso);
	return json_pack(
		"{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "name", k->name, "id", k->id, "short_id",
		json_sprintf("%.*s", SHORT_ID_LEN, k->id), "created", json_sprintf("%.10s", iso),
		"created_exact", json_sprintf("%.10s %.8s UTC", iso, iso + 11), "created_iso",
		json_sprintf("%.19sZ", iso), "created_ago", page_ago(k->created_us, now_us));
}

static json_t *keys_data(struct exchange *x, bool is_free)
{
	_cleanup_(json_decrefp) json_t *list = json_array();
	_cleanup_(freep) struct key_info *keys = NULL;
	size_t count = 0;
	bool fresh;
	int r = identity_list_keys(x->services->identity, x->session.tenant, false, &keys, &count);

	if (r < 0)
		return NULL;
	for (size_t n = 0; n < count; n++)
		if (json_array_append_new(list, key_data(&keys[n], x->now_us)) < 0)
			return NULL;
	fresh = is_free && count == 0;
	return json_pack("{s:b, s:b, s:O}", "has_keys", count > 0, "welcome", fresh, "keys", list);
}

/* --- what is shown once ---------------------------------------------------------------------- */

static json_t *flash_data(struct exchange *x)
{
	struct session_flash flash;
	json_t *data;
	int r = session_take_flash(x->services->identity, &x->session, &flash);

	if (r < 0) {
		log_error_r(r, "what waits for a session can't be taken");
		return NULL;
	}
	data = json_pack("{s:s, s:s, s:s}", "recovery_code", flash.recovery_code, "new_secret",
			 flash.new_secret, "notice", flash.notice);
	wipe(&flash, sizeof(flash));
	return data;
}

static json_t *base_url_data(struct exchange *x)
{
	_cleanup_(text_free) struct text url = { 0 };

	page_base_url(x, &url);
	return text_failed(&url) ? NULL : json_pack("{s:s}", "base_url", url.data);
}

/* Puts part's members into data. Takes part. */
static int add(json_t *data, json_t *part)
{
	int r = part ? json_object_update(data, part) : -1;

	json_decref(part);
	return r < 0 ? -EIO : 0;
}

static int collect(struct exchange *x, json_t *data, const struct facts *f, const char *name_error)
{
	const char *name = exchange_form(x, "name");
	int r;

	r = add(data, quota_data(x, f));
	if (r >= 0)
		r = add(data, traffic_data(x));
	if (r >= 0)
		r = add(data, kernel_data(x));
	if (r >= 0)
		r = add(data, keys_data(x, f->tier->enforced && f->used == 0));
	if (r >= 0)
		r = add(data, json_pack("{s:s, s:i}", "policy_fault", f->policy_fault,
					"policy_version", (int)f->policy_version));
	if (r >= 0)
		r = add(data, base_url_data(x));
	if (r >= 0)
		r = add(data, json_pack("{s:s, s:s, s:b}", "name_error", name_error, "name_typed",
					name ? name : "", "on_overview", 1));
	if (r >= 0)
		r = add(data, flash_data(x)); /* last: nothing below loses what was taken */
	return r;
}

void overview_reply(struct exchange *x, unsigned status, const char *name_error)
{
	_cleanup_(json_decrefp) json_t *data = json_object();
	struct facts facts;
	int r;

	r = read_tenant(x, &facts);
	if (r < 0) {
		exchange_redirect(x, "/login"); /* the account went away meanwhile */
		return;
	}
	r = data ? collect(x, data, &facts, name_error) : -ENOMEM;
	if (r < 0) {
		exchange_fail(x, r, "the dashboard can't be shown");
		return;
	}
	page_reply(x, status, "overview", "Dashboard", TAKE_PTR(data));
}

void dashboard_overview(struct exchange *x)
{
	overview_reply(x, 200, "");
}

void dashboard_calls(struct exchange *x)
{
	struct facts facts;

	if (read_tenant(x, &facts) < 0) {
		exchange_error(x, 404, "no such account");
		return;
	}
	exchange_reply_json(x, 200, json_pack("{s:I}", "calls", (json_int_t)facts.used));
	exchange_set_header(x, "Cache-Control", "no-store");
}
