/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tier 0: addresses that may not speak to the protected ports at all. A limit on the packet's own
 * source, not a judgement of a request: whoever is behind a proxy speaks by the proxy's address.
 * Lists that are empty cost nothing, because `tiers` says so. Hosts are asked first: who floods is
 * found by one exact match (axfw/denied.h).
 */
#ifndef AXFW_BPF_DENIED_H
#define AXFW_BPF_DENIED_H

#include "maps.h"
#include "parse.h"
#include "axfw/denied.h"

static __always_inline struct axfw_prefix whole_address(const __u8 address[16])
{
	struct axfw_prefix prefix = { .bits = AXFW_WHOLE_BITS };

	__builtin_memcpy(prefix.address, address, sizeof(prefix.address));
	return prefix;
}

static __always_inline bool is_proxy(const __u8 address[16])
{
	struct axfw_prefix key = whole_address(address);

	return bpf_map_lookup_elem(&proxies, &key);
}

/* The longest that matches: the address, a prefix beyond 64 bits, the IPv6 /64, a shorter prefix.
 */
static __always_inline struct axfw_denial *longest_denial(__u32 tiers, const __u8 address[16])
{
	struct axfw_prefix key = whole_address(address);
	struct axfw_denial *prefix = NULL, *host;

	if (tiers & AXFW_TIER_DENIED_HOSTS) {
		host = bpf_map_lookup_elem(&denied_hosts, &key);
		if (host)
			return host;
	}
	if (tiers & AXFW_TIER_DENIED)
		prefix = bpf_map_lookup_elem(&denied, &key);
	if (!(tiers & AXFW_TIER_DENIED_HOSTS) || !axfw_has_network(address) ||
	    (prefix && prefix->bits > AXFW_NETWORK_BITS))
		return prefix;
	key.bits = AXFW_NETWORK_BITS;
	__builtin_memset(key.address + 8, 0, 8);
	host = bpf_map_lookup_elem(&denied_hosts, &key);
	return host ? host : prefix;
}

/* Reading the clock takes longer than finding the entry, so it is read once a tick (some
 * milliseconds), not for every packet of a flood. */
static __always_inline bool is_over(struct axfw_denial *denial)
{
	__u64 tick = bpf_jiffies64();

	if (denial->tick == tick)
		return false;
	if (denial->until_ns <= bpf_ktime_get_boot_ns())
		return true;
	denial->tick = tick;
	return false;
}

static __always_inline struct axfw_denial *find_denial(__u32 tiers, const __u8 address[16])
{
	struct axfw_denial *denial = longest_denial(tiers, address);

	return denial && !is_over(denial) ? denial : NULL;
}

static __always_inline bool is_allowed(const struct axfw_prefix *source)
{
	return bpf_map_lookup_elem(&allowed, source) || bpf_map_lookup_elem(&proxies, source);
}

static __always_inline __u32 judge_denied(__u32 tiers, const __u8 address[16])
{
	struct axfw_denial *denial = find_denial(tiers, address);

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

	if (settings->tiers & AXFW_TIERS_DENIED)
		why = judge_denied(settings->tiers, p->flow.client);
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

	if ((settings->tiers & AXFW_TIERS_DENIED) && find_denial(settings->tiers, client))
		return true;
	return (settings->tiers & AXFW_TIER_ALLOWED) && !is_allowed(&source);
}

#endif
