/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The deny list is two maps, and which of them holds a prefix is said here. A flood's sources are
 * whole addresses (of IPv6 a /64, as the penalty box takes them): an exact match finds one of
 * thousands in the time of one, where the trie walks a dozen nodes. The trie has the rest, which is
 * what operators write by hand and mostly empty.
 */
#ifndef AXFW_DENIED_H
#define AXFW_DENIED_H

#include "axfw/words.h"

#define AXFW_WHOLE_BITS	  128 /* an address, IPv4's too */
#define AXFW_NETWORK_BITS 64  /* what stands for one client of IPv6 */

/* Has the address a network of 64 bits that is one client? Not IPv4 (in ::ffff:0:0/96), and not
 * ::/64, which holds all of it. */
static inline int axfw_has_network(const __u8 address[16])
{
	return axfw_load64(address) != 0;
}

/* Is it in `denied_hosts`, not in `denied`? */
static inline int axfw_is_host(__u32 bits, const __u8 address[16])
{
	return bits == AXFW_WHOLE_BITS || (bits == AXFW_NETWORK_BITS && axfw_has_network(address));
}

#endif
