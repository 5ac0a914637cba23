/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's way from its line to its answer, as libmicrohttpd's callbacks drive it. Invariants:
 * exactly one answer is said; whatever is suspended is resumed; struct request lives from the
 * request line to request_done() and is then used again by the same thread.
 */
#include "http/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "api/api.h"

#define SPARE_MAX     64 /* requests kept per thread; more than are ever being read at once, mostly */
#define BUSY_S	      1 /* Retry-After when a queue or the room for bodies is full */
#define TOO_LARGE     "{\"error\":\"request body too large\",\"limit_bytes\":%zu}"
#define TOO_LARGE_LEN 80

static _Thread_local struct worker *this_worker;

static struct worker *worker_of(struct front *front)
{
	struct http *h = front->http;
	unsigned n;

	if (this_worker)
		return this_worker;
	n = front->local ? h->worker_count - 1 : atomic_fetch_add(&h->next_worker, 1);
	if (!front->local && n >= h->worker_count - 1)
		return NULL; /* a thread we didn't ask for: two writers of one journal slot */
	return this_worker = &h->workers[n];
}

/* --- the memory of a request ----------------------------------------------------------------- */

static struct request *request_new(struct worker *w)
{
	struct request *r = w->spare;

	if (r) {
		w->spare = r->next;
		w->spare_count--;
	} else {
		r = malloc(sizeof(*r));
	}
	if (!r)
		return NULL;
	memset(r, 0, offsetof(struct request, fields));
	body_init(&r->body);
	r->worker = w;
	return r;
}

void request_free(struct request *r)
{
	struct worker *w = r->worker;

	exchange_clear(&r->x);
	if (r->x.route && r->x.route->form)
		wipe(r->body.data, r->body.len); /* passwords come in forms */
	body_free(&r->body);
	if (w->spare_count >= SPARE_MAX) {
		free(r);
		return;
	}
	r->next = w->spare;
	w->spare = r;
	w->spare_count++;
}

void request_free_spares(struct worker *w)
{
	while (w->spare) {
		struct request *r = w->spare;

		w->spare = r->next;
		free(r);
	}
}

/* --- answers of our own ---------------------------------------------------------------------- */

static void count_refusal(struct request *r, enum metrics_refusal why)
{
	metrics_count_refusal(r->x.services->metrics, r->worker->slot, why);
}

/* What was going to be said instead is taken back. */
enum MHD_Result refuse_malformed(struct request *r, unsigned status, const char *sentence)
{
	exchange_clear(&r->x);
	count_refusal(r, METRICS_REFUSED_MALFORMED);
	respond_error(r, status, sentence);
	return respond_and_leave(r);
}

enum MHD_Result refuse_too_large(struct request *r)
{
	char sentence[TOO_LARGE_LEN];
	struct text t = { 0 };

	exchange_clear(&r->x);
	count_refusal(r, METRICS_REFUSED_TOO_LARGE);
	if (respond_wants_page(r)) {
		snprintf(sentence, sizeof(sentence), "At most %zu KiB can be sent to this address.",
			 r->body_max >> 10);
		respond_error(r, 413, sentence);
		return respond_and_leave(r);
	}
	text_addf(&t, TOO_LARGE, r->body_max);
	exchange_reply_text(&r->x, 413, "application/json", &t);
	return respond_and_leave(r);
}

static void say_busy(struct request *r)
{
	count_refusal(r, METRICS_REFUSED_UNAVAILABLE);
	respond_error(r, 503, "Busy at the moment. Try again in a second.");
	exchange_set_headerf(&r->x, "Retry-After", "%u", BUSY_S);
}

/* --- the request line ------------------------------------------------------------------------ */

static struct request *request_begin(struct front *front, struct MHD_Connection *connection,
				     struct conn *c)
{
	struct worker *w = worker_of(front);
	struct request *r = w ? request_new(w) : NULL;

	if (!r)
		return NULL;
	r->front = front;
	r->connection = connection;
	r->conn = c;
	r->x.started_ns = clock_monotonic_ns();
	r->x.transport = r;
	return r;
}

