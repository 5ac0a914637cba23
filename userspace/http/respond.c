/* SPDX-License-Identifier: Apache-2.0 */
/* Sending what a handler said, with the headers that every answer carries. */
#include "http/internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include "api/api.h"
#include "dashboard/dashboard.h"
#include "dashboard/page.h"

/* No script but our own files, no frame around us, no form to anywhere else. */
#define CONTENT_SECURITY                                                                           \
	"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "        \
	"object-src 'none'"
#define HSTS "max-age=31536000" /* subdomains are the operator's own affair */

static const struct {
	const char *name, *value;
} every_answer[] = {
	{ "Content-Security-Policy", CONTENT_SECURITY },
	{ "X-Frame-Options", "DENY" },
	{ "X-Content-Type-Options", "nosniff" },
	/* Not no-referrer: browsers would then send `Origin: null` with our own forms. */
	{ "Referrer-Policy", "same-origin" },
};

static const char *said_header(const struct exchange *x, const char *name)
{
	for (unsigned i = 0; i < x->header_count; i++) {
		if (!strcasecmp(x->headers[i].name, name))
			return x->headers[i].value;
	}
	return NULL;
}

/* The browser's copy of the session cookie slides with ours, unless a handler spoke of it or the
 * answer may be kept by a cache. */
static void renew_cookie(struct exchange *x)
{
	const char *caching = said_header(x, "Cache-Control"), *cookie;

	if (!x->has_session || said_header(x, "Set-Cookie") ||
	    (caching && !strncmp(caching, "public", 6)))
		return;
	cookie = exchange_cookie(x, "session");
	if (cookie)
		page_set_cookie(x, cookie);
}

static void complete(struct request *r)
{
	struct exchange *x = &r->x;

	if (!x->status) {
		log_error("%s %s (%s): the handler said nothing", x->method, x->path,
			  x->request_id);
		exchange_error(x, 500, "Internal Server Error");
	}
	renew_cookie(x);
	x->close |= atomic_load_explicit(&r->front->http->draining, memory_order_relaxed);
	if (x->close || r->is_last)
		conn_announce_end(r->conn);
	conn_set_deadline(r->conn, x->started_ns + (http_patience.header_s + http_patience.body_s +
						    http_patience.answer_s) *
							   NS_PER_S);
	metrics_count_request(x->services->metrics, r->worker->slot, x->status);
	if (x->status == 429 && x->route && x->route->kernel == AXFW_ROUTE_SIGNUP)
		metrics_count_refusal(x->services->metrics, r->worker->slot,
				      METRICS_REFUSED_SIGNUP);
}

typedef void (*emit_fn)(void *arg, const char *name, const char *value);

static void emit_headers(const struct request *r, emit_fn emit, void *arg)
{
	const struct exchange *x = &r->x;

	for (size_t i = 0; i < ARRAY_SIZE(every_answer); i++)
		emit(arg, every_answer[i].name, every_answer[i].value);
	emit(arg, "X-Request-ID", x->request_id);
	if (x->https)
		emit(arg, "Strict-Transport-Security", HSTS);
	if (!said_header(x, "Cache-Control"))
		emit(arg, "Cache-Control", "no-store");
	if (r->allow_origin) {
		emit(arg, "Access-Control-Allow-Origin", r->allow_origin);
		emit(arg, "Vary", "Origin");
	}
	if (x->content_type)
		emit(arg, "Content-Type", x->content_type);
	for (unsigned i = 0; i < x->header_count; i++)
		emit(arg, x->headers[i].name, x->headers[i].value);
	if (x->close)
		emit(arg, "Connection", "close");
}

/* --- through libmicrohttpd ------------------------------------------------------------------- */

struct response {
	struct MHD_Response *mhd;
	bool failed;
};

static void add_to_response(void *arg, const char *name, const char *value)
{
	struct response *response = arg;

	response->failed |= MHD_add_response_header(response->mhd, name, value) == MHD_NO;
}

static struct MHD_Response *create_response(struct exchange *x)
{
	char *owned = TAKE_PTR(x->reply_body);
	struct MHD_Response *response;

	if (!owned)
		return MHD_create_response_from_buffer(
			x->reply_len, (void *)(uintptr_t)x->reply_static, MHD_RESPMEM_PERSISTENT);
	response = MHD_create_response_from_buffer(x->reply_len, owned, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(owned);
	return response;
}

enum MHD_Result respond(struct request *r)
{
	struct response response = { 0 };
	enum MHD_Result queued;

	complete(r);
	response.mhd = create_response(&r->x);
	if (!response.mhd)
		return MHD_NO;
	emit_headers(r, add_to_response, &response);
	/* An answer without one of its headers would be another answer: none, then. */
	queued = response.failed ? MHD_NO : parser_queue(r->connection, r->x.status, response.mhd);
	MHD_destroy_response(response.mhd);
	return queued;
}

/* --- past it --------------------------------------------------------------------------------- */

static void add_to_text(void *arg, const char *name, const char *value)
{
	text_addf(arg, "%s: %s\r\n", name, value);
}

enum MHD_Result respond_and_leave(struct request *r)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	_cleanup_(text_free) struct text t = { 0 };
	struct exchange *x = &r->x;

	x->close = true;
	complete(r);
	if (!info)
		return MHD_NO;
	text_addf(&t, "HTTP/1.1 %u %s\r\n", x->status, MHD_get_reason_phrase_for(x->status));
	emit_headers(r, add_to_text, &t);
	text_addf(&t, "Content-Length: %zu\r\n\r\n", x->reply_len);
	if (strcmp(x->method, "HEAD"))
		text_add_n(&t, x->reply_body ? x->reply_body : x->reply_static, x->reply_len);
	/* Nothing is in the socket's buffer: an answer of this size goes in at once, or the client
	 * has gone. */
	if (!text_failed(&t) &&
	    send(info->connect_fd, t.data, t.len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		janitor_linger(r->front->http->janitor, info->connect_fd);
	return MHD_NO;
}

/* --- errors ---------------------------------------------------------------------------------- */

bool respond_wants_page(struct request *r)
{
	const char *accept = exchange_header(&r->x, "Accept");

	return accept && strstr(accept, "text/html");
}

void respond_error(struct request *r, unsigned status, const char *sentence)
{
	if (respond_wants_page(r))
		dashboard_error_page(&r->x, status, sentence);
	else
		exchange_error(&r->x, status, "%s", sentence);
}
