/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The XDP attach point. */
#define HOOK_XDP
#include "decide.h"

SEC("xdp.frags") /* frames of more than a page, in several buffers */
int axfw_xdp(struct xdp_md *ctx)
{
	return decide(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
