/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TC ingress: the packet as the stack's own buffer, which may hold several segments (GRO), lie in
 * pieces, and carry a checksum that nobody has finished. See context.h.
 *
 * A VLAN tag isn't in the bytes: the stack took the outer one away before we look, and puts it back
 * when the packet is sent again.
 */
#ifndef AXFW_BPF_CONTEXT_TC_H
#define AXFW_BPF_CONTEXT_TC_H

#include <linux/pkt_cls.h>

#define hook_ctx     __sk_buff
#define HOOK	     AXFW_HOOK_TC
#define GLOBAL(name) axfw_tc_##name

/* Every header that we read, options included, and the first bytes of the payload. */
#define PULL_LEN 384

/* Where a TCP header's checksum ends. */
#define TCP_CHECKSUM_END 18

static __always_inline __u32 frame_len(const struct hook_ctx *ctx)
{
	return ctx->len;
}

static __always_inline __u32 arrived_on(const struct hook_ctx *ctx)
{
	return ctx->ifindex;
}

/* Brings more of the packet between data and data_end. false: there is no more to bring. */
static __always_inline bool pull_headers(struct hook_ctx *ctx)
{
	__u32 len = ctx->len < PULL_LEN ? ctx->len : PULL_LEN;
	__u32 there = bytes_between((void *)(long)ctx->data, (void *)(long)ctx->data_end);

	return there < len && !bpf_skb_pull_data(ctx, len);
}

static __always_inline bool load_bytes(struct hook_ctx *ctx, __u32 at, void *to, __u32 len)
{
	return !bpf_skb_load_bytes(ctx, at, to, len);
}

/* Where the NIC left a sum of the whole packet (CHECKSUM_COMPLETE), it is kept in step. The
 * Ethernet header isn't part of it, but its addresses swapped sum to the same. */
static __always_inline bool store_bytes(struct hook_ctx *ctx, __u32 at, const void *from, __u32 len)
{
	return !bpf_skb_store_bytes(ctx, at, from, len, BPF_F_RECOMPUTE_CSUM);
}

/*
 * Gives the packet the length `len`, as one segment, with its TCP header at tcp_at. What lies
 * between the IP header and TCP is overwritten like all the rest, unless the checksum is to be
 * finished later, which is remembered by where the TCP header lies: then the kernel has to move it.
 * (It can't in a packet with a second VLAN tag, the first being outside: of those, ROOM_NONE.)
 *
 * Nothing says whether it is to be finished later, but then the kernel doesn't let the packet be
 * cut in front of the checksum's end. So that is tried; a packet that lost its payload to the trial
 * and then can't get its new length is passed, and dropped by the stack, being too short.
 */
static __always_inline enum room make_room(struct hook_ctx *ctx, __u32 tcp_was_at, __u32 tcp_at,
					   __u32 len)
{
	int extra = (int)tcp_was_at - (int)tcp_at;

	if (!bpf_skb_change_tail(ctx, tcp_was_at + TCP_CHECKSUM_END - 1, 0))
		return bpf_skb_change_tail(ctx, len, 0) ? ROOM_NONE : ROOM_MADE;
	if (extra && bpf_skb_adjust_room(ctx, -extra, BPF_ADJ_ROOM_NET, BPF_F_ADJ_ROOM_FIXED_GSO))
		return ROOM_NONE;
	return bpf_skb_change_tail(ctx, len, 0) ? ROOM_NONE : ROOM_SUM_LATER;
}

/* A packet that isn't ours to decide goes on to the next filter. */
static __always_inline int leave(struct hook_ctx *ctx, enum fate fate)
{
	switch (fate) {
	case FATE_SEND_BACK:
		return bpf_redirect(ctx->ifindex, 0);
	case FATE_DROP:
		return TC_ACT_SHOT;
	default:
		return TC_ACT_UNSPEC;
	}
}

#endif
