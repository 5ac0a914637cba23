/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A rate with a burst: the generic cell rate algorithm (ITU-T I.371). Pure arithmetic, no clock, no
 * map, no helper, so that gcc compiles the same text into the daemon and into unit tests and clang
 * into the BPF program.
 *
 * State is one word, the theoretical arrival time of the next event, so that it can be updated by
 * compare-and-swap in an LRU map, which takes no lock. Unlike a window's counter it never allows
 * twice the limit around a window's edge, and unlike a bucket of tokens it isn't filled up by
 * anybody.
 */
#ifndef AXFW_RATE_H
#define AXFW_RATE_H

#include "axfw/abi.h"

/* `events` in `period_ns` on the average, `burst` (1 or more) of them at once. */
static inline struct axfw_rate axfw_rate_of(__u32 events, __u64 period_ns, __u32 burst)
{
	struct axfw_rate rate = { .interval_ns = events ? period_ns / events : 0 };

	rate.burst_ns = burst ? rate.interval_ns * (burst - 1) : 0;
	return rate;
}

/* The state after an event at `now_ns` (never 0), or 0: refused, and the state stays as it is. */
static inline __u64 axfw_rate_next(__u64 arrival_ns, __u64 now_ns, const struct axfw_rate *rate)
{
	__u64 base = arrival_ns > now_ns ? arrival_ns : now_ns;

	if (!rate->interval_ns)
		return now_ns;
	return base - now_ns > rate->burst_ns ? 0 : base + rate->interval_ns;
}

/* How long until an event is allowed, in ns; 0: now. */
static inline __u64 axfw_rate_wait_ns(__u64 arrival_ns, __u64 now_ns, const struct axfw_rate *rate)
{
	__u64 free_at = arrival_ns - rate->burst_ns;

	if (!rate->interval_ns || arrival_ns <= rate->burst_ns || free_at <= now_ns)
		return 0;
	return free_at - now_ns;
}

#endif