struct request *request_unread(struct front *front, struct MHD_Connection *connection,
			       struct conn *c)
{
	struct request *r = request_begin(front, connection, c);

	if (!r)
		return NULL;
	request_fill(r, "", "");
	r->x.find_header = r->x.find_cookie = r->x.find_query = NULL;
	return r;
}

/* What is behind the scheme of "http://host/path", which proxies send and every server has to
 * understand (RFC 9112, 3.2.2); NULL: another form. */
static const char *authority_of(const char *target)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t len = strlen(schemes[i]);

		if (!strncasecmp(target, schemes[i], len))
			return target + len;
	}
	return NULL;
}

/* Called before libmicrohttpd cuts the target up: where it ends is what strict.c needs. */
void *request_line_read(void *arg, const char *uri, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct request *r = request_begin(arg, connection, info ? info->socket_context : NULL);
	const char *query;

	if (!r)
		return NULL;
	atomic_store_explicit(&r->worker->begun, r->worker->begun + 1, memory_order_relaxed);
	r->uri = uri;
	r->uri_end = uri + strlen(uri);
	r->target_ok = (*uri == '/' || authority_of(uri)) && strict_is_target(uri);
	query = strchr(uri, '?');
	/* For the redirect of a trailing slash; handlers ask libmicrohttpd. */
	if (query && query > uri && query[-1] == '/')
		snprintf(r->query, sizeof(r->query), "%s", query);
	else
		r->query[0] = '\0';
	if (r->conn) {
		r->conn->request = r;
		r->conn->had_request = true;
	}
	conn_set_read_deadline(r->conn, r->x.started_ns + http_patience.header_s * NS_PER_S);
	return r;
}

/* --- the headers ----------------------------------------------------------------------------- */

static bool is_sane_id(const char *id)
{
	size_t len = strspn(id,
			    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
			    "abcdefghijklmnopqrstuvwxyz{|}~");

	return len && !id[len] && len <= REQUEST_ID_MAX;
}

