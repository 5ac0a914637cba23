/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bad cable: two interfaces of one namespace and a thread that carries frames from each to the
 * other and loses, repeats, delays, cuts and damages TCP segments on the way. What happens to a
 * segment follows from the seed, the client's port, the segment's place in its connection and how
 * often it was sent, and from nothing else: the same run again treats it the same way.
 */
#ifndef CONNECTIONS_CABLE_H
#define CONNECTIONS_CABLE_H

#include <stdbool.h>
#include <stdint.h>

#define SERVED_PORT 8004

struct cable;

struct cable_options {
	const char *netns;		   /* a name of `ip netns` */
	const char *to_server, *to_client; /* interfaces in it */
	uint64_t seed;
};

struct cable_counts {
	uint64_t carried, lost, repeated, delayed, cut, damaged;
};

/* -errno. The thread runs when it returns. */
int cable_new(const struct cable_options *options, struct cable **ret);
void cable_free(struct cable **c, struct cable_counts *ret_counts);
/* Makes the calling thread's sockets be made in a namespace of `ip netns`. -errno. */
int enter_netns(const char *name);

#endif
