/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request and its answer, as values: what handlers in api/ and dashboard/ see. http/ fills
 * the request in from a socket and sends the reply; tests fill it in by hand. A module
 * of its own because the route table sits in http/, above the handlers: what both speak of has to
 * lie below both.
 *
 * Ownership: everything in the request is borrowed and lives until the handler's exchange ends; the
 * reply owns its body and headers. One exchange is touched by one thread at a time.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>
#include "axfw/abi.h"
#include "base/base.h"
#include "identity/identity.h"
#include "denials/denials.h"
#include "kernel/kernel.h"
#include "traffic/traffic.h"

struct metrics; /* api/metrics.c */
struct route;

/* What handlers may call on. Immutable after start; everything in it outlives every exchange. */
struct services {
	const struct settings *settings;
	const struct crypto *crypto;
	const struct guard *guard;
	struct store *store;
	struct identity *identity;
	struct kernel *kernel;
	struct denials *denials;
	struct traffic *traffic;
	struct metrics *metrics;
	const struct route *routes;
	size_t route_count;
	uint64_t started_us;
	const char *version;
};

/* Who may call a route. Columns of the table, so no handler can forget them. */
enum auth {
	AUTH_NONE,
	AUTH_API_KEY, /* x->caller is set; 401 JSON else */
	AUTH_SESSION, /* x->session is set; 303 /login else */
	AUTH_METRICS, /* direct peer inside --metrics-allow; 403 else */
	/* Only through the local socket, from root or the daemon's own user; 404 else. */
	AUTH_OPERATOR,
};

struct exchange;

#define ROUTE_REQUIRED_MAX 4 /* the last is NULL */

struct route {
	const char *method;
	const char *path; /* exact, or with one "{name}" segment: x->path_value */
	enum auth auth;
	size_t body_max;
	bool form;   /* the body is a form; with a session its CSRF token is checked before */
	bool slow;   /* runs on the worker pool; a full queue is 503 with Retry-After */
	bool hashes; /* slow, and computes a password hash: a pool of its own, few at once */
	/* Form fields whose absence is 422 before anything else is looked at. */
	const char *required[ROUTE_REQUIRED_MAX];
	enum axfw_route_kind kernel;
	/* May answer before validation (signup's 429 comes before its 422); false: go on. */
	bool (*before)(struct exchange *x);
	void (*handle)(struct exchange *x);
	const char *summary; /* one line, for docs and the CLI */
};

struct exchange_field {
	const char *name;
	const char *value; /* NUL-terminated UTF-8 */
};

/* Longer or unprintable ids are replaced: they go into logs and headers. */
#define REQUEST_ID_MAX	     128
#define EXCHANGE_HEADERS_MAX 12

struct exchange {
	const struct services *services;
	const struct route *route;
	unsigned slot; /* of the thread that took the request: store_record_usage()'s writer */
	struct guard_scratch *scratch; /* that thread's */

	/* the request */
	const char *method;
	const char *path;
	const char *path_value; /* what matched "{name}", percent-decoded; NULL */
	struct address client;	/* after trusted proxies */
	struct address peer;	/* of the socket; zero for the local socket */
	bool https;		/* what the client speaks, by a trusted X-Forwarded-Proto */
	bool local;		/* came through the local control socket */
	const char *host; /* Host or a trusted X-Forwarded-Host; for logs and absolute links */
	const char *body;
	size_t body_len;
	struct exchange_field *form; /* decoded form fields in order */
	size_t form_count;
	char request_id[REQUEST_ID_MAX + 1];
	uint64_t started_ns; /* CLOCK_MONOTONIC at the request's first byte we saw */
	uint64_t now_us;     /* wall clock */

	/* set by authentication */
	struct caller caller;
	struct session session;
	bool has_session;

	/* the reply */
	unsigned status; /* 0: nothing said yet */
	const char *content_type;
	char *reply_body;	  /* owned; NULL: empty or static */
	const char *reply_static; /* not owned: embedded files */
	size_t reply_len;
	struct {
		const char *name;
		char *value; /* owned */
	} headers[EXCHANGE_HEADERS_MAX];
	unsigned header_count;
	bool close; /* Connection: close */

	/* A handler on an epoll thread that finds it would block sets this and returns without an
	 * answer: later(x) runs on the worker pool, then the request once more from authentication
	 * on. x->caller is void in between: later_tenant is what may be kept of it. */
	void (*later)(struct exchange *x);
	uint32_t later_tenant;

	/* http's own */
	void *transport;
	const char *(*find_header)(const struct exchange *x, const char *name);
	const char *(*find_cookie)(const struct exchange *x, const char *name);
	const char *(*find_query)(const struct exchange *x, const char *name);
};

/* NULL when absent. Header names compare case-insensitively. A cookie's value lives
 * until the next one is asked for, everything else until the request ends. */
const char *exchange_header(const struct exchange *x, const char *name);
const char *exchange_cookie(const struct exchange *x, const char *name);
const char *exchange_query(const struct exchange *x, const char *name);
/* First field of that name; NULL when absent. */
const char *exchange_form(const struct exchange *x, const char *name);

/* Fields that are absent or empty are answered 422 with the contract's body (one entry per field,
 * in order) and false is returned. End the list with NULL. */
bool exchange_require_fields(struct exchange *x, const char *first, ...) __attribute__((sentinel));

/* The client's key or password was wrong. Counts towards the penalty box, unless a proxy stands
 * between: its packets are everybody's. */
void exchange_count_refusal(const struct exchange *x);
/* The client used a valid key. */
void exchange_vouch(const struct exchange *x);

/* --- answers: the last one said counts ------------------------------------------------------- */

void exchange_set_header(struct exchange *x, const char *name, const char *value);
void exchange_set_headerf(struct exchange *x, const char *name, const char *format, ...)
	_printf_(3, 4);
/* Takes ownership of json; NULL json becomes 500. */
void exchange_reply_json(struct exchange *x, unsigned status, json_t *json);
/* Takes the text; a failed text becomes 500. */
void exchange_reply_text(struct exchange *x, unsigned status, const char *content_type,
			 struct text *body);
void exchange_reply_static(struct exchange *x, unsigned status, const char *content_type,
			   const void *data, size_t len);
/* {"detail": "<sentence>"} */
void exchange_error(struct exchange *x, unsigned status, const char *format, ...) _printf_(3, 4);
/* 500 for the client, the reason for the log. */
void exchange_fail(struct exchange *x, int r, const char *what);
void exchange_redirect(struct exchange *x, const char *location); /* 303, empty body */
void exchange_clear(struct exchange *x); /* frees the reply; for http and tests */

#endif
