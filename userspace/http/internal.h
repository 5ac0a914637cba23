/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of http/ share. A request is one struct request from its request line to its
 * answer; only its epoll thread touches it, except while it is suspended: then only the worker that
 * runs it.
 */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include "http/http.h"

/* --- routes.c -------------------------------------------------------------------------------- */

#define ALLOW_MAX 32 /* every method the table has, and more */
struct routes_match {
	const struct route *route;
	char allow[ALLOW_MAX]; /* OTHER_METHOD: the methods of that path */
	const char *value;     /* of "{name}", not terminated */
	size_t value_len;
};
enum routes_found { ROUTES_UNKNOWN, ROUTES_OTHER_METHOD, ROUTES_FOUND };
enum routes_found routes_find(const char *method, const char *path, bool local,
			      struct routes_match *ret);
/* The contract's body limit for a path, known or not. */
size_t routes_body_max(const char *path);

/* --- strict.c -------------------------------------------------------------------------------- */

/* X(field, name, may occur once only) */
#define HTTP_HEADERS(X)                                                                            \
	X(host, "Host", true)                                                                      \
	X(content_length, "Content-Length", true)                                                  \
	X(transfer_encoding, "Transfer-Encoding", true)                                            \
	X(content_type, "Content-Type", true)                                                      \
	X(authorization, "Authorization", true)                                                    \
	X(api_key, "x-api-key", true)                                                              \
	X(request_id, "X-Request-ID", false)                                                       \
	X(cookie, "Cookie", false)                                                                 \
	X(expect, "Expect", false)                                                                 \
	X(origin, "Origin", true)                                                                  \
	X(connection, "Connection", false)                                                         \
	X(fetch_site, "Sec-Fetch-Site", false)                                                     \
	X(forwarded_for, "X-Forwarded-For", false)                                                 \
	X(forwarded_proto, "X-Forwarded-Proto", false)                                             \
	X(forwarded_host, "X-Forwarded-Host", false)

/* Values end with a NUL, in libmicrohttpd's buffer. Of a header that repeats: the last. */
struct strict_headers {
#define X(field, name, once) const char *field;
	HTTP_HEADERS(X)
#undef X
};

/*
 * Does the header region hold exactly what libmicrohttpd made of it? NULL: yes; else a sentence
 * that says what is wrong. method, url and version are the handler's arguments, uri_end the end of
 * the request target as the URI log callback saw it.
 */
const char *strict_read(struct MHD_Connection *connection, const char *method, const char *url,
			const char *uri_end, const char *version, struct strict_headers *ret);
/* Printable ASCII without spaces: what may stand in a request target. */
bool strict_is_target(const char *uri);

/* --- body.c ---------------------------------------------------------------------------------- */

#define BODY_SMALL 4096 /* most prompts: no allocation */

/* Bodies larger than BODY_SMALL share memory with their like only: those who have an API key don't
 * wait for those who have none. */
enum body_room { BODY_ROOM_OTHERS, BODY_ROOM_CALLS, BODY_ROOM_COUNT };

struct body {
	enum body_room room;
	char *data; /* small or allocated; terminated */
	size_t len, size;
	char small[BODY_SMALL + 1];
};
void body_init(struct body *b);
/* -E2BIG: more than max; -ENOBUFS: all bodies of its room together hold too much; -ENOMEM. */
int body_add(struct body *b, const char *data, size_t len, size_t max);
void body_free(struct body *b);

/* --- form.c ---------------------------------------------------------------------------------- */

#define FORM_FIELDS_MAX 64
/* Decodes body in place. Fields are NUL-terminated UTF-8. -EBADMSG: not UTF-8, a NUL, or too many
 * fields. A body of another type has no fields. */
int form_parse(const char *content_type, char *body, size_t len,
	       struct exchange_field fields[static FORM_FIELDS_MAX], size_t *ret_count);
