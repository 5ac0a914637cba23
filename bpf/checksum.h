/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Complete checksums of what we write ourselves. Nothing is updated incrementally: the frame that
 * came may carry a checksum that nobody has finished (a local sender leaves that to its NIC).
 */
#ifndef AXFW_BPF_CHECKSUM_H
#define AXFW_BPF_CHECKSUM_H

#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include "axfw/checksum.h"
#include "parse.h"

/* Of a header on the stack, whose length is a constant multiple of four. */
static __always_inline __u64 sum_words(const void *data, __u32 len)
{
	const __u32 *word = data;
	__u64 sum = 0;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < len / 4; i++)
		sum += word[i];
	return sum;
}

static __always_inline __u64 sum_pseudo_header(const struct axfw_packet *p, __u32 tcp_len)
{
	__u64 sum = bpf_htons(tcp_len) + bpf_htons(IPPROTO_TCP);

	/* An IPv4 address sums as it is mapped, less the mapping's ffff, which sums to nothing. */
	sum += sum_words(p->flow.client, sizeof(p->flow.client));
	return sum + sum_words(p->flow.server, sizeof(p->flow.server));
}

static __always_inline __u16 finish_sum(__u64 sum)
{
	return (__u16)~axfw_fold(sum);
}

#endif
