/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole node: every module, started in an order in which each finds what it needs and stopped in
 * the reverse. One per process.
 */
#ifndef NODE_H
#define NODE_H

#include "exchange/exchange.h"
#include "http/http.h"

struct node;

/* Borrows settings. on_handover is called (any thread) when a new daemon has taken the sockets over
 * and this one should stop. Logs what went wrong; -errno. */
int node_start(const struct settings *settings, void (*on_handover)(void *arg), void *arg,
	       struct node **ret);
/* Finishes what is in flight. taken_over: a new daemon goes on enforcing with our programs and
 * maps. */
void node_stop(struct node **node, bool taken_over);
/* What has to happen now and then; every NODE_TICK_MS from one thread. */
#define NODE_TICK_MS 2000
void node_tick(struct node *node);
const struct services *node_services(const struct node *node);
/* How long node_start() took. */
uint64_t node_start_ms(const struct node *node);

/* Prints what a person needs first: where it serves, what is attached, what to type next. */
void banner_print(const struct node *node);

#endif
