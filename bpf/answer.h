/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Turns a frame, in place, into one that we send: the HTTP answer, a pure ACK, or the RST that ends
 * the server's side. Everything is built afresh from what was parsed; nothing of the old frame is
 * kept but the MAC addresses and the timestamp echo.
 *
 * Room first: nothing is written before the new length is there, and a frame that can't be made to
 * fit is left as it was.
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
	__be32 option, tsval, tsecr; /* timestamps, or what a SYN's answer offers */
	__u32 text_len; /* payload, which the caller writes at the offset that GLOBAL(send)()
			 * returns
			 */
	__u32 text_sum; /* its folded sum */
	__u8 flags;
	__u8 to_server; /* on to the stack; else back to the client */
	__u8 has_timestamp;
	__u8 pad;
};

/* The Ethernet header, with its VLAN tags, as it was but for the direction. */
#define ETHERNET_LEN_MAX (ETH_HLEN + VLAN_TAGS_MAX * VLAN_TAG_LEN)
struct ethernet {
	__u16 to[ETH_ALEN / 2], from[ETH_ALEN / 2], rest[ETHERNET_LEN_MAX / 2 - ETH_ALEN];
};
_Static_assert(sizeof(struct ethernet) == ETHERNET_LEN_MAX, "as on the wire");

static __always_inline void turn_ethernet(struct ethernet *e)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < ETH_ALEN / 2; i++) {
		__u16 old = e->to[i];

		e->to[i] = e->from[i];
		e->from[i] = old;
	}
}

enum tcp_option { OPTION_END = 0, OPTION_NOP = 1, OPTION_SACK = 5, OPTION_TIMESTAMP = 8 };
#define OPTION_TIMESTAMP_LEN 10

/* The segment's options, and as much as is read behind their end. */
#define OPTIONS_LEN_MAX 40
#define OPTIONS_MASK	63
#define OPTIONS_SIZE	(OPTIONS_MASK + 1 + OPTION_TIMESTAMP_LEN)

/* What is sent is put together here, not on a stack of 512 bytes that all functions share. */
struct work {
	struct axfw_flow flow;
	struct segment segment;
	struct {
		struct iphdr ip;
		struct tcp_out tcp;
	} v4;
	struct {
		struct ipv6hdr ip;
		struct tcp_out tcp;
	} v6;
	struct ethernet ethernet;
	__u16 pad[3];
	__u8 options[OPTIONS_SIZE];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct work);
} work __weak SEC(".maps");

static __always_inline struct work *get_work(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&work, &zero);
}

/* Takes in the option at `at`. Its length, or 0: one that we don't know. */
static __always_inline __u32 read_option(const __u8 *options, __u32 at, __u32 len,
					 struct segment *s)
{
	const __u8 *option = options + (at & OPTIONS_MASK);
	__u32 size = option[1];

	if (option[0] == OPTION_NOP)
		return 1;
	if (size < 2 || at + size > len)
		return 0;
	if (option[0] == OPTION_SACK)
		return size;
	if (option[0] != OPTION_TIMESTAMP || size != OPTION_TIMESTAMP_LEN || s->has_timestamp)
		return 0;
	s->has_timestamp = 1;
	s->option = bpf_htonl(TCP_OPTION_NOP_NOP_TIMESTAMP);
	s->tsval = *(const __be32 *)(option + 6);
	s->tsecr = *(const __be32 *)(option + 2);
	return size;
}

/*
 * The segment's timestamps, swapped: we send what the client echoed of the server's clock. 0 when
 * there is an option that we don't know: it may want something of an answer.
 */
__noinline int GLOBAL(read_options)(struct hook_ctx *ctx, struct axfw_packet *p, struct segment *s)
{
	__u32 at = 0, len, size;
	struct work *w = get_work();

	if (!ctx || !p || !s || !w)
		return 0;
	len = p->payload_at - p->tcp_at - TCP_PLAIN_LEN;
	if (!len)
		return 1;
	len = ((len - 1) & OPTIONS_MASK) + 1; /* what 6.1 needs to see that it isn't 0 */
	if (!load_bytes(ctx, p->tcp_at + TCP_PLAIN_LEN, w->options, len))
		return 0;
	for (int i = 0; i < OPTIONS_LEN_MAX; i++) {
		if (at >= len || w->options[at] == OPTION_END)
			break;
		size = read_option(w->options, at, len, s);
		if (!size)
			return 0;
		at = (at + size) & OPTIONS_MASK; /* or every turn is another to the verifier */
	}
	return 1;
}

static __always_inline void fill_tcp(struct tcp_out *tcp, const struct axfw_packet *p,
				     const struct segment *s, enum room room)
{
	__u32 len = s->has_timestamp ? TCP_TIMESTAMP_LEN : TCP_PLAIN_LEN;
	__u64 pseudo = sum_pseudo_header(p, len + s->text_len), sum;

	tcp->source = s->to_server ? p->flow.client_port : p->flow.server_port;
	tcp->dest = s->to_server ? p->flow.server_port : p->flow.client_port;
	tcp->seq = bpf_htonl(s->seq);
	tcp->ack = bpf_htonl(s->ack);
	tcp->doff = s->has_timestamp ? TCP_DOFF_TIMESTAMP : TCP_DOFF_PLAIN;
	tcp->flags = s->flags;
	tcp->window = bpf_htons(s->flags & TCP_RST ? 0 : ANSWER_WINDOW);
	tcp->check = tcp->urgent = 0;
	sum = pseudo + sum_words(tcp, TCP_PLAIN_LEN) + s->text_sum;
	if (s->has_timestamp) {
		tcp->option = s->option;
		tcp->tsval = s->tsval;
		tcp->tsecr = s->tsecr;
		sum += sum_words(&tcp->option, TCP_TIMESTAMP_LEN - TCP_PLAIN_LEN);
	}
	tcp->check = room == ROOM_SUM_LATER ? axfw_fold(pseudo) : finish_sum(sum);
}

