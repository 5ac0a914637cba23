/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who used a valid key within the last hour. It is asked when somebody is about to be boxed and
 * written for every verdict, so writing has to cost next to nothing: a set of eight slots on one
 * cache line, chosen by a keyed mix; a slot is one word, a tag and the minute. A client that is
 * noted in this minute already is only read.
 *
 * It may say "good" of somebody who isn't (two clients with one tag, or a set that has overflowed
 * within the hour), never the other way round: when a slot that is still good has to make room, the
 * set remembers the minute, and for an hour everybody in it is good. Two threads that write one
 * slot at once lose one note, which the client's next verdict makes again.
 */
#include <errno.h>
#include <string.h>
#include "denials/internal.h"

#define WAYS	     8
#define SETS	     8192 /* 65,536 clients an hour before sets overflow; 576 KiB, touched as it fills */
#define GOOD_MINUTES 60
#define MINUTE_NS    (60 * NS_PER_S)
/* A word: 44 bits of tag, 20 of minutes since boot (two years; then minutes wrap, which makes
 * someone good for an hour). */
#define MINUTE_BITS 20
#define MINUTE_MASK ((1u << MINUTE_BITS) - 1)

struct set {
	_Atomic uint64_t slots[WAYS]; /* 0: free */
} __attribute__((aligned(64)));

struct standing {
	struct mixer mixer;
	struct set sets[SETS];
	_Atomic uint32_t overflowed[SETS]; /* minute, 0: never */
};

/* Minutes begin at 1, so that a slot in use is never 0. */
static uint32_t minute_of(uint64_t monotonic_ns)
{
	return (uint32_t)(monotonic_ns / MINUTE_NS + 1) & MINUTE_MASK;
}

static bool is_recent(uint32_t minute, uint32_t now)
{
	return ((now - minute) & MINUTE_MASK) <= GOOD_MINUTES;
}

static uint64_t word_of(uint64_t mixed, uint32_t minute)
{
	return (mixed & ~(uint64_t)MINUTE_MASK) | minute;
}

static bool is_same_tag(uint64_t a, uint64_t b)
{
	return !((a ^ b) >> MINUTE_BITS);
}

int standing_new(struct standing **ret)
{
	struct standing *s = NULL;
	int r = posix_memalign((void **)&s, _Alignof(struct standing), sizeof(*s));

	if (r)
		return -r;
	memset(s, 0, sizeof(*s));
	r = mixer_new(&s->mixer);
	if (r < 0)
		standing_free(&s);
	else
		*ret = s;
	return r;
}

void standing_free(struct standing **s)
{
	free(*s);
	*s = NULL;
}

/* The set is full of others: the stalest goes. */
static void make_room(struct standing *s, size_t set, uint64_t word, uint32_t now)
{
	_Atomic uint64_t *slots = s->sets[set].slots;
	uint32_t oldest_age = 0;
	size_t oldest = 0;

	for (size_t i = 0; i < WAYS; i++) {
		uint64_t slot = atomic_load_explicit(&slots[i], memory_order_relaxed);
		uint32_t age = slot ? (now - (uint32_t)slot) & MINUTE_MASK : MINUTE_MASK;

		if (age < oldest_age)
			continue;
		oldest_age = age;
		oldest = i;
	}
	if (oldest_age <= GOOD_MINUTES)
		atomic_store_explicit(&s->overflowed[set], now, memory_order_relaxed);
	atomic_store_explicit(&slots[oldest], word, memory_order_relaxed);
}

void standing_note(struct standing *s, const struct address *client, uint64_t monotonic_ns)
{
	uint64_t mixed = mix(&s->mixer, client);
	uint32_t now = minute_of(monotonic_ns);
	uint64_t word = word_of(mixed, now);
	size_t set = mixed % SETS;
	_Atomic uint64_t *slots = s->sets[set].slots;

	for (size_t i = 0; i < WAYS; i++) {
		uint64_t slot = atomic_load_explicit(&slots[i], memory_order_relaxed);

		if (slot == word)
			return;
		if (slot && is_same_tag(slot, word)) {
			atomic_store_explicit(&slots[i], word, memory_order_relaxed);
			return;
		}
	}
	make_room(s, set, word, now);
}

bool standing_is_good(struct standing *s, const struct address *client, uint64_t monotonic_ns)
{
	uint64_t mixed = mix(&s->mixer, client);
	uint32_t now = minute_of(monotonic_ns), overflowed;
	size_t set = mixed % SETS;

	for (size_t i = 0; i < WAYS; i++) {
		uint64_t slot = atomic_load_explicit(&s->sets[set].slots[i], memory_order_relaxed);

		if (slot && is_same_tag(slot, mixed))
			return is_recent((uint32_t)slot & MINUTE_MASK, now);
	}
	overflowed = atomic_load_explicit(&s->overflowed[set], memory_order_relaxed);
	return overflowed && is_recent(overflowed, now);
}
