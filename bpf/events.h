/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the daemon is told. A sampled decision stands for as many as its weight says, also for those
 * that were left out: so sums are right however little is told. A traced packet is told of whatever
 * became of it. Neither may cost more than events_per_second on each CPU, because a stranger
 * decides how many packets there are. Samples don't wake the daemon, which would take it ten times
 * as long as reading them: it comes by itself, or is woken when the ring is half full.
 */
#ifndef AXFW_BPF_EVENTS_H
#define AXFW_BPF_EVENTS_H

#include "client.h"
#include "http.h"
#include "maps.h"
#include "parse.h"
#include "axfw/words.h"

#define EVENT_KIND_MASK 3
#define EVENT_BYTES_MAX 0xffff

/* May another event of this kind be sent in this second? */
static __always_inline bool has_budget(struct axfw_event_budget *b,
				       const struct axfw_config *settings, __u32 kind, __u64 now)
{
	if (now - b->window_ns >= NS_PER_S) {
		b->window_ns = now;
		axfw_store64(&b->sent[0], 0);
		axfw_store64(&b->sent[2], 0);
	}
	return b->sent[kind & EVENT_KIND_MASK] < settings->events_per_second;
}

static __always_inline __u64 wake_up(__u32 kind)
{
	bool wanted = kind != AXFW_EVENT_SAMPLED ||
		      bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > AXFW_EVENTS_BYTES / 2;

	return wanted ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline void fill_event(struct axfw_event *e, struct hook_ctx *ctx,
				       const struct axfw_packet *p, __u32 why)
{
	const __u8 *client = p->client_known ? p->client : p->flow.client;

	e->request_id = p->request_id;
	e->key = p->key;
	axfw_store64(e->client, axfw_load64(client));
	axfw_store64(e->client + 8, axfw_load64(client + 8));
	e->client_port = p->flow.client_port;
	e->hook = HOOK;
	e->reason = why;
	e->response = p->response;
	e->ifindex = arrived_on(ctx);
}

static __always_inline void tell(struct hook_ctx *ctx, struct axfw_packet *p,
				 const struct axfw_config *settings, __u32 why, __u32 bytes,
				 __u32 kind, __u32 weight)
{
	__u64 now = boot_now(p);
	struct axfw_event_budget *b;
	struct axfw_event *e = NULL;
	__u32 zero = 0;

	b = bpf_map_lookup_elem(&event_budget, &zero);
	if (!b)
		return;
	if (!has_budget(b, settings, kind, now))
		b->left_out++;
	else if (!(e = bpf_ringbuf_reserve(&events, sizeof(*e), 0)))
		b->ring_full++;
	if (!e) {
		b->owed += kind == AXFW_EVENT_SAMPLED ? weight : 0;
		return;
	}
	b->sent[kind & EVENT_KIND_MASK]++;
	fill_event(e, ctx, p, why);
	e->at_ns = now;
	e->kind = kind;
	e->bytes = bytes > EVENT_BYTES_MAX ? EVENT_BYTES_MAX : bytes;
	e->weight = weight;
	if (kind == AXFW_EVENT_SAMPLED) {
		e->weight += b->owed;
		b->owed = 0;
	}
	bpf_ringbuf_submit(e, wake_up(kind));
}

static __always_inline bool is_given(const __u8 bytes[16])
{
	return axfw_load64(bytes) | axfw_load64(bytes + 8);
}

/* Does config.trace ask for this packet? Of one whose key wasn't read the client alone decides. */
static __always_inline bool is_traced(const struct axfw_config *settings, struct axfw_packet *p)
{
	const struct axfw_trace *t = &settings->trace;

	if (!p->flow.server_port || t->until_ns <= boot_now(p))
		return false;
	if (is_given(t->client) && !is_same(t->client, p->flow.client) &&
	    !(p->client_known && is_same(t->client, p->client)))
		return false;
	if (!is_given(t->key.bytes))
		return true;
	return is_given(p->key.bytes) ? is_same(t->key.bytes, p->key.bytes) : is_given(t->client);
}

/* One decision in `one_in`, chosen at random so that a pattern in the traffic can't hide in it. */
static __always_inline bool is_sampled(const struct axfw_packet *p, __u32 one_in)
{
	return p->judged && one_in && (one_in == 1 || !(bpf_get_prandom_u32() % one_in));
}

/* Global, so that the verifier reads it once. Nobody asks for its result. */
__noinline int GLOBAL(report)(struct hook_ctx *ctx, struct axfw_packet *p, __u32 why, __u32 bytes)
{
	const struct axfw_config *settings;
	struct scratch *s;
	struct walk *w;
	__u32 zero = 0;
	bool sampled;

	if (!ctx || !p)
		return 0;
	settings = bpf_map_lookup_elem(&config, &zero);
	s = bpf_map_lookup_elem(&scratch, &zero);
	w = bpf_map_lookup_elem(&walks, &zero);
	if (!settings || !s || !w)
		return 0;
	sampled = is_sampled(p, settings->event_sample);
	if (!sampled && !settings->trace.until_ns)
		return 0;
	find_client(p, s, w);
	if (is_traced(settings, p))
		tell(ctx, p, settings, why, bytes, AXFW_EVENT_TRACED, 1);
	if (sampled)
		tell(ctx, p, settings, why, bytes, AXFW_EVENT_SAMPLED, settings->event_sample);
	return 0;
}

#endif
