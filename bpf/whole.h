/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Did the segment arrive as it was sent? The stack drops one whose checksum is wrong and the client
 * sends it again, so a key with a wrong bit in it must not be refused: it may be one that works.
 * Asked last, of segments that are about to be refused, because it reads all of them.
 *
 * A sender on the same machine leaves the sum to its NIC (and GRO to whoever sends on): then the
 * field holds the sum of the pseudo header, and nothing was on a wire that could have damaged it.
 */
#ifndef AXFW_BPF_WHOLE_H
#define AXFW_BPF_WHOLE_H

#include "checksum.h"
#include "http.h"
#include "maps.h"
#include "parse.h"

#define SUM_STEP	 512 /* what bpf_csum_diff() takes at once; a power of two */
#define SUM_STEPS_MAX	 129 /* of the largest IP packet */
#define TCP_CHECKSUM_AT	 16
#define TCP_SUM_IS_RIGHT 0xffff

/* Not `scratch`: events read the request's head there when all is done. */
struct summed {
	__u8 bytes[SUM_STEP + 8]; /* and a word of zeros */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct summed);
} summed __weak SEC(".maps");

struct summing {
	struct hook_ctx *ctx;
	struct summed *s;
	__u32 at, end;
	__u32 sum;
	__u32 failed;
};

/* The next bytes of the segment, padded with zeros to a word. false: that was all, or it failed. */
static __always_inline bool sum_some(struct summing *c)
{
	__u32 len = c->end - c->at;
	__s64 sum;

	len = len > SUM_STEP ? SUM_STEP : len;
	len = ((len - 1) & (SUM_STEP - 1)) + 1; /* never 0: as 6.1 understands it */
	c->failed = 1;
	if (!load_bytes(c->ctx, c->at, c->s->bytes, len))
		return false;
	axfw_store64(c->s->bytes + len, 0);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)c->s->bytes, (len + 3) & ~3u, c->sum);
	if (sum < 0)
		return false;
	c->failed = 0;
	c->sum = sum;
	c->at += len;
	return c->at < c->end;
}

static long sum_step(__u32 step __attribute__((unused)), struct summing *c)
{
	return !sum_some(c);
}

__noinline int GLOBAL(whole)(struct hook_ctx *ctx, struct axfw_packet *p)
{
	struct summing c = {};
	__u32 zero = 0, len;
	__u64 pseudo;
	bool more;

	if (!ctx || !p)
		return 0;
	c.ctx = ctx;
	c.s = bpf_map_lookup_elem(&summed, &zero);
	if (!c.s)
		return 0;
	len = p->payload_at - p->tcp_at + p->payload_len;
	pseudo = sum_pseudo_header(p, len);
	c.at = p->tcp_at;
	c.end = p->tcp_at + len;
	more = sum_some(&c);
	if (*(__u16 *)(c.s->bytes + TCP_CHECKSUM_AT) == axfw_fold(pseudo))
		return 1;
	if (more) /* most are smaller than that */
		bpf_loop(SUM_STEPS_MAX, sum_step, &c, 0);
	return !c.failed && axfw_fold(pseudo + c.sum) == TCP_SUM_IS_RIGHT;
}

#endif
