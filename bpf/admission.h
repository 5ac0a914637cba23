/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tier 4: what userspace has already said about a key. A refusal is only what it would say again at
 * this moment; a key that isn't in the map is refused only if the map holds every active one, or if
 * userspace refused this very key and no key has come to life since.
 */
#ifndef AXFW_BPF_ADMISSION_H
#define AXFW_BPF_ADMISSION_H

#include "http.h"

static __always_inline void hash_key(const struct scratch *s, struct value v,
				     struct axfw_key_hash *ret)
{
	const volatile __u64 *key = (const volatile __u64 *)axfw_siphash_key;

	asm volatile(""
		     : "+r"(v.len)); /* or the mask is left out, and 6.1 has forgotten the bound */
	axfw_siphash128(key[0], key[1], s->bytes + (v.at & SCAN_MASK), v.len & KEY_LEN_MAX, ret);
}

static __always_inline __u32 judge_absent(const struct axfw_key_hash *hash,
					  const struct axfw_config *settings)
{
	const struct axfw_unknown *remembered;

	if (settings->admissions_complete)
		return AXFW_REASON_KEY_UNKNOWN;
	remembered = bpf_map_lookup_elem(&unknown, hash);
	if (remembered && remembered->generation == settings->generation)
		return AXFW_REASON_KEY_REFUSED_BEFORE;
	return AXFW_REASON_KEY_NOT_KNOWN_HERE;
}

/* A key that works, but not before a time: its quota or its rate is used up. */
static __always_inline __u32 judge_wait(const struct axfw_admission *a, struct axfw_packet *p,
					__u32 why, __u32 response)
{
	__u64 now = boot_now(p), until = a->deny_until_ns;

	if (until <= now)
		return AXFW_REASON_KEY_ADMITTED;
	p->retry_after_s = (until - now + NS_PER_S - 1) / NS_PER_S;
	p->response = response;
	return why;
}

static __always_inline __u32 judge_key(const struct axfw_config *settings, const struct scratch *s,
				       struct axfw_packet *p)
{
	struct axfw_key_hash hash = {};
	struct axfw_admission *a;
	struct value v = find_key(s);

	if (!v.len)
		return AXFW_REASON_NO_KEY;
	hash_key(s, v, &hash);
	p->key = hash;
	p->judged = 1;
	p->response = AXFW_RESPONSE_UNAUTHORIZED;
	a = bpf_map_lookup_elem(&admissions, &hash);
	if (!a)
		return judge_absent(&hash, settings);
	__sync_fetch_and_add(&a->hits, 1);
	switch (a->state) {
	case AXFW_REVOKED:
		return AXFW_REASON_KEY_REVOKED;
	case AXFW_QUOTA_EXHAUSTED:
		return judge_wait(a, p, AXFW_REASON_QUOTA_EXHAUSTED, AXFW_RESPONSE_QUOTA);
	case AXFW_RATE_EXCEEDED:
		return judge_wait(a, p, AXFW_REASON_RATE_EXCEEDED, AXFW_RESPONSE_RATE);
	default:
		return AXFW_REASON_KEY_ADMITTED;
	}
}

#endif