/* Percent-decodes in place; returns the new length. plus: '+' is a space. */
size_t form_decode(char *text, size_t len, bool plus);

struct handover;

/* listeners.c */
#define LISTENERS_MAX 8 /* AXFW_PORTS_MAX: what the kernel can protect */
const int *listeners_fds(const struct listeners *l, size_t *ret_count);

/* local.c: the control socket. Mode 0600, replaces what stands at path. */
struct local_socket {
	int fd;
	dev_t device; /* of the file, to remove no other's */
	ino_t inode;
	char path[108];
};
int local_socket_open(const char *path, struct local_socket *ret);
void local_socket_close(struct local_socket *s);
int local_socket_connect(const char *path); /* a descriptor, or -errno */
/* Root or the daemon's own user at the other end? */
bool local_peer_is_operator(int fd);

/* handover.c: on `<socket_path>.handover`. */
int handover_offer(const char *socket_path, const struct listeners *l, void (*taken)(void *arg),
		   void *arg, struct handover **ret);
void handover_stop(struct handover **h);
/* Asks a running daemon. wants() looks at what is offered (and may close some, setting them to -1);
 * true: they are ours, and the other side ends. -ENOENT: nobody offers; -ECANCELED: wants() didn't.
 */
int handover_take(const char *socket_path, bool (*wants)(void *arg, int *fds, size_t count),
		  void *arg);

/* --- one request ----------------------------------------------------------------------------- */

enum stage {
	STAGE_LINE,    /* the request line was read */
	STAGE_BODY,    /* headers were read; the body is kept */
	STAGE_DISCARD, /* an answer stands; the body is read and dropped */
	STAGE_POOL,    /* suspended: a worker has it */
	STAGE_AGAIN,   /* resumed: run it from its authentication on */
	STAGE_SAY,     /* an answer stands: queue it */
};

#define PATH_LEN_MAX	 1024 /* decoded; longer ones are 404: no route is */
#define COOKIE_VALUE_MAX 256
#define QUERY_MAX	 1024 /* all decoded values that a handler asks for together */

struct worker;
struct front;
struct conn;

struct request {
	struct exchange x;
	struct front *front;
	struct worker *worker;
	struct conn *conn;
	struct MHD_Connection *connection;
	enum stage stage;
	bool again; /* was on the pool for x.later already */
	bool chunked, expects_continue;
	bool is_last; /* the client said that it sends no more on this connection */
	uint64_t content_length;
	size_t body_max;
	const char *uri, *uri_end; /* until the headers are read */
	bool target_ok;
	const char *allow_origin; /* CORS: what to allow; NULL: nothing */
	size_t query_used;
	struct strict_headers headers;
	struct request *next; /* of the worker's spare ones */
	struct exchange_field fields[FORM_FIELDS_MAX];
	char path[PATH_LEN_MAX + 1]; /* decoded */
	char path_value[PATH_LEN_MAX + 1];
	char cookie[COOKIE_VALUE_MAX];
	char query[QUERY_MAX];
	struct body body; /* last: it isn't cleared */
};

/* One per epoll thread, and one for the local socket. */
struct worker {
	unsigned slot;
	struct guard_scratch *scratch;
	struct request *spare;
	unsigned spare_count;
	uint64_t random; /* request ids need to differ, not to be secret */
	/* Only this thread writes; http_stop() reads. */
	atomic_uint_fast64_t begun, ended;
} __attribute__((aligned(64)));

/* What MHD's callbacks are given. */
struct front {
	struct http *http;
	struct MHD_Daemon *mhd;
	bool local;
};

/* Limits on time. Each bounds how long a stranger may hold a connection without getting on.
 * Constants, but that a test makes them shorter before it starts a server. */
struct patience {
	unsigned idle_s;   /* between requests, and for each read or write */
	unsigned header_s; /* from the request line (or accept) to the end of the headers */
	unsigned body_s;   /* the whole body */
	unsigned answer_s; /* the whole answer */
};
extern struct patience http_patience;

