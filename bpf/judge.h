/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a segment to an opinion about the request in it, and from the opinion to a refusal. Opinions
 * are free; a refusal needs a proof that the sender is real, a place to remember the flow and room
 * for the answer, in this order, and whatever is missing passes the request.
 */
#ifndef AXFW_BPF_JUDGE_H
#define AXFW_BPF_JUDGE_H

#include "admission.h"
#include "client.h"
#include "flow.h"
#include "http.h"
#include "interfaces.h"
#include "proof.h"
#include "query.h"
#include "signup.h"
#include "whole.h"

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
	return kind != AXFW_ROUTE_SIGNUP || is_own_form(s);
}

/* Too large is 413 before it is 401, whatever else is wrong. The answer names the limit of the
 * routes with an API key; a form's is another. */
static __always_inline __u32 judge_size(const struct scratch *s, struct axfw_packet *p,
					__u32 body_max, __u32 kind)
{
	__u64 length = read_length(s);

	if (length == LENGTH_ODD)
		return AXFW_REASON_HEADERS_ODD;
	if (length > body_max) {
		p->judged = 1;
		p->response = AXFW_RESPONSE_TOO_LARGE;
		return kind == AXFW_ROUTE_API_KEY ? AXFW_REASON_TOO_LARGE : AXFW_REASON_HEADERS_ODD;
	}
	/* behind the body would begin another request */
	return s->scan.end + length < p->request_len ? AXFW_REASON_HEADERS_ODD : AXFW_UNDECIDED;
}

/* What all refusable requests have in common: a head that userspace reads the same way, a client
 * that is known and a body of the right size. */
static __always_inline __u32 judge_head(const struct axfw_config *settings, struct scratch *s,
					struct walk *w, struct axfw_packet *p,
					const volatile struct axfw_route *route, __u32 line_len,
					bool trusted)
{
	__u32 why = scan_head(s, line_len);

	if (why != AXFW_UNDECIDED)
		return why;
	if (!head_is_plain(settings, s, route->kind))
		return AXFW_REASON_HEADERS_ODD;
	if (trusted && (s->scan.seen & HEADER_FORWARDED_FOR)) {
		p->client_known = 0;
		p->client_pending = 1;
	}
	if (route->kind == AXFW_ROUTE_SIGNUP && !find_client(p, s, w))
		return AXFW_REASON_CLIENT_UNKNOWN;
	return judge_size(s, p, route->body_max, route->kind);
}

/* A client behind a proxy whom the lists turn away is told so by userspace (403), between a key
 * that is none (401) and one that has to wait (429). */
static __always_inline __u32 judge_wait_of_client(const struct axfw_config *settings,
						  struct scratch *s, struct walk *w,
						  struct axfw_packet *p, __u32 why)
{
	if (!(settings->tiers & (AXFW_TIERS_DENIED | AXFW_TIER_ALLOWED)) ||
	    (!p->client_pending && is_same(p->client, p->flow.client)))
		return why;
	if (!find_client(p, s, w))
		return AXFW_REASON_CLIENT_UNKNOWN;
	return is_turned_away(settings, p->client) ? AXFW_REASON_NOT_REFUSABLE : why;
}

/* The opinion: the reason for which the request would be refused, or why it passes. */
__noinline int GLOBAL(judge)(struct hook_ctx *ctx, struct axfw_packet *p)
{
	const volatile struct axfw_route *route;
	const struct axfw_config *settings;
	bool trusted = false;
	struct scratch *s;
	struct walk *w;
	__u32 zero = 0, line_len, why;

	if (!ctx || !p)
		return AXFW_REASON_NOT_A_REQUEST;
	settings = bpf_map_lookup_elem(&config, &zero);
	s = bpf_map_lookup_elem(&scratch, &zero);
	w = bpf_map_lookup_elem(&walks, &zero);
	if (!settings || !s || !w)
		return AXFW_REASON_NOT_CONFIGURED;
	why = find_peer(ctx, settings, p, s, w, &trusted);
	if (why != AXFW_UNDECIDED)
		return why;
	if (!copy_head(ctx, p->request_at, p->request_len, s))
		return AXFW_REASON_NOT_CONFIGURED;
	route = read_line(s, &line_len);
	if (!route || route->kind == AXFW_ROUTE_USERSPACE)
		return AXFW_REASON_NOT_REFUSABLE;
	why = judge_head(settings, s, w, p, route, line_len, trusted);
	if (why != AXFW_UNDECIDED)
		return why;
	if (route->kind == AXFW_ROUTE_SIGNUP)
		return judge_signup(settings, p);
	if (!(s->scan.seen & HEADER_KEY))
		return AXFW_REASON_NO_KEY;
	why = judge_key(settings, s, p);
	if (why == AXFW_REASON_QUOTA_EXHAUSTED || why == AXFW_REASON_RATE_EXCEEDED)
		return judge_wait_of_client(settings, s, w, p, why);
	return why;
}

/* With an answer. 0, or why not. */
static __always_inline __u32 refuse_with_answer(struct hook_ctx *ctx, struct axfw_packet *p,
						struct work *w, __u32 why, __u32 mss)
{
	const struct axfw_response_template *t;
	__u32 response = p->response, failed;

	t = bpf_map_lookup_elem(&responses, &response);
	if (!t || !t->len)
		return AXFW_REASON_NOT_CONFIGURED;
	if (t->len > mss)
		return AXFW_REASON_NO_ROOM;
	if (!remember_refusal(p, why, response, t->len + 1, &w->flow))
		return AXFW_REASON_FLOW_TABLE_FULL;
	failed = GLOBAL(answer)(ctx, p, &w->flow);
	if (failed) {
		forget_flow(&p->flow, false);
		return failed;
	}
	p->fate = FATE_SEND_BACK;
	p->request_id = w->flow.request_id;
	return 0;
}

/* Without: the request itself ends the server's side. 0, or why not. */
static __always_inline __u32 refuse_silently(struct hook_ctx *ctx, struct axfw_packet *p,
					     struct work *w, __u32 why, __u32 unanswered)
{
	if (!remember_refusal(p, why, unanswered, 0, &w->flow))
		return AXFW_REASON_FLOW_TABLE_FULL;
	w->segment = (struct segment){ .flags = TCP_RST, .seq = p->seq, .to_server = 1 };
	if (!GLOBAL(send)(ctx, p, &w->segment)) {
		forget_flow(&p->flow, false);
		return AXFW_REASON_NO_ROOM;
	}
	p->fate = FATE_PASS;
	return 0;
}

static __always_inline __u32 refuse(struct hook_ctx *ctx, const struct axfw_config *settings,
				    struct axfw_packet *p, __u32 why)
{
	struct work *w = get_work();
	__u32 mss, failed;

	if (!w || settings->refuse == AXFW_REFUSE_PASS || !may_send(settings, arrived_on(ctx)))
		return AXFW_REASON_NOT_CONFIGURED;
	mss = GLOBAL(prove)(ctx, p);
	if (!mss)
		return AXFW_REASON_NO_PROOF;
	if (!GLOBAL(whole)(ctx, p))
		return AXFW_REASON_DAMAGED;
	switch (settings->refuse) {
	case AXFW_REFUSE_RESET:
		failed = refuse_silently(ctx, p, w, why, AXFW_UNANSWERED_RESET);
		break;
	case AXFW_REFUSE_DROP:
		failed = refuse_silently(ctx, p, w, why, AXFW_UNANSWERED_DROP);
		break;
	default:
		failed = refuse_with_answer(ctx, p, w, why, mss);
	}
	return failed ? failed : why;
}

#endif
