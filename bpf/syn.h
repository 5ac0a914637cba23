/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tier 1: SYNs. Both halves are off by default, because both judge a source that anybody can forge.
 *
 * First the cookie: while the listener is under pressure (or always, with net.ipv4.tcp_syncookies =
 * 2) the SYN becomes a SYN-ACK here, with a number that the kernel made and will recognise, and
 * nothing is remembered of it. Such a connection has no timestamps, no window scaling and no SACK:
 * what the number can't hold, we don't offer. When the client acknowledges it, the kernel makes a
 * socket, and a request on it is judged as on any other.
 *
 * Then the budget: a source that begins connections faster than its rate is dropped. Forged SYNs
 * can spend somebody else's budget, which is why cookies come first and never spend it.
 */
#ifndef AXFW_BPF_SYN_H
#define AXFW_BPF_SYN_H

#include "answer.h"
#include "http.h"
#include "interfaces.h"
#include "maps.h"
#include "parse.h"
#include "proof.h"
#include "axfw/client.h"
#include "axfw/rate.h"

/* What we tell a client that its segments may hold: what it told us, as a cookie remembers it, up
 * to an Ethernet's. */
#define COOKIE_MSS_IPV4 1460
#define COOKIE_MSS_IPV6 1440

#define TCP_HEADER_MASK	  63 /* of 1 .. 64; TCP headers have 60 */
#define TCP_OPTION_MSS	  0x02040000
#define TCP_OPTION_4_NOPS 0x01010101
#define BUDGET_TRIES_MAX  4 /* then somebody else is spending it at the same time, for us, too */
#define KERNEL_TCP_LISTEN 10

/* The cookie, and the client's MSS above it; negative: the kernel doesn't want one now. The headers
 * are copied to where a helper may read a length that varies. */
static __always_inline __s64 make_cookie(struct hook_ctx *ctx, const struct axfw_packet *p,
					 struct scratch *s)
{
	__u32 ip_len = p->is_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u8 *ip = s->bytes, *tcp = s->bytes + sizeof(struct ipv6hdr);
	__u32 tcp_len = p->payload_at - p->tcp_at;
	struct bpf_sock *socket;
	__s64 cookie = -1;

	tcp_len = ((tcp_len - 1) & TCP_HEADER_MASK) + 1; /* so that 6.1 sees that it isn't 0 */
	if (!load_bytes(ctx, p->ip_at, ip, ip_len) || !load_bytes(ctx, p->tcp_at, tcp, tcp_len))
		return -1;
	socket = find_socket(ctx, p);
	if (!socket)
		return -1;
	if (socket->state == KERNEL_TCP_LISTEN)
		cookie = bpf_tcp_gen_syncookie(socket, ip, ip_len, (void *)tcp, tcp_len);
	bpf_sk_release(socket);
	return cookie;
}

/* Turns the SYN into the SYN-ACK of a cookie. 0: no cookie, and the frame is as it was. */
__noinline int GLOBAL(cookie)(struct hook_ctx *ctx, struct axfw_packet *p)
{
	struct segment s = { .flags = TCP_SYN | TCP_ACK, .has_timestamp = 1 };
	struct scratch *memory;
	__u32 zero = 0, mss;
	__s64 cookie;

	if (!ctx || !p)
		return 0;
	memory = bpf_map_lookup_elem(&scratch, &zero);
	if (!memory)
		return 0;
	cookie = make_cookie(ctx, p, memory);
	if (cookie < 0)
		return 0;
	mss = cookie >> 32;
	if (mss > (p->is_ipv6 ? COOKIE_MSS_IPV6 : COOKIE_MSS_IPV4))
		mss = p->is_ipv6 ? COOKIE_MSS_IPV6 : COOKIE_MSS_IPV4;
	s.seq = cookie;
	s.ack = p->seq + 1;
	s.option = bpf_htonl(TCP_OPTION_MSS | mss);
	s.tsval = s.tsecr = bpf_htonl(TCP_OPTION_4_NOPS);
	return GLOBAL(send)(ctx, p, &s);
}

static __always_inline bool begin_budget(const struct axfw_client *client, __u64 now,
					 const struct axfw_rate *rate)
{
	struct axfw_syn_bucket bucket = { .arrival_ns = axfw_rate_next(0, now, rate) };

	bpf_map_update_elem(&syn_budget, client, &bucket, BPF_NOEXIST);
	return true; /* without room for it there is no limit */
}

static __always_inline bool is_within_budget(const struct axfw_config *settings,
					     const struct axfw_packet *p)
{
	struct axfw_client client = axfw_client_of(p->flow.client);
	struct axfw_rate rate = settings->syn_rate;
	__u64 now = bpf_ktime_get_boot_ns();
	struct axfw_syn_bucket *bucket;

	bucket = bpf_map_lookup_elem(&syn_budget, &client);
	if (!bucket)
		return begin_budget(&client, now, &rate);
	for (int i = 0; i < BUDGET_TRIES_MAX; i++) {
		__u64 arrival = bucket->arrival_ns, next = axfw_rate_next(arrival, now, &rate);

		if (!next)
			return false;
		if (__sync_val_compare_and_swap(&bucket->arrival_ns, arrival, next) == arrival)
			return true;
	}
	return true;
}

static __always_inline __u32 judge_syn(struct hook_ctx *ctx, const struct axfw_config *settings,
				       struct axfw_packet *p)
{
	const __u32 asked = AXFW_TIER_SYN_COOKIES | AXFW_TIER_SYN_BUDGET;

	if (!(settings->tiers & asked) || (p->flags & (TCP_ACK | TCP_RST | TCP_FIN)))
		return AXFW_REASON_NO_PAYLOAD;
	p->judged = 1;
	if ((settings->tiers & AXFW_TIER_SYN_COOKIES) && may_send(settings, arrived_on(ctx)) &&
	    GLOBAL(cookie)(ctx, p))
		return AXFW_REASON_SYN_COOKIE;
	if ((settings->tiers & AXFW_TIER_SYN_BUDGET) && !is_within_budget(settings, p))
		return AXFW_REASON_SYN_BUDGET;
	p->judged = 0;
	return AXFW_REASON_NO_PAYLOAD;
}

#endif
