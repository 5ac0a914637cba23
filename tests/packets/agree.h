/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does userspace say the same? Whatever the kernel would answer is sent, completed to a whole
 * request, to an axfwd that has no kernel path, over a real connection, and must be refused with
 * the same status. (What the kernel passes is userspace's anyway.)
 */
#ifndef PACKETS_AGREE_H
#define PACKETS_AGREE_H

#include "stage.h"

/* The daemon: IPv4 on loopback, in the namespace in which the process was started; its signup
 * window for that address is full, and it holds these keys. */
struct daemon_fact {
	uint16_t port;
	const char *active, *revoked, *exhausted;
};

/* Remembers the namespace: before stage_new() enters another. -errno. */
int agree_open(void);
/* How many refusals were compared, or -1: *ret_problem says which differed; case_number is its
 * number. */
int agree_run(struct stage *s, const struct daemon_fact *daemon, uint64_t seed, uint64_t cases,
	      const char **ret_problem);

#endif
