/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every path the daemon answers, once. Authentication, body limit, kernel-refusable: columns, so
 * that no handler can forget them; 404, 405 with its Allow and the redirect of a trailing slash
 * follow from the walk.
 */
#include "http/internal.h"

#include <stdio.h>
#include <string.h>
#include "api/api.h"
#include "dashboard/dashboard.h"

/* The contract's two limits, decided by path alone and before anything else is looked at. */
static const char *const guard_prefixes[] = { "/v1/guard", "/v1/moderations" };
#define GUARD_BODY_MAX 262144
#define BODY_MAX       1048576
#define CREDENTIAL_FIELDS                                                                          \
	{                                                                                          \
		"email", "password"                                                                \
	}

/* clang-format off */
static const struct route routes[] = {
	{ .method = "POST", .path = "/v1/guard/check", .auth = AUTH_API_KEY, .body_max = GUARD_BODY_MAX,
	  .kernel = AXFW_ROUTE_API_KEY, .handle = api_guard_check, .summary = "judge a prompt" },
	{ .method = "POST", .path = "/v1/guard/output", .auth = AUTH_API_KEY, .body_max = GUARD_BODY_MAX,
	  .kernel = AXFW_ROUTE_API_KEY, .handle = api_guard_output, .summary = "judge a model's answer" },
	{ .method = "POST", .path = "/v1/guard/batch", .auth = AUTH_API_KEY, .body_max = GUARD_BODY_MAX,
	  .kernel = AXFW_ROUTE_API_KEY, .handle = api_guard_batch, .summary = "judge up to 256 prompts" },
	{ .method = "POST", .path = "/v1/moderations", .auth = AUTH_API_KEY, .body_max = GUARD_BODY_MAX,
	  .kernel = AXFW_ROUTE_API_KEY, .handle = api_moderations, .summary = "judge as OpenAI's moderation endpoint does" },

	{ .method = "GET", .path = "/healthz", .body_max = BODY_MAX, .handle = api_healthz, .summary = "is the process serving" },
	{ .method = "GET", .path = "/readyz", .body_max = BODY_MAX, .slow = true, .handle = api_readyz,
	  .summary = "can calls be recorded" },
	{ .method = "GET", .path = "/metrics", .auth = AUTH_METRICS, .body_max = BODY_MAX, .slow = true, .handle = api_metrics,
	  .summary = "Prometheus metrics" },
	{ .method = "GET", .path = "/.well-known/axfw-keys.json", .body_max = BODY_MAX, .handle = api_public_keys,
	  .summary = "the public keys of receipts" },

	{ .method = "GET", .path = "/", .body_max = BODY_MAX, .handle = dashboard_landing, .summary = "the front page" },
	{ .method = "GET", .path = "/signup", .body_max = BODY_MAX, .handle = dashboard_signup_form, .summary = "the sign-up form" },
	{ .method = "POST", .path = "/signup", .body_max = BODY_MAX, .form = true, .slow = true, .hashes = true,
	  .required = CREDENTIAL_FIELDS, .kernel = AXFW_ROUTE_SIGNUP, .before = dashboard_signup_limit,
	  .handle = dashboard_signup, .summary = "open an account" },
	{ .method = "GET", .path = "/login", .body_max = BODY_MAX, .handle = dashboard_login_form, .summary = "the log-in form" },
	{ .method = "POST", .path = "/login", .body_max = BODY_MAX, .form = true, .slow = true, .hashes = true,
	  .required = CREDENTIAL_FIELDS, .handle = dashboard_login, .summary = "open a session" },
	{ .method = "POST", .path = "/logout", .body_max = BODY_MAX, .form = true, .slow = true, .handle = dashboard_logout,
	  .summary = "end the session" },
	{ .method = "GET", .path = "/dashboard", .auth = AUTH_SESSION, .body_max = BODY_MAX, .slow = true,
	  .handle = dashboard_overview, .summary = "usage and keys" },
	{ .method = "GET", .path = "/dashboard/calls", .auth = AUTH_SESSION, .body_max = BODY_MAX, .handle = dashboard_calls,
	  .summary = "this month's calls" },
	{ .method = "POST", .path = "/dashboard/keys", .auth = AUTH_SESSION, .body_max = BODY_MAX, .form = true, .slow = true,
	  .required = { "name" }, .handle = dashboard_create_key, .summary = "create an API key" },
	{ .method = "POST", .path = "/dashboard/keys/{key_id}/revoke", .auth = AUTH_SESSION, .body_max = BODY_MAX, .form = true,
	  .slow = true, .handle = dashboard_revoke_key, .summary = "revoke an API key" },
	{ .method = "GET", .path = "/static/{name}", .body_max = BODY_MAX, .handle = dashboard_static, .summary = "files of the pages" },
	{ .method = "HEAD", .path = "/static/{name}", .body_max = BODY_MAX, .handle = dashboard_static, .summary = "their headers" },

	{ .method = "GET", .path = "/node/status", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_status, .summary = "what the daemon does" },
	{ .method = "GET", .path = "/node/maps", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_maps, .summary = "how full the kernel's maps are" },
	{ .method = "GET", .path = "/node/maps/{name}", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_dump, .summary = "what is in one" },
	{ .method = "POST", .path = "/node/interfaces", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_attach, .summary = "attach the programs to an interface" },
	{ .method = "POST", .path = "/node/interfaces/detach", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_detach, .summary = "and take them off one" },
	{ .method = "GET", .path = "/node/events", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_events, .summary = "the last decisions that were sampled or traced" },
	{ .method = "GET", .path = "/node/top", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_top, .summary = "counters, and who sends most" },
	{ .method = "POST", .path = "/node/trace", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_trace, .summary = "see each decision about a client or key" },
	{ .method = "GET", .path = "/node/denials", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_denials, .summary = "the deny list" },
	{ .method = "POST", .path = "/node/denials", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_deny, .summary = "deny a prefix" },
	{ .method = "POST", .path = "/node/denials/remove", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_undeny, .summary = "take a prefix out" },
	{ .method = "POST", .path = "/node/tenants", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true, .hashes = true,
	  .handle = api_node_tenant_create, .summary = "open an account" },
	{ .method = "POST", .path = "/node/store/finalize", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_store_finalize, .summary = "no way back to the Python firewall" },
	{ .method = "POST", .path = "/node/keys", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_key_create, .summary = "create an API key" },
	{ .method = "GET", .path = "/node/keys", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_key_list, .summary = "a tenant's API keys" },
	{ .method = "POST", .path = "/node/keys/{key_id}/revoke", .auth = AUTH_OPERATOR, .body_max = BODY_MAX, .slow = true,
	  .handle = api_node_key_revoke, .summary = "revoke an API key" },
};
/* clang-format on */

