/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program has to decide, written from docs/kernel.md and docs/api.md and not from bpf/:
 * bytes one at a time, strings and lists, no cleverness, so that reading it is enough to believe
 * it. It shares the names of the reasons with the program and nothing else.
 */
#ifndef PACKETS_MODEL_H
#define PACKETS_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include "axfw/reason.h"
#include "wire.h"

#define CONNECTIONS_MAX 32 /* that a run holds open */

/* What the maps say of an API key. */
enum key_state { KEY_ABSENT, KEY_ACTIVE, KEY_REVOKED, KEY_NO_QUOTA, KEY_TOO_FAST, KEY_REFUSED };

struct key_fact {
	const char *text;
	enum key_state state;
	uint64_t until_ns;   /* KEY_NO_QUOTA, KEY_TOO_FAST: boot time at which it ends */
	uint32_t generation; /* KEY_REFUSED: in which userspace refused it */
};

/* An answer's text; digits that vary are zeros at these places, 0: not in it. */
struct answer_fact {
	const uint8_t *text;
	uint32_t len, request_id_at, seconds_at, body_seconds_at, rounded_at, rounded_s;
};

enum answer_kind {
	ANSWER_401,
	ANSWER_429_SIGNUP,
	ANSWER_429_QUOTA,
	ANSWER_413,
	ANSWER_429_RATE,
	ANSWER_KINDS
};

/* A prefix of addresses, IPv4 mapped. */
struct prefix_fact {
	uint8_t address[16];
	uint32_t bits;
	uint64_t until_ns; /* of a denial */
	bool penalty;
};

struct list_fact {
	struct prefix_fact prefixes[4];
	unsigned count;
};

/* How requests are refused. */
enum refusing { REFUSES_NOT, WITH_AN_ANSWER, WITH_A_RESET, WITHOUT_A_WORD };

/* All that the model is told about the world. */
struct knowledge {
	bool tc; /* at the TC hook */
	enum refusing refusing;
	bool sends;	/* packets can be sent by this interface */
	bool full;	/* no room for another refused connection */
	bool complete;	/* every active key is in the map */
	bool origin_on; /* CORS */
	uint32_t generation;
	uint16_t ports[2]; /* protected; 0: none */
	const struct key_fact *keys;
	unsigned key_count;
	struct window_fact {
		uint8_t client[16]; /* an IPv6 client is its /64 */
		uint64_t free_ns;   /* full until then; 0: it isn't full */
	} windows[4];
	struct list_fact denied, allowed, proxies;
	bool any_proxy; /* every peer is trusted */
	bool proxy_protocol;
	unsigned syn_budget; /* so many of a source, and then none; 0: no limit */
	bool cookies;	     /* the stack wants them */
	struct answer_fact answers[ANSWER_KINDS];
	/* the server's socket for the connection, if there is one */
	bool has_socket, first; /* first: neither side has sent anything */
	struct ends ends;
	uint32_t mss;
	/* the ends of all connections there are: a false port may be another one's */
	struct ends others[CONNECTIONS_MAX];
	unsigned other_count;
};

/* A refused connection that is closing. */
struct closing {
	bool open, acknowledged;
	enum refusing how;
	uint32_t refused, next, answer, answer_end;
	enum answer_kind kind;
	uint8_t request_id[16]; /* as printed */
	uint64_t seconds;
};

/* All that is remembered from one packet to the next. */
struct memory {
	struct closing flow;
	struct {
		uint8_t source[16]; /* an IPv6 source is its /64 */
		unsigned count;
	} syns[SEGMENTS_MAX];
	uint32_t cookie; /* of the last SYN */
};

enum becomes {
	STAYS,	     /* passed, untouched */
	VANISHES,    /* dropped */
	ANSWERS,     /* an HTTP answer is sent back */
	CONFIRMS,    /* a pure ACK is sent back */
	GREETS,	     /* a SYN-ACK is sent back */
	ENDS_CLIENT, /* a RST is sent back */
	ENDS_SERVER, /* passed, as the RST that ends the server's socket */
};

