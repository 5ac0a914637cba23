// SPDX-License-Identifier: Apache-2.0
/*
 * What has to hold for any bytes: every frame is counted once, a forged one is never answered or
 * changed, and a request that carries an active key is never refused, whatever is damaged around
 * the key. The sequence is the same in every run, so a failure can be found again.
 */
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>
#include "run.h"

#define ROUNDS	    40000
#define DAMAGES_MAX 4

#define REQUEST(key)                                                                               \
	"POST /v1/guard/check HTTP/1.1\r\nHost: localhost:8004\r\nCookie: a=b; c=d\r\n"            \
	"Authorization: Bearer " key "\r\nContent-Length: 12\r\n\r\n{\"text\":\"a\"}"

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Changes some bytes, or cuts the frame; [keep, keep_end) stays as it is. */
static void damage(struct frame *f, uint32_t keep, uint32_t keep_end, uint32_t *random)
{
	static const char telling[] = "\r\n\t :\0\x7f\xff,;=aA0-_/";
	uint32_t count = 1 + next_random(random) % DAMAGES_MAX;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = next_random(random) % f->len, how = next_random(random);

		if (at >= keep && at < keep_end)
			continue;
		if (how % 2)
			f->bytes[at] = (uint8_t)telling[how / 2 % (sizeof(telling) - 1)];
		else
			f->bytes[at] = (uint8_t)(how >> 8);
	}
	if (next_random(random) % 16 == 0)
		f->len = 14 + next_random(random) % (f->len - 14);
	if (f->len < 15)
		f->len = 15; /* what BPF_PROG_TEST_RUN takes */
}

static uint64_t count_all(struct world *w)
{
	struct axfw_counter counters[AXFW_REASON_COUNT];
	uint64_t sum = 0;

	world_counters(w, counters);
	for (unsigned i = 0; i < AXFW_REASON_COUNT; i++)
		sum += counters[i].packets;
	return sum;
}

/* Every damaged form of the request must pass unchanged. NULL, or what happened instead. */
static const char *run_damaged(struct world *w, enum peer on, const char *text, const char *key)
{
	uint64_t before = count_all(w);
	uint32_t random = 2463534242u, keep, keep_len = (uint32_t)strlen(key);
	struct frame whole, in, out;
	struct connection c;
	const char *wrong = NULL;

	if (connection_open(on, 0, &c))
		return "no connection";
	frame_build(&c.ends, &(struct shape){ .text = text }, &whole);
	keep = (uint32_t)((uint8_t *)memmem(whole.bytes, whole.len, key, keep_len) - whole.bytes);
	for (unsigned i = 0; i < ROUNDS && !wrong; i++) {
		in = whole;
		damage(&in, keep, keep + keep_len, &random);
		out = in;
		if (world_run(w, &out) != XDP_PASS)
			wrong = "a damaged request was not passed";
		else if (in.len != out.len || memcmp(in.bytes, out.bytes, in.len))
			wrong = "a damaged request was changed";
	}
	connection_close(&c);
	if (!wrong && count_all(w) - before != ROUNDS)
		wrong = "not every frame was counted once";
	return wrong;
}

void run_random(struct world *w, struct tally *tally)
{
	struct axfw_config config;
	const char *wrong;

	world_default_config(&config);
	world_configure(w, &config);
	world_forget_flows(w);
	wrong = run_damaged(w, NOBODY4, REQUEST(KEY_UNKNOWN_TEXT), KEY_UNKNOWN_TEXT);
	tally_count(tally, !wrong, "random: forged, IPv4", wrong);
	wrong = run_damaged(w, NOBODY6, REQUEST(KEY_REVOKED_TEXT), KEY_REVOKED_TEXT);
	tally_count(tally, !wrong, "random: forged, IPv6", wrong);
	wrong = run_damaged(w, DEFERRED4, REQUEST(KEY_ADMITTED_TEXT), KEY_ADMITTED_TEXT);
	tally_count(tally, !wrong, "random: an active key, IPv4", wrong);
	wrong = run_damaged(w, DEFERRED6, REQUEST(KEY_ADMITTED_TEXT), KEY_ADMITTED_TEXT);
	tally_count(tally, !wrong, "random: an active key, IPv6", wrong);
}
