/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rows run in: a network namespace of our own with listeners that are real, the loaded
 * program, and connections whose numbers are read from the client's socket (TCP_REPAIR queues, read
 * only).
 */
#ifndef BPF_TESTS_WORLD_H
#define BPF_TESTS_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include "axfw/abi.h"
#include "axfw/reason.h"
#include "frame.h"

#define PORT_DEFERRED	 8004 /* the listener sets TCP_DEFER_ACCEPT, as axfwd does */
#define PORT_ESTABLISHED 8005 /* it doesn't: handshakes end in a socket */
#define PORT_OTHER	 8006 /* not protected */
#define PORT_CLOSED	 8007 /* nobody listens */

/* Keys by what the maps say of them. */
#define KEY_ADMITTED_TEXT "axfw_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_REVOKED_TEXT  "axfw_rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
#define KEY_QUOTA_TEXT	  "axfw_qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"
#define KEY_UNKNOWN_TEXT  "axfw_uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"
/* its denial is over */
#define KEY_RENEWED_TEXT "axfw_nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
/* userspace refused it */
#define KEY_SEEN_TEXT "axfw_sssssssssssssssssssssssssssssssssssssssssss"
/* faster than its rate, until QUOTA_SECONDS, too, and until just now */
#define KEY_FAST_TEXT	"axfw_fffffffffffffffffffffffffffffffffffffffffff"
#define KEY_SLOWED_TEXT "axfw_lllllllllllllllllllllllllllllllllllllllllll"
#define QUOTA_SECONDS	777777
/* How long ago the latest world was made: waits have become so much shorter. */
unsigned world_age_s(void);

enum peer { NOBODY4, NOBODY6, DEFERRED4, DEFERRED6, ESTABLISHED4, ESTABLISHED6 };

struct world;
struct axfw_bpf;

/* Enters a new namespace: once per process. -errno. */
int world_enter(void);
/* When the stack of the namespace answers SYNs with cookies: net.ipv4.tcp_syncookies. */
enum syncookies { SYNCOOKIES_UNDER_PRESSURE = 1, SYNCOOKIES_ALWAYS = 2 };
bool world_set_syncookies(enum syncookies value);
/* small_flows: `flows` is a plain hash with one element, which fills up. */
struct world *world_new(bool small_flows);
/* With room for so many keys. */
struct world *world_new_for_keys(uint32_t admissions_max);
void world_admit(struct world *w, const char *key);
void world_free(struct world **w);
struct axfw_bpf *world_skeleton(struct world *w);
void world_configure(struct world *w, const struct axfw_config *config);
/* The configuration most rows start from: enforcing, complete, signups limited to 5 an hour. */
void world_default_config(struct axfw_config *ret);
/* 0: nobody has tried; else that many attempts of the loopback client, ten minutes ago. */
void world_set_signups(struct world *w, bool ipv6, unsigned attempts);
void world_forget_flows(struct world *w);

struct connection {
	int client;   /* -1: nobody */
	int server;   /* -1: not accepted (deferred: nothing to accept yet) */
	uint32_t mss; /* what the client announces; 0: the usual */
	struct ends ends;
};
int connection_open(enum peer peer, uint32_t mss, struct connection *ret);
void connection_close(struct connection *c);
/* Sends on the real socket and waits until the peer acknowledged it; the ends' numbers move on. */
int connection_send(struct connection *c, const char *text);
int connection_numbers(struct connection *c);
void connection_flow_key(const struct connection *c, struct axfw_flow_key *ret);

/* Which of the two programs world_run() runs; XDP until told. */
void world_use(struct world *w, enum axfw_hook hook);
/* Runs the program once. *frame becomes what it left. Returns the action as XDP has it (a redirect
 * by TC is XDP_TX) or -errno. */
int world_run(struct world *w, struct frame *frame);
void world_flow_counts(struct world *w, struct axfw_flow_counts *ret);
void world_counters(struct world *w, struct axfw_counter ret[AXFW_REASON_COUNT]);
const char *reason_name(unsigned reason);

/* The answers in the map, so that what comes out can be compared with what was put in. */
const struct axfw_response_template *world_template(unsigned response);

#endif
