/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands between a route and its handler, by the columns of the table: whose form it is, who
 * calls, whether the form carries its token. Each gate lets through or leaves an answer.
 */
#include "http/internal.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include "api/api.h"

#define KEY_PREFIX "axfw_"
#define SESSION	   "session"
#define CSRF_FIELD "csrf"
#define SCHEME_END "://"

/* --- who may connect at all ------------------------------------------------------------------ */

/* Besides the list itself: loopback, because the operator must not lock himself out, and proxies,
 * because they stand for clients whom we only know once they have spoken. */
static bool is_allowed(const struct settings *s, const struct address *peer)
{
	return (!s->allow_from.count && !s->allow_from.any) || address_is_loopback(peer) ||
	       prefix_list_contains(&s->allow_from, peer) ||
	       prefix_list_contains(&s->forwarded_allow_ips, peer);
}

/* The client behind a proxy, once its name is known: both lists hold for it, too. */
bool gate_client(struct request *r)
{
	const struct services *s = r->x.services;

	if (r->x.local || !memcmp(&r->x.client, &r->x.peer, sizeof(r->x.peer)))
		return true; /* asked when it connected */
	if (is_allowed(s->settings, &r->x.client) && !denials_cover(s->denials, &r->x.client))
		return true;
	r->x.close = true;
	respond_error(r, 403, "This address isn't served.");
	return false;
}

enum MHD_Result gate_accept(void *front, const struct sockaddr *from, socklen_t len)
{
	const struct front *f = front;
	struct address peer;

	(void)len;
	if (f->local)
		return MHD_YES;
	address_from_sockaddr(from, &peer);
	if (!is_allowed(f->http->services->settings, &peer))
		return MHD_NO;
	return denials_refuse(f->http->services->denials, &peer) ? MHD_NO : MHD_YES;
}

/* --- forms of other sites -------------------------------------------------------------------- */

static const char *host_of(const char *url)
{
	const char *at = strstr(url, SCHEME_END);

	return at ? at + strlen(SCHEME_END) : "";
}

/* Browsers say where a form comes from, by Sec-Fetch-Site or, older ones, by Origin. Whoever sends
 * neither is no browser, so nobody's cookies are at stake. */
static bool is_cross_site(const struct request *r)
{
	const char *site = r->headers.fetch_site, *origin = r->headers.origin;

	if (site)
		return strcasecmp(site, "same-origin") && strcasecmp(site, "none");
	if (!origin)
		return false;
	return (!r->x.host || strcasecmp(host_of(origin), r->x.host)) &&
	       strcasecmp(origin, r->x.services->settings->public_url);
}

bool gate_cross_site(struct request *r)
{
	if (!r->x.route->form || !is_cross_site(r))
		return true;
	respond_error(r, 403, "This form was sent from another site.");
	return false;
}

/* --- fields and tokens ----------------------------------------------------------------------- */

bool gate_required(struct request *r)
{
	const char *const *name = r->x.route->required;

	return exchange_require_fields(&r->x, name[0], name[1], name[2], NULL);
}
_Static_assert(ROUTE_REQUIRED_MAX == 4, "as many as gate_required() hands on, and a NULL");

void gate_find_session(struct request *r)
{
	const char *cookie = r->headers.cookie ? exchange_cookie(&r->x, SESSION) : NULL;

	if (cookie && *cookie)
		r->x.has_session = session_find(r->x.services->identity, cookie, &r->x.session) ==
				   0;
}

bool gate_csrf(struct request *r)
{
	const char *token = exchange_form(&r->x, CSRF_FIELD);

	if (!r->x.route->form || !r->x.has_session)
		return true;
	if (token && strlen(token) == SESSION_CSRF_LEN &&
	    crypto_equal(token, r->x.session.csrf, SESSION_CSRF_LEN))
		return true;
	respond_error(r, 403,
		      "The form's token is missing or out of date. Go back, reload the page "
		      "and try again.");
	return false;
}

