/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The PROXY protocol's header, version 1 (text) and 2 (binary), as HAProxy's proxy-protocol.txt has
 * it: what a proxy says of the connection it stands for, before that connection's first byte. One
 * text for the daemon and the BPF program.
 *
 * Version 2's TLVs are skipped. LOCAL, UNKNOWN, UNSPEC and what isn't TCP over IPv4 or IPv6 say
 * nothing about a client: the peer is who it is. A header is believed only from a trusted proxy,
 * which is the caller's matter, and a connection that must begin with one but doesn't isn't one of
 * the proxy's.
 *
 * Version 2 is read at fixed offsets. Version 1 is read in steps without a loop (bpf_loop() in the
 * BPF program, an ordinary loop in axfw_proxy_header()).
 */
#ifndef AXFW_PROXY_HEADER_H
#define AXFW_PROXY_HEADER_H

#include <linux/types.h>
#include "axfw/address_text.h"
#include "axfw/words.h"

#define AXFW_PROXY_V1_MAX    107 /* bytes, CRLF included */
#define AXFW_PROXY_V1_PREFIX 6	 /* "PROXY " */
#define AXFW_PROXY_V2_PREFIX 16	 /* signature, version, family, length */
#define AXFW_PROXY_V2_TCP4   12	 /* bytes of addresses and ports */
#define AXFW_PROXY_V2_TCP6   36
/* What version 2 may take, TLVs included. More is refused: it would be a way to make us keep a
 * stranger's bytes (a PP2_TYPE_SSL with a whole certificate isn't meant for us). */
#define AXFW_PROXY_V2_MAX 4096
/* What has to be readable at `bytes` for version 2, whatever it says. */
#define AXFW_PROXY_V2_READ (AXFW_PROXY_V2_PREFIX + AXFW_PROXY_V2_TCP6)

struct axfw_proxy {
	__u8 source[16]; /* IPv4 mapped; valid if family isn't 0 */
	__u16 port;	 /* host order */
	__u8 family;	 /* 4, 6; 0: nothing is said of the client */
	__u8 version;	 /* 1, 2 */
	__u32 len;	 /* of the header: the request begins behind it */
};

enum axfw_proxy_said {
	AXFW_PROXY_MORE,    /* a header so far, but there is more of it to come */
	AXFW_PROXY_WHOLE,   /* *ret is set */
	AXFW_PROXY_ABSENT,  /* no header begins like this */
	AXFW_PROXY_INVALID, /* one that breaks its rules, or too long a one */
};

/* --- version 2 ------------------------------------------------------------------------------- */

#define AXFW_PROXY_V2_SIGNATURE	    0x510a0d000a0d0a0dULL /* "\r\n\r\n\0\r\nQ", little-endian */
#define AXFW_PROXY_V2_SIGNATURE_END 0x0a544955U		  /* "UIT\n" */
#define AXFW_PROXY_LOCAL	    0x20		  /* version 2 and command */
#define AXFW_PROXY_PROXY	    0x21
#define AXFW_PROXY_TCP4		    0x11 /* family and transport */
#define AXFW_PROXY_TCP6		    0x21

static inline __u32 axfw_proxy_be16(const __u8 *at)
{
	return (__u32)at[0] << 8 | at[1];
}

static inline int axfw_proxy_is_v2(const __u8 *bytes)
{
	return axfw_load64(bytes) == AXFW_PROXY_V2_SIGNATURE &&
	       (__u32)axfw_load64(bytes + 8) == AXFW_PROXY_V2_SIGNATURE_END;
}

static inline int axfw_proxy_v2_addresses(const __u8 *bytes, __u32 len, struct axfw_proxy *ret)
{
	const __u8 *addresses = bytes + AXFW_PROXY_V2_PREFIX;

	switch (bytes[13]) {
	case AXFW_PROXY_TCP4:
		if (len < AXFW_PROXY_V2_TCP4)
			return 0;
		axfw_store64(ret->source, 0);
		axfw_store64(ret->source + 8, (axfw_load64(addresses) & 0xffffffff) << 32 |
						      __builtin_bswap32(0xffff));
		ret->port = axfw_proxy_be16(addresses + 8);
		ret->family = 4;
		return 1;
	case AXFW_PROXY_TCP6:
		if (len < AXFW_PROXY_V2_TCP6)
			return 0;
		axfw_store64(ret->source, axfw_load64(addresses));
		axfw_store64(ret->source + 8, axfw_load64(addresses + 8));
		ret->port = axfw_proxy_be16(addresses + 32);
		ret->family = 6;
		return 1;
	default:
		return 1;
	}
}

