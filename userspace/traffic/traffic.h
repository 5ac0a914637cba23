/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes by: the last decisions, as far as they were sampled or asked for, and who sends most.
 * Bounded whatever strangers send: a ring of events and sketches of fixed size. For the operator
 * alone, who sees sources and keys of every tenant here.
 *
 * Threads: any; each call holds one short lock.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include "axfw/abi.h"
#include "base/base.h"

#define TRAFFIC_EVENTS_MAX 4096 /* 20 s at the default rate, 320 KiB */
#define TRAFFIC_TOP_MAX	   32	/* of each kind that can be asked for */

struct traffic;
int traffic_new(struct traffic **ret);
void traffic_free(struct traffic **t);

/* monotonic_ns: when it came in. */
void traffic_see(struct traffic *t, const struct axfw_event *event, uint64_t monotonic_ns);

/* Userspace's own decisions, where no program reports them: about so many a second are seen; 0:
 * none (the kernel's are). */
void traffic_take_own(struct traffic *t, uint32_t per_second);
/* One of them; for every request: a load, and a step down, unless this one is seen. */
void traffic_offer(struct traffic *t, const struct address *client, const struct axfw_key_hash *key,
		   uint8_t reason, uint64_t monotonic_ns);

struct traffic_event {
	uint64_t number; /* from 1, without gaps */
	struct axfw_event event;
};
/*
 * Those numbered `since` and higher, oldest first; since 0: what is still there. *ret_next is the
 * number to ask with next, *ret_lost how many of those asked for were overwritten. Returns how many
 * are in ret.
 */
unsigned traffic_read(struct traffic *t, uint64_t since, struct traffic_event *ret, unsigned max,
		      uint64_t *ret_next, uint64_t *ret_lost);

/* One that sends much. Numbers are estimates: never too low for one among the top by more than what
 * wasn't sampled, too high by at most `error`. */
struct traffic_heavy {
	uint8_t id[16]; /* a client as limits count it (address_client()), or a key's hash */
	uint64_t weight;
	uint64_t refused; /* of these, answered or dropped */
	uint64_t error;
	uint8_t reason; /* of the last one seen */
};
enum traffic_kind { TRAFFIC_SOURCES, TRAFFIC_KEYS, TRAFFIC_KINDS };
/* The heaviest first, over about the last ten to thirty seconds; *ret_seconds is how many exactly.
 */
unsigned traffic_top(struct traffic *t, enum traffic_kind kind, uint64_t monotonic_ns,
		     struct traffic_heavy *ret, unsigned max, double *ret_seconds);

#endif
