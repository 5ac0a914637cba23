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

/* Raised whenever a struct or a map below changes its meaning. A daemon goes on with those pinned
 * maps of an older version whose row in axfw/maps.h says that they haven't changed since, and makes
 * the others anew. */
#define AXFW_ABI_VERSION 3

/* Sizes. Each names what fills the map and why it stops where it does. */
#define AXFW_ADMISSIONS_MAX 65536 /* API keys held at start; grown by the daemon at 75 % */
#define AXFW_UNKNOWN_MAX    16384 /* keys userspace refused: an LRU, losing one costs a look-up */
#define AXFW_SIGNUPS_MAX    16384 /* client addresses with a signup in the last hour */
#define AXFW_FLOWS_MAX	    32768 /* refused connections still closing: ~2 s each at 16 k/s */
#define AXFW_DENIED_MAX	    16384 /* denied prefixes and hosts: the operator's, the box's */
#define AXFW_ALLOWED_MAX    4096  /* prefixes of the allow list */
#define AXFW_PROXIES_MAX    1024  /* trusted proxy prefixes */
#define AXFW_REFUSALS_MAX   16384 /* clients refused lately: proved senders, so few lie */
#define AXFW_SYN_BUDGET_MAX 65536 /* sources of SYNs while tier 1 is on; anybody can forge one */
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
	AXFW_RATE_EXCEEDED = 4,	  /* the same, for the key's rate: its bucket is userspace's */
};

