/* SPDX-License-Identifier: Apache-2.0 */
/* SplitMix64 (Steele et al., 2014): the same numbers everywhere, so training gives the same bytes.
 */
#ifndef TRAIN_RANDOM_H
#define TRAIN_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state;
};

static inline struct random random_seed(uint64_t seed)
{
	return (struct random){ seed * 0x9e3779b97f4a7c15ull };
}

static inline uint64_t random_next(struct random *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* Below n. */
static inline uint32_t random_below(struct random *r, uint32_t n)
{
	return (uint32_t)((random_next(r) >> 32) * n >> 32);
}

/* In [0, 1). */
static inline float random_unit(struct random *r)
{
	return (float)(random_next(r) >> 40) / (float)(1 << 24);
}

/* About a standard normal: a sum of uniform numbers, which needs no libm, whose last bits differ
 * between versions. */
static inline float random_normal(struct random *r)
{
	float sum = 0;

	for (int i = 0; i < 12; i++)
		sum += random_unit(r);
	return sum - 6;
}

#endif