struct cors;
struct janitor;
struct acceptor;

struct http {
	struct services *services;
	struct listeners *listeners;
	struct front tcp, local;
	struct worker *workers;
	unsigned worker_count; /* of them the last is the local socket's */
	atomic_uint next_worker;
	atomic_bool draining;
	atomic_bool stopping; /* nothing more is suspended */
	atomic_int open_connections;
	atomic_int suspended;
	struct pool *slow, *hashing;
	struct cors *cors;
	struct janitor *janitor;
	struct acceptor *acceptor;
	struct handover *handover;
	struct local_socket local_socket;
};

/* --- request.c: MHD's callbacks -------------------------------------------------------------- */

void *request_line_read(void *front, const char *uri, struct MHD_Connection *connection);
enum MHD_Result request_handle(void *front, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *data,
			       size_t *data_len, void **request);
void request_done(void *front, struct MHD_Connection *connection, void **request,
		  enum MHD_RequestTerminationCode why);
void request_connection(void *front, struct MHD_Connection *connection, void **socket_context,
			enum MHD_ConnectionNotificationCode what);
void request_free_spares(struct worker *w);
/* A request of which nothing could be read: it knows no headers. NULL: no memory. */
struct request *request_unread(struct front *front, struct MHD_Connection *connection,
			       struct conn *c);
void request_free(struct request *r);
/* Gives a request whose headers weren't handed to us what an answer needs. */
void request_fill(struct request *r, const char *url, const char *method);
/* These answer at once and end the connection. Always MHD_NO. */
enum MHD_Result refuse_malformed(struct request *r, unsigned status, const char *sentence);
enum MHD_Result refuse_too_large(struct request *r);

/* --- parser.c: what libmicrohttpd refuses by itself ------------------------------------------ */

/* Once, before it starts. -ELIBACC: the library isn't the shared one this file needs. */
int parser_init(void);
/* Queues an answer of ours. */
enum MHD_Result parser_queue(struct MHD_Connection *connection, unsigned status,
			     struct MHD_Response *response);
/* The connection is new, and mostly there is something to read already. */
void parser_look_at_begin(struct conn *c);
/* The request ends without its answer, its headers are still there: answers it, if it was late. */
void parser_look_at_cut(struct request *r, enum MHD_RequestTerminationCode why);
/* The connection is about to be closed: answers what it was closed for, if nobody has. */
void parser_look_at_end(struct MHD_Connection *connection, struct conn *c);

/* --- steps of answering ---------------------------------------------------------------------- */

/* gate.c: MHD's accept policy. The kernel's tier 0, for who came through all the same: a node in
 * userspace mode, an interface without programs. */
enum MHD_Result gate_accept(void *front, const struct sockaddr *from, socklen_t len);
/* Each says whether the request may go on; if not, an answer stands. */
bool gate_cross_site(struct request *r);
bool gate_authenticate(struct request *r);
bool gate_client(struct request *r);
void gate_find_session(struct request *r);
bool gate_csrf(struct request *r);
bool gate_required(struct request *r);

/* client.c: who and by what, after trusted proxies. */
void client_read(struct request *r);

/* lookup.c: x->find_* */
const char *lookup_header(const struct exchange *x, const char *name);
const char *lookup_cookie(const struct exchange *x, const char *name);
const char *lookup_query(const struct exchange *x, const char *name);

/* cors.c */
int cors_new(const char *origins, struct cors **ret);
void cors_free(struct cors **c);
/* Sets r->allow_origin: refusals carry it too, or a page couldn't read what is wrong. */
void cors_read(const struct cors *c, struct request *r);
/* true: it was a preflight, and an answer stands. */
bool cors_preflight(const struct cors *c, struct request *r);