static __always_inline void fill_ipv4(struct iphdr *ip, const struct axfw_packet *p,
				      const struct segment *s, __u32 tcp_len)
{
	__be32 client = *(__be32 *)(p->flow.client + 12), server = *(__be32 *)(p->flow.server + 12);

	*ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tot_len = bpf_htons(sizeof(*ip) + tcp_len),
		.frag_off = bpf_htons(0x4000), /* don't fragment */
		.ttl = ANSWER_TTL,
		.protocol = IPPROTO_TCP,
		.saddr = s->to_server ? client : server,
		.daddr = s->to_server ? server : client,
	};

	ip->check = finish_sum(sum_words(ip, sizeof(*ip)));
}

static __always_inline void fill_ipv6(struct ipv6hdr *ip, const struct axfw_packet *p,
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

static __always_inline bool write_headers(struct hook_ctx *ctx, const struct axfw_packet *p,
					  const struct segment *s, struct work *w, enum room room,
					  __u32 tcp_len)
{
	if (p->is_ipv6) {
		fill_ipv6(&w->v6.ip, p, s, tcp_len + s->text_len);
		fill_tcp(&w->v6.tcp, p, s, room);
		return store_bytes(ctx, p->ip_at, &w->v6, sizeof(w->v6.ip) + tcp_len);
	}
	fill_ipv4(&w->v4.ip, p, s, tcp_len + s->text_len);
	fill_tcp(&w->v4.tcp, p, s, room);
	return store_bytes(ctx, p->ip_at, &w->v4, sizeof(w->v4.ip) + tcp_len);
}

/*
 * Replaces the frame. Returns the offset at which text_len bytes of payload have to be written, or
 * 0 when there is no room; then the frame is as it was.
 */
__noinline int GLOBAL(send)(struct hook_ctx *ctx, struct axfw_packet *p, struct segment *s)
{
	__u32 ip_at, tcp_at, tcp_len;
	struct work *w = get_work();
	enum room room;

	if (!ctx || !p || !s || !w)
		return 0;
	ip_at = p->ip_at;
	if (ip_at < ETH_HLEN || ip_at > ETHERNET_LEN_MAX)
		return 0;
	if (!load_bytes(ctx, 0, &w->ethernet, sizeof(w->ethernet)))
		return 0;
	if (!s->to_server)
		turn_ethernet(&w->ethernet);
	tcp_at = ip_at + (p->is_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	tcp_len = s->has_timestamp ? TCP_TIMESTAMP_LEN : TCP_PLAIN_LEN;
	room = make_room(ctx, p->tcp_at, tcp_at, tcp_at + tcp_len + s->text_len);
	if (room == ROOM_NONE)
		return 0;
	if (!store_bytes(ctx, 0, &w->ethernet, ip_at) ||
	    !write_headers(ctx, p, s, w, room, tcp_len))
		return 0; /* cannot be: the room is there */
	return tcp_at + tcp_len;
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

static __always_inline bool patch(struct hook_ctx *ctx, __u32 text_at, __u32 at, const void *digits,
				  __u32 len)
{
	return !at || store_bytes(ctx, text_at + at, digits, len);
}

static __always_inline bool write_text(struct hook_ctx *ctx, __u32 at,
				       const struct axfw_response_template *t, struct digits *d)
{
	__u64 len = ((t->len - 1) & 511) + 1; /* never 0: as 6.1 understands it */

	asm volatile("" : "+r"(len)); /* or the compiler undoes it */
	if (len > sizeof(t->text))
		return false;
	return store_bytes(ctx, at, t->text, len) &&
	       patch(ctx, at, t->request_id_at, d->request_id, sizeof(d->request_id)) &&
	       patch(ctx, at, t->retry_after_at, &d->seconds, sizeof(d->seconds)) &&
	       patch(ctx, at, t->body_seconds_at, &d->seconds, sizeof(d->seconds)) &&
	       patch(ctx, at, t->body_unit_at, &d->unit, 4);
}

/* Turns the request into the flow's answer; sent again, it is the same to the byte but for the
 * acknowledgement. 0, or the reason for which the frame is as it was. */
__noinline int GLOBAL(answer)(struct hook_ctx *ctx, struct axfw_packet *p, struct axfw_flow *f)
{
	const struct axfw_response_template *t;
	struct work *w = get_work();
	struct segment *s;
	struct digits d = {};
	__u32 response, at;

	if (!ctx || !p || !f || !w)
		return AXFW_REASON_NO_ROOM;
	s = &w->segment;
	*s = (struct segment){ .flags = TCP_PSH | TCP_FIN | TCP_ACK };
	response = f->response;
	t = bpf_map_lookup_elem(&responses, &response);
	if (!t)
		return AXFW_REASON_NOT_CONFIGURED;
	if (!GLOBAL(read_options)(ctx, p, s))
		return AXFW_REASON_TCP_OPTIONS;
	s->seq = f->answer_seq;
	s->ack = f->next_seq;
	s->text_len = f->answer_end - f->answer_seq - 1;
	s->text_sum = axfw_fold(t->sum + print_digits(t, f, &d));
	if (s->text_len != t->len)
		return AXFW_REASON_NOT_CONFIGURED; /* another daemon's template since the refusal */
	at = GLOBAL(send)(ctx, p, s);
	if (!at || !write_text(ctx, at, t, &d))
		return AXFW_REASON_NO_ROOM;
	return 0;
}

#endif
