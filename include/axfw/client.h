/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who the client of a request is, once for the daemon and the BPF program:
 *
 * 1. The peer is the other end of the connection; where connections of trusted proxies begin with a
 *    PROXY header (axfw/proxy_header.h) and the other end is one, the address in it, if there is
 * one.
 * 2. A peer that isn't a trusted proxy is the client. What it says in X-Forwarded-For isn't read.
 * 3. Behind a trusted proxy it is the right-most entry of X-Forwarded-For that isn't itself one.
 * What stands further left was written by somebody nobody vouches for.
 * 4. If every entry is one, the left-most; if an entry can't be read, the one to the right of it
 * (the last hop that is known); without any entry, the peer.
 * 5. `*` trusts the other end of the connection, whoever it is, and nobody else: the right-most
 * entry, or the address in the PROXY header, whose owner isn't believed anything more.
 *
 * Several X-Forwarded-For headers are one list (RFC 9110, 5.3). An entry is an IPv4 address, with
 * or without ":port", or an IPv6 address, bare, "[in brackets]" or "[in brackets]:port".
 *
 * A list is walked to the left entry by entry, and each entry is read to the right, in steps
 * without a loop: the BPF program steps from bpf_loop(), the daemon from an ordinary loop.
 */
#ifndef AXFW_CLIENT_H
#define AXFW_CLIENT_H

#include <linux/types.h>
#include "axfw/abi.h"
#include "axfw/address_text.h"
#include "axfw/words.h"

static inline int axfw_is_ipv4(const __u8 address[16])
{
	return !axfw_load64(address) &&
	       (axfw_load64(address + 8) & 0xffffffff) == __builtin_bswap32(0xffff);
}

/* What limits count by: an IPv4 address whole, of an IPv6 address its network. */
static inline struct axfw_client axfw_client_of(const __u8 address[16])
{
	struct axfw_client client = {};

	axfw_store64(client.address, axfw_load64(address));
	if (axfw_is_ipv4(address))
		axfw_store64(client.address + 8, axfw_load64(address + 8));
	return client;
}

enum axfw_forwarded_phase {
	AXFW_FORWARDED_SEEK, /* to the left, for the entry's begin */
	AXFW_FORWARDED_LEAD,
	AXFW_FORWARDED_PLAIN,
	AXFW_FORWARDED_BRACKETED,
	AXFW_FORWARDED_BRACKET, /* behind the ']' */
	AXFW_FORWARDED_PORT,
	AXFW_FORWARDED_TRAIL,
};

struct axfw_forwarded {
	struct axfw_address_text text;
	__u8 entry[16]; /* read by the last step that said AXFW_FORWARDED_ENTRY */
	__u32 first;	/* where the list begins */
	__u32 at;
	__u32 begin, end; /* of the entry being read */
	__u32 phase;	  /* enum axfw_forwarded_phase */
	__u32 pad;
};

enum axfw_forwarded_said {
	AXFW_FORWARDED_MORE,
	AXFW_FORWARDED_ENTRY,
	AXFW_FORWARDED_UNREADABLE,
};

static inline void axfw_forwarded_entry(struct axfw_forwarded *f, __u32 end)
{
	struct axfw_address_text none = {};

	f->text = none;
	f->at = f->end = end;
	f->phase = AXFW_FORWARDED_SEEK;
}

/* The list is [first, end) of a text whose byte `end` can be read, too. */
static inline void axfw_forwarded_start(struct axfw_forwarded *f, __u32 first, __u32 end)
{
	f->first = first;
	axfw_forwarded_entry(f, end);
}

/* To the next entry on the left. 0: there is none. */
static inline int axfw_forwarded_next(struct axfw_forwarded *f)
{
	if (f->begin <= f->first)
		return 0;
	axfw_forwarded_entry(f, f->begin - 1); /* where the comma stands */
	return 1;
}

/* Where the byte stands that the next step wants. */
static inline __u32 axfw_forwarded_at(const struct axfw_forwarded *f)
{
	return f->at - (f->phase == AXFW_FORWARDED_SEEK && f->at > f->first);
}

static inline __u32 axfw_forwarded_blank(__u32 phase)
{
	switch (phase) {
	case AXFW_FORWARDED_LEAD:
		return AXFW_FORWARDED_LEAD;
	case AXFW_FORWARDED_BRACKETED:
		return AXFW_FORWARDED_SEEK; /* no blank belongs there */
	default:
		return AXFW_FORWARDED_TRAIL;
	}
}

/* The phase behind a character of an entry; SEEK: it can't stand there. */
static inline __u32 axfw_forwarded_read(struct axfw_forwarded *f, __u8 c)
{
	__u32 phase = f->phase;

	if (c == ' ' || c == '\t')
		return axfw_forwarded_blank(phase);
	if (phase == AXFW_FORWARDED_LEAD) {
		if (c == '[')
			return AXFW_FORWARDED_BRACKETED;
		phase = AXFW_FORWARDED_PLAIN;
	}
	if (phase == AXFW_FORWARDED_BRACKETED && c == ']')
		return AXFW_FORWARDED_BRACKET;
	if (c == ':' && (phase == AXFW_FORWARDED_BRACKET ||
			 (phase == AXFW_FORWARDED_PLAIN && axfw_address_is_ipv4(&f->text))))
		return AXFW_FORWARDED_PORT;
	if (phase == AXFW_FORWARDED_PORT)
		return (__u32)c - '0' <= 9 ? phase : AXFW_FORWARDED_SEEK;
	if (phase == AXFW_FORWARDED_BRACKET || phase == AXFW_FORWARDED_TRAIL)
		return AXFW_FORWARDED_SEEK;
	axfw_address_step(&f->text, c);
	return f->text.is_broken ? AXFW_FORWARDED_SEEK : phase;
}

static inline enum axfw_forwarded_said axfw_forwarded_end(struct axfw_forwarded *f)
{
	if (f->phase == AXFW_FORWARDED_LEAD || f->phase == AXFW_FORWARDED_BRACKETED)
		return AXFW_FORWARDED_UNREADABLE;
	return axfw_address_end(&f->text, f->entry) ? AXFW_FORWARDED_ENTRY
						    : AXFW_FORWARDED_UNREADABLE;
}

/* Takes the byte at axfw_forwarded_at(). */
static inline enum axfw_forwarded_said axfw_forwarded_step(struct axfw_forwarded *f, __u8 c)
{
	if (f->phase == AXFW_FORWARDED_SEEK) {
		if (f->at > f->first && c != ',') {
			f->at--;
			return AXFW_FORWARDED_MORE;
		}
		f->begin = f->at;
		f->phase = AXFW_FORWARDED_LEAD;
		return AXFW_FORWARDED_MORE;
	}
	if (f->at >= f->end)
		return axfw_forwarded_end(f);
	f->phase = axfw_forwarded_read(f, c);
	f->at++;
	return f->phase == AXFW_FORWARDED_SEEK ? AXFW_FORWARDED_UNREADABLE : AXFW_FORWARDED_MORE;
}

#endif