/* respond.c */
bool respond_wants_page(struct request *r); /* a browser, rather than a program */
void respond_error(struct request *r, unsigned status, const char *sentence);
enum MHD_Result respond(struct request *r);
/* Writes the answer to the socket itself and gives up the connection: for what libmicrohttpd can't
 * answer (in mid-body) or wouldn't get through (unread data resets the connection). The client gets
 * it because the janitor goes on reading for a while. Always MHD_NO. */
enum MHD_Result respond_and_leave(struct request *r);

/* janitor.c: deadlines, and reading what comes after a refusal. Of a connection, deadline_ns and fd
 * are its own; the rest is its epoll thread's. */
struct conn {
	atomic_uint_fast64_t deadline_ns;
	atomic_bool reads; /* until the deadline something of a request should come */
	atomic_bool late;  /* it didn't; the connection was shut for reading */
	int fd;
	struct conn *next; /* free ones */
	bool used;
	bool tls;	/* it began as TLS does */
	bool end_shown; /* libmicrohttpd was made to see the client's end; the janitor's */
	bool announced; /* the end of the connection was said, by us or by the client */
	bool had_request, was_cut; /* the last one has ended without its answer */
	struct front *front;
	struct request *request; /* the one that is being read or answered */
};
int janitor_new(unsigned connections_max, struct janitor **ret);
void janitor_free(struct janitor **j);
struct conn *janitor_add(struct janitor *j, int fd); /* NULL: no memory for it, no deadline */
/* Before the descriptor is closed. A connection whose end nobody announced is read for a while. */
void janitor_remove(struct janitor *j, struct conn *c);
/* The client knows not to go on: the last answer said Connection: close, or it said so itself. */
void conn_announce_end(struct conn *c);
bool conn_is_ended_by_client(const struct conn *c);
/* 0: none. After it the connection is shut down. */
void conn_set_deadline(struct conn *c, uint64_t monotonic_ns);
/* After it nothing more is read, so that its thread ends it with an answer; soon after that it is
 * shut down. */
void conn_set_read_deadline(struct conn *c, uint64_t monotonic_ns);
/* Reads and drops what still comes on the connection, within bounds, so that closing it doesn't
 * reset it. */
void janitor_linger(struct janitor *j, int fd);

/* acceptor.c: the listening sockets that libmicrohttpd doesn't accept from itself. places:
 * connections at once. proxies: whose connections begin with a PROXY header, borrowed; NULL:
 * nobody's. */
int acceptor_new(const int *fds, size_t count, uint64_t places, const struct prefix_list *proxies,
		 struct acceptor **ret);
int acceptor_start(struct acceptor *a, struct MHD_Daemon *mhd);
void acceptor_stop(struct acceptor *a); /* accepts no more; connections may end later */
void acceptor_free(struct acceptor **a);
/* What libmicrohttpd makes of a connection that it was given. a may be NULL. */
void acceptor_note_begin(struct acceptor *a);
void acceptor_note_end(struct acceptor *a);
/* The acceptor's thread: hands fd over, which then is libmicrohttpd's, also when it refuses it. */
void acceptor_give(struct acceptor *a, int fd, const struct sockaddr *from, socklen_t len);

/* proxied.c; the acceptor's thread. In sin6_flowinfo of the address that libmicrohttpd is given:
 * said by a PROXY header. (No socket has it; it is a label of packets.) */
#define PROXIED_MARK 0x50524f58
struct proxied;
struct waiting;
int proxied_new(struct acceptor *a, int epoll, struct proxied **ret);
void proxied_free(struct proxied **p);
/* Takes fd. Its events say `struct waiting *` in data.ptr, for proxied_read(). */
void proxied_add(struct proxied *p, int fd, const struct sockaddr_storage *from, socklen_t len);
void proxied_read(struct proxied *p, struct waiting *w);
/* Closes whose time is up; milliseconds until the next one's is, -1: nobody waits. */
int proxied_expire(struct proxied *p);
size_t proxied_count(const struct proxied *p);

#endif