/* xorshift64 (Marsaglia 2003): ids have to differ, nothing more. */
static uint64_t next_random(struct worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static void set_request_id(struct request *r)
{
	static const char digits[] = "0123456789abcdef";
	char *id = r->x.request_id;
	uint64_t n;

	if (r->headers.request_id && is_sane_id(r->headers.request_id)) {
		snprintf(id, sizeof(r->x.request_id), "%s", r->headers.request_id);
		return;
	}
	n = next_random(r->worker);
	for (unsigned i = 0; i < 16; i++, n >>= 4)
		id[i] = digits[n & 15];
	id[16] = '\0';
}

void request_fill(struct request *r, const char *url, const char *method)
{
	struct exchange *x = &r->x;

	if (x->services)
		return;
	x->services = r->front->http->services;
	x->slot = r->worker->slot;
	x->scratch = r->worker->scratch;
	x->method = method;
	x->path = url;
	x->body = "";
	x->now_us = clock_wall_us();
	x->find_header = lookup_header;
	x->find_cookie = lookup_cookie;
	x->find_query = lookup_query;
	set_request_id(r);
}

/* libmicrohttpd's own rule: does it end the connection after this answer? */
static bool is_last_request(const struct request *r, const char *version)
{
	const char *connection = r->headers.connection ? r->headers.connection : "";

	if (strcasestr(connection, "close"))
		return true;
	return !strcmp(version, "HTTP/1.0") && !strcasestr(connection, "keep-alive");
}

/* The path of an absolute target. It says again who is asked, and two readers could take the one or
 * the other: a sentence if they differ. */
static const char *read_absolute(struct request *r, const char *target)
{
	const char *authority = authority_of(target);
	size_t len = authority ? strcspn(authority, "/") : 0;

	if (!authority)
		return NULL;
	r->x.path = authority[len] ? authority + len : "/";
	return len && r->headers.host && strlen(r->headers.host) == len &&
			       !strncasecmp(r->headers.host, authority, len)
		       ? NULL
		       : "Host isn't the request target's";
}

/* The decoded path into r->path; empty where no route can have it. */
static void decode_path(struct request *r)
{
	size_t len = strlen(r->x.path);

	r->path[0] = '\0';
	if (len > PATH_LEN_MAX)
		return;
	memcpy(r->path, r->x.path, len + 1);
	len = form_decode(r->path, len, false);
	r->path[memchr(r->path, '\0', len) ? 0 : len] = '\0';
}

static bool is_host(const char *host)
{
	return host && *host &&
	       !host[strspn(host, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  ".-_:[]")];
}

/* The Python firewall's framework answered these with the absolute address without the slash. */
static void redirect_without_slash(struct request *r)
{
	const char *host = r->headers.host;
	int len = (int)strlen(r->x.path) - 1;

	exchange_reply_static(&r->x, 307, NULL, "", 0);
	if (is_host(host))
		exchange_set_headerf(&r->x, "Location", "%s://%s%.*s%s",
				     r->x.https ? "https" : "http", host, len, r->x.path, r->query);
	else
		exchange_set_headerf(&r->x, "Location", "%.*s%s", len, r->x.path, r->query);
}

static bool is_slash_too_many(struct request *r)
{
	struct routes_match match;
	size_t len = strlen(r->path);
	bool known;

	if (len < 2 || r->path[len - 1] != '/' || r->x.path[strlen(r->x.path) - 1] != '/')
		return false;
	r->path[len - 1] = '\0';
	known = routes_find(r->x.method, r->path, r->front->local, &match) != ROUTES_UNKNOWN;
	r->path[len - 1] = '/';
	return known;
}

/* Sets x->route, or leaves an answer. */
static bool find_route(struct request *r)
{
	struct routes_match match = { 0 };
	enum routes_found found = routes_find(r->x.method, r->path, r->front->local, &match);

	if (found == ROUTES_FOUND) {
		r->x.route = match.route;
		if (match.value) {
			snprintf(r->path_value, sizeof(r->path_value), "%.*s", (int)match.value_len,
				 match.value);
			r->x.path_value = r->path_value;
		}
		return true;
	}
	if (found == ROUTES_OTHER_METHOD) {
		respond_error(r, 405, "Method Not Allowed");
		exchange_set_headerf(&r->x, "Allow", "%s", match.allow);
	} else if (is_slash_too_many(r)) {
		redirect_without_slash(r);
	} else {
		respond_error(r, 404, "Not Found");
	}
	return false;
}

/* Nobody without a key may make us keep a large body. The key is looked up again when the body is
 * there: what it leads to may not be held so long. */
static bool may_send_body(struct request *r)
{
	bool ok;

	if (r->x.route->auth != AUTH_API_KEY || (!r->chunked && r->content_length <= BODY_SMALL))
		return true;
	identity_enter();
	ok = gate_authenticate(r);
	identity_leave();
	r->x.caller = (struct caller){ 0 };
	return ok;
}

static enum MHD_Result read_headers(struct request *r, const char *url, const char *method,
				    const char *version)
{
	struct exchange *x = &r->x;
	const char *wrong;

	wrong = strict_read(r->connection, method, url, r->uri_end, version, &r->headers);
	request_fill(r, url, method);
	client_read(r);
	cors_read(r->front->http->cors, r);
	if (!wrong)
		wrong = r->target_ok ? read_absolute(r, url) : "Malformed request target";
	if (wrong)
		return refuse_malformed(r, 400, wrong);
	r->is_last = is_last_request(r, version);
	r->chunked = r->headers.transfer_encoding;
	/* Nothing but digits, and not too many: libmicrohttpd has seen to that. */
	r->content_length =
		r->headers.content_length ? strtoull(r->headers.content_length, NULL, 10) : 0;
	r->expects_continue = r->headers.expect && !strcasecmp(r->headers.expect, "100-continue");
	decode_path(r);
	/* As it is routed, or an escaped letter would lift the limit. */
	r->body_max = routes_body_max(*r->path ? r->path : x->path);
	if (r->content_length > r->body_max)
		return refuse_too_large(r);
	if (r->chunked || r->content_length)
		conn_set_read_deadline(
			r->conn,
			x->started_ns + (http_patience.header_s + http_patience.body_s) * NS_PER_S);
	if (!cors_preflight(r->front->http->cors, r) && find_route(r) && may_send_body(r)) {
		r->stage = STAGE_BODY;
		r->body.room = r->x.route->auth == AUTH_API_KEY ? BODY_ROOM_CALLS
								: BODY_ROOM_OTHERS;
		return MHD_YES;
	}
	/* The answer waits for the body, so that it isn't lost in a reset; a client that waits for
	 * our word before it sends gets it now. */
	r->stage = STAGE_DISCARD;
	if (r->expects_continue && (r->chunked || r->content_length))
		return respond_and_leave(r);
	return MHD_YES;
}

/* --- the body -------------------------------------------------------------------------------- */

static enum MHD_Result keep_body(struct request *r, const char *data, size_t *len)
{
	int result = body_add(&r->body, data, *len, r->body_max);

	*len = 0;
	if (result >= 0)
		return MHD_YES;
	if (result == -E2BIG)
		return refuse_too_large(r);
	say_busy(r);
	return respond_and_leave(r);
}

/* A chunked body that nobody keeps has the same limit. */
static enum MHD_Result drop_body(struct request *r, size_t *len)
{
	r->body.len += *len;
	*len = 0;
	return r->body.len <= r->body_max ? MHD_YES : refuse_too_large(r);
}

/* --- running it ------------------------------------------------------------------------------ */

static void work(void *arg)
{
	struct request *r = arg;
	struct http *h = r->front->http;
	struct exchange *x = &r->x;

	if (x->later) {
		x->later(x);
		x->later = NULL;
		r->again = true;
		r->stage = STAGE_AGAIN;
	} else {
		x->route->handle(x);
		r->stage = STAGE_SAY;
	}
	MHD_resume_connection(r->connection);
	atomic_fetch_sub(&h->suspended, 1); /* r is the epoll thread's again */
}

/* Hands the request to a worker. http_stop() sets `stopping` and then waits for `suspended` to fall
 * to zero, so the order here is count, then look. */
static enum MHD_Result hand_over(struct request *r)
{
	struct http *h = r->front->http;
	int result = -EAGAIN;

	atomic_fetch_add(&h->suspended, 1);
	if (!atomic_load(&h->stopping)) {
		r->stage = STAGE_POOL;
		conn_set_deadline(r->conn, 0);
		MHD_suspend_connection(r->connection);
		result = pool_submit(r->x.route->hashes ? h->hashing : h->slow, work, r);
		if (result >= 0)
			return MHD_YES;
		MHD_resume_connection(r->connection);
	}
	atomic_fetch_sub(&h->suspended, 1);
	r->x.later = NULL;
	say_busy(r);
	if (r->stage != STAGE_POOL)
		return respond(r);
	r->stage = STAGE_SAY;
	return MHD_YES;
}

static enum MHD_Result run(struct request *r)
{
	struct exchange *x = &r->x;
	bool slow = x->route->slow, ok;

	identity_enter();
	/* The key comes first: the kernel refuses it without knowing who is behind a proxy. */
	ok = gate_authenticate(r) && gate_client(r);
	if (ok && !slow)
		x->route->handle(x);
	identity_leave();
	if (ok && !slow && x->later && r->again) {
		x->later = NULL;
		say_busy(r);
	}
	return ok && (slow || x->later) ? hand_over(r) : respond(r);
}

/* Reads the form. false: an answer stands. */
static bool read_form(struct request *r)
{
	struct exchange *x = &r->x;

	x->form = r->fields;
	if (form_parse(r->headers.content_type, r->body.data, r->body.len, r->fields,
		       &x->form_count) >= 0)
		return true;
	count_refusal(r, METRICS_REFUSED_MALFORMED);
	respond_error(r, 400,
		      "The form can't be read: not UTF-8, a NUL in it, or too many fields.");
	return false;
}

/* In the contract's order: a full signup window before missing fields, these before the log-in
 * check. */
static bool pass_gates(struct request *r)
{
	const struct route *route = r->x.route;

	if (!gate_cross_site(r))
		return false;
	if (route->before && route->before(&r->x))
		return false;
	if (route->form && (!read_form(r) || !gate_required(r)))
		return false;
	if (route->auth != AUTH_API_KEY)
		gate_find_session(r);
	return gate_csrf(r);
}

static enum MHD_Result finish(struct request *r)
{
	conn_set_deadline(r->conn, 0);
	r->x.body = r->body.data;
	r->x.body_len = r->body.len;
	return pass_gates(r) ? run(r) : respond(r);
}

enum MHD_Result request_handle(void *front, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *data,
			       size_t *data_len, void **request)
{
	struct request *r = *request;

	if (!r)
		return MHD_NO;
	switch (r->stage) {
	case STAGE_LINE:
		return read_headers(r, url, method, version);
	case STAGE_BODY:
		return *data_len ? keep_body(r, data, data_len) : finish(r);
	case STAGE_DISCARD:
		return *data_len ? drop_body(r, data_len) : respond(r);
	case STAGE_AGAIN:
		return run(r);
	case STAGE_SAY:
		return respond(r);
	case STAGE_POOL:
		break;
	}
	return MHD_YES;
}

/* --- ends ------------------------------------------------------------------------------------ */

/* With the rest after it. A connection that lives longer has begun another line: without a byte the
 * library ends it before. */
static uint64_t longest_request_s(void)
{
	const struct patience *p = &http_patience;

	return (uint64_t)p->header_s + p->body_s + p->answer_s + p->idle_s;
}

void request_done(void *front, struct MHD_Connection *connection, void **request,
		  enum MHD_RequestTerminationCode why)
{
	struct request *r = *request;

	if (!r)
		return;
	parser_look_at_cut(r, why);
	if (r->conn) {
		r->conn->request = NULL;
		r->conn->was_cut = why != MHD_REQUEST_TERMINATED_COMPLETED_OK;
	}
	atomic_store_explicit(&r->worker->ended, r->worker->ended + 1, memory_order_relaxed);
	conn_set_read_deadline(r->conn, r->x.started_ns + longest_request_s() * NS_PER_S);
	request_free(r);
	*request = NULL;
}

static void connection_opened(struct front *front, struct MHD_Connection *connection,
			      void **socket_context)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct conn *c = info ? janitor_add(front->http->janitor, info->connect_fd) : NULL;

	atomic_fetch_add(&front->http->open_connections, 1);
	if (!front->local)
		acceptor_note_begin(front->http->acceptor);
	*socket_context = c;
	if (!c)
		return;
	c->front = front;
	conn_set_read_deadline(c, clock_monotonic_ns() + http_patience.header_s * NS_PER_S);
	parser_look_at_begin(c);
}

static void connection_closed(struct front *front, struct MHD_Connection *connection,
			      struct conn *c)
{
	/* After a second error in one request libmicrohttpd doesn't say that the request ended. */
	void *r = c ? c->request : NULL;

	if (r)
		request_done(front, connection, &r, MHD_REQUEST_TERMINATED_WITH_ERROR);
	atomic_fetch_sub(&front->http->open_connections, 1);
	parser_look_at_end(connection, c);
	janitor_remove(front->http->janitor, c);
	if (!front->local)
		acceptor_note_end(front->http->acceptor);
}

void request_connection(void *front, struct MHD_Connection *connection, void **socket_context,
			enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		connection_opened(front, connection, socket_context);
	} else {
		connection_closed(front, connection, *socket_context);
		*socket_context = NULL;
	}
}
