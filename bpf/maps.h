/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every map, and what never changes while a program is loaded (`const volatile`: set between open
 * and load, then constants to the verifier). Nothing an unauthenticated packet creates shares a map
 * with what the daemon wrote: packets write `syn_budget`, `refusals`, `flows`, `counters` and
 * `events` only. What must not be lost is a hash, not an LRU (an LRU of 65,536 silently lost 128 of
 * 65,536 inserts).
 *
 * Weak, because each attach point's object has them and the linked object has them once.
 */
#ifndef AXFW_BPF_MAPS_H
#define AXFW_BPF_MAPS_H

#include "context.h"
#include "axfw/reason.h"

const volatile struct axfw_route axfw_routes[AXFW_ROUTES_MAX] __weak __attribute__((aligned(8)));
const volatile __u32 axfw_route_count __weak;
const volatile __u8 axfw_siphash_key[16] __weak __attribute__((aligned(8)));
const volatile __u64 axfw_netns_cookie __weak; /* of the namespace we are attached in */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct axfw_config);
} config __weak SEC(".maps");

/* Not preallocated: an idle node with ten keys shouldn't pay for 64 k. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, AXFW_ADMISSIONS_MAX);
	__type(key, struct axfw_key_hash);
	__type(value, struct axfw_admission);
} admissions __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, AXFW_UNKNOWN_MAX);
	__type(key, struct axfw_key_hash);
	__type(value, struct axfw_unknown);
} unknown __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, AXFW_SIGNUPS_MAX);
	__type(key, struct axfw_client);
	__type(value, struct axfw_signup_window);
} signups __weak SEC(".maps");

/* Longest prefix first: an LPM trie can't be preallocated. */
#define PREFIX_MAP(name, max, value_type)                                                          \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);                                               \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__uint(max_entries, max);                                                          \
		__type(key, struct axfw_prefix);                                                   \
		__type(value, value_type);                                                         \
	} name __weak SEC(".maps")

PREFIX_MAP(denied, AXFW_DENIED_MAX, struct axfw_denial);

/* Not preallocated: most nodes deny nobody. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, AXFW_DENIED_MAX);
	__type(key, struct axfw_prefix);
	__type(value, struct axfw_denial);
} denied_hosts __weak SEC(".maps");

PREFIX_MAP(allowed, AXFW_ALLOWED_MAX, struct axfw_listed);
PREFIX_MAP(proxies, AXFW_PROXIES_MAX, struct axfw_listed);

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, AXFW_SYN_BUDGET_MAX); /* the daemon asks for 1 while tier 1 is off */
	__type(key, struct axfw_client);
	__type(value, struct axfw_syn_bucket);
} syn_budget __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, AXFW_REFUSALS_MAX);
	__type(key, struct axfw_client);
	__type(value, struct axfw_refusals);
} refusals __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, AXFW_FLOWS_MAX);
	__type(key, struct axfw_flow_key);
	__type(value, struct axfw_flow);
} flows __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct axfw_flow_counts);
} flow_counts __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, AXFW_RESPONSE_COUNT);
	__type(key, __u32);
	__type(value, struct axfw_response_template);
} responses __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AXFW_REASON_COUNT);
	__type(key, __u32);
	__type(value, struct axfw_counter);
} counters __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, AXFW_EVENTS_BYTES);
} events __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct axfw_event_budget);
} event_budget __weak SEC(".maps");

#endif