/* Value of `admissions`. Written by the daemon, except `hits`, which the kernel adds to. */
struct axfw_admission {
	__u64 deny_until_ns; /* QUOTA_EXHAUSTED, RATE_EXCEEDED: boot time at which it ends */
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

/* A prefix of addresses as an LPM trie wants it. IPv4 mapped as above: /24 is 96 + 24 bits. */
struct axfw_prefix {
	__u32 bits; /* 0 .. 128, host order */
	__u8 address[16];
};
_Static_assert(sizeof(struct axfw_prefix) == 20, "no holes, no tail padding");

enum axfw_denial_cause {
	AXFW_DENIED_BY_OPERATOR = 1,
	AXFW_DENIED_BY_PENALTY = 2, /* kept being refused */
};

/* Value of `denied` and `denied_hosts` (axfw/denied.h says which): tier 0. Written by the daemon,
 * except `packets` and `tick`. A longer prefix hides a shorter one, so the daemon gives each the
 * latest end of all that cover it. */
struct axfw_denial {
	__u64 until_ns; /* boot time; ~0: until it is taken out */
	__u64 packets;	/* dropped, about (counted without a lock) */
	__u64 tick;	/* the kernel's, in which it was last seen that this hasn't ended */
	__u32 cause;	/* enum axfw_denial_cause */
	__u32 bits;	/* of its prefix: which of two that match is the longer */
};
_Static_assert(sizeof(struct axfw_denial) == 32, "no holes, no tail padding");

/* Value of `allowed` and `proxies`: being there is what counts. */
struct axfw_listed {
	__u32 listed; /* 1 */
};

/* A rate as the generic cell rate algorithm has it (ITU-T I.371): one event per interval, and
 * `burst_ns` of intervals ahead of time. State is the theoretical arrival time, one word. */
struct axfw_rate {
	__u64 interval_ns; /* 0: no limit */
	__u64 burst_ns;
};

/* Value of `syn_budget`: tier 1. Written by the kernel only. */
struct axfw_syn_bucket {
	__u64 arrival_ns; /* theoretical arrival time, boot time */
};

/* Value of `refusals`: what the kernel refused to a client in this window. At the limit it tells
 * the daemon (AXFW_EVENT_PENALTY), which alone puts somebody into the box. Kernel only. */
struct axfw_refusals {
	__u64 window_ns; /* when the window began, boot time */
	__u32 count;
	__u32 pad;
};

struct axfw_penalty_rule {
	__u64 window_ns;
	__u32 refusals; /* so many within the window; 0: there is no box */
	__u32 pad;
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
	__u8 response;	     /* enum axfw_response, or enum axfw_unanswered */
	__u8 reason;	     /* enum axfw_reason of the refusal */
	__u8 acknowledged;   /* the client has confirmed the answer */
	__u8 fin_seen;	     /* the client has sent all it will send */
	__u64 request_id;    /* printed as 16 hex digits in X-Request-ID */
};
_Static_assert(sizeof(struct axfw_flow) == 40, "no holes, no tail padding");

/* axfw_flow.response of a refused connection that gets no answer. */
enum axfw_unanswered {
	AXFW_UNANSWERED_RESET = 254,
	AXFW_UNANSWERED_DROP = 255,
};

/* The one element of `flow_counts` on each CPU: how many flows there have been, ever. What was
 * evicted before its close was over is begun - ended - those in `flows` that aren't over. */
struct axfw_flow_counts {
	__u64 begun;
	__u64 ended; /* both sides have closed, or one has reset, or the time is up */
};
_Static_assert(sizeof(struct axfw_flow_counts) == 16, "no holes, no tail padding");

enum axfw_response {
	AXFW_RESPONSE_UNAUTHORIZED,   /* 401 */
	AXFW_RESPONSE_SIGNUP_LIMITED, /* 429, HTML */
	AXFW_RESPONSE_QUOTA,	      /* 429, JSON */
	AXFW_RESPONSE_RATE,	      /* 429, JSON */
	AXFW_RESPONSE_TOO_LARGE,      /* 413, JSON, of the routes with an API key */
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
enum axfw_refuse {
	AXFW_REFUSE_ANSWER,
	AXFW_REFUSE_PASS,  /* left to userspace */
	AXFW_REFUSE_RESET, /* both ends are reset, the server's first */
	AXFW_REFUSE_DROP,  /* the server's end is reset, the client hears nothing */
};

/* What a packet has to be asked at all; a question that nobody configured costs nothing. */
enum axfw_tier {
	AXFW_TIER_DENIED = 1 << 0,	   /* `denied` isn't empty */
	AXFW_TIER_ALLOWED = 1 << 1,	   /* only `allowed` and `proxies` may speak to us */
	AXFW_TIER_PROXIES = 1 << 2,	   /* `proxies` isn't empty */
	AXFW_TIER_PROXY_PROTOCOL = 1 << 3, /* connections of proxies begin with a PROXY header */
	AXFW_TIER_ANY_PROXY = 1 << 4,	   /* every direct peer is trusted: right-most entry */
	AXFW_TIER_SYN_BUDGET = 1 << 5,
	AXFW_TIER_SYN_COOKIES = 1 << 6,
	AXFW_TIER_PENALTY = 1 << 7,
	AXFW_TIER_DENIED_HOSTS = 1 << 8, /* `denied_hosts` isn't empty */
};

/* Some of both of the deny list's maps may be there. */
#define AXFW_TIERS_DENIED (AXFW_TIER_DENIED | AXFW_TIER_DENIED_HOSTS)

/* Whose packets `axfw trace` wants to see, refused or not. */
struct axfw_trace {
	__u64 until_ns;		  /* boot time; 0: nobody asks */
	__u8 client[16];	  /* all zero: any */
	struct axfw_key_hash key; /* all zero: any */
};

/* The one element of `config`. Written by the daemon, mapped into it. abi_version stays first in
 * every version: a daemon reads it before it knows the rest. */
struct axfw_config {
	__u32 abi_version;
	__u32 refuse;		   /* enum axfw_refuse */
	__u64 generation;	   /* raised when a key is created: voids every `unknown` entry */
	__u32 admissions_complete; /* every active key is in the map: a miss is a refusal */
	__u32 origin_passes;	   /* CORS is on: requests with an Origin header are userspace's */
	__u16 ports[AXFW_PORTS_MAX]; /* protected TCP ports, host order, 0 ends the list */
	__u32 tiers;		     /* enum axfw_tier */
	__u32 event_sample;	     /* one event in this many decisions; 0: none */
	__u32 events_per_second;     /* at most, of each kind, on each CPU */
	__u32 pad;
	struct axfw_signup_rule signup;
	struct axfw_rate syn_rate;
	struct axfw_penalty_rule penalty;
	struct axfw_trace trace;
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

enum axfw_event_kind {
	AXFW_EVENT_SAMPLED = 1, /* stands for `weight` decisions */
	AXFW_EVENT_TRACED = 2,	/* asked for by config.trace */
	AXFW_EVENT_PENALTY = 3, /* this client has reached the limit of config.penalty */
};

enum axfw_hook { AXFW_HOOK_XDP = 1, AXFW_HOOK_TC = 2 };

/* The one element of `event_budget` on each CPU. Written by the kernel only. */
struct axfw_event_budget {
	__u64 window_ns; /* when this second began, boot time */
	__u64 left_out;	 /* events beyond events_per_second, ever */
	__u64 ring_full; /* events for which `events` had no room, ever */
	__u32 sent[4];	 /* in this second, by enum axfw_event_kind: no kind starves another */
	__u32 owed;	 /* what left out samples stood for: the next one stands for them, too */
	__u32 pad;
};
_Static_assert(sizeof(struct axfw_event_budget) == 48, "no holes, no tail padding");

/* A record in `events`. */
struct axfw_event {
	__u64 at_ns;		  /* boot time */
	__u64 request_id;	  /* of the answer, as in its X-Request-ID; 0: none */
	struct axfw_key_hash key; /* zero where no key was read */
	__u8 client[16];	  /* the packet's source, or what a trusted proxy said */
	__be16 client_port;
	__u8 kind; /* enum axfw_event_kind */
	__u8 hook; /* enum axfw_hook */
	__u8 reason;
	__u8 response;
	__u16 bytes; /* of the frame; 65,535 and more: 65,535 */
	__u32 weight;
	__u32 ifindex;
};
_Static_assert(sizeof(struct axfw_event) == 64, "no holes, no tail padding");

#endif
