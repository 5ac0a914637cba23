/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libmicrohttpd 0.9.75 refuses by itself, answered by us. Its parser turns some requests down
 * before any callback of ours sees them (a request line it can't read, a target or a header that
 * doesn't fit, chunk sizes that are none) with a page of its own: another type, none of the headers
 * every answer of ours carries, and after a bad Content-Length its header twice over. There is no
 * option to change that, and its log, which does say what happened, doesn't say on which
 * connection.
 *
 * But the parser answers through the library's own public MHD_queue_response(), as dynamic linking
 * has it: through the symbol, of which the program's definition comes first. So that function is
 * defined here. It writes our answer to the socket and ends our half of it; then it lets the
 * library go its usual way, whose page finds nowhere to go. (Refusing instead would be a way the
 * library hardly ever takes: it frees the connection's memory under a parser that goes on reading
 * it.) Answers of ours go to the real function by parser_queue().
 *
 * Rejected: a copy of the library with this changed, whose fixes would be ours to follow; reading
 * the socket before the library does, which costs every request.
 */
#include "http/internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/tcp.h> /* not netinet/tcp.h: its struct tcp_info is the old, short one */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define MALFORMED_LINE	 "Malformed request line"
#define MALFORMED_HEADER "Malformed request header"
#define MALFORMED_BODY	 "Malformed chunked body"
#define MALFORMED_LENGTH "Content-Length isn't a number"
#define MALFORMED_COOKIE "Malformed cookie"
#define NOT_TLS		 MALFORMED_LINE ": plain HTTP is spoken here, not TLS"
#define LATE		 "The request took too long to arrive"
#define TLS_HANDSHAKE	 0x16 /* the first byte of a ClientHello's record; no method has it */
/* The library closes a connection in the moment in which it reads what it can't; the other reason
 * to close one between requests is that nothing came for idle_s. */
#define JUST_NOW_MS (http_patience.idle_s * 1000 / 2)

typedef enum MHD_Result (*queue_fn)(struct MHD_Connection *, unsigned, struct MHD_Response *);

static queue_fn real_queue;

int parser_init(void)
{
	void *symbol = dlsym(RTLD_NEXT, "MHD_queue_response");

	_Static_assert(sizeof(symbol) == sizeof(real_queue), "POSIX: dlsym() returns functions");
	if (!symbol)
		return -ELIBACC;
	memcpy(&real_queue, &symbol, sizeof(symbol));
	return 0;
}

enum MHD_Result parser_queue(struct MHD_Connection *connection, unsigned status,
			     struct MHD_Response *response)
{
	return real_queue(connection, status, response);
}

/* --- what it found --------------------------------------------------------------------------- */

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

/* Of a 400: which part of the request it was. */
static const char *malformed_part(const struct request *r)
{
	const char *length;

	if (!r->uri)
		return r->conn && r->conn->tls ? NOT_TLS : MALFORMED_LINE;
	if (r->stage != STAGE_LINE)
		return MALFORMED_BODY;
	length = exchange_header(&r->x, "Content-Length");
	return length && !is_number(length) ? MALFORMED_LENGTH : MALFORMED_HEADER;
}

/* Of a cookie whose value is one quote the library takes that for both ends of a quoted text, which
 * then has a length below zero: too large. */
static bool has_lone_quote(const struct request *r)
{
	const char *cookie = r->uri ? exchange_header(&r->x, "Cookie") : NULL;
	size_t len = cookie ? strlen(cookie) : 0;

	return len >= 2 && !strcmp(cookie + len - 2, "=\"");
}

static void refuse(struct request *r, unsigned status)
{
	switch (status) {
	case MHD_HTTP_BAD_REQUEST:
	case MHD_HTTP_INTERNAL_SERVER_ERROR: /* a chunk size's line that fills the buffer */
		(void)refuse_malformed(r, MHD_HTTP_BAD_REQUEST, malformed_part(r));
		break;
	case MHD_HTTP_REQUEST_TIMEOUT:
		(void)refuse_malformed(r, status, LATE);
		break;
	case MHD_HTTP_CONTENT_TOO_LARGE:
		(void)refuse_too_large(r);
		break;
	case MHD_HTTP_URI_TOO_LONG:
		(void)refuse_malformed(r, status, "The request line is too long");
		break;
	case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
		if (has_lone_quote(r))
			(void)refuse_malformed(r, MHD_HTTP_BAD_REQUEST, MALFORMED_COOKIE);
		else
			(void)refuse_malformed(r, status, "The request header is too large");
		break;
	case MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED:
		(void)refuse_malformed(r, status, "HTTP/1.1 and HTTP/1.0 are spoken here");
		break;
	default:
		(void)refuse_malformed(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "Internal Server Error");
	}
}

static struct conn *conn_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void refuse_unread(struct MHD_Connection *connection, struct conn *c, unsigned status)
{
	struct request *r = request_unread(c->front, connection, c);

	if (!r)
		return;
	refuse(r, status);
	request_free(r);
}

/* Headers were read, but not all of them, and not by strict.c. */
static void fill_half_read(struct request *r)
{
	r->headers.request_id = lookup_header(&r->x, "X-Request-ID");
	r->headers.forwarded_proto = lookup_header(&r->x, "X-Forwarded-Proto");
	request_fill(r, r->uri, "");
	client_read(r);
	r->body_max = routes_body_max(r->uri);
}

/* Only the library calls it: see above. */
enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned status,
				   struct MHD_Response *response)
{
	struct conn *c = conn_of(connection);
	struct request *r = c ? c->request : NULL;

