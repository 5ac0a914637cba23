/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Turns a frame, in place, into one that we send: the HTTP answer, a pure ACK, or the RST that ends
 * the server's side. Everything is built afresh from what was parsed; nothing of the old frame is
 * kept but the MAC addresses and the timestamp echo.
 *
 * Room first: on native veth the tail can't grow, so the tail is tried, then the head, and nothing
 * is written before the new length is there. A frame that can't be made to fit is left as it was.
 */
#ifndef AXFW_BPF_ANSWER_H
#define AXFW_BPF_ANSWER_H

#include "checksum.h"
#include "http.h"
#include "maps.h"
#include "parse.h"

#define ANSWER_TTL 64
/* What we still take from a client whose request was refused, unscaled: with the usual scale of 7
 * it is 2 MiB, so that a body on its way isn't stopped, and without scaling it is 16 KiB. */
#define ANSWER_WINDOW 16384

#define TCP_DOFF_PLAIN		     (5 << 4)
#define TCP_DOFF_TIMESTAMP	     (8 << 4)
#define TCP_OPTION_NOP_NOP_TIMESTAMP 0x0101080a

/* A TCP header with the one option we ever send. */
struct tcp_out {
	__be16 source, dest;
	__be32 seq, ack;
	__u8 doff, flags;
	__be16 window;
	__u16 check, urgent;
	__be32 option, tsval, tsecr;
};
#define TCP_PLAIN_LEN	  20
#define TCP_TIMESTAMP_LEN 32
_Static_assert(sizeof(struct tcp_out) == TCP_TIMESTAMP_LEN, "as on the wire");

/* What to send in place of the frame. */
struct segment {
	__u32 seq, ack;
	__be32 tsval, tsecr;
	__u32 text_len; /* payload, which the caller writes at the offset that axfw_send() returns
			 */
	__u32 text_sum; /* its folded sum */
	__u8 flags;
	__u8 to_server; /* on to the stack; else back to the client */
	__u8 has_timestamp;
	__u8 pad;
};

enum timestamps { TIMESTAMPS_NONE, TIMESTAMPS_FOUND, TIMESTAMPS_ODD };

/* The segment's timestamps, swapped: we send what the client echoed of the server's clock. Only the
 * layout that every stack uses (NOP NOP timestamp) is looked for. */
static __always_inline enum timestamps read_timestamps(struct xdp_md *ctx,
						       const struct axfw_packet *p,
						       struct segment *s)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__be32 *option = data + (p->tcp_at & HEADERS_MASK) + TCP_PLAIN_LEN;

	if (p->payload_at - p->tcp_at == TCP_PLAIN_LEN)
		return TIMESTAMPS_NONE;
	if (p->payload_at - p->tcp_at < TCP_TIMESTAMP_LEN || (void *)(option + 3) > end)
		return TIMESTAMPS_ODD;
	if (option[0] != bpf_htonl(TCP_OPTION_NOP_NOP_TIMESTAMP))
		return TIMESTAMPS_ODD;
	s->has_timestamp = 1;
	s->tsval = option[2];
	s->tsecr = option[1];
	return TIMESTAMPS_FOUND;
}

static __always_inline bool resize(struct xdp_md *ctx, int delta)
{
	if (!delta || !bpf_xdp_adjust_tail(ctx, delta))
		return true;
	return delta > 0 && !bpf_xdp_adjust_head(ctx, -delta);
}

static __always_inline void fill_tcp(struct tcp_out *tcp, const struct axfw_packet *p,
				     const struct segment *s)
{
	__u32 len = s->has_timestamp ? TCP_TIMESTAMP_LEN : TCP_PLAIN_LEN;
	__u64 sum;

	tcp->source = s->to_server ? p->flow.client_port : p->flow.server_port;
	tcp->dest = s->to_server ? p->flow.server_port : p->flow.client_port;
	tcp->seq = bpf_htonl(s->seq);
	tcp->ack = bpf_htonl(s->ack);
	tcp->doff = s->has_timestamp ? TCP_DOFF_TIMESTAMP : TCP_DOFF_PLAIN;
	tcp->flags = s->flags;
	tcp->window = bpf_htons(s->flags & TCP_RST ? 0 : ANSWER_WINDOW);
	sum = sum_pseudo_header(p, len + s->text_len) + sum_words(tcp, TCP_PLAIN_LEN) + s->text_sum;
	if (s->has_timestamp) {
		tcp->option = bpf_htonl(TCP_OPTION_NOP_NOP_TIMESTAMP);
		tcp->tsval = s->tsval;
		tcp->tsecr = s->tsecr;
		sum += sum_words(&tcp->option, TCP_TIMESTAMP_LEN - TCP_PLAIN_LEN);
	}
	tcp->check = finish_sum(sum);
}

