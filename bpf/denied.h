/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tier 0: addresses that may not speak to the protected ports at all. A limit on the packet's own
 * source, not a judgement of a request: whoever is behind a proxy speaks by the proxy's address.
 * Lists that are empty cost nothing, because `tiers` says so.
 */
#ifndef AXFW_BPF_DENIED_H
#define AXFW_BPF_DENIED_H

#include "maps.h"
#include "parse.h"

static __always_inline struct axfw_prefix whole_address(const __u8 address[16])
{
	struct axfw_prefix prefix = { .bits = 128 };

	__builtin_memcpy(prefix.address, address, sizeof(prefix.address));
	return prefix;
}

static __always_inline bool is_proxy(const __u8 address[16])
{
	struct axfw_prefix key = whole_address(address);

	return bpf_map_lookup_elem(&proxies, &key);
}

static __always_inline struct axfw_denial *find_denial(const struct axfw_prefix *source)
{
	struct axfw_denial *denial = bpf_map_lookup_elem(&denied, source);

	return denial && denial->until_ns > bpf_ktime_get_boot_ns() ? denial : NULL;
}

static __always_inline bool is_allowed(const struct axfw_prefix *source)
{
	return bpf_map_lookup_elem(&allowed, source) || bpf_map_lookup_elem(&proxies, source);
}

static __always_inline __u32 judge_denied(const struct axfw_prefix *source)
{
	struct axfw_denial *denial = find_denial(source);

	if (!denial)
		return AXFW_UNDECIDED;
	denial->packets++;
	return denial->cause == AXFW_DENIED_BY_PENALTY ? AXFW_REASON_DENIED_BY_PENALTY
						       : AXFW_REASON_DENIED_BY_OPERATOR;
}

static __always_inline __u32 judge_source(const struct axfw_config *settings, struct axfw_packet *p)
{
	struct axfw_prefix source = whole_address(p->flow.client);
	__u32 why = AXFW_UNDECIDED;

	if (settings->tiers & AXFW_TIER_DENIED)
		why = judge_denied(&source);
	if (why == AXFW_UNDECIDED && (settings->tiers & AXFW_TIER_ALLOWED) && !is_allowed(&source))
		why = AXFW_REASON_NOT_ALLOWED;
	p->judged = why != AXFW_UNDECIDED;
	return why;
}

/* Is a client behind a proxy one whom the lists would turn away? */
static __always_inline bool is_turned_away(const struct axfw_config *settings,
					   const __u8 client[16])
{
	struct axfw_prefix source = whole_address(client);

	if ((settings->tiers & AXFW_TIER_DENIED) && find_denial(&source))
		return true;
	return (settings->tiers & AXFW_TIER_ALLOWED) && !is_allowed(&source);
}

#endif
