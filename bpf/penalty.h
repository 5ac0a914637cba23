/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who keeps being refused? Counted per client, of refusals that were proved and answered only, and
 * told to the daemon at the limit: it alone puts somebody into the penalty box, because it knows
 * who may not go there. It is told again at each multiple, so that a lost event isn't the end.
 *
 * A quota or a rate is refused to a key that works, and a size to any: those don't count. Nor does
 * what a proxy forwards: the box holds sources of packets.
 */
#ifndef AXFW_BPF_PENALTY_H
#define AXFW_BPF_PENALTY_H

#include "events.h"
#include "maps.h"
#include "parse.h"
#include "axfw/client.h"

static __always_inline bool is_penalised(__u32 why)
{
	return why == AXFW_REASON_KEY_UNKNOWN || why == AXFW_REASON_KEY_REFUSED_BEFORE ||
	       why == AXFW_REASON_KEY_REVOKED || why == AXFW_REASON_SIGNUP_LIMITED;
}

/* The number of this refusal in the client's window. */
static __always_inline __u32 count_refusal(const struct axfw_client *client, __u64 window_ns)
{
	struct axfw_refusals fresh = { .window_ns = bpf_ktime_get_boot_ns(), .count = 1 }, *r;

	r = bpf_map_lookup_elem(&refusals, client);
	if (!r) {
		bpf_map_update_elem(&refusals, client, &fresh, BPF_NOEXIST);
		return 1;
	}
	if (fresh.window_ns - r->window_ns < window_ns)
		return __sync_fetch_and_add(&r->count, 1) + 1;
	*r = fresh;
	return 1;
}

__noinline int GLOBAL(penalise)(struct hook_ctx *ctx, struct axfw_packet *p, __u32 why, __u32 bytes)
{
	const struct axfw_config *settings;
	struct axfw_client client;
	__u32 zero = 0, limit;

	if (!ctx || !p)
		return 0;
	settings = bpf_map_lookup_elem(&config, &zero);
	if (!settings)
		return 0;
	limit = settings->penalty.refusals;
	if (!limit || !is_penalised(why) || !p->client_known || !is_same(p->client, p->flow.client))
		return 0;
	client = axfw_client_of(p->client);
	if (count_refusal(&client, settings->penalty.window_ns) % limit == 0)
		tell(ctx, p, settings, why, bytes, AXFW_EVENT_PENALTY, 1);
	return 0;
}

#endif