static __always_inline void write_ipv4(struct iphdr *ip, const struct axfw_packet *p,
				       const struct segment *s, __u32 tcp_len)
{
	__be32 client = *(__be32 *)(p->flow.client + 12), server = *(__be32 *)(p->flow.server + 12);
	struct iphdr header = {
		.version = 4,
		.ihl = sizeof(header) / 4,
		.tot_len = bpf_htons(sizeof(header) + tcp_len),
		.frag_off = bpf_htons(0x4000), /* don't fragment */
		.ttl = ANSWER_TTL,
		.protocol = IPPROTO_TCP,
		.saddr = s->to_server ? client : server,
		.daddr = s->to_server ? server : client,
	};

	header.check = finish_sum(sum_words(&header, sizeof(header)));
	*ip = header;
}

static __always_inline void write_ipv6(struct ipv6hdr *ip, const struct axfw_packet *p,
				       const struct segment *s, __u32 tcp_len)
{
	*(__be32 *)ip = bpf_htonl(6u << 28); /* version; class and flow label built afresh: none */
	ip->payload_len = bpf_htons(tcp_len);
	ip->nexthdr = IPPROTO_TCP;
	ip->hop_limit = ANSWER_TTL;
	copy_ipv6((__u8 *)&ip->saddr,
		  (const struct in6_addr *)(s->to_server ? p->flow.client : p->flow.server));
	copy_ipv6((__u8 *)&ip->daddr,
		  (const struct in6_addr *)(s->to_server ? p->flow.server : p->flow.client));
}

static __always_inline bool write_tcp(void *at, void *end, const struct tcp_out *tcp,
				      bool has_timestamp)
{
	const __u32 *from = (const __u32 *)tcp;
	__u32 *to = at;

	if (at + TCP_PLAIN_LEN > end)
		return false;
#pragma clang loop unroll(full)
	for (int i = 0; i < TCP_PLAIN_LEN / 4; i++)
		to[i] = from[i];
	if (!has_timestamp)
		return true;
	if (at + TCP_TIMESTAMP_LEN > end)
		return false;
#pragma clang loop unroll(full)
	for (int i = TCP_PLAIN_LEN / 4; i < TCP_TIMESTAMP_LEN / 4; i++)
		to[i] = from[i];
	return true;
}

/* MAC addresses of the frame we send. */
static __always_inline void read_ethernet(const struct ethhdr *old, const struct segment *s,
					  struct ethhdr *ret)
{
	__builtin_memcpy(ret->h_dest, s->to_server ? old->h_dest : old->h_source, ETH_ALEN);
	__builtin_memcpy(ret->h_source, s->to_server ? old->h_source : old->h_dest, ETH_ALEN);
	ret->h_proto = old->h_proto;
}

static __always_inline bool write_headers(struct xdp_md *ctx, const struct axfw_packet *p,
					  const struct segment *s, const struct ethhdr *eth,
					  const struct tcp_out *tcp, __u32 tcp_len)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *new_eth = data;

	if (p->is_ipv6) {
		struct ipv6hdr *ip = (void *)(new_eth + 1);

		if (!write_tcp(ip + 1, end, tcp, s->has_timestamp))
			return false;
		write_ipv6(ip, p, s, tcp_len);
	} else {
		struct iphdr *ip = (void *)(new_eth + 1);

		if (!write_tcp(ip + 1, end, tcp, s->has_timestamp))
			return false;
		write_ipv4(ip, p, s, tcp_len);
	}
	*new_eth = *eth;
	return true;
}

/*
 * Replaces the frame. Returns the offset at which text_len bytes of payload have to be written, or
 * 0 when there is no room; then the frame is as it was.
 */
