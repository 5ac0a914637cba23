/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a frame to a TCP segment: up to two VLAN tags, IPv4 with options, IPv6 with extension
 * headers. Only pull() compares a pointer with the packet's end; every length read from the wire
 * has a lower bound as well as an upper one.
 *
 * What isn't understood is passed with its reason. That goes for fragments, too: the first may
 * hold the ports and not the payload, the others hold neither, and to put them together is the
 * stack's work; the connection they belong to is judged by userspace. Interfaces whose packets have
 * no Ethernet header (tun, PPP, WireGuard) aren't understood at all: attaching to them is refused.
 */
#ifndef AXFW_BPF_PARSE_H
#define AXFW_BPF_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include "context.h"
#include "maps.h"

#define NS_PER_S 1000000000ULL

/* Not a verdict yet: go on with the next question. Never leaves the program. */
#define AXFW_UNDECIDED AXFW_REASON_COUNT

#define VLAN_TAG_LEN  4
#define VLAN_TAGS_MAX 2

/* A stack has a use for one of each kind and destination options twice. More, or longer ones, are
 * passed: the walk costs a look at each. */
#define EXTENSIONS_MAX	   6
#define EXTENSIONS_LEN_MAX 256

/* Ethernet, two tags, IPv6 with as many extensions as we take and TCP with all its options end in
 * front of this: offsets masked by it stay what they are. */
#define HEADERS_MASK 511
_Static_assert(ETH_HLEN + VLAN_TAGS_MAX * VLAN_TAG_LEN + 40 + EXTENSIONS_LEN_MAX + 60 <
		       HEADERS_MASK,
	       "the mask holds every header");

#define IPV4_FRAGMENT 0x3fff /* more fragments, or an offset */
#define IPV6_FRAGMENT 0xfff9 /* an offset, or more fragments */

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
};

/* A TCP segment to a protected port. */
struct axfw_packet {
	struct axfw_flow_key flow;
	struct axfw_key_hash key; /* of the request's API key, once read */
	/* once judge() has found them; behind a proxy they aren't the packet's */
	__u8 client[16];
	__u64 request_id; /* of the answer */
	__u64 now_ns;	  /* once somebody has asked boot_now() */
	__u32 request_len;
	__u16 request_at;
	__u8 client_known;
	__u8 client_pending; /* stands in X-Forwarded-For, unread: nobody has asked yet */
	__u32 seq;
	__u32 ack;
	__u32 payload_len;
	__u32 retry_after_s;
	__u16 tcp_at; /* offsets into the frame */
	__u16 payload_at;
	__u8 flags; /* enum tcp_flag */
	__u8 is_ipv6;
	__u8 judged;   /* a tier asked about it: worth an event */
	__u8 response; /* enum axfw_response, once refused */
	__u16 ip_at;
	__u16 fate; /* enum fate, for a segment of a refused connection */
	__u32 frame_len;
};

/* CLOCK_BOOTTIME, one and the same to all who ask for a packet: reading it is as dear as a look-up.
 */
static __always_inline __u64 boot_now(struct axfw_packet *p)
{
	if (!p->now_ns)
		p->now_ns = bpf_ktime_get_boot_ns();
	return p->now_ns;
}

struct cursor {
	void *pos;
	void *end;
	void *frame;
	__u32 frame_len; /* may be more than what lies before end */
};

static __always_inline __u32 offset_of(const struct cursor *c, const void *at)
{
	return bytes_between(c->frame, (void *)at);
}

static __always_inline void *pull(struct cursor *c, __u32 len)
{
	void *p = c->pos;

	if (p + len > c->end)
		return NULL;
	c->pos = p + len;
	return p;
}

static __always_inline bool is_protected(const struct axfw_config *settings, __u16 port)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < AXFW_PORTS_MAX; i++) {
		if (!settings->ports[i])
			return false;
		if (settings->ports[i] == port)
			return true;
	}
	return false;
}

