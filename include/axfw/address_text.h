/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads an IP address from text, a character at a time: exactly what inet_pton() takes, IPv4 mapped
 * into IPv6 as everywhere here. One text for the daemon and the BPF program, because a client whose
 * address reads differently in the two would be limited for somebody else's deeds.
 *
 * A step has no loop, and what was read is kept in words that each group shifts to the left, not in
 * an array: that is what a verifier takes. The BPF program steps from bpf_loop(), the daemon from
 * an ordinary loop.
 */
#ifndef AXFW_ADDRESS_TEXT_H
#define AXFW_ADDRESS_TEXT_H

#include <linux/types.h>
#include "axfw/words.h"

#define AXFW_ADDRESS_GROUPS 8
#define AXFW_ADDRESS_MAPPED 0xffff00000000ULL /* ::ffff:0.0.0.0, the right half */

/* Begins as all zeros. The groups before a "::" are kept apart: they are the address's left end. */
struct axfw_address_text {
	__u64 high, low;	   /* groups read since the start or since "::" */
	__u64 head_high, head_low; /* those before "::" */
	__u32 dotted;		   /* octets before the last '.' */
	__u32 hex, decimal;	   /* the digits being read, both ways */
	__u8 groups, head_groups;  /* 16-bit groups in each */
	__u8 digits;		   /* of the group or octet being read */
	__u8 dots;
	__u8 colons;	/* in a row, up to the last character */
	__u8 has_gap;	/* "::" was there */
	__u8 no_octet;	/* the digits being read can't be an octet */
	__u8 is_broken; /* no address begins like this */
};

/* 0 .. 15, or 16: none. */
static inline __u32 axfw_hex_digit(__u8 c)
{
	__u32 digit = (__u32)c - '0', letter = ((__u32)c | 0x20) - 'a';

	return digit <= 9 ? digit : letter <= 5 ? letter + 10 : 16;
}

static inline void axfw_address_digit(struct axfw_address_text *t, __u32 digit)
{
	__u8 lone_colon = t->colons == 1 && !t->groups && !t->has_gap;

	if (t->digits >= 4 || lone_colon)
		t->is_broken = 1;
	/* inet_pton() takes no zero in front: to some readers it would mean octal */
	if (digit > 9 || t->digits >= 3 || (t->digits && !t->decimal))
		t->no_octet = 1;
	t->hex = t->hex << 4 | digit;
	t->decimal = t->decimal * 10 + digit;
	t->digits++;
	t->colons = 0;
}

static inline void axfw_address_next(struct axfw_address_text *t)
{
	t->hex = t->decimal = 0;
	t->digits = t->no_octet = 0;
}

static inline void axfw_address_octet(struct axfw_address_text *t)
{
	if (!t->digits || t->no_octet || t->decimal > 255)
		t->is_broken = 1;
	t->dotted = t->dotted << 8 | (t->decimal & 255);
	axfw_address_next(t);
}

static inline void axfw_address_group(struct axfw_address_text *t, __u32 group)
{
	if (t->groups + t->head_groups >= AXFW_ADDRESS_GROUPS)
		t->is_broken = 1;
	t->high = t->high << 16 | t->low >> 48;
	t->low = t->low << 16 | group;
	t->groups++;
}

static inline void axfw_address_gap(struct axfw_address_text *t)
{
	if (t->has_gap)
		t->is_broken = 1;
	t->has_gap = 1;
	t->head_high = t->high;
	t->head_low = t->low;
	t->head_groups = t->groups;
	t->high = t->low = 0;
	t->groups = 0;
}

static inline void axfw_address_colon(struct axfw_address_text *t)
{
	if (t->dots || t->colons == 2)
		t->is_broken = 1;
	if (t->digits) {
		axfw_address_group(t, t->hex);
		axfw_address_next(t);
	} else if (t->colons == 1) {
		axfw_address_gap(t);
	}
	t->colons++;
}

static inline void axfw_address_step(struct axfw_address_text *t, __u8 c)
{
	__u32 digit = axfw_hex_digit(c);

	if (t->is_broken)
		return;
	if (digit < 16) {
		axfw_address_digit(t, digit);
	} else if (c == ':') {
		axfw_address_colon(t);
	} else if (c == '.' && t->dots < 3) {
		axfw_address_octet(t);
		t->dots++;
	} else {
		t->is_broken = 1;
	}
}

/* Is it a whole IPv4 address so far? */
static inline int axfw_address_is_ipv4(const struct axfw_address_text *t)
{
	return t->dots == 3 && t->digits && !t->groups && !t->has_gap;
}

/* What was read last, which no character ends. */
static inline void axfw_address_last(struct axfw_address_text *t)
{
	if (t->dots) {
		if (t->dots < 3)
			t->is_broken = 1;
		axfw_address_octet(t);
		axfw_address_group(t, t->dotted >> 16);
		axfw_address_group(t, t->dotted & 0xffff);
	} else if (t->digits) {
		axfw_address_group(t, t->hex);
	} else if (t->colons != 2) {
		t->is_broken = 1;
	}
}

/* Moves `groups` groups to the left end of 128 bits. */
static inline void axfw_address_to_left(__u64 *high, __u64 *low, __u32 groups)
{
	__u32 bits = 16 * (AXFW_ADDRESS_GROUPS - groups);

	if (bits >= 64) {
		*high = bits < 128 ? *low << (bits & 63) : 0;
		*low = 0;
	} else if (bits) {
		*high = *high << bits | *low >> (64 - bits);
		*low <<= bits;
	}
}

/* The text is over. Returns whether it was an address; ret is in network order. */
static inline int axfw_address_end(struct axfw_address_text *t, __u8 ret[16])
{
	__u64 high = t->head_high, low = t->head_low;
	__u8 is_ipv4 = axfw_address_is_ipv4(t);

	axfw_address_last(t);
	if (t->is_broken)
		return 0;
	if (is_ipv4) {
		axfw_store64(ret, 0);
		axfw_store64(ret + 8, __builtin_bswap64(AXFW_ADDRESS_MAPPED | t->dotted));
		return 1;
	}
	if (t->groups + t->head_groups > AXFW_ADDRESS_GROUPS - t->has_gap ||
	    (!t->has_gap && t->groups != AXFW_ADDRESS_GROUPS))
		return 0;
	axfw_address_to_left(&high, &low, t->head_groups);
	axfw_store64(ret, __builtin_bswap64(high | t->high));
	axfw_store64(ret + 8, __builtin_bswap64(low | t->low));
	return 1;
}

#endif
