/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The order in which questions are asked of a packet, the same at every attach point.
 */
#ifndef AXFW_BPF_DECIDE_H
#define AXFW_BPF_DECIDE_H

#include "context.h"
#include "maps.h"
#include "parse.h"
#include "flow.h"
#include "judge.h"
#include "denied.h"
#include "syn.h"
#include "verdict.h"

static __always_inline __u32 ask(struct hook_ctx *ctx, const struct axfw_config *settings,
				 struct axfw_packet *p)
{
	__u32 why = axfw_parse(ctx, settings, p);

	if (why != AXFW_UNDECIDED)
		return why;
	if (settings->tiers & (AXFW_TIERS_DENIED | AXFW_TIER_ALLOWED)) {
		why = judge_source(settings, p);
		if (why != AXFW_UNDECIDED)
			return why;
	}
	if (p->flags & TCP_SYN)
		return judge_syn(ctx, settings, p);
	if (is_in_flow(p)) {
		why = follow_flow(ctx, p);
		if (why != AXFW_UNDECIDED)
			return why;
	}
	if (!p->payload_len)
		return AXFW_REASON_NO_PAYLOAD;
	if (!starts_request(ctx, settings, p) ||
	    (p->flags & (TCP_RST | TCP_URG | TCP_ACK)) != TCP_ACK)
		return AXFW_REASON_NOT_A_REQUEST;
	why = GLOBAL(judge)(ctx, p);
	return is_refusal(why) ? refuse(ctx, settings, p, why) : why;
}

static __always_inline int decide(struct hook_ctx *ctx)
{
	__u32 zero = 0;
	const struct axfw_config *settings;
	struct axfw_packet p = { .frame_len = frame_len(ctx) };

	settings = bpf_map_lookup_elem(&config, &zero);
	if (!settings)
		return leave(ctx, FATE_PASS); /* an array's only element: cannot be */
	return verdict(ctx, &p, settings, ask(ctx, settings, &p), p.frame_len);
}

#endif
