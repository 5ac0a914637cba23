/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel ABI: the values of the pinned maps, shared by bpf/, userspace/kernel/ and the tools.
 * Everything is host byte order unless a field says otherwise; every time is CLOCK_BOOTTIME in
 * nanoseconds (bpf_ktime_get_boot_ns()), because a deny-until must go on counting in suspend and
 * must not move when the wall clock is stepped. No implicit padding; sizes are asserted.
 */
#ifndef AXFW_ABI_H
#define AXFW_ABI_H

#include <linux/types.h>
#include "axfw/signup.h"

/* Raised whenever a struct or a map below changes its meaning; a daemon replaces pins of another
 * version instead of adopting them. */
#define AXFW_ABI_VERSION 1

/* Sizes. Each names what fills the map and why it stops where it does. */
#define AXFW_ADMISSIONS_MAX 65536 /* API keys held at start; grown by the daemon at 75 % */
#define AXFW_UNKNOWN_MAX    16384 /* keys userspace refused: an LRU, losing one costs a look-up */
#define AXFW_SIGNUPS_MAX    16384 /* client addresses with a signup in the last hour */
#define AXFW_FLOWS_MAX	    32768 /* refused connections still closing: ~2 s each at 16 k/s */
#define AXFW_DENIED_MAX	    16384 /* deny-listed prefixes */
#define AXFW_PROXIES_MAX    1024  /* trusted proxy prefixes */
#define AXFW_EVENTS_BYTES   (1 << 20)
#define AXFW_ROUTES_MAX	    8
#define AXFW_ROUTE_LINE_MAX 48 /* "POST /v1/guard/output HTTP/1.1" and room to grow */
#define AXFW_PORTS_MAX	    8
#define AXFW_INTERFACES_MAX 16
#define AXFW_ANSWER_MAX	    400 /* bytes of an HTTP answer: fits every MSS TCP allows (536) */

/* SipHash-2-4-128 of an API key under the store's admission key, as the 16 output bytes. */
struct axfw_key_hash {
	__u8 bytes[16];
};

enum axfw_admission_state {
	AXFW_ADMITTED = 1,	  /* pass */
	AXFW_REVOKED = 2,	  /* answer 401 */
	AXFW_QUOTA_EXHAUSTED = 3, /* answer 429 until deny_until_ns, then pass */
};

/* Value of `admissions`. Written by the daemon, except `hits`, which the kernel adds to. */
struct axfw_admission {
	__u64 deny_until_ns; /* QUOTA_EXHAUSTED: boot time at which the refusal ends */
	__u64 hits;	     /* requests the kernel judged by this entry */
	__u32 tenant_number;
	__u32 key_number;
	__u8 state; /* enum axfw_admission_state; 0 never occurs */
	__u8 pad[7];
};
_Static_assert(sizeof(struct axfw_admission) == 32, "no holes, no tail padding");

/* Value of `unknown`: valid only while equal to axfw_config.generation. Written by the daemon. */
struct axfw_unknown {
	__u64 generation;
};

/* A client as the limits see it: IPv4 as ::ffff:a.b.c.d/128, IPv6 as its /64 (network order). */
struct axfw_client {
	__u8 address[16];
};

/* A connection. Addresses in network order, IPv4 mapped as above. netns is the namespace cookie, so
 * that the same 4-tuple in two namespaces is two flows. */
struct axfw_flow_key {
	__u64 netns;
	__u8 client[16];
	__u8 server[16];
	__be16 client_port;
	__be16 server_port;
	__u32 pad;
};
_Static_assert(sizeof(struct axfw_flow_key) == 48, "no holes, no tail padding");

