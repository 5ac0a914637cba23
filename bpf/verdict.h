/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one way out. A reason comes in, is counted and sampled, and leaves as an action by the table in
 * axfw/reason.h, so no packet leaves uncounted and what fails open is one readable list.
 */
#ifndef AXFW_BPF_VERDICT_H
#define AXFW_BPF_VERDICT_H

#include "maps.h"
#include "parse.h"

static const volatile __u8 axfw_actions[AXFW_REASON_COUNT] = {
#define X(name, action, text) [AXFW_REASON_##name] = AXFW_ACTION_##action,
	AXFW_REASONS(X)
#undef X
};

static __always_inline void count(__u32 why, __u32 bytes)
{
	struct axfw_counter *c = bpf_map_lookup_elem(&counters, &why);

	if (!c)
		return;
	c->packets++;
	c->bytes += bytes;
}

/* One decision in `one_in`, chosen at random so that a pattern in the traffic can't hide in it. */
static __always_inline void sample(struct xdp_md *ctx, const struct axfw_packet *p, __u32 one_in,
				   __u32 why)
{
	struct axfw_event *e;

	if (one_in > 1 && bpf_get_prandom_u32() % one_in)
		return;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return; /* nobody reads: the counters still have it */
	e->at_ns = bpf_ktime_get_boot_ns();
	e->key = p->key;
	__builtin_memcpy(e->client, p->flow.client, sizeof(e->client));
	e->client_port = p->flow.client_port;
	e->reason = why;
	e->response = p->response;
	e->ifindex = ctx->ingress_ifindex;
	bpf_ringbuf_submit(e, 0);
}

static __always_inline int verdict(struct xdp_md *ctx, const struct axfw_packet *p,
				   const struct axfw_config *settings, __u32 why, __u32 bytes)
{
	if (why >= AXFW_REASON_COUNT)
		return XDP_PASS; /* for the verifier: no question leaves this undecided */
	count(why, bytes);
	if (p->judged && settings->event_sample)
		sample(ctx, p, settings->event_sample, why);
	switch (axfw_actions[why]) {
	case AXFW_ACTION_ANSWER:
		return XDP_TX;
	case AXFW_ACTION_CLOSE:
		return p->action;
	default:
		return XDP_PASS;
	}
}

#endif