/* AXFW_PROXY_V2_READ bytes can be read at `bytes`; `there` of them and of what follows are the
 * connection's. axfw_proxy_is_v2() holds. */
static inline enum axfw_proxy_said axfw_proxy_v2(const __u8 *bytes, __u32 there,
						 struct axfw_proxy *ret)
{
	__u32 len = axfw_proxy_be16(bytes + 14);
	__u8 command = bytes[12];

	ret->family = 0;
	ret->version = 2;
	ret->len = AXFW_PROXY_V2_PREFIX + len;
	if ((command != AXFW_PROXY_LOCAL && command != AXFW_PROXY_PROXY) ||
	    ret->len > AXFW_PROXY_V2_MAX)
		return AXFW_PROXY_INVALID;
	if (ret->len > there)
		return AXFW_PROXY_MORE;
	if (command == AXFW_PROXY_PROXY && !axfw_proxy_v2_addresses(bytes, len, ret))
		return AXFW_PROXY_INVALID;
	return AXFW_PROXY_WHOLE;
}

/* --- version 1 ------------------------------------------------------------------------------- */

#define AXFW_PROXY_V1_WORD 0x2059584f5250ULL /* "PROXY ", little-endian */
#define AXFW_PROXY_V1_MASK 0xffffffffffffULL

enum axfw_proxy_field {
	AXFW_PROXY_FAMILY,
	AXFW_PROXY_SOURCE,
	AXFW_PROXY_DESTINATION,
	AXFW_PROXY_SOURCE_PORT,
	AXFW_PROXY_DESTINATION_PORT,
	AXFW_PROXY_UNKNOWN, /* the rest of the line is ignored */
	AXFW_PROXY_LF,
};

/* Begins as all zeros, but for `at`, which is AXFW_PROXY_V1_PREFIX. */
struct axfw_proxy_text {
	struct axfw_address_text address;
	__u64 word;  /* the family's characters */
	__u32 at;    /* the byte that the next step wants */
	__u32 field; /* enum axfw_proxy_field */
	__u32 port;
	__u32 digits;
};

static inline int axfw_proxy_is_v1(const __u8 *bytes)
{
	return (axfw_load64(bytes) & AXFW_PROXY_V1_MASK) == AXFW_PROXY_V1_WORD;
}

#define AXFW_PROXY_TEXT_TCP	0x504354 /* "TCP" */
#define AXFW_PROXY_TEXT_UNKNOWN 0x4e574f4e4b4e55ULL

/* The protocol's name is over, at a blank or at the line's end. */
static inline int axfw_proxy_family(struct axfw_proxy_text *t, __u8 c, struct axfw_proxy *ret)
{
	__u32 digit = (t->word >> 24) - '0';

	ret->family = 0;
	if (t->word == AXFW_PROXY_TEXT_UNKNOWN) {
		t->field = c == '\r' ? AXFW_PROXY_LF : AXFW_PROXY_UNKNOWN;
		return 1;
	}
	if (c != ' ' || (t->word & 0xffffff) != AXFW_PROXY_TEXT_TCP || (digit != 4 && digit != 6))
		return 0;
	ret->family = digit;
	t->field = AXFW_PROXY_SOURCE;
	return 1;
}

/* An address is over. */
static inline int axfw_proxy_address(struct axfw_proxy_text *t, struct axfw_proxy *ret)
{
	struct axfw_address_text none = {};
	__u8 family = axfw_address_is_ipv4(&t->address) ? 4 : 6, ignored[16] = { 0 };

	if (!axfw_address_end(&t->address, t->field == AXFW_PROXY_SOURCE ? ret->source : ignored))
		return 0;
	t->address = none;
	t->field++;
	return family == ret->family;
}

