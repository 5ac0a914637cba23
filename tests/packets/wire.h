/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes on the wire, big-endian, one at a time: nothing of bpf/ or include/axfw/ is used. */
#ifndef PACKETS_WIRE_H
#define PACKETS_WIRE_H

#include <stdint.h>
#include "../bpf/frame.h"
#include "script.h"

#define WIRE_MAX 3500 /* what BPF_PROG_TEST_RUN takes of a page */
#define WIRE_MIN 15   /* and no less than an Ethernet header and a byte */

struct wire {
	uint32_t len;
	uint8_t at[WIRE_MAX + 512];
};

static inline void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static inline void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

static inline uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static inline uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

/* RFC 1071: adds the bytes to a sum of big-endian 16-bit words, an odd last byte on the left. */
uint32_t wire_sum(uint32_t sum, const uint8_t *at, uint32_t len);
/* The checksum field of a TCP segment whose own field is zero. */
uint32_t wire_tcp_checksum(const uint8_t *from, const uint8_t *to, uint32_t address_len,
			   const uint8_t *tcp, uint32_t len);

/* The sum of the pseudo header alone, which senders leave for their NIC to complete. */
uint32_t wire_pseudo_sum(const uint8_t *from, const uint8_t *to, uint32_t address_len,
			 uint32_t tcp_len);

/* What a segment's relative numbers are relative to. */
struct standing {
	struct ends ends;
	uint32_t highest;    /* behind everything the client has sent */
	uint32_t answer_end; /* what acknowledges the answer */
};

void wire_build(const struct standing *now, const struct script_segment *s, struct wire *ret);

#endif
