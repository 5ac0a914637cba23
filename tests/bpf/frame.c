// SPDX-License-Identifier: Apache-2.0
/* Builds and reads frames: see frame.h. */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>
#include "frame.h"

static const uint8_t client_mac[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t server_mac[6] = { 2, 0, 0, 0, 0, 2 };

static void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v & 0xffff);
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* RFC 1071 by the letter: big-endian words, an odd last byte on the left. */
static uint32_t add_words(uint32_t sum, const uint8_t *data, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static unsigned tcp_sum(const uint8_t *from, const uint8_t *to, uint32_t address_len,
			const uint8_t *tcp, uint32_t len)
{
	uint32_t sum = add_words(0, from, address_len);

	sum = add_words(sum, to, address_len);
	sum += IPPROTO_TCP + len;
	sum = (sum & 0xffff) + (sum >> 16);
	return add_words(sum, tcp, len);
}

/* --- building -------------------------------------------------------------------------------- */

#define TIMESTAMP 8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88
#define SACK	  5, 10, 0, 0, 0, 1, 0, 0, 0, 2

static const struct option_bytes {
	uint8_t len;
	uint8_t bytes[40];
} layouts[OPTIONS_COUNT] = {
	[OPTIONS_USUAL] = { 12, { 1, 1, TIMESTAMP } },
	[OPTIONS_TIMESTAMP] = { 12, { TIMESTAMP, 1, 1 } },
	[OPTIONS_ENDED] = { 12, { 1, TIMESTAMP, 0 } },
	[OPTIONS_SACK] = { 12, { 1, 1, SACK } },
	[OPTIONS_SACK_TOO] = { 24, { 1, 1, SACK, 1, 1, TIMESTAMP } },
	[OPTIONS_UNKNOWN] = { 16, { 1, 1, TIMESTAMP, 200, 4, 0, 0 } },
	[OPTIONS_MD5] = { 20, { 19, 18 } },
	[OPTIONS_TWICE] = { 20, { TIMESTAMP, TIMESTAMP } },
	[OPTIONS_LONG] = { 12, { 1, 5, 12 } },
	[OPTIONS_SHORT] = { 12, { 1, 1, 5, 1 } },
};

static uint32_t put_options(uint8_t *at, const struct shape *s)
{
	const struct option_bytes *o = &layouts[s->options];

	if (s->no_timestamps)
		return 0;
	memcpy(at, o->bytes, o->len);
	return o->len;
}

static uint32_t put_tcp(uint8_t *at, const struct ends *e, const struct shape *s)
{
	uint32_t text_len = s->text_len, header = 20;

	if (s->text && !text_len)
		text_len = (uint32_t)strlen(s->text);
	put16(at, e->client_port);
	put16(at + 2, s->port ? s->port : e->server_port);
	put32(at + 4, e->seq + (uint32_t)s->seq);
	put32(at + 8, e->ack + (uint32_t)s->ack);
	header += put_options(at + 20, s);
	at[12] = (uint8_t)((s->doff ? s->doff : header / 4) << 4);
	at[13] = s->flags ? s->flags : PSH | ACK;
	put16(at + 14, 500);
	if (s->text)
		memcpy(at + header, s->text, text_len);
	if (text_len < s->padded) {
		memset(at + header + text_len, 'x', s->padded - text_len);
		text_len = s->padded;
	}
	return header + text_len;
}

static uint32_t put_ipv4(uint8_t *at, const struct ends *e, const struct shape *s)
{
	uint32_t header = 20u + s->ip_options, len;

	memset(at + 20, 1, s->ip_options); /* NOPs */
	len = put_tcp(at + header, e, s);
	at[0] = (uint8_t)((s->version ? s->version : 4) << 4 | (s->ihl ? s->ihl : header / 4));
	at[1] = 0x03; /* congestion experienced: must not come back */
	put16(at + 2, s->total ? s->total : header + len);
	put16(at + 6, s->fragment);
	at[8] = 61;
	at[9] = s->next_header ? s->next_header : IPPROTO_TCP;
	memcpy(at + 12, e->client, 4);
	memcpy(at + 16, e->server, 4);
	put16(at + 10, ~add_words(0, at, header) & 0xffff);
	put16(at + header + 16, ~tcp_sum(e->client, e->server, 4, at + header, len) & 0xffff);
	return header + len;
}

/* Returns their length; *next is where the first one's type belongs, then the last one's. */
static uint32_t put_extensions(uint8_t *at, const struct shape *s, uint8_t **next)
{
	uint32_t len = 0;

	for (unsigned i = 0; i < sizeof(s->extensions) && s->extensions[i]; i++) {
		uint8_t *e = at + len;

		**next = s->extensions[i] == HOP_BY_HOP ? IPPROTO_HOPOPTS : s->extensions[i];
		*next = e;
		e[1] = i ? 0 : s->extension_units;
		if (s->extensions[i] == IPPROTO_ROUTING)
			e[3] = s->segments_left;
		if (s->extensions[i] == IPPROTO_FRAGMENT)
			put16(e + 2, s->fragment6);
		len += 8 + 8u * e[1];
	}
	return len;
}

static uint32_t put_ipv6(uint8_t *at, const struct ends *e, const struct shape *s)
{
	uint8_t *next = at + 6;
	uint32_t before = put_extensions(at + 40, s, &next);
	uint8_t *tcp = at + 40 + before;
	uint32_t len = put_tcp(tcp, e, s);

	put32(at, (uint32_t)(s->version ? s->version : 6) << 28 | 0x00312345);
	put16(at + 4, s->total ? s->total : before + len);
	*next = s->next_header ? s->next_header : IPPROTO_TCP;
	at[7] = 61;
	memcpy(at + 8, e->client, 16);
	memcpy(at + 24, e->server, 16);
	put16(tcp + 16, ~tcp_sum(e->client, e->server, 16, tcp, len) & 0xffff);
	return 40 + before + len;
}

void frame_build(const struct ends *e, const struct shape *s, struct frame *ret)
{
	unsigned ethertype = e->ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
	uint8_t *at = ret->bytes + 12;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->bytes, server_mac, 6);
	memcpy(ret->bytes + 6, client_mac, 6);
	for (unsigned i = 0; i < s->tags; i++, at += 4) {
		put16(at, i + 1 < s->tags ? 0x88a8 : ETHERTYPE_VLAN);
		put16(at + 2, 0x2064 + i);
	}
	put16(at, s->ethertype ? s->ethertype : ethertype);
	at += 2;
	ret->len = (uint32_t)(at - ret->bytes);
	ret->len += (e->ipv6 ? put_ipv6 : put_ipv4)(at, e, s) + s->trailer;
	if (s->damaged)
		ret->bytes[ret->len - s->trailer - 1] ^= 1;
	if (s->cut)
		ret->len = s->cut;
}

