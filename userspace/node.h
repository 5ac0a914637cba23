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

/* Starting has two halves, because in a rolling update the old daemon lets go of the store only
 * after its sockets were taken. Both log what went wrong; -errno.
 *
 * All that doesn't need the store, and the listening sockets last. Borrows settings. */
int node_open(const struct settings *settings, struct node **ret);
/* The rest. on_handover is called (any thread) when a new daemon has taken the sockets over and
 * this one should stop. After a failure only node_stop() is left. */
int node_serve(struct node *node, void (*on_handover)(void *arg), void *arg);
/* Finishes what is in flight. No-op on NULL. taken_over: a new daemon goes on enforcing with our
 * programs and maps. */
void node_stop(struct node **node, bool taken_over);
/* What has to happen now and then; every NODE_TICK_MS from one thread. */
#define NODE_TICK_MS 2000
void node_tick(struct node *node);
const struct services *node_services(const struct node *node);
/* Those it listens on, in host order. Returns how many. */
unsigned node_ports(const struct node *node, uint16_t *ret, unsigned max);
/* How long node_open() and node_serve() took. */
uint64_t node_start_ms(const struct node *node);

/* Prints what a person needs first: where it serves, what is attached, what to type next. */
void banner_print(const struct node *node);

#endif
