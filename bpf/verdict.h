/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one way out. A reason comes in, is counted and sampled, and leaves as an action by the table
 * in axfw/reason.h, so no packet leaves uncounted and what fails open is one readable list.
 */
#ifndef AXFW_BPF_VERDICT_H
#define AXFW_BPF_VERDICT_H

#include "maps.h"
#include "parse.h"

/* The reasons with an action, as bits: a shift and a mask, where a table would need its index
 * proved. */
_Static_assert(AXFW_REASON_COUNT < 64, "a reason is a bit of a word");
#define REASONS_WITH(wanted) (0ULL AXFW_REASONS(BIT_IF_##wanted))
#define BIT_IF_ANSWER(name, action, text)                                                          \
	| ((__u64)(AXFW_ACTION_##action == AXFW_ACTION_ANSWER) << AXFW_REASON_##name)
#define BIT_IF_CLOSE(name, action, text)                                                           \
	| ((__u64)(AXFW_ACTION_##action == AXFW_ACTION_CLOSE) << AXFW_REASON_##name)

#define BIT_IF_DROP(name, action, text)                                                            \
	| ((__u64)(AXFW_ACTION_##action == AXFW_ACTION_DROP) << AXFW_REASON_##name)

static __always_inline bool is_refusal(__u32 why)
{
	return REASONS_WITH(ANSWER) >> (why & 63) & 1;
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

/* One decision in `one_in`, chosen at random so that a pattern in the traffic can't hide in it. */
static __always_inline void sample(struct hook_ctx *ctx, const struct axfw_packet *p, __u32 one_in,
				   __u32 why, __u32 bytes)
{
	struct axfw_event *e;

	if (one_in > 1 && bpf_get_prandom_u32() % one_in)
		return;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return; /* nobody reads: the counters still have it */
	e->at_ns = bpf_ktime_get_boot_ns();
	e->request_id = 0;
	e->kind = AXFW_EVENT_SAMPLED;
	e->hook = HOOK;
	e->weight = one_in;
	e->bytes = bytes > 0xffff ? 0xffff : bytes;
	e->key = p->key;
	__builtin_memcpy(e->client, p->flow.client, sizeof(e->client));
	e->client_port = p->flow.client_port;
	e->reason = why;
	e->response = p->response;
	e->ifindex = arrived_on(ctx);
	bpf_ringbuf_submit(e, 0);
}

static __always_inline enum fate fate_of(const struct axfw_packet *p, __u32 why)
{
	if (is_refusal(why))
		return FATE_SEND_BACK;
	if (is_drop(why))
		return FATE_DROP;
	return is_close(why) ? p->fate : FATE_PASS;
}

static __always_inline int verdict(struct hook_ctx *ctx, const struct axfw_packet *p,
				   const struct axfw_config *settings, __u32 why, __u32 bytes)
{
	count(why, bytes);
	if (p->judged && settings->event_sample)
		sample(ctx, p, settings->event_sample, why, bytes);
	return leave(ctx, fate_of(p, why));
}

#endif