/* Value of `flows`: a refused connection on its way to being closed. Written by the kernel only. */
struct axfw_flow {
	__u64 last_seen_ns;
	__u32 refused_seq;   /* first byte of the refused request */
	__u32 next_seq;	     /* highest byte seen from the client, plus one */
	__u32 answer_seq;    /* first byte of our answer */
	__u32 answer_end;    /* its end, FIN included: what the client will acknowledge */
	__u32 retry_after_s; /* so that an answer sent again is the same answer */
	__u8 response;	     /* enum axfw_response */
	__u8 reason;	     /* enum axfw_reason of the refusal */
	__u8 acknowledged;   /* the client has confirmed the answer */
	__u8 fin_seen;	     /* the client has sent all it will send */
	__u64 request_id;    /* printed as 16 hex digits in X-Request-ID */
};
_Static_assert(sizeof(struct axfw_flow) == 40, "no holes, no tail padding");

enum axfw_response {
	AXFW_RESPONSE_UNAUTHORIZED,   /* 401 */
	AXFW_RESPONSE_SIGNUP_LIMITED, /* 429, HTML */
	AXFW_RESPONSE_QUOTA,	      /* 429, JSON */
	AXFW_RESPONSE_COUNT,
};

/* Value of `responses`: an HTTP answer whose variable digits are fixed-width and left-padded with
 * spaces, so that its length never changes and its checksum is the precomputed one plus a few
 * words. Offsets are even (checksum words); 0 means "not in this answer" (no answer starts with
 * one). */
struct axfw_response_template {
	__u16 len;	       /* bytes used in text; even */
	__u16 request_id_at;   /* 16 hex digits */
	__u16 retry_after_at;  /* Retry-After header: 8 digits, right-aligned */
	__u16 body_seconds_at; /* the same number in the body, 8 digits, or 0 */
	__u16 body_unit_at;    /* the same rounded for people, 4 digits, or 0 */
	__u16 pad;
	__u32 body_unit_s; /* 60: minutes rounded down; 86400: days rounded up */
	__u32 sum; /* one's-complement sum, folded to 16 bits, of text as native 16-bit words (as
		    * bpf_csum_diff() sums), its variable digits being zero bytes */
	__u8 text[AXFW_ANSWER_MAX];
};

/* Which request lines the kernel may refuse: set once from the daemon's route table. */
enum axfw_route_kind {
	AXFW_ROUTE_USERSPACE = 0, /* never refused in the kernel */
	AXFW_ROUTE_API_KEY = 1,	  /* tier 4 */
	AXFW_ROUTE_SIGNUP = 2,	  /* tier 3 */
};

struct axfw_route {
	char line[AXFW_ROUTE_LINE_MAX]; /* "POST /v1/guard/check HTTP/1.1\r\n", not terminated */
	__u32 line_len;
	__u32 kind; /* enum axfw_route_kind */
	__u32 body_max;
	__u32 pad;
};

/* What is done with a refused request. */
enum axfw_refuse { AXFW_REFUSE_ANSWER, AXFW_REFUSE_PASS };

/* The one element of `config`. Written by the daemon, mapped into it. */
struct axfw_config {
	__u32 abi_version;
	__u32 refuse;		   /* enum axfw_refuse */
	__u64 generation;	   /* raised when a key is created: voids every `unknown` entry */
	__u32 admissions_complete; /* every active key is in the map: a miss is a refusal */
	__u32 origin_passes;	   /* CORS is on: requests with an Origin header are userspace's */
	__u16 ports[AXFW_PORTS_MAX]; /* protected TCP ports, host order, 0 ends the list */
	__u32 event_sample;	     /* one event in this many decisions; 0: none */
	__u32 pad;
	struct axfw_signup_rule signup;
	/* Interfaces an answer was found to leave by; 0: unused slot, anywhere in the array.
	 * Nothing is refused on another one (NOT_CONFIGURED): the client would never see the
	 * answer. */
	__u32 answer_ifindex[AXFW_INTERFACES_MAX];
	__u64 admission_key_check; /* the daemon's: which SipHash key the entries were made under */
};

/* Value of `counters` (per CPU), index enum axfw_reason. */
struct axfw_counter {
	__u64 packets;
	__u64 bytes;
};

/* A record in `events`. */
struct axfw_event {
	__u64 at_ns;
	struct axfw_key_hash key; /* zero where no key was read */
	__u8 client[16];
	__be16 client_port;
	__u8 reason;
	__u8 response;
	__u32 ifindex;
};

#endif
