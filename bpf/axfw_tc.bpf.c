/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The TC ingress attach point, for interfaces where XDP can't be attached or can't answer. */
#define HOOK_TC
#include "decide.h"

SEC("tc")
int axfw_tc(struct __sk_buff *ctx)
{
	return decide(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
