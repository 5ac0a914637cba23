/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: sockets, libmicrohttpd's epoll pool, strict reading of requests, routing,
 * authentication, limits, headers every answer carries. The route table is routes.c, the only place
 * that names a path.
 */
#ifndef HTTP_H
#define HTTP_H

#include "exchange/exchange.h"

struct http;

/* The table, for the kernel, the docs and tests. */
const struct route *http_routes(size_t *ret_count);
/* The rows that the kernel may refuse, as it wants them. Returns how many (at most
 * AXFW_ROUTES_MAX). */
unsigned http_kernel_routes(struct axfw_route ret[static AXFW_ROUTES_MAX]);

/* Listening sockets: taken from systemd (LISTEN_FDS), from a running daemon on the same socket_path
 * (which then drains and ends; no connection is refused between), else opened. */
struct listeners;
int listeners_open(const struct settings *s, struct listeners **ret, char *error, size_t size);
/* Is it what listeners_open() understands? Opens nothing. -EINVAL, -E2BIG, -ENOMEM, with a sentence
 * in error. */
int listeners_check(const char *list, char *error, size_t size);
/* Ports in host order, for the kernel. */
unsigned listeners_ports(const struct listeners *l, uint16_t *ret, unsigned max);
/* Taken over from a running daemon: it must let go of the store before we open it. */
bool listeners_taken_over(const struct listeners *l);
void listeners_free(struct listeners **l);

/* Starts the pool. services and l are borrowed. on_handover is called (any thread) once a new
 * daemon has taken our sockets: the caller then stops. */
int http_start(struct services *services, struct listeners *l, void (*on_handover)(void *arg),
	       void *arg, struct http **ret);
/* Stops accepting, answers what is in flight with Connection: close, waits at most drain_ms. */
void http_stop(struct http **h, unsigned drain_ms);

#endif
