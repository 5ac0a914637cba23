/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tier 3: is this client's signup window full? The daemon writes every attempt before it answers
 * it, so the kernel only reads, and knows nothing that userspace doesn't. IPv6 clients are their
 * /64.
 */
#ifndef AXFW_BPF_SIGNUP_H
#define AXFW_BPF_SIGNUP_H

#include "maps.h"
#include "parse.h"
#include "axfw/client.h"

static __always_inline __u32 judge_signup(const struct axfw_config *settings, struct axfw_packet *p)
{
	const struct axfw_signup_window *window;
	struct axfw_client client = axfw_client_of(p->client);
	__u64 wait;

	p->judged = 1;
	window = bpf_map_lookup_elem(&signups, &client);
	if (!window)
		return AXFW_REASON_SIGNUP_ALLOWED;
	wait = axfw_signup_wait_ns(window, boot_now(p), &settings->signup);
	if (!wait)
		return AXFW_REASON_SIGNUP_ALLOWED;
	p->response = AXFW_RESPONSE_SIGNUP_LIMITED;
	p->retry_after_s = axfw_signup_retry_after_s(wait);
	return AXFW_REASON_SIGNUP_LIMITED;
}

#endif