	if (r) {
		if (r->stage == STAGE_LINE)
			fill_half_read(r);
		refuse(r, status);
	} else if (c) {
		refuse_unread(connection, c, status);
	}
	return real_queue(connection, status, response);
}

/* --- what it closes without a word ----------------------------------------------------------- */

/* TLS to this port: it needn't have a line's end for as long as the client has patience. */
void parser_look_at_begin(struct conn *c)
{
	unsigned char first;

	if (c->front->local || recv(c->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1 ||
	    first != TLS_HANDSHAKE)
		return;
	c->tls = true;
	(void)shutdown(c->fd, SHUT_RD);
}

void parser_look_at_cut(struct request *r, enum MHD_RequestTerminationCode why)
{
	const struct conn *c = r->conn;

	if (!c || !atomic_load(&c->reads) ||
	    (!atomic_load(&c->late) && why != MHD_REQUEST_TERMINATED_TIMEOUT_REACHED))
		return;
	if (r->stage == STAGE_DISCARD) { /* the answer is there, only the rest of the body isn't */
		(void)respond_and_leave(r);
		return;
	}
	if (r->stage == STAGE_LINE)
		fill_half_read(r);
	refuse(r, MHD_HTTP_REQUEST_TIMEOUT);
}

/* Did bytes come that nobody answered? For a line without a single blank the library has no page,
 * and none for one that doesn't end. */
static bool has_unread_line(const struct conn *c)
{
	struct tcp_info tcp;
	socklen_t len = sizeof(tcp);

	if (c->announced || c->was_cut || getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &tcp, &len) < 0)
		return false;
	if (!c->had_request)
		return tcp.tcpi_bytes_received > 1; /* a FIN counts as one */
	return atomic_load(&c->late) ||
	       (!conn_is_ended_by_client(c) && tcp.tcpi_last_data_recv < JUST_NOW_MS);
}

void parser_look_at_end(struct MHD_Connection *connection, struct conn *c)
{
	if (c && !atomic_load_explicit(&c->front->http->draining, memory_order_relaxed) &&
	    has_unread_line(c))
		refuse_unread(connection, c,
			      atomic_load(&c->late) ? MHD_HTTP_REQUEST_TIMEOUT
						    : MHD_HTTP_BAD_REQUEST);
}