/* l4_len: what the IP header says is left for TCP. */
static __always_inline __u32 parse_tcp(struct cursor *c, const struct axfw_config *settings,
				       __u32 l4_len, struct axfw_packet *p)
{
	struct tcphdr *tcp = pull(c, sizeof(*tcp));
	__u32 len;

	if (!tcp)
		return AXFW_REASON_TRUNCATED;
	if (!is_protected(settings, bpf_ntohs(tcp->dest)))
		return AXFW_REASON_OTHER_TRAFFIC;
	len = tcp->doff * 4;
	if (len < sizeof(*tcp) || len > l4_len)
		return AXFW_REASON_BAD_HEADER;
	p->tcp_at = offset_of(c, tcp);
	if (p->tcp_at + l4_len > c->frame_len)
		return AXFW_REASON_TRUNCATED;
	p->payload_len = l4_len - len;
	p->payload_at = p->tcp_at + len;
	p->flags = ((__u8 *)tcp)[13];
	p->seq = bpf_ntohl(tcp->seq);
	p->ack = bpf_ntohl(tcp->ack_seq);
	p->flow.netns = axfw_netns_cookie;
	p->flow.client_port = tcp->source;
	p->flow.server_port = tcp->dest;
	return AXFW_UNDECIDED;
}

static __always_inline void map_ipv4(__u8 to[16], __be32 address)
{
	*(__u64 *)to = 0;
	*(__u32 *)(to + 8) = bpf_htonl(0xffff);
	*(__u32 *)(to + 12) = address;
}

static __always_inline void copy_ipv6(__u8 to[16], const struct in6_addr *address)
{
	*(__u64 *)to = *(const __u64 *)address;
	*(__u64 *)(to + 8) = *((const __u64 *)address + 1);
}

static __always_inline __u32 parse_ipv4(struct cursor *c, const struct axfw_config *settings,
					struct axfw_packet *p)
{
	struct iphdr *ip = pull(c, sizeof(*ip));
	__u32 len, total, why;

	if (!ip)
		return AXFW_REASON_TRUNCATED;
	if (ip->protocol != IPPROTO_TCP)
		return AXFW_REASON_OTHER_TRAFFIC;
	if (ip->frag_off & bpf_htons(IPV4_FRAGMENT))
		return AXFW_REASON_FRAGMENT;
	len = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || len < sizeof(*ip) || total < len)
		return AXFW_REASON_BAD_HEADER;
	if (!pull(c, len - sizeof(*ip)))
		return AXFW_REASON_TRUNCATED;
	why = parse_tcp(c, settings, total - len, p);
	if (why != AXFW_UNDECIDED)
		return why;
	map_ipv4(p->flow.client, ip->saddr);
	map_ipv4(p->flow.server, ip->daddr);
	return AXFW_UNDECIDED;
}

/* --- IPv6 extension headers ------------------------------------------------------------------- */

/* The first eight bytes of every extension header that we walk over. */
struct extension {
	__u8 next, len; /* in units of eight bytes, less one; a fragment header has none */
	union {
		struct {
			__u8 routing_type, segments_left;
		};
		__be16 fragment;
	};
	__u32 rest;
};

static __always_inline bool is_extension(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT;
}

/* Why a header can't be walked over; AXFW_UNDECIDED: it can. A packet that has still to visit
 * somebody isn't ours yet; a fragment header without fragments (RFC 6946) is harmless. */
static __always_inline __u32 judge_extension(const struct extension *e, __u8 type, bool first)
{
	if (type == IPPROTO_HOPOPTS && !first)
		return AXFW_REASON_BAD_HEADER;
	if (type == IPPROTO_ROUTING && e->segments_left)
		return AXFW_REASON_OTHER_TRAFFIC;
	if (type == IPPROTO_FRAGMENT && e->fragment & bpf_htons(IPV6_FRAGMENT))
		return AXFW_REASON_FRAGMENT;
	return AXFW_UNDECIDED;
}

/* The length of the headers between `at` and TCP, or less than 0: the reason, negated and less one.
 * Global, so that the verifier reads it once. */