/* --- reading --------------------------------------------------------------------------------- */

/* Timestamps, or the MSS alone. */
static bool read_options(const uint8_t *at, struct segment_view *ret)
{
	ret->mss = 0;
	if (ret->option_len != 12)
		return false;
	if (get32(at) >> 16 == 0x0204) {
		ret->mss = get16(at + 2);
		return get32(at + 4) == 0x01010101 && get32(at + 8) == 0x01010101;
	}
	ret->tsval = get32(at + 4);
	ret->tsecr = get32(at + 8);
	return get32(at) == 0x0101080a;
}

static const char *read_tcp(const uint8_t *at, uint32_t len, struct segment_view *ret)
{
	uint32_t header = (uint32_t)(at[12] >> 4) * 4;

	if (len < 20 || header < 20 || header > len)
		return "TCP header length";
	if (tcp_sum(ret->from, ret->to, ret->ipv6 ? 16 : 4, at, len) != 0xffff)
		return "TCP checksum";
	if ((at[12] & 0x0f) || get16(at + 18))
		return "reserved bits or urgent pointer not zero";
	ret->from_port = (uint16_t)get16(at);
	ret->to_port = (uint16_t)get16(at + 2);
	ret->seq = get32(at + 4);
	ret->ack = get32(at + 8);
	ret->flags = at[13];
	ret->window = (uint16_t)get16(at + 14);
	ret->option_len = header - 20;
	if (ret->option_len && !read_options(at + 20, ret))
		return "options we never send";
	ret->text = at + header;
	ret->text_len = len - header;
	return NULL;
}

static const char *read_ipv4(const uint8_t *at, uint32_t len, struct segment_view *ret)
{
	if (len < 40 || at[0] != 0x45)
		return "IPv4 version or header length";
	if (get16(at + 2) != len)
		return "IPv4 total length";
	if (add_words(0, at, 20) != 0xffff)
		return "IPv4 header checksum";
	if (get16(at + 6) != 0x4000 || at[9] != IPPROTO_TCP)
		return "IPv4 fragment field or protocol";
	ret->tos = at[1];
	ret->ttl = at[8];
	memcpy(ret->from, at + 12, 4);
	memcpy(ret->to, at + 16, 4);
	return read_tcp(at + 20, len - 20, ret);
}

static const char *read_ipv6(const uint8_t *at, uint32_t len, struct segment_view *ret)
{
	if (len < 60 || get32(at) != 6u << 28)
		return "IPv6 version, class or flow label";
	if (get16(at + 4) != len - 40 || at[6] != IPPROTO_TCP)
		return "IPv6 payload length or next header";
	ret->ttl = at[7];
	memcpy(ret->from, at + 8, 16);
	memcpy(ret->to, at + 24, 16);
	return read_tcp(at + 40, len - 40, ret);
}

const char *frame_read(const struct frame *f, struct segment_view *ret)
{
	bool to_client = !memcmp(f->bytes, client_mac, 6) && !memcmp(f->bytes + 6, server_mac, 6);
	bool to_server = !memcmp(f->bytes, server_mac, 6) && !memcmp(f->bytes + 6, client_mac, 6);
	uint32_t at = 12;
	unsigned ethertype;

	memset(ret, 0, sizeof(*ret));
	if (f->len < 14 || !(to_client || to_server))
		return "MAC addresses";
	while (get16(f->bytes + at) == ETHERTYPE_VLAN || get16(f->bytes + at) == 0x88a8)
		at += 4;
	ethertype = get16(f->bytes + at);
	at += 2;
	ret->tags = f->bytes + 12;
	ret->tags_len = at - 12;
	ret->ipv6 = ethertype == ETHERTYPE_IPV6;
	if (ret->ipv6)
		return read_ipv6(f->bytes + at, f->len - at, ret);
	return ethertype == ETHERTYPE_IP ? read_ipv4(f->bytes + at, f->len - at, ret) : "ethertype";
}
