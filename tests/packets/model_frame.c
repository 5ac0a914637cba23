// SPDX-License-Identifier: Apache-2.0
/* The model's frames: from bytes to a segment, and the frame that is sent in its place. */
#include <inttypes.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "model.h"

#define UNDECIDED AXFW_REASON_COUNT

static bool is_protected(const struct knowledge *k, uint32_t port)
{
	return port && (port == k->ports[0] || port == k->ports[1]);
}

/* len: what is there of the frame; said: what the IP header says there is of TCP. */
static enum axfw_reason read_tcp(const struct knowledge *k, const uint8_t *at, uint32_t len,
				 uint32_t said, struct segment *ret)
{
	uint32_t header;

	if (len < 20)
		return AXFW_REASON_TRUNCATED;
	if (!is_protected(k, get16(at + 2)))
		return AXFW_REASON_OTHER_TRAFFIC;
	header = (uint32_t)(at[12] >> 4) * 4;
	if (header < 20 || header > said)
		return AXFW_REASON_BAD_HEADER;
	if (len < said)
		return AXFW_REASON_TRUNCATED;
	ret->client_port = (uint16_t)get16(at);
	ret->server_port = (uint16_t)get16(at + 2);
	ret->seq = get32(at + 4);
	ret->ack = get32(at + 8);
	ret->flags = at[13];
	ret->options = at + 20;
	ret->option_len = header - 20;
	ret->payload = at + header;
	ret->payload_len = said - header;
	return UNDECIDED;
}

static enum axfw_reason read_ipv4(const struct knowledge *k, const uint8_t *at, uint32_t len,
				  struct segment *ret)
{
	uint32_t header, total;

	if (len < 20)
		return AXFW_REASON_TRUNCATED;
	if (at[9] != IPPROTO_TCP)
		return AXFW_REASON_OTHER_TRAFFIC;
	if (get16(at + 6) & 0x3fff)
		return AXFW_REASON_FRAGMENT;
	header = (uint32_t)(at[0] & 15) * 4;
	total = get16(at + 2);
	if (at[0] >> 4 != 4 || header < 20 || total < header)
		return AXFW_REASON_BAD_HEADER;
	if (len < header)
		return AXFW_REASON_TRUNCATED;
	ret->client = at + 12;
	ret->server = at + 16;
	ret->extra_len = header - 20;
	return read_tcp(k, at + header, len - header, total - header, ret);
}

/* The headers between IPv6's own and TCP. *ret_len: how long they are together. */
static enum axfw_reason walk(const uint8_t *at, uint32_t len, unsigned type, uint32_t *ret_len)
{
	uint32_t walked = 0;

	for (unsigned count = 0; type != IPPROTO_TCP; count++) {
		if (type != IPPROTO_HOPOPTS && type != IPPROTO_ROUTING && type != IPPROTO_DSTOPTS &&
		    type != IPPROTO_FRAGMENT)
			return AXFW_REASON_OTHER_TRAFFIC;
		if (count == 6)
			return AXFW_REASON_BAD_HEADER;
		if (len < walked + 8)
			return AXFW_REASON_TRUNCATED;
		if (type == IPPROTO_HOPOPTS && count)
			return AXFW_REASON_BAD_HEADER;
		if (type == IPPROTO_ROUTING && at[walked + 3])
			return AXFW_REASON_OTHER_TRAFFIC;
		if (type == IPPROTO_FRAGMENT && get16(at + walked + 2) & 0xfff9)
			return AXFW_REASON_FRAGMENT;
		*ret_len = walked + (type == IPPROTO_FRAGMENT ? 8 : (at[walked + 1] + 1u) * 8);
		if (*ret_len > 256)
			return AXFW_REASON_BAD_HEADER;
		type = at[walked];
		walked = *ret_len;
	}
	return len < walked ? AXFW_REASON_TRUNCATED : UNDECIDED;
}

static enum axfw_reason read_ipv6(const struct knowledge *k, const uint8_t *at, uint32_t len,
				  struct segment *ret)
{
	enum axfw_reason why;
	uint32_t extra = 0;

