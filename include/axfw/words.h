/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Eight bytes at a time, at any address, for code that is compiled for both sides.
 */
#ifndef AXFW_WORDS_H
#define AXFW_WORDS_H

#include <linux/types.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are loaded as they lie");

/* clang loads a packed or memcpy'd word byte by byte for BPF, whose machines load it whole. */
static inline __u64 axfw_load64(const void *at)
{
#ifdef __bpf__
	return *(const __u64 *)at;
#else
	__u64 word;

	__builtin_memcpy(&word, at, sizeof(word));
	return word;
#endif
}

static inline void axfw_store64(void *at, __u64 word)
{
#ifdef __bpf__
	*(__u64 *)at = word;
#else
	__builtin_memcpy(at, &word, sizeof(word));
#endif
}

#endif
