// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What runs on the client's end of the veth: without a program there, XDP_TX on the server's end
 * sends into nothing. And the network that loses a packet: the first answer (PSH and FIN from the
 * served port) or the client's acknowledgement of it is dropped, once per load.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SERVED_PORT 8004

__u32 dropped; /* answers lost so far; the tests read it */
__u32 requested;
__u32 acks_lost;

static __always_inline int is_answer(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > end || ip->protocol != IPPROTO_TCP || ip->ihl != 5)
		return 0;
	return tcp->source == bpf_htons(SERVED_PORT) && tcp->psh && tcp->fin;
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp")
int drop_once(struct xdp_md *ctx)
{
	if (dropped || !is_answer(ctx))
		return XDP_PASS;
	dropped = 1;
	return XDP_DROP;
}

/* The client's side of the network that loses a packet: its first bare ACK behind a request. */
SEC("tc")
int lose_ack(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > end || ip->protocol != IPPROTO_TCP || ip->ihl != 5)
		return TC_ACT_OK;
	if (tcp->dest != bpf_htons(SERVED_PORT))
		return TC_ACT_OK;
	if (tcp->psh)
		requested = 1;
	if (!requested || tcp->psh || tcp->fin || acks_lost)
		return TC_ACT_OK;
	acks_lost = 1;
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