const struct route *http_routes(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(routes);
	return routes;
}

unsigned http_kernel_routes(struct axfw_route ret[static AXFW_ROUTES_MAX])
{
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(routes) && n < AXFW_ROUTES_MAX; i++) {
		const struct route *r = &routes[i];
		int len;

		if (r->kernel == AXFW_ROUTE_USERSPACE)
			continue;
		ret[n] = (struct axfw_route){ .kind = r->kernel, .body_max = (__u32)r->body_max };
		len = snprintf(ret[n].line, sizeof(ret[n].line), "%s %s HTTP/1.1\r\n", r->method,
			       r->path);
		if (len <= 0 || len >= (int)sizeof(ret[n].line))
			continue; /* a line that doesn't fit is userspace's */
		ret[n++].line_len = (__u32)len;
	}
	return n;
}

size_t routes_body_max(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(guard_prefixes); i++) {
		if (!strncmp(path, guard_prefixes[i], strlen(guard_prefixes[i])))
			return GUARD_BODY_MAX;
	}
	return BODY_MAX;
}

/* "/keys/{id}/revoke" matches one segment that isn't empty; *value is it, inside path. */
static bool matches(const char *pattern, const char *path, const char **value, size_t *value_len)
{
	const char *open = strchr(pattern, '{'), *close;
	size_t before, len;

	if (!open)
		return !strcmp(pattern, path);
	before = (size_t)(open - pattern);
	if (strncmp(pattern, path, before))
		return false;
	close = strchr(open, '}');
	len = strcspn(path + before, "/");
	if (!len || strcmp(path + before + len, close + 1))
		return false;
	*value = path + before;
	*value_len = len;
	return true;
}

/* Rows that this listener doesn't have: operators' ones on TCP, and on the local socket whatever
 * needs a key, a session or a form. */
static bool is_served(const struct route *r, bool local)
{
	if (r->auth == AUTH_OPERATOR)
		return local;
	return !local || (r->auth != AUTH_API_KEY && r->auth != AUTH_SESSION && !r->form);
}

static void add_allowed(struct routes_match *m, const char *method)
{
	size_t len = strlen(m->allow);

	snprintf(m->allow + len, sizeof(m->allow) - len, "%s%s", len ? ", " : "", method);
}

enum routes_found routes_find(const char *method, const char *path, bool local,
			      struct routes_match *ret)
{
	enum routes_found found = ROUTES_UNKNOWN;

	ret->allow[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		const struct route *r = &routes[i];

		if (!is_served(r, local) || !matches(r->path, path, &ret->value, &ret->value_len))
			continue;
		if (!strcmp(r->method, method)) {
			ret->route = r;
			return ROUTES_FOUND;
		}
		add_allowed(ret, r->method);
		found = ROUTES_OTHER_METHOD;
	}
	return found;
}
