/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tier 0: whose packets are dropped. Two lists in one: the operator's, which is in the store and
 * lasts until its end or for good, and the penalty box, in which a source that keeps being refused
 * sits for a minute. This module decides, the kernel and the accept gate remember.
 *
 * A limit on an address, not a judgement of a request (DESIGN 2, rule 3). So the box never takes
 * loopback, a trusted proxy, or a client that used a valid key within the last hour; each may stand
 * for many who did nothing.
 *
 * Threads: any; changes are serialised inside and may block on disk (worker pool), what is called
 * for every request or connection says so and doesn't. A struct denials that is NULL denies nobody.
 */
#ifndef DENIALS_H
#define DENIALS_H

#include "base/base.h"
#include "kernel/kernel.h"
#include "store/store.h"

/* Of AXFW_DENIED_MAX: half each, so that neither a flood's sources nor a long list of the
 * operator's shut the other out. */
#define DENIALS_OPERATOR_MAX (AXFW_DENIED_MAX / 2)
#define DENIALS_PENALTY_MAX  (AXFW_DENIED_MAX / 2)
#define DENIALS_REASON_MAX   120 /* bytes of the operator's note */
#define DENIALS_PENALTY_S    600 /* longest stay in the box: minutes at most */

struct denials;

struct denials_options {
	struct store *store;
	struct kernel *kernel;
	const struct prefix_list *proxies; /* borrowed until denials_close() */
	struct axfw_penalty_rule penalty;  /* refusals 0: there is no box */
	uint64_t penalty_ns;		   /* how long it holds */
	/* A source went into the box; unsaid: how many did since the last call and weren't told,
	 * because a flood's sources must not become a flood of lines. May be NULL. */
	void (*boxed)(void *arg, const struct prefix *source, unsigned seconds, uint64_t unsaid);
	void *arg;
};

/* Reads the operator's list, goes on with the box that an earlier daemon left in the kernel, and
 * brings the kernel in step. */
int denials_open(const struct denials_options *options, struct denials **ret);
/* Leaves the kernel's list as it is: kernel_stop() says what becomes of it. */
void denials_close(struct denials **d);

/* --- the operator's list --------------------------------------------------------------------- */

struct denial {
	struct prefix prefix;
	enum axfw_denial_cause cause;
	uint64_t created_us;
	uint64_t until_us; /* wall clock; 0: until it is taken out */
	uint64_t packets;  /* dropped in the kernel, about */
	bool in_kernel;
	char reason[DENIALS_REASON_MAX + 1];
};

/*
 * Adds a prefix of the operator's or replaces it. The kernel drops its packets when this returns,
 * unless ret->in_kernel is false (no kernel path, or it is tried again soon). -EPERM: it holds
 * loopback or a trusted proxy, and force wasn't said; -ENOSPC: DENIALS_OPERATOR_MAX are there;
 * -ETIME: the end has passed; -EINVAL: the reason isn't short printable text.
 */
int denials_add(struct denials *d, const struct denial *denial, bool force, struct denial *ret);
/* Takes the prefix out, of the box too. -ENOENT: not there (a wider one may still cover it). */
int denials_remove(struct denials *d, const struct prefix *prefix);
/* Sorted by address, then from wide to narrow. Caller frees. */
int denials_list(struct denials *d, struct denial **ret, size_t *ret_count);

/* --- the gate -------------------------------------------------------------------------------- */

/* Is this peer denied? No system call, and one load while the list is empty. */
bool denials_cover(struct denials *d, const struct address *peer);
/* The same of a new connection; a denied one is counted. */
bool denials_refuse(struct denials *d, const struct address *peer);

/* --- the box --------------------------------------------------------------------------------- */

/* This client has just used a valid key. For every verdict: no lock, one cache line. */
void denials_vouch(struct denials *d, const struct address *client, uint64_t monotonic_ns);
/* Userspace has refused this client's key or password. */
void denials_count_refusal(struct denials *d, const struct address *client, uint64_t monotonic_ns);
/* The kernel has counted as many refusals as the rule allows. Doesn't block. */
void denials_penalise(struct denials *d, const struct address *client);

struct denials_counts {
	uint64_t operator_entries, boxed_entries; /* now */
	uint64_t boxed;				  /* sources put into the box, ever */
	uint64_t spared;	/* reached the limit, but the box doesn't take them */
	uint64_t box_full;	/* reached the limit when DENIALS_PENALTY_MAX were in it */
	uint64_t refused;	/* connections that the gate refused */
	uint64_t not_in_kernel; /* entries that couldn't be written and are tried again */
};
void denials_count(struct denials *d, struct denials_counts *ret);

#endif
