/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a segment to an opinion about the request in it, and from the opinion to a refusal. Opinions
 * are free; a refusal needs a proof that the sender is real, a place to remember the flow and room
 * for the answer, in this order, and whatever is missing passes the request.
 */
#ifndef AXFW_BPF_JUDGE_H
#define AXFW_BPF_JUDGE_H

#include "admission.h"
#include "flow.h"
#include "http.h"
#include "proof.h"
#include "signup.h"

/* The headers that a refusal wants to have seen, and those it must not. */
static __always_inline bool head_is_plain(const struct axfw_config *settings,
					  const struct scratch *s, __u32 kind)
{
	const __u32 must = HEADER_HOST | HEADER_LENGTH;
	__u32 seen = s->scan.seen;

	if ((seen & must) != must)
		return false;
	if ((seen & HEADER_ORIGIN) && settings->origin_passes)
		return false;
	/* The client address may come from a trusted proxy: userspace knows which are. */
	return kind != AXFW_ROUTE_SIGNUP || (!(seen & HEADER_FORWARDED_FOR) && is_own_form(s));
}

/* The opinion: the reason for which the request would be refused, or why it passes. */
__noinline int GLOBAL(judge)(struct hook_ctx *ctx, struct axfw_packet *p)
{
	const volatile struct axfw_route *route;
	const struct axfw_config *settings;
	struct scratch *s;
	__u32 zero = 0, why, kind;
	__u64 length;

	if (!ctx || !p)
		return AXFW_REASON_NOT_A_REQUEST;
	settings = bpf_map_lookup_elem(&config, &zero);
	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!settings || !s || !copy_head(ctx, p, s))
		return AXFW_REASON_NOT_CONFIGURED;
	route = find_route(s);
	if (!route || route->kind == AXFW_ROUTE_USERSPACE)
		return AXFW_REASON_NOT_REFUSABLE;
	kind = route->kind;
	why = scan_head(s, route->line_len);
	if (why != AXFW_UNDECIDED)
		return why;
	if (!head_is_plain(settings, s, kind))
		return AXFW_REASON_HEADERS_ODD;
	length = read_length(s);
	/* Too large is 413 before it is 401; and behind the body would begin another request. */
	if (length > route->body_max || s->scan.end + length < p->payload_len)
		return AXFW_REASON_HEADERS_ODD;
	if (kind == AXFW_ROUTE_SIGNUP)
		return judge_signup(settings, p);
	return s->scan.seen & HEADER_KEY ? judge_key(settings, s, p) : AXFW_REASON_NO_KEY;
}

/* Is `ifindex` an interface that an answer was found to leave by? */
static __always_inline bool may_answer(const struct axfw_config *settings, __u32 ifindex)
{
	if (settings->refuse != AXFW_REFUSE_ANSWER || settings->abi_version != AXFW_ABI_VERSION)
		return false;
#pragma clang loop unroll(full)
	for (int i = 0; i < AXFW_INTERFACES_MAX; i++) {
		if (settings->answer_ifindex[i] == ifindex)
			return true;
	}
	return false;
}

static __always_inline __u32 refuse(struct hook_ctx *ctx, const struct axfw_config *settings,
				    struct axfw_packet *p, struct axfw_flow *f, __u32 why)
{
	const struct axfw_response_template *t;
	__u32 response = p->response, mss;
	int r;

	t = bpf_map_lookup_elem(&responses, &response);
	if (!t || !t->len || !may_answer(settings, arrived_on(ctx)))
		return AXFW_REASON_NOT_CONFIGURED;
	mss = GLOBAL(prove)(ctx, p);
	if (!mss)
		return AXFW_REASON_NO_PROOF;
	if (t->len > mss)
		return AXFW_REASON_NO_ROOM;
	if (!remember_refusal(p, why, t->len, f))
		return AXFW_REASON_FLOW_TABLE_FULL;
	r = GLOBAL(answer)(ctx, p, f);
	if (!r)
		return why;
	bpf_map_delete_elem(&flows, &p->flow);
	return r;
}

#endif
