// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes each frame that is run through it a SYN of another source: the forged half of a SYN flood.
 * Everything is written afresh, because live frames come back as the last run left them.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 source_first; /* host order */
const volatile __u32 source_count = 1;

static __always_inline __u16 finish(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline __u64 add_words(const void *data, __u32 len)
{
	const __u32 *word = data;
	__u64 sum = 0;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < len / 4; i++)
		sum += word[i];
	return sum;
}

SEC("xdp")
int make_syn(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct tcphdr *tcp = (void *)(ip + 1);
	__u32 random = bpf_get_prandom_u32();

	if ((void *)(tcp + 1) > end)
		return XDP_DROP;
	ip->saddr = bpf_htonl(source_first + random % source_count);
	ip->check = 0;
	ip->check = finish(add_words(ip, sizeof(*ip)));
	tcp->source = bpf_htons(1024 | (random >> 16));
	tcp->seq = bpf_get_prandom_u32();
	tcp->check = 0;
	tcp->check = finish(add_words(tcp, sizeof(*tcp)) + ip->saddr + ip->daddr +
			    bpf_htons(IPPROTO_TCP) + bpf_htons(sizeof(*tcp)));
	return XDP_TX;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
