/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has most, in fixed space: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent
 * and top-k elements in data streams" (2005), with weights. Whoever has more than 1/SKETCH_SIZE of
 * the whole is in it, and overestimated by at most that much. At some hundred events a second a
 * plain scan is cheaper than their linked buckets.
 */
#ifndef TRAFFIC_SKETCH_H
#define TRAFFIC_SKETCH_H

#include "traffic/traffic.h"

#define SKETCH_SIZE 256

struct sketch {
	unsigned count;
	struct traffic_heavy heavy[SKETCH_SIZE];
};

void sketch_add(struct sketch *s, const uint8_t id[static 16], uint64_t weight, bool refused,
		uint8_t reason);
/* NULL: not among the heavy ones. */
const struct traffic_heavy *sketch_find(const struct sketch *s, const uint8_t id[static 16]);

#endif
