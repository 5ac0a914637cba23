// SPDX-License-Identifier: Apache-2.0
/*
 * The model of tier 1: docs/kernel.md, "Limits on addresses". A cookie's number is the kernel's to
 * know; that there is one and what the SYN-ACK says besides is known.
 */
#include <string.h>
#include "model.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* What a client that says nothing takes (RFC 9293, 3.7.1, and RFC 8200, 5: the least MTU). */
#define MSS_UNSAID4 536
#define MSS_UNSAID6 1220

/* The last of its MSS options: Linux reads on behind the first, and stops at what is malformed. */
static uint32_t said_mss(const struct segment *s)
{
	uint32_t mss = s->ipv6 ? MSS_UNSAID6 : MSS_UNSAID4, at = 0;
	const uint8_t *o = s->options;

	while (at < s->option_len && o[at] != 0) {
		if (o[at] == 1) {
			at++;
			continue;
		}
		if (at + 2 > s->option_len || o[at + 1] < 2 || at + o[at + 1] > s->option_len)
			break;
		if (o[at] == 2 && o[at + 1] == 4 && get16(o + at + 2))
			mss = get16(o + at + 2);
		at += o[at + 1];
	}
	return mss;
}

/* A cookie has two bits for it: the largest of four sizes that the client takes, or the least. (Of
 * a jumbo frame's we say an Ethernet's.) */
static uint32_t cookie_mss(const struct segment *s)
{
	static const uint32_t sizes[2][4] = { { 536, 1300, 1440, 1460 },
					      { 1220, 1420, 1440, 1440 } };
	uint32_t said = said_mss(s), mss = sizes[s->ipv6][0];

	for (unsigned i = 1; i < COUNT(sizes[0]); i++) {
		if (said >= sizes[s->ipv6][i])
			mss = sizes[s->ipv6][i];
	}
	return mss;
}

/* Somebody listens at every protected port; is there no connection with that client yet? */
static bool meets_listener(const struct knowledge *k, const struct segment *s)
{
	for (unsigned i = 0; i < k->other_count; i++) {
		if (model_same_ends(&k->others[i], s))
			return false;
	}
	return true;
}

/* One more SYN of the source: is it one too many? */
static bool spends_too_much(const struct knowledge *k, struct memory *m, const struct segment *s)
{
	uint8_t source[16];
	unsigned i = 0;

	model_source_of(s, source);
	if (s->ipv6)
		memset(source + 8, 0, 8);
	while (m->syns[i].count && memcmp(m->syns[i].source, source, 16))
		i++;
	memcpy(m->syns[i].source, source, 16);
	if (m->syns[i].count == k->syn_budget)
		return true;
	m->syns[i].count++;
	return false;
}

void model_syn(const struct knowledge *k, struct memory *m, struct expectation *ret)
{
	const struct segment *s = &ret->segment;

	ret->why = AXFW_REASON_NO_PAYLOAD;
	if (s->flags & (ACK | RST | FIN))
		return;
	if (k->cookies && k->sends && meets_listener(k, s)) {
		ret->why = AXFW_REASON_SYN_COOKIE;
		ret->becomes = GREETS;
		ret->mss = cookie_mss(s);
	} else if (k->syn_budget && spends_too_much(k, m, s)) {
		ret->why = AXFW_REASON_SYN_BUDGET;
		ret->becomes = VANISHES;
	}
}