/* --- who calls ------------------------------------------------------------------------------- */

/* The key in "Bearer axfw_…", or bare; NULL: none of our form. */
static const char *bearer_key(const char *value, size_t *ret_len)
{
	size_t len;

	if (!value)
		return NULL;
	if (!strncasecmp(value, "Bearer", 6) && (value[6] == ' ' || value[6] == '\t'))
		value += 6;
	value += strspn(value, " \t");
	len = strlen(value);
	while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	if (strncmp(value, KEY_PREFIX, sizeof(KEY_PREFIX) - 1))
		return NULL;
	*ret_len = len;
	return value;
}

static bool refuse_key(struct request *r)
{
	metrics_count_refusal(r->x.services->metrics, r->x.slot, METRICS_REFUSED_KEY);
	traffic_offer(r->x.services->traffic, &r->x.client, &r->x.caller.hash,
		      AXFW_REASON_KEY_UNKNOWN, r->x.started_ns);
	exchange_count_refusal(&r->x);
	/* who is denied meanwhile gets no further request on this connection */
	r->x.close |= denials_cover(r->x.services->denials, &r->x.peer);
	exchange_reply_static(&r->x, 401, "application/json", API_UNAUTHORIZED_BODY,
			      sizeof(API_UNAUTHORIZED_BODY) - 1);
	return false;
}

static bool authenticate_key(struct request *r)
{
	const struct services *s = r->x.services;
	uint64_t generation = kernel_generation(s->kernel);
	const char *key;
	size_t len;
	int result;

	key = bearer_key(r->headers.authorization, &len);
	if (!key)
		key = bearer_key(r->headers.api_key, &len);
	if (!key)
		return refuse_key(r);
	result = identity_authenticate(s->identity, key, len, &r->x.caller);
	if (result == 0) {
		traffic_offer(s->traffic, &r->x.client, &r->x.caller.hash, AXFW_REASON_KEY_ADMITTED,
			      r->x.started_ns);
		exchange_vouch(&r->x);
		return true;
	}
	if (result == -EKEYREJECTED) {
		/* The kernel may say the same next time, unless a key came to life since. */
		kernel_remember_unknown(s->kernel, &r->x.caller.hash, generation);
		return refuse_key(r);
	}
	exchange_fail(&r->x, result, "a key can't be looked up");
	return false;
}

static bool authenticate_session(struct request *r)
{
	if (r->x.has_session)
		return true;
	exchange_redirect(&r->x, "/login");
	return false;
}

/*
 * By the list, for the peer itself: what a proxy on this machine forwards comes from loopback, too.
 * For a client named by a trusted proxy the list holds as well; where everybody is trusted ("*"),
 * nobody is. A proxy that nobody named as trusted still says that it is one.
 */
static bool may_read_metrics(const struct request *r)
{
	const struct settings *s = r->x.services->settings;

	if (r->x.local)
		return true;
	if (!prefix_list_contains(&s->metrics_allow, &r->x.client))
		return false;
	if (!memcmp(&r->x.client, &r->x.peer, sizeof(r->x.peer)))
		return !r->headers.forwarded_for;
	return !s->forwarded_allow_ips.any;
}

static bool authenticate_metrics(struct request *r)
{
	if (may_read_metrics(r))
		return true;
	respond_error(r, 403, "Metrics are served to the addresses in --metrics-allow only.");
	return false;
}

static bool authenticate_operator(struct request *r)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (r->x.local && info && local_peer_is_operator(info->connect_fd))
		return true;
	respond_error(r, 404, "Not Found");
	return false;
}

bool gate_authenticate(struct request *r)
{
	switch (r->x.route->auth) {
	case AUTH_NONE:
		return true;
	case AUTH_API_KEY:
		return authenticate_key(r);
	case AUTH_SESSION:
		return authenticate_session(r);
	case AUTH_METRICS:
		return authenticate_metrics(r);
	case AUTH_OPERATOR:
		return authenticate_operator(r);
	}
	return false;
}
