/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SipHash-2-4 with a 128-bit result (Aumasson and Bernstein), written from the paper and the
 * reference's published vectors. One text for the daemon and the BPF program, because a key that
 * hashes differently in the two would be refused although it works. Little-endian hosts only, as
 * everything we build for.
 *
 * A keyed hash and not SHA-256: 48 bytes cost 22 rounds of four additions, which is what a program
 * that runs per packet can afford, and without the key nobody can aim collisions at the table.
 */
#ifndef AXFW_SIPHASH_H
#define AXFW_SIPHASH_H

#include <linux/types.h>
#include "axfw/abi.h"
#include "axfw/words.h"

/* 6.1's verifier ends a loop only at a comparison with a constant. In the BPF program every loop
 * has one (it hashes no more than 16 words), and the compiler mustn't find out that it is never
 * reached. */
#ifdef __bpf__
#define AXFW_SIPHASH_WORDS_MAX 16
#define AXFW_SIPHASH_FORGET(x) asm volatile("" : "+r"(x))
#else
#define AXFW_SIPHASH_WORDS_MAX (~0u)
#define AXFW_SIPHASH_FORGET(x) ((void)(x))
#endif

struct axfw_siphash {
	__u64 v0, v1, v2, v3;
};

static inline __attribute__((always_inline)) __u64 axfw_rotate_left(__u64 x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline __attribute__((always_inline)) void axfw_siphash_round(struct axfw_siphash *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = axfw_rotate_left(s->v1, 13) ^ s->v0;
	s->v3 = axfw_rotate_left(s->v3, 16) ^ s->v2;
	s->v0 = axfw_rotate_left(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = axfw_rotate_left(s->v1, 17) ^ s->v2;
	s->v3 = axfw_rotate_left(s->v3, 21) ^ s->v0;
	s->v2 = axfw_rotate_left(s->v2, 32);
}

static inline __attribute__((always_inline)) void axfw_siphash_block(struct axfw_siphash *s,
								     __u64 word)
{
	s->v3 ^= word;
	axfw_siphash_round(s);
	axfw_siphash_round(s);
	s->v0 ^= word;
}

static inline __attribute__((always_inline)) __u64 axfw_siphash_finish(struct axfw_siphash *s)
{
	axfw_siphash_round(s);
	axfw_siphash_round(s);
	axfw_siphash_round(s);
	axfw_siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

static inline __attribute__((always_inline)) void axfw_siphash128(__u64 k0, __u64 k1,
								  const __u8 *data, __u32 len,
								  struct axfw_key_hash *ret)
{
	struct axfw_siphash s = {
		.v0 = k0 ^ 0x736f6d6570736575ULL,
		.v1 = k1 ^ 0x646f72616e646f6dULL ^ 0xee, /* 0xee: 128-bit result */
		.v2 = k0 ^ 0x6c7967656e657261ULL,
		.v3 = k1 ^ 0x7465646279746573ULL,
	};
	__u64 last = (__u64)len << 56;
	__u32 words = len / 8, rest = len % 8;

	AXFW_SIPHASH_FORGET(words);
	AXFW_SIPHASH_FORGET(rest);
	for (__u32 i = 0; i < AXFW_SIPHASH_WORDS_MAX && i < words; i++)
		axfw_siphash_block(&s, axfw_load64(data + 8 * i));
	data += len & ~7u;
	for (__u32 i = 0; i < 7 && i < rest; i++)
		last |= (__u64)data[i] << (8 * i);
	axfw_siphash_block(&s, last);
	s.v2 ^= 0xee;
	axfw_store64(ret->bytes, axfw_siphash_finish(&s));
	s.v1 ^= 0xdd;
	axfw_store64(ret->bytes + 8, axfw_siphash_finish(&s));
}

#endif