	if (len < 40)
		return AXFW_REASON_TRUNCATED;
	why = walk(at + 40, len - 40, at[6], &extra);
	if (why != UNDECIDED)
		return why;
	if (at[0] >> 4 != 6 || get16(at + 4) < extra)
		return AXFW_REASON_BAD_HEADER;
	ret->ipv6 = true;
	ret->client = at + 8;
	ret->server = at + 24;
	ret->extra_len = extra;
	return read_tcp(k, at + 40 + extra, len - 40 - extra, get16(at + 4) - extra, ret);
}

static enum axfw_reason read_frame(const struct knowledge *k, const struct wire *w,
				   struct segment *ret)
{
	uint32_t at = 12;

	memset(ret, 0, sizeof(*ret));
	if (w->len < 14)
		return AXFW_REASON_TRUNCATED;
	for (unsigned tags = 0; tags < 2; tags++) {
		if (get16(w->at + at) != ETHERTYPE_VLAN && get16(w->at + at) != 0x88a8)
			break;
		at += 4;
		if (w->len < at + 2)
			return AXFW_REASON_TRUNCATED;
	}
	ret->link_len = at + 2;
	switch (get16(w->at + at)) {
	case ETHERTYPE_IP:
		return read_ipv4(k, w->at + at + 2, w->len - at - 2, ret);
	case ETHERTYPE_IPV6:
		return read_ipv6(k, w->at + at + 2, w->len - at - 2, ret);
	default:
		return AXFW_REASON_OTHER_TRAFFIC;
	}
}

/* Is the checksum right, or the pseudo header's alone, which a sender on the same machine leaves
 * for others to complete? */
static bool is_whole(const struct segment *s)
{
	const uint8_t *tcp = s->options - 20;
	uint32_t len = 20 + s->option_len + s->payload_len;
	uint32_t sum = wire_pseudo_sum(s->client, s->server, s->ipv6 ? 16 : 4, len);

	return get16(tcp + 16) == sum || wire_sum(sum, tcp, len) == 0xffff;
}

enum axfw_reason model_segment(const struct knowledge *k, const struct wire *w, struct segment *ret)
{
	enum axfw_reason why = read_frame(k, w, ret);

	ret->is_whole = why == UNDECIDED && is_whole(ret);
	return why;
}

bool model_options(const struct segment *s, const uint8_t **ret_timestamp)
{
	const uint8_t *o = s->options;
	uint32_t at = 0;

	*ret_timestamp = NULL;
	while (at < s->option_len && o[at] != 0) {
		if (o[at] == 1) {
			at++;
			continue;
		}
		if (at + 2 > s->option_len || o[at + 1] < 2 || at + o[at + 1] > s->option_len)
			return false;
		if (o[at] == 8 && o[at + 1] == 10 && !*ret_timestamp)
			*ret_timestamp = o + at + 2;
		else if (o[at] != 5)
			return false;
		at += o[at + 1];
	}
	return true;
}

/* --- what is sent ---------------------------------------------------------------------------- */

static void print_at(uint8_t *text, uint32_t at, int places, uint64_t value)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%*" PRIu64, places, value);
	if (at)
		memcpy(text + at, digits, (size_t)places);
}

/* Minutes are rounded down, days up: a wait shouldn't seem longer, nor a month shorter. */
static uint64_t rounded(uint64_t seconds, uint32_t unit)
{
	return unit > 3600 ? (seconds + unit - 1) / unit : seconds / unit;
}

static uint32_t put_text(uint8_t *at, const struct closing *flow, const struct answer_fact *a)
{
	memcpy(at, a->text, a->len);
	if (a->request_id_at)
		memcpy(at + a->request_id_at, flow->request_id, sizeof(flow->request_id));
	print_at(at, a->seconds_at, 8, flow->seconds);
	print_at(at, a->body_seconds_at, 8, flow->seconds);
	if (a->rounded_at)
		print_at(at, a->rounded_at, 4, rounded(flow->seconds, a->rounded_s));
	return a->len;
}

static void put_numbers(uint8_t *tcp, uint32_t seq, uint32_t ack, unsigned flags)
{
	put32(tcp + 4, seq);
	put32(tcp + 8, ack);
	tcp[13] = (uint8_t)flags;
	put16(tcp + 14, flags & RST ? 0 : 16384);
}

