/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one way out. A reason comes in, is counted and sampled, and leaves as an action by the table
 * in axfw/reason.h, so no packet leaves uncounted and what fails open is one readable list.
 */
#ifndef AXFW_BPF_VERDICT_H
#define AXFW_BPF_VERDICT_H

#include "events.h"
#include "maps.h"
#include "parse.h"
#include "penalty.h"

/* The reasons with an action, as bits: a shift and a mask, where a table would need its index
 * proved. */
_Static_assert(AXFW_REASON_COUNT < 64, "a reason is a bit of a word");
#define REASONS_WITH(wanted) (0ULL AXFW_REASONS(BIT_IF_##wanted))
#define BIT_IF_ANSWER(name, action, text)                                                          \
	| ((__u64)(AXFW_ACTION_##action == AXFW_ACTION_ANSWER) << AXFW_REASON_##name)
#define BIT_IF_REPLY(name, action, text)                                                           \
	| ((__u64)(AXFW_ACTION_##action == AXFW_ACTION_REPLY) << AXFW_REASON_##name)
#define BIT_IF_CLOSE(name, action, text)                                                           \
	| ((__u64)(AXFW_ACTION_##action == AXFW_ACTION_CLOSE) << AXFW_REASON_##name)

#define BIT_IF_DROP(name, action, text)                                                            \
	| ((__u64)(AXFW_ACTION_##action == AXFW_ACTION_DROP) << AXFW_REASON_##name)

static __always_inline bool is_refusal(__u32 why)
{
	return REASONS_WITH(ANSWER) >> (why & 63) & 1;
}

static __always_inline bool is_reply(__u32 why)
{
	return REASONS_WITH(REPLY) >> (why & 63) & 1;
}

static __always_inline bool is_close(__u32 why)
{
	return REASONS_WITH(CLOSE) >> (why & 63) & 1;
}

static __always_inline bool is_drop(__u32 why)
{
	return REASONS_WITH(DROP) >> (why & 63) & 1;
}

static __always_inline void count(__u32 why, __u32 bytes)
{
	struct axfw_counter *c = bpf_map_lookup_elem(&counters, &why);

	if (!c)
		return;
	c->packets++;
	c->bytes += bytes;
}

static __always_inline enum fate fate_of(const struct axfw_packet *p, __u32 why)
{
	if (is_refusal(why) || is_close(why))
		return p->fate;
	if (is_reply(why))
		return FATE_SEND_BACK;
	return is_drop(why) ? FATE_DROP : FATE_PASS;
}

static __always_inline int verdict(struct hook_ctx *ctx, struct axfw_packet *p,
				   const struct axfw_config *settings, __u32 why, __u32 bytes)
{
	count(why, bytes);
	if (settings->trace.until_ns || (p->judged && settings->event_sample))
		GLOBAL(report)(ctx, p, why, bytes);
	if (is_refusal(why) && (settings->tiers & AXFW_TIER_PENALTY))
		GLOBAL(penalise)(ctx, p, why, bytes);
	return leave(ctx, fate_of(p, why));
}

#endif
