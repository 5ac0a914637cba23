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
	return read_tcp(k, at + header, len - header, total - header, ret);
}

static enum axfw_reason read_ipv6(const struct knowledge *k, const uint8_t *at, uint32_t len,
				  struct segment *ret)
{
	if (len < 40)
		return AXFW_REASON_TRUNCATED;
	if (at[6] == IPPROTO_FRAGMENT)
		return AXFW_REASON_FRAGMENT;
	if (at[6] != IPPROTO_TCP)
		return AXFW_REASON_OTHER_TRAFFIC;
	if (at[0] >> 4 != 6)
		return AXFW_REASON_BAD_HEADER;
	ret->ipv6 = true;
	ret->client = at + 8;
	ret->server = at + 24;
	return read_tcp(k, at + 40, len - 40, get16(at + 4), ret);
}

enum axfw_reason model_segment(const struct knowledge *k, const struct wire *w, struct segment *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (w->len < 14)
		return AXFW_REASON_TRUNCATED;
	switch (get16(w->at + 12)) {
	case ETHERTYPE_IP:
		return read_ipv4(k, w->at + 14, w->len - 14, ret);
	case ETHERTYPE_IPV6:
		return read_ipv6(k, w->at + 14, w->len - 14, ret);
	default:
		return AXFW_REASON_OTHER_TRAFFIC;
	}
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

/* NOP NOP timestamp, the only layout that is answered with timestamps. */
static bool has_timestamps(const struct segment *s)
{
	return s->option_len >= 12 && get32(s->options) == 0x0101080a;
}

static uint32_t put_tcp(uint8_t *at, const struct knowledge *k, const struct closing *flow,
			const struct expectation *e)
{
	const struct segment *s = &e->segment;
	bool to_server = e->becomes == ENDS_SERVER, stamped = !to_server && has_timestamps(s);
	uint32_t header = stamped ? 32 : 20, len = header;

	memset(at, 0, header);
	put16(at, to_server ? s->client_port : s->server_port);
	put16(at + 2, to_server ? s->server_port : s->client_port);
	at[12] = (uint8_t)(header / 4 << 4);
	if (to_server) {
		put32(at + 4, flow->refused);
		at[13] = RST;
	} else {
		put32(at + 4, e->becomes == ANSWERS ? flow->answer : flow->answer_end);
		put32(at + 8,
		      e->becomes == ANSWERS || flow->acknowledged ? flow->next : flow->refused);
		at[13] = e->becomes == ANSWERS ? PSH | FIN | ACK : ACK;
		put16(at + 14, 16384);
	}
	if (stamped) {
		put32(at + 20, 0x0101080a);
		memcpy(at + 24, s->options + 8, 4);
		memcpy(at + 28, s->options + 4, 4);
	}
	if (e->becomes == ANSWERS)
		len += put_text(at + header, flow, &k->answers[flow->kind]);
	return len;
}

void model_frame(const struct knowledge *k, const struct closing *flow, const struct expectation *e,
		 const struct wire *in, struct wire *ret)
{
	const struct segment *s = &e->segment;
	bool to_server = e->becomes == ENDS_SERVER;
	const uint8_t *from = to_server ? s->client : s->server;
	const uint8_t *to = to_server ? s->server : s->client;
	uint32_t address_len = s->ipv6 ? 16 : 4, ip_len = s->ipv6 ? 40 : 20, tcp_len;
	uint8_t *ip = ret->at + 14, *tcp = ip + ip_len;

	memcpy(ret->at, in->at + (to_server ? 0 : 6), 6);
	memcpy(ret->at + 6, in->at + (to_server ? 6 : 0), 6);
	memcpy(ret->at + 12, in->at + 12, 2);
	tcp_len = put_tcp(tcp, k, flow, e);
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
	ret->len = 14 + ip_len + tcp_len;
}