static inline int axfw_proxy_port(struct axfw_proxy_text *t, __u8 c, struct axfw_proxy *ret)
{
	__u8 end = t->field == AXFW_PROXY_SOURCE_PORT ? ' ' : '\r';

	if ((__u32)c - '0' <= 9) {
		t->port = t->port * 10 + (c - '0');
		return ++t->digits <= 5;
	}
	if (c != end || !t->digits || t->port > 0xffff)
		return 0;
	if (t->field == AXFW_PROXY_SOURCE_PORT)
		ret->port = t->port;
	t->field = t->field == AXFW_PROXY_SOURCE_PORT ? AXFW_PROXY_DESTINATION_PORT : AXFW_PROXY_LF;
	t->port = t->digits = 0;
	return 1;
}

static inline int axfw_proxy_character(struct axfw_proxy_text *t, __u8 c, struct axfw_proxy *ret)
{
	switch (t->field) {
	case AXFW_PROXY_FAMILY:
		if (c == ' ' || c == '\r')
			return axfw_proxy_family(t, c, ret);
		t->word |= (__u64)c << ((t->at - AXFW_PROXY_V1_PREFIX) * 8 & 63);
		return t->at < AXFW_PROXY_V1_PREFIX + 7; /* "UNKNOWN" is the longest */
	case AXFW_PROXY_SOURCE:
	case AXFW_PROXY_DESTINATION:
		if (c == ' ')
			return axfw_proxy_address(t, ret);
		axfw_address_step(&t->address, c);
		return !t->address.is_broken;
	case AXFW_PROXY_SOURCE_PORT:
	case AXFW_PROXY_DESTINATION_PORT:
		return axfw_proxy_port(t, c, ret);
	default:
		if (c == '\r')
			t->field = AXFW_PROXY_LF;
		return 1;
	}
}

/* Takes byte `at`. axfw_proxy_is_v1() holds. Never WHOLE behind AXFW_PROXY_V1_MAX bytes. */
static inline enum axfw_proxy_said axfw_proxy_step(struct axfw_proxy_text *t, __u8 c,
						   struct axfw_proxy *ret)
{
	if (t->at >= AXFW_PROXY_V1_MAX)
		return AXFW_PROXY_INVALID;
	if (t->field == AXFW_PROXY_LF) {
		ret->version = 1;
		ret->len = t->at + 1;
		return c == '\n' ? AXFW_PROXY_WHOLE : AXFW_PROXY_INVALID;
	}
	if (!axfw_proxy_character(t, c, ret))
		return AXFW_PROXY_INVALID;
	t->at++;
	return AXFW_PROXY_MORE;
}

/* --- for userspace --------------------------------------------------------------------------- */

#ifndef __bpf__
static inline enum axfw_proxy_said axfw_proxy_read_v1(const __u8 *bytes, __u32 len,
						      struct axfw_proxy *ret)
{
	struct axfw_proxy_text t = { .at = AXFW_PROXY_V1_PREFIX };
	enum axfw_proxy_said said = AXFW_PROXY_MORE;

	while (said == AXFW_PROXY_MORE && t.at < len)
		said = axfw_proxy_step(&t, bytes[t.at], ret);
	return said;
}

/* What do the first `len` bytes of a connection begin with? *ret is set if the answer is
 * AXFW_PROXY_WHOLE. MORE: call again with more; never with AXFW_PROXY_V2_MAX bytes or more. */
static inline enum axfw_proxy_said axfw_proxy_header(const void *data, __u32 len,
						     struct axfw_proxy *ret)
{
	static const __u8 v2[12] = "\r\n\r\n\0\r\nQUIT\n", v1[AXFW_PROXY_V1_PREFIX] = "PROXY ";
	__u8 bytes[AXFW_PROXY_V2_READ] = { 0 };
	struct axfw_proxy proxy = { .family = 0 };
	enum axfw_proxy_said said = AXFW_PROXY_ABSENT;

	__builtin_memcpy(bytes, data, len < sizeof(bytes) ? len : sizeof(bytes));
	if (!__builtin_memcmp(bytes, v1, len < sizeof(v1) ? len : sizeof(v1)))
		said = axfw_proxy_read_v1(data, len, &proxy);
	else if (!__builtin_memcmp(bytes, v2, len < sizeof(v2) ? len : sizeof(v2)))
		said = len < AXFW_PROXY_V2_PREFIX ? AXFW_PROXY_MORE
						  : axfw_proxy_v2(bytes, len, &proxy);
	if (said == AXFW_PROXY_WHOLE)
		*ret = proxy;
	return said;
}
#endif

#endif