/* A segment to a protected port, taken apart. */
struct segment {
	bool ipv6;
	const uint8_t *client, *server; /* addresses */
	uint16_t client_port, server_port;
	uint32_t seq, ack;
	unsigned flags;
	const uint8_t *options, *payload;
	uint32_t option_len, payload_len;
	uint32_t link_len;  /* Ethernet header and VLAN tags */
	uint32_t extra_len; /* IPv4 options, IPv6 extension headers */
	bool is_whole;	    /* the checksum is right, or left to be completed */
};

struct expectation {
	enum axfw_reason why;
	enum becomes becomes;
	struct segment segment;		      /* valid unless STAYS */
	uint64_t seconds_least, seconds_most; /* ANSWERS for the first time: what it may say */
	bool again;
	uint32_t mss; /* GREETS: what is announced */
};

/* What of an HTTP request matters. */
struct request {
	enum { ROUTE_NONE, ROUTE_GUARD, ROUTE_SIGNUP } route;
	bool origin, forwarded_for, authorization, has_key, has_site, has_host, has_length;
	char forwarded[PAYLOAD_MAX + 1];
	char key_value[PAYLOAD_MAX + 1], length[PAYLOAD_MAX + 1], site[PAYLOAD_MAX + 1];
	uint32_t head_len; /* with the request line and the empty line */
};

/* Who speaks, and where the request begins: behind a PROXY header, if there is one. */
struct speaker {
	uint8_t address[16]; /* IPv4 mapped */
	bool trusted;	     /* what it forwards is believed */
	const uint8_t *request;
	uint32_t request_len;
};

/* model_frame.c: AXFW_REASON_COUNT when there is a segment to go on with. */
enum axfw_reason model_segment(const struct knowledge *k, const struct wire *w,
			       struct segment *ret);
/* model_frame.c: are all the segment's TCP options known? *ret_timestamp: the value of the
 * timestamp before the first unknown one, NULL: none. */
bool model_options(const struct segment *s, const uint8_t **ret_timestamp);
/* model_http.c: is it worth reading? */
bool model_starts_request(const struct knowledge *k, const struct segment *s);
/* AXFW_REASON_COUNT when the head is plain. */
enum axfw_reason model_request(const uint8_t *bytes, uint32_t len, struct request *ret);

/* model_tiers.c: AXFW_REASON_COUNT when the source may speak. */
enum axfw_reason model_source(const struct knowledge *k, const struct segment *s, uint64_t now_ns);
/* The request's client; false: it can't be made out. */
bool model_client(const struct knowledge *k, const struct speaker *speaker, const struct request *q,
		  uint8_t ret[16]);
bool model_is_proxy(const struct knowledge *k, const uint8_t address[16]);
/* IPv4 as ::ffff:a.b.c.d */
void model_source_of(const struct segment *s, uint8_t ret[16]);

/* A key that has to wait (why): a client behind a proxy whom the lists turn away hears 403 from
 * userspace first. */
enum axfw_reason model_wait(const struct knowledge *k, const struct speaker *speaker,
			    const struct request *q, uint64_t now_ns, enum axfw_reason why);

/* model_proxy.c: AXFW_REASON_COUNT when there is a request to go on with. */
enum axfw_reason model_speaker(const struct knowledge *k, const struct segment *s,
			       struct speaker *ret);

/* model_syn.c: what becomes of a segment with the SYN flag. */
void model_syn(const struct knowledge *k, struct memory *m, struct expectation *ret);

/* model_close.c: has the segment to do with a refused connection? Then *ret says what. */
bool model_close(const struct knowledge *k, struct closing *flow, struct expectation *ret);

/* Is it a segment of the connection that is known? */
bool model_same_ends(const struct ends *e, const struct segment *s);
/* Are its options such that what is sent can mirror them: all known? */
bool model_are_mirrored(const struct segment *s);

/* Takes the frame in: what has to become of it, and *m becomes what is remembered. now: the boot
 * times right before and behind the run. */
void model_step(const struct knowledge *k, struct memory *m, const struct wire *frame,
		const uint64_t now_ns[2], struct expectation *ret);
/* The frame that has to be left, to the byte. A first answer's request id and seconds and a cookie
 * are taken from *m, where the caller has put what it saw and found well-formed. */
void model_frame(const struct knowledge *k, const struct memory *m, const struct expectation *e,
		 const struct wire *in, struct wire *ret);

#endif
