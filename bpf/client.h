/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who the request's client is, by the rule in axfw/client.h: the source, or what a trusted proxy
 * says in a PROXY header before the request or in X-Forwarded-For. Whatever can't be read passes
 * the request: userspace reads all of it.
 */
#ifndef AXFW_BPF_CLIENT_H
#define AXFW_BPF_CLIENT_H

#include "denied.h"
#include "http.h"
#include "maps.h"
#include "parse.h"
#include "axfw/client.h"
#include "axfw/proxy_header.h"

/* Characters of X-Forwarded-For that are looked at, once for the comma and once for the address:
 * four hops of IPv6, or ten of IPv4. A longer chain of our own proxies is userspace's. */
#define FORWARDED_STEPS_MAX 512

/* What a walk remembers between two steps. In a map: as unknown memory it keeps the verifier from
 * telling every number of steps apart. */
struct walk {
	struct axfw_forwarded list;
	struct axfw_proxy_text line;
	struct axfw_proxy proxy;
	__u8 client[16];
	__u32 said;
	__u32 any; /* every peer is trusted, and nobody else */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk);
} walks __weak SEC(".maps");

struct walk_ctx {
	struct scratch *s;
	struct walk *w;
};

static __always_inline void copy_address(__u8 to[16], const __u8 from[16])
{
	axfw_store64(to, axfw_load64(from));
	axfw_store64(to + 8, axfw_load64(from + 8));
}

static __always_inline bool is_same(const __u8 a[16], const __u8 b[16])
{
	return !((axfw_load64(a) ^ axfw_load64(b)) | (axfw_load64(a + 8) ^ axfw_load64(b + 8)));
}

static __always_inline bool is_trusted(const struct axfw_config *settings, const __u8 address[16])
{
	if (settings->tiers & AXFW_TIER_ANY_PROXY)
		return true;
	return (settings->tiers & AXFW_TIER_PROXIES) && is_proxy(address);
}

/* --- the PROXY protocol ---------------------------------------------------------------------- */

/* bpf_loop callback: one character of a version 1 header. */
static long proxy_step(__u32 step __attribute__((unused)), struct walk_ctx *c)
{
	struct walk *w = c->w;

	w->said = axfw_proxy_step(&w->line, c->s->bytes[w->line.at & SCAN_MASK], &w->proxy);
	return w->said != AXFW_PROXY_MORE;
}

/* Reads the header at the start of s->bytes. `there`: the segment's payload. */
static __always_inline bool read_proxy_header(struct scratch *s, struct walk *w, __u32 there)
{
	const struct axfw_proxy_text none = { .at = AXFW_PROXY_V1_PREFIX };
	struct walk_ctx c = { .s = s, .w = w };

	if (axfw_proxy_is_v2(s->bytes))
		return axfw_proxy_v2(s->bytes, there, &w->proxy) == AXFW_PROXY_WHOLE;
	if (!axfw_proxy_is_v1(s->bytes))
		return false;
	w->line = none;
	w->said = AXFW_PROXY_MORE;
	bpf_loop(AXFW_PROXY_V1_MAX, proxy_step, &c, 0);
	return w->said == AXFW_PROXY_WHOLE;
}

/*
 * The peer, by rule 1, as the client until X-Forwarded-For says more; and where the request begins.
 * AXFW_UNDECIDED, or why it passes.
 */
static __always_inline __u32 find_peer(struct hook_ctx *ctx, const struct axfw_config *settings,
				       struct axfw_packet *p, struct scratch *s, struct walk *w,
				       bool *ret_trusted)
{
	p->request_at = p->payload_at;
	p->request_len = p->payload_len;
	copy_address(p->client, p->flow.client);
	p->client_known = 1;
	w->any = settings->tiers & AXFW_TIER_ANY_PROXY;
	*ret_trusted = is_trusted(settings, p->flow.client);
	if (!*ret_trusted || !(settings->tiers & AXFW_TIER_PROXY_PROTOCOL))
		return AXFW_UNDECIDED;
	if (!copy_head(ctx, p->payload_at, p->payload_len, s))
		return AXFW_REASON_NOT_CONFIGURED;
	if (!read_proxy_header(s, w, p->payload_len))
		return AXFW_REASON_CLIENT_UNKNOWN;
	if (w->proxy.len >= p->payload_len)
		return AXFW_REASON_NOT_A_REQUEST; /* that comes in the next segment, unproved */
	p->request_at = p->payload_at + w->proxy.len;
	p->request_len = p->payload_len - w->proxy.len;
	if (w->proxy.family) {
		copy_address(p->client, w->proxy.source);
		*ret_trusted = !(settings->tiers & AXFW_TIER_ANY_PROXY) && is_proxy(p->client);
	}
	return AXFW_UNDECIDED;
}

/* --- X-Forwarded-For ------------------------------------------------------------------------- */

/* bpf_loop callback: one character of the list. */
static long forwarded_step(__u32 step __attribute__((unused)), struct walk_ctx *c)
{
	struct walk *w = c->w;
	struct axfw_prefix key;

	w->said =
		axfw_forwarded_step(&w->list, c->s->bytes[axfw_forwarded_at(&w->list) & SCAN_MASK]);
	if (w->said == AXFW_FORWARDED_MORE)
		return 0;
	if (w->said == AXFW_FORWARDED_UNREADABLE || w->any)
		return 1;
	key = whole_address(w->list.entry);
	if (!bpf_map_lookup_elem(&proxies, &key) || !axfw_forwarded_next(&w->list))
		return 1;
	w->said = AXFW_FORWARDED_MORE;
	return 0;
}

/* The client behind a trusted peer, by rules 3 to 5. Read when somebody asks: a verdict about a key
 * depends on nobody's address. false: it can't be made out. */
static __always_inline bool find_client(struct axfw_packet *p, struct scratch *s, struct walk *w)
{
	struct walk_ctx c = { .s = s, .w = w };
	struct value v = s->scan.forwarded;

	if (!p->client_pending)
		return true;
	axfw_forwarded_start(&w->list, v.at, v.at + v.len);
	w->said = AXFW_FORWARDED_MORE;
	bpf_loop(FORWARDED_STEPS_MAX, forwarded_step, &c, 0);
	copy_address(p->client, w->list.entry);
	p->client_pending = 0;
	p->client_known = w->said == AXFW_FORWARDED_ENTRY;
	return p->client_known;
}

#endif
