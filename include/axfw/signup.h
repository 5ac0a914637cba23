/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The signup rule: at most `limit` attempts of one client in any `window_ns`. Pure arithmetic, no
 * clock, no map, no helper, so that gcc compiles the same text into the daemon and into unit tests
 * and clang into the BPF program.
 *
 * State is a ring of exactly `limit` attempt times: an attempt is allowed when the slot it would
 * overwrite, the oldest, is empty or has left the window. (A scan over a larger window costs the
 * verifier more than a million instructions; the oldest slot is all the rule needs.)
 */
#ifndef AXFW_SIGNUP_H
#define AXFW_SIGNUP_H

#include <linux/types.h>

#define AXFW_SIGNUP_LIMIT_MAX 16 /* ring slots; a power of two, so that an index can be masked */

struct axfw_signup_rule {
	__u64 window_ns;
	__u32 limit; /* 1 .. AXFW_SIGNUP_LIMIT_MAX */
	__u32 pad;
};

/* Value of `signups`: boot times of the last attempts, oldest at `next`. Only the daemon writes. */
struct axfw_signup_window {
	__u64 at_ns[AXFW_SIGNUP_LIMIT_MAX]; /* 0: no attempt */
	__u32 next;			    /* slot of the oldest attempt, < rule.limit */
	__u32 pad;
};
_Static_assert(sizeof(struct axfw_signup_window) == 136, "no holes, no tail padding");

/* How long until another attempt is allowed, in ns; 0: now. */
static inline __u64 axfw_signup_wait_ns(const struct axfw_signup_window *w, __u64 now_ns,
					const struct axfw_signup_rule *rule)
{
	__u64 oldest = w->at_ns[w->next & (AXFW_SIGNUP_LIMIT_MAX - 1)];
	__u64 free_at = oldest + rule->window_ns;

	if (!oldest || free_at <= now_ns)
		return 0;
	return free_at - now_ns;
}

/* Records an attempt that was allowed. */
static inline void axfw_signup_record(struct axfw_signup_window *w, __u64 now_ns,
				      const struct axfw_signup_rule *rule)
{
	w->at_ns[w->next & (AXFW_SIGNUP_LIMIT_MAX - 1)] = now_ns;
	w->next = w->next + 1 < rule->limit ? w->next + 1 : 0;
}

/* What Retry-After says: whole seconds, at least a minute (clients must not hammer at the edge). */
static inline __u32 axfw_signup_retry_after_s(__u64 wait_ns)
{
	__u64 s = (wait_ns + 999999999ULL) / 1000000000ULL;

	return s < 60 ? 60 : (__u32)s;
}

#endif