/* Sequence, acknowledgement and flags. */
static void put_position(uint8_t *tcp, const struct memory *m, const struct expectation *e)
{
	const struct closing *flow = &m->flow;

	switch (e->becomes) {
	case ENDS_SERVER:
		put_numbers(tcp, flow->refused, 0, RST);
		break;
	case ENDS_CLIENT:
		put_numbers(tcp, flow->answer, flow->next, RST | ACK);
		break;
	case ANSWERS:
		put_numbers(tcp, flow->answer, flow->next, PSH | FIN | ACK);
		break;
	case CONFIRMS:
		put_numbers(tcp, flow->answer_end, flow->acknowledged ? flow->next : flow->refused,
			    ACK);
		break;
	case GREETS:
		put_numbers(tcp, m->cookie, e->segment.seq + 1, SYN | ACK);
		break;
	case STAYS:
	case VANISHES:
		break;
	}
}

/* The client's timestamps back, an MSS, or nothing. */
static uint32_t put_options(uint8_t *at, const struct expectation *e)
{
	const uint8_t *timestamp;

	if (e->becomes == GREETS) {
		put32(at, 0x02040000 | e->mss);
		put32(at + 4, 0x01010101);
		put32(at + 8, 0x01010101);
		return 12;
	}
	model_options(&e->segment, &timestamp);
	if (!timestamp || (e->becomes != ANSWERS && e->becomes != CONFIRMS))
		return 0;
	put32(at, 0x0101080a);
	memcpy(at + 4, timestamp + 4, 4);
	memcpy(at + 8, timestamp, 4);
	return 12;
}

static uint32_t put_tcp(uint8_t *at, const struct knowledge *k, const struct memory *m,
			const struct expectation *e)
{
	const struct segment *s = &e->segment;
	bool to_server = e->becomes == ENDS_SERVER;
	uint32_t len = 20;

	memset(at, 0, len);
	put16(at, to_server ? s->client_port : s->server_port);
	put16(at + 2, to_server ? s->server_port : s->client_port);
	put_position(at, m, e);
	len += put_options(at + len, e);
	at[12] = (uint8_t)(len / 4 << 4);
	if (e->becomes == ANSWERS)
		len += put_text(at + len, &m->flow, &k->answers[m->flow.kind]);
	return len;
}

void model_frame(const struct knowledge *k, const struct memory *m, const struct expectation *e,
		 const struct wire *in, struct wire *ret)
{
	const struct segment *s = &e->segment;
	bool to_server = e->becomes == ENDS_SERVER;
	const uint8_t *from = to_server ? s->client : s->server;
	const uint8_t *to = to_server ? s->server : s->client;
	uint32_t address_len = s->ipv6 ? 16 : 4, ip_len = s->ipv6 ? 40 : 20, tcp_len;
	uint8_t *ip = ret->at + s->link_len, *tcp = ip + ip_len;

	memcpy(ret->at, in->at + (to_server ? 0 : 6), 6);
	memcpy(ret->at + 6, in->at + (to_server ? 6 : 0), 6);
	memcpy(ret->at + 12, in->at + 12, s->link_len - 12);
	tcp_len = put_tcp(tcp, k, m, e);
	put16(tcp + 16, wire_tcp_checksum(from, to, address_len, tcp, tcp_len));
	memset(ip, 0, ip_len);
	memcpy(ip + (s->ipv6 ? 8 : 12), from, address_len);
	memcpy(ip + (s->ipv6 ? 24 : 16), to, address_len);
	if (s->ipv6) {
		ip[0] = 0x60;
		put16(ip + 4, tcp_len);
		ip[6] = IPPROTO_TCP;
		ip[7] = 64;
	} else {
		ip[0] = 0x45;
		put16(ip + 2, 20 + tcp_len);
		put16(ip + 6, 0x4000);
		ip[8] = 64;
		ip[9] = IPPROTO_TCP;
		put16(ip + 10, ~wire_sum(0, ip, 20) & 0xffff);
	}
	ret->len = s->link_len + ip_len + tcp_len;
}