__noinline int GLOBAL(walk_extensions)(struct hook_ctx *ctx, __u32 at, __u32 next)
{
	__u32 len = 0, why;

	if (!ctx)
		return -1 - AXFW_REASON_BAD_HEADER;
	for (__u32 i = 0; i < EXTENSIONS_MAX; i++) {
		struct extension e;

		if (!load_bytes(ctx, at + len, &e, sizeof(e)))
			return -1 - AXFW_REASON_TRUNCATED;
		why = judge_extension(&e, next, !i);
		if (why != AXFW_UNDECIDED)
			return -1 - (int)why;
		len += next == IPPROTO_FRAGMENT ? sizeof(e) : (e.len + 1u) * sizeof(e);
		if (len > EXTENSIONS_LEN_MAX)
			return -1 - AXFW_REASON_BAD_HEADER;
		next = e.next;
		if (next == IPPROTO_TCP)
			return (int)len;
		if (!is_extension(next))
			return -1 - AXFW_REASON_OTHER_TRAFFIC;
	}
	return -1 - AXFW_REASON_BAD_HEADER;
}

/* Moves the cursor behind them. */
static __always_inline __u32 skip_extensions(struct hook_ctx *ctx, struct cursor *c, __u8 next,
					     __u32 *ret_len)
{
	int len = GLOBAL(walk_extensions)(ctx, offset_of(c, c->pos), next);

	if (len < 0)
		return (__u32)(-1 - len);
	*ret_len = (__u32)len & HEADERS_MASK;
	return pull(c, *ret_len) ? AXFW_UNDECIDED : AXFW_REASON_TRUNCATED;
}

static __always_inline __u32 parse_ipv6(struct hook_ctx *ctx, struct cursor *c,
					const struct axfw_config *settings, struct axfw_packet *p)
{
	struct ipv6hdr *ip = pull(c, sizeof(*ip));
	__u32 len = 0, total, why;

	if (!ip)
		return AXFW_REASON_TRUNCATED;
	if (ip->nexthdr != IPPROTO_TCP) {
		if (!is_extension(ip->nexthdr))
			return AXFW_REASON_OTHER_TRAFFIC;
		why = skip_extensions(ctx, c, ip->nexthdr, &len);
		if (why != AXFW_UNDECIDED)
			return why;
	}
	total = bpf_ntohs(ip->payload_len);
	if (ip->version != 6 || total < len)
		return AXFW_REASON_BAD_HEADER;
	why = parse_tcp(c, settings, total - len, p);
	if (why != AXFW_UNDECIDED)
		return why;
	p->is_ipv6 = 1;
	copy_ipv6(p->flow.client, &ip->saddr);
	copy_ipv6(p->flow.server, &ip->daddr);
	return AXFW_UNDECIDED;
}

/* --- the frame -------------------------------------------------------------------------------- */

static __always_inline bool is_tag(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

/* Moves the cursor behind the Ethernet header and its tags. false: the frame ends before. */
static __always_inline bool skip_ethernet(struct cursor *c, __be16 *ret_proto)
{
	struct ethhdr *eth = pull(c, sizeof(*eth));
	__be16 proto, *tag;

	if (!eth)
		return false;
	proto = eth->h_proto;
#pragma clang loop unroll(full)
	for (int i = 0; i < VLAN_TAGS_MAX && is_tag(proto); i++) {
		tag = pull(c, VLAN_TAG_LEN);
		if (!tag)
			return false;
		proto = tag[1];
	}
	*ret_proto = proto;
	return true;
}

static __always_inline __u32 parse_frame(struct hook_ctx *ctx, const struct axfw_config *settings,
					 struct axfw_packet *p)
{
	struct cursor c = {
		.pos = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
		.frame = (void *)(long)ctx->data,
		.frame_len = p->frame_len,
	};
	__be16 proto;

	if (!skip_ethernet(&c, &proto))
		return AXFW_REASON_TRUNCATED;
	p->ip_at = offset_of(&c, c.pos);
	if (proto == bpf_htons(ETH_P_IP))
		return parse_ipv4(&c, settings, p);
	if (proto == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(ctx, &c, settings, p);
	return AXFW_REASON_OTHER_TRAFFIC;
}

static __always_inline __u32 axfw_parse(struct hook_ctx *ctx, const struct axfw_config *settings,
					struct axfw_packet *p)
{
	__u32 why = AXFW_REASON_TRUNCATED;

#pragma clang loop unroll(disable)
	for (int tries = 0; tries < 2; tries++) {
		why = parse_frame(ctx, settings, p);
		if (why != AXFW_REASON_TRUNCATED || !pull_headers(ctx))
			break;
	}
	return why;
}

#endif
