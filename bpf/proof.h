/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Is this segment the first payload of a connection that really is one? A source address can be
 * forged and text inside a body can look like a request, so the server's own socket is asked: the
 * segment's sequence and acknowledgement numbers must be exactly the ones it waits for. A blind
 * sender would have to guess 64 bits. With TCP_DEFER_ACCEPT the socket is still a request socket,
 * else an established one that has neither received nor sent a byte.
 */
#ifndef AXFW_BPF_PROOF_H
#define AXFW_BPF_PROOF_H

#include "kernel_types.h"
#include "maps.h"
#include "parse.h"

static __always_inline struct bpf_sock *find_socket(struct hook_ctx *ctx,
						    const struct axfw_packet *p)
{
	struct bpf_sock_tuple tuple = {};

	if (p->is_ipv6) {
		copy_ipv6((__u8 *)tuple.ipv6.saddr, (const struct in6_addr *)p->flow.client);
		copy_ipv6((__u8 *)tuple.ipv6.daddr, (const struct in6_addr *)p->flow.server);
		tuple.ipv6.sport = p->flow.client_port;
		tuple.ipv6.dport = p->flow.server_port;
		return bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	tuple.ipv4.saddr = *(__be32 *)(p->flow.client + 12);
	tuple.ipv4.daddr = *(__be32 *)(p->flow.server + 12);
	tuple.ipv4.sport = p->flow.client_port;
	tuple.ipv4.dport = p->flow.server_port;
	return bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
}

/* The connection's MSS when the segment is proved, 0 when not. */
static __always_inline __u32 proved_mss(struct bpf_sock *socket, __u32 seq, __u32 ack)
{
	struct tcp_request_sock *request = bpf_skc_to_tcp_request_sock(socket);
	struct tcp_sock *tcp;

	if (request) {
		if (seq != request->rcv_isn + 1 || ack != request->snt_isn + 1)
			return 0;
		return request->req.req.mss;
	}
	tcp = bpf_skc_to_tcp_sock(socket);
	if (!tcp)
		return 0;
	if (tcp->inet_conn.icsk_inet.sk.__sk_common.skc_state != KERNEL_TCP_ESTABLISHED ||
	    tcp->bytes_received || seq != tcp->rcv_nxt || ack != tcp->snd_nxt ||
	    ack != tcp->write_seq)
		return 0;
	return tcp->mss_cache;
}

/* Global, so that the verifier reads it once. */
__noinline int GLOBAL(prove)(struct hook_ctx *ctx, struct axfw_packet *p)
{
	struct bpf_sock *socket;
	__u32 mss;

	if (!ctx || !p)
		return 0;
	socket = find_socket(ctx, p);
	if (!socket)
		return 0;
	mss = proved_mss(socket, p->seq, p->ack);
	bpf_sk_release(socket);
	return mss;
}

#endif
