/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The Internet checksum (RFC 1071), as far as both sides need it: the daemon sums an answer's text
 * once, the kernel adds the few words that vary. Sums are of 16-bit words as they lie in memory
 * (host order): one's-complement sums don't care about byte order as long as everybody loads words
 * the same way.
 */
#ifndef AXFW_CHECKSUM_H
#define AXFW_CHECKSUM_H

#include <linux/types.h>

/* Folds to 16 bits, not complemented. */
static inline __u32 axfw_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u32)((sum & 0xffff) + (sum >> 16));
}

/* Folded sum of len bytes; len is even (an answer's text is padded to that). For userspace: the
 * loop's bound is unknown to a verifier. */
#ifndef __bpf__
static inline __u32 axfw_sum(const __u8 *data, __u32 len)
{
	__u64 sum = 0;

	for (__u32 i = 0; i + 1 < len; i += 2)
		sum += (__u32)data[i] | (__u32)data[i + 1] << 8;
	return axfw_fold(sum);
}
#endif

#endif
