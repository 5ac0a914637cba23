// SPDX-License-Identifier: Apache-2.0
/* Builds a frame from its description: true lengths and checksums first, then what is false. */
#include <netinet/in.h>
#include <net/ethernet.h>
#include <string.h>
#include "wire.h"

#define EXTENSION_PRESENT 0x10000

uint32_t wire_sum(uint32_t sum, const uint8_t *at, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

uint32_t wire_pseudo_sum(const uint8_t *from, const uint8_t *to, uint32_t address_len,
			 uint32_t tcp_len)
{
	uint8_t length_and_protocol[4] = { (uint8_t)(tcp_len >> 8), (uint8_t)tcp_len, 0,
					   IPPROTO_TCP };
	uint32_t sum = wire_sum(0, from, address_len);

	sum = wire_sum(sum, to, address_len);
	return wire_sum(sum, length_and_protocol, sizeof(length_and_protocol));
}

uint32_t wire_tcp_checksum(const uint8_t *from, const uint8_t *to, uint32_t address_len,
			   const uint8_t *tcp, uint32_t len)
{
	return ~wire_sum(wire_pseudo_sum(from, to, address_len, len), tcp, len) & 0xffff;
}

static void put_checksum(uint8_t *tcp, const struct standing *now, const struct script_segment *s,
			 uint32_t len)
{
	uint32_t address_len = now->ends.ipv6 ? 16 : 4;
	const uint8_t *client = now->ends.client, *server = now->ends.server;

	if (s->checksum == 1)
		put16(tcp + 16, wire_pseudo_sum(client, server, address_len, len));
	else
		put16(tcp + 16,
		      wire_tcp_checksum(client, server, address_len, tcp, len) + s->checksum);
}

static uint32_t or_else(uint32_t value, uint32_t ordinary)
{
	return value ? value : ordinary;
}

static uint32_t build_payload(uint8_t *at, const struct script_segment *s)
{
	uint32_t fill = s->fill < PAYLOAD_MAX ? s->fill : PAYLOAD_MAX;

	memcpy(at, s->payload.at, s->payload.len);
	if (fill <= s->payload.len)
		return s->payload.len;
	memset(at + s->payload.len, 'x', fill - s->payload.len);
	return fill;
}

/* Without its checksum. */
static uint32_t build_tcp(uint8_t *at, const struct standing *now, const struct script_segment *s)
{
	uint32_t header = 20 + (s->tcp_options.len & ~3u);

	memset(at, 0, 20);
	put16(at, now->ends.client_port);
	put16(at + 2, or_else(s->port, now->ends.server_port));
	put32(at + 4, (s->later ? now->highest : now->ends.seq) + s->seq);
	put32(at + 8, (s->acks ? now->answer_end : now->ends.ack) + s->ack);
	at[12] = (uint8_t)(or_else(s->doff, header / 4) << 4);
	at[13] = (uint8_t)or_else(s->flags, PSH | ACK);
	put16(at + 14, 501);
	memcpy(at + 20, s->tcp_options.at, header - 20);
	return header + build_payload(at + header, s);
}

static uint32_t build_ipv4(uint8_t *at, const struct standing *now, const struct script_segment *s)
{
	uint32_t header = 20 + (s->ip_options.len & ~3u), len;
	const uint8_t *client = now->ends.client, *server = now->ends.server;

	len = build_tcp(at + header, now, s);
	put_checksum(at + header, now, s, len);
	memset(at, 0, 20);
	at[0] = (uint8_t)(or_else(s->version, 4) << 4 | or_else(s->ihl, header / 4));
	at[1] = (uint8_t)s->tos;
	put16(at + 2, or_else(s->total, header + len));
	put16(at + 6, s->fragment);
	at[8] = 61;
	at[9] = (uint8_t)or_else(s->protocol, IPPROTO_TCP);
	memcpy(at + 12, client, 4);
	memcpy(at + 16, server, 4);
	memcpy(at + 20, s->ip_options.at, header - 20);
	put16(at + 10, ~wire_sum(0, at, header) & 0xffff);
	return header + len;
}

/* The extension header's length by its own rule, of which `units` is the second byte. */
static uint32_t extension_len(uint32_t type, uint32_t units)
{
	if (type == IPPROTO_FRAGMENT)
		return 8;
	return type == IPPROTO_AH ? (units + 2) * 4 : (units + 1) * 8;
}

/* The chain's headers; *next is where the first one's type goes. */
static uint32_t build_extensions(uint8_t *at, uint8_t **next, const struct script_segment *s)
{
	const uint32_t wanted[] = { s->ext1, s->ext2, s->ext3 };
	uint32_t len = 0;

	for (unsigned i = 0; i < 3; i++) {
		uint32_t type = wanted[i] >> 8 & 0xff, units = wanted[i] & 0xff, own;

		if (!(wanted[i] & EXTENSION_PRESENT))
			continue;
		own = extension_len(type, units);
		memset(at + len, 0, own);
		at[len + 1] = (uint8_t)units;
		if (type == IPPROTO_FRAGMENT)
			put16(at + len + 2, s->fragment);
		**next = (uint8_t)type;
		*next = at + len;
		len += own;
	}
	return len;
}

static uint32_t build_ipv6(uint8_t *at, const struct standing *now, const struct script_segment *s)
{
	uint8_t *next = at + 6, *tcp;
	uint32_t extensions, len;

	memset(at, 0, 40);
	extensions = build_extensions(at + 40, &next, s);
	tcp = at + 40 + extensions;
	*next = (uint8_t)or_else(s->protocol, IPPROTO_TCP);
	len = build_tcp(tcp, now, s);
	put_checksum(tcp, now, s, len);
	put32(at, or_else(s->version, 6) << 28 | (s->tos & 0xff) << 20 | 0x12345);
	put16(at + 4, or_else(s->total, extensions + len));
	at[7] = 61;
	memcpy(at + 8, now->ends.client, 16);
	memcpy(at + 24, now->ends.server, 16);
	return 40 + extensions + len;
}

static void patch(struct wire *w, uint32_t what)
{
	uint32_t at = what >> 8;

	if (at && at <= w->len)
		w->at[at - 1] = (uint8_t)what;
}

void wire_build(const struct standing *now, const struct script_segment *s, struct wire *ret)
{
	static const uint8_t addresses[12] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	const uint32_t tags[] = { s->tag1, s->tag2, s->tag3 };
	uint8_t *at = ret->at;

	memcpy(at, addresses, sizeof(addresses));
	at += sizeof(addresses);
	for (unsigned i = 0; i < 3; i++) {
		if (tags[i])
			put32(at, tags[i]), at += 4;
	}
	put16(at, or_else(s->ethertype, now->ends.ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP));
	at += 2;
	at += (now->ends.ipv6 ? build_ipv6 : build_ipv4)(at, now, s);
	memset(at, 0, s->trailer & 0xff);
	ret->len = (uint32_t)(at - ret->at) + (s->trailer & 0xff);
	if (s->cut && s->cut < ret->len)
		ret->len = s->cut;
	if (ret->len > WIRE_MAX)
		ret->len = WIRE_MAX;
	if (ret->len < WIRE_MIN)
		ret->len = WIRE_MIN;
	patch(ret, s->patch1);
	patch(ret, s->patch2);
	patch(ret, s->patch3);
	patch(ret, s->patch4);
}
