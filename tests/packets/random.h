/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Randomness that can be had again: everything a case does follows from its seed (splitmix64,
 * Steele, Lea and Flood 2014: one word of state, so a case needs no other case to be replayed).
 */
#ifndef PACKETS_RANDOM_H
#define PACKETS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* 0 .. below - 1 */
static inline uint32_t random_below(struct random *r, uint32_t below)
{
	return (uint32_t)((random_next(r) >> 32) * below >> 32);
}

static inline bool random_chance(struct random *r, uint32_t in_1000)
{
	return random_below(r, 1000) < in_1000;
}

/* A stream of its own for case `number` of run `seed`. */
static inline struct random random_for(uint64_t seed, uint64_t number)
{
	struct random r = { seed };

	r.state = random_next(&r) ^ number * 0xd1342543de82ef95ULL;
	random_next(&r);
	return r;
}

#endif