__noinline int axfw_send(struct xdp_md *ctx, struct axfw_packet *p, struct segment *s)
{
	struct tcp_out tcp = {};
	struct ethhdr *old, eth;
	__u32 tcp_len, headers;
	int delta;

	if (!ctx || !p || !s)
		return 0;
	old = (void *)(long)ctx->data;
	if ((void *)(old + 1) > (void *)(long)ctx->data_end)
		return 0;
	read_ethernet(old, s, &eth);
	fill_tcp(&tcp, p, s);
	tcp_len = s->has_timestamp ? TCP_TIMESTAMP_LEN : TCP_PLAIN_LEN;
	headers = sizeof(eth) + (p->is_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	delta = (int)(headers + tcp_len + s->text_len) - (int)frame_len(ctx);
	if (!resize(ctx, delta))
		return 0;
	if (!write_headers(ctx, p, s, &eth, &tcp, tcp_len + s->text_len)) {
		resize(ctx, -delta);
		return 0;
	}
	return headers + tcp_len;
}

/* --- the HTTP answer ------------------------------------------------------------------------- */

/* The digits that vary, as they stand in the text, in words so that they can be summed. */
struct digits {
	__u64 request_id[2];
	__u64 seconds;
	__u64 unit; /* four digits */
};

/* Eight hexadecimal digits of a word, the first in the lowest byte. */
static __always_inline __u64 print_hex(__u32 value)
{
	__u64 x = __builtin_bswap32(value), letters;

	x = (x | x << 16) & 0x0000ffff0000ffffULL;
	x = (x | x << 8) & 0x00ff00ff00ff00ffULL;
	x = ((x >> 4) & 0x000f000f000f000fULL) | ((x & 0x000f000f000f000fULL) << 8);
	letters = ((x + EACH_BYTE(6)) >> 4) & EACH_BYTE(1); /* 1 where a digit is above 9 */
	return x + EACH_BYTE('0') + letters * ('a' - '0' - 10);
}

/* Eight places, right-aligned, the rest spaces: the last digit is in the highest byte. */
static __always_inline __u64 print_decimal(__u32 value)
{
	__u64 text = EACH_BYTE(' ');

#pragma clang loop unroll(full)
	for (int i = 0; i < 8; i++) {
		__u32 tens = ((__u64)value * 0xcccccccdULL) >>
			     35; /* value / 10, without dividing */

		if (value || !i)
			text += (__u64)(value - tens * 10 + '0' - ' ') << (56 - 8 * i);
		value = tens;
	}
	return text;
}

static __always_inline __u64 sum64(__u64 word)
{
	return (word & 0xffffffff) + (word >> 32);
}

static __always_inline __u64 print_digits(const struct axfw_response_template *t,
					  const struct axfw_flow *f, struct digits *ret)
{
	__u64 sum = 0;

	if (t->request_id_at) {
		ret->request_id[0] = print_hex(f->request_id >> 32);
		ret->request_id[1] = print_hex(f->request_id);
		sum += sum64(ret->request_id[0]) + sum64(ret->request_id[1]);
	}
	if (!t->retry_after_at)
		return sum;
	ret->seconds = print_decimal(f->retry_after_s);
	sum += sum64(ret->seconds) * (t->body_seconds_at ? 2 : 1);
	if (t->body_unit_at && t->body_unit_s) {
		/* whole minutes down, whole days up: what userspace prints */
		__u32 up = t->body_unit_s > 3600 ? t->body_unit_s - 1 : 0;

		ret->unit = print_decimal((f->retry_after_s + up) / t->body_unit_s) >> 32;
		sum += ret->unit;
	}
	return sum;
}

static __always_inline long store(struct xdp_md *ctx, __u32 text_at, __u32 at, void *digits,
				  __u32 len)
{
	return at ? bpf_xdp_store_bytes(ctx, text_at + at, digits, len) : 0;
}

static __always_inline bool write_text(struct xdp_md *ctx, __u32 at,
				       const struct axfw_response_template *t, struct digits *d)
{
	__u64 len = ((t->len - 1) & 511) + 1; /* never 0: as 6.1 understands it */

	asm volatile("" : "+r"(len)); /* or the compiler undoes it */
	if (len > sizeof(t->text))
		return false;
	return !bpf_xdp_store_bytes(ctx, at, (void *)t->text, len) &&
	       !store(ctx, at, t->request_id_at, d->request_id, sizeof(d->request_id)) &&
	       !store(ctx, at, t->retry_after_at, &d->seconds, sizeof(d->seconds)) &&
	       !store(ctx, at, t->body_seconds_at, &d->seconds, sizeof(d->seconds)) &&
	       !store(ctx, at, t->body_unit_at, &d->unit, 4);
}

/* Turns the request into the flow's answer; sent again, it is the same to the byte but for the
 * acknowledgement. 0, or the reason for which the frame is as it was. */
__noinline int axfw_answer(struct xdp_md *ctx, struct axfw_packet *p, struct axfw_flow *f)
{
	const struct axfw_response_template *t;
	struct segment s = { .flags = TCP_PSH | TCP_FIN | TCP_ACK };
	struct digits d = {};
	__u32 response, at;

	if (!ctx || !p || !f)
		return AXFW_REASON_NO_ROOM;
	response = f->response;
	t = bpf_map_lookup_elem(&responses, &response);
	if (!t)
		return AXFW_REASON_NOT_CONFIGURED;
	if (read_timestamps(ctx, p, &s) == TIMESTAMPS_ODD)
		return AXFW_REASON_TCP_OPTIONS;
	s.seq = f->answer_seq;
	s.ack = f->next_seq;
	s.text_len = f->answer_end - f->answer_seq - 1;
	s.text_sum = axfw_fold(t->sum + print_digits(t, f, &d));
	if (s.text_len != t->len)
		return AXFW_REASON_NOT_CONFIGURED; /* another daemon's template since the refusal */
	at = axfw_send(ctx, p, &s);
	if (!at || !write_text(ctx, at, t, &d))
		return AXFW_REASON_NO_ROOM;
	return 0;
}

#endif
