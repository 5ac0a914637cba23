/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The XDP attach point: the only thing here is the order in which questions are asked of a packet.
 */
#include "maps.h"
#include "parse.h"
#include "verdict.h"

SEC("xdp")
int axfw_xdp(struct xdp_md *ctx)
{
	struct axfw_packet p = {};
	const struct axfw_config *settings;
	__u32 zero = 0;

	settings = bpf_map_lookup_elem(&config, &zero);
	if (!settings)
		return XDP_PASS; /* an array's only element: cannot be */
	return verdict(ctx, &p, settings, axfw_parse(ctx, settings, &p), ctx->data_end - ctx->data);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
