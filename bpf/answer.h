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
	__u32 text_len;		     /* payload, which the caller has put at text_out_at() */
	__u32 text_sum;		     /* its folded sum */
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

/* The longest headers that are sent, a mask for where they end, and one for where the text does. */
#define HEADERS_OUT_MAX	 (ETHERNET_LEN_MAX + sizeof(struct ipv6hdr) + TCP_TIMESTAMP_LEN)
#define HEADERS_OUT_MASK 127
#define FRAME_OUT_MASK	 511
_Static_assert(HEADERS_OUT_MAX <= HEADERS_OUT_MASK, "the mask holds all headers");
_Static_assert(HEADERS_OUT_MAX + AXFW_ANSWER_MAX <= FRAME_OUT_MASK, "and this one every frame");

/* What is sent is put together here, not on a stack of 512 bytes that all functions share, and
 * written at once: each call that writes costs as much as a few hundred bytes. */
struct work {
	struct axfw_flow flow;
	struct segment segment;
	__u8 frame[HEADERS_OUT_MASK + 1 + FRAME_OUT_MASK + 1 + 8]; /* and a word of digits */
	__u8 options[OPTIONS_SIZE];
	__u8 pad[6];
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

static __always_inline __u32 tcp_out_at(const struct axfw_packet *p)
{
	return p->ip_at + (p->is_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
}

static __always_inline __u32 text_out_at(const struct axfw_packet *p, const struct segment *s)
{
	return tcp_out_at(p) + (s->has_timestamp ? TCP_TIMESTAMP_LEN : TCP_PLAIN_LEN);
}

/* At an offset that is inside of the headers' room. */
static __always_inline void *frame_at(struct work *w, __u32 at)
{
	return w->frame + (at & HEADERS_OUT_MASK);
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

static __always_inline void put_headers(struct work *w, const struct axfw_packet *p,
					const struct segment *s, enum room room)
{
	__u32 tcp_at = tcp_out_at(p), tcp_len = text_out_at(p, s) - tcp_at + s->text_len;

	if (p->is_ipv6)
		fill_ipv6(frame_at(w, p->ip_at), p, s, tcp_len);
	else
		fill_ipv4(frame_at(w, p->ip_at), p, s, tcp_len);
	fill_tcp(frame_at(w, tcp_at), p, s, room);
}

/*
 * Replaces the frame: by the headers that `s` wants and the text that is in w->frame. 0: there is
 * no room, and the frame is as it was.
 */
__noinline int GLOBAL(send)(struct hook_ctx *ctx, struct axfw_packet *p, struct segment *s)
{
	struct work *w = get_work();
	enum room room;
	__u32 len;

	if (!ctx || !p || !s || !w)
		return 0;
	if (p->ip_at < ETH_HLEN || p->ip_at > ETHERNET_LEN_MAX)
		return 0;
	if (!load_bytes(ctx, 0, w->frame, ETHERNET_LEN_MAX)) /* headers overwrite what isn't it */
		return 0;
	if (!s->to_server)
		turn_ethernet((struct ethernet *)w->frame);
	len = text_out_at(p, s) + s->text_len;
	room = make_room(ctx, p->tcp_at, tcp_out_at(p), len);
	if (room == ROOM_NONE)
		return 0;
	put_headers(w, p, s, room);
	len = ((len - 1) & FRAME_OUT_MASK) + 1; /* what 6.1 needs to see that it isn't 0 */
	return store_bytes(ctx, 0, w->frame, len);
}

/* --- the HTTP answer ------------------------------------------------------------------------- */

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

#define EIGHT_DIGITS_MAX 99999999

/* Eight places, right-aligned, the rest spaces: the last digit is in the highest byte. Halved three
 * times, all parts of the word at once: n * 5243 >> 19 is n / 100 of n < 10,000, and n * 103 >> 10
 * is n / 10 of n < 100. */
static __always_inline __u64 print_decimal(__u32 value)
{
	const __u64 last = 1ULL << 56; /* a bit of the digit that is always there */
	__u64 x, high, leading;

	if (value > EIGHT_DIGITS_MAX)
		value = EIGHT_DIGITS_MAX;
	high = value / 10000;
	x = high | (value - high * 10000) << 32;
	high = (x * 5243 >> 19) & 0x0000007f0000007fULL;
	x = high | (x - high * 100) << 16;
	high = (x * 103 >> 10) & 0x000f000f000f000fULL;
	x = high | (x - high * 10) << 8;
	leading = ((x | last) - 1) & ~(x | last); /* all bits in front of the first that is set */
	return x + EACH_BYTE('0') - (leading & EACH_BYTE('0' - ' '));
}

static __always_inline __u64 sum64(__u64 word)
{
	return (word & 0xffffffff) + (word >> 32);
}

/* Puts eight digits into the text, where it has a place for them. Their sum. */
static __always_inline __u64 put_digits(__u8 *text, __u32 at, __u64 digits)
{
	if (!at)
		return 0;
	axfw_store64(text + (at & FRAME_OUT_MASK), digits);
	return sum64(digits);
}

/* The wait as it is told to people: whole minutes down, whole days up, as userspace prints it. */
static __always_inline __u64 put_unit(__u8 *text, const struct axfw_response_template *t,
				      __u32 seconds)
{
	__u32 unit = t->body_unit_s, up = unit > 3600 ? unit - 1 : 0, digits;

	if (!t->body_unit_at || !unit)
		return 0;
	digits = print_decimal((seconds + up) / unit) >> 32;
	*(__u32 *)(text + (t->body_unit_at & FRAME_OUT_MASK)) = digits;
	return digits;
}

/* The template's text with the flow's digits in it; their sum. */
static __always_inline __u64 put_text(__u8 *text, const struct axfw_response_template *t,
				      const struct axfw_flow *f)
{
	__u64 seconds, sum = 0;

#pragma clang loop unroll(full)
	for (int i = 0; i < AXFW_ANSWER_MAX; i += 8)
		axfw_store64(text + i, axfw_load64(t->text + i));
	if (t->request_id_at) {
		sum = put_digits(text, t->request_id_at, print_hex(f->request_id >> 32));
		sum += put_digits(text, t->request_id_at + 8, print_hex(f->request_id));
	}
	if (!t->retry_after_at)
		return sum;
	seconds = print_decimal(f->retry_after_s);
	return sum + put_digits(text, t->retry_after_at, seconds) +
	       put_digits(text, t->body_seconds_at, seconds) + put_unit(text, t, f->retry_after_s);
}

/* Turns the request into the flow's answer; sent again, it is the same to the byte but for the
 * acknowledgement. 0, or the reason for which the frame is as it was. */
__noinline int GLOBAL(answer)(struct hook_ctx *ctx, struct axfw_packet *p, struct axfw_flow *f)
{
	const struct axfw_response_template *t;
	struct work *w = get_work();
	struct segment *s;
	__u32 response;

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
	if (s->text_len != t->len || s->text_len > AXFW_ANSWER_MAX)
		return AXFW_REASON_NOT_CONFIGURED; /* another daemon's template since the refusal */
	s->text_sum = axfw_fold(t->sum + put_text(frame_at(w, text_out_at(p, s)), t, f));
	return GLOBAL(send)(ctx, p, s) ? 0 : AXFW_REASON_NO_ROOM;
}

#endif
