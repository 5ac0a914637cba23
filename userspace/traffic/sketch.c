/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic/sketch.h"

#include <string.h>

const struct traffic_heavy *sketch_find(const struct sketch *s, const uint8_t id[static 16])
{
	for (unsigned i = 0; i < s->count; i++)
		if (!memcmp(s->heavy[i].id, id, sizeof(s->heavy[i].id)))
			return &s->heavy[i];
	return NULL;
}

/* A free place, or the lightest's: its weight is what the newcomer may have had unseen. */
static struct traffic_heavy *make_room(struct sketch *s)
{
	struct traffic_heavy *lightest = &s->heavy[0];

	if (s->count < SKETCH_SIZE) {
		lightest = &s->heavy[s->count++];
		lightest->weight = 0; /* of an earlier window's */
		return lightest;
	}
	for (unsigned i = 1; i < s->count; i++)
		if (s->heavy[i].weight < lightest->weight)
			lightest = &s->heavy[i];
	return lightest;
}

void sketch_add(struct sketch *s, const uint8_t id[static 16], uint64_t weight, bool refused,
		uint8_t reason)
{
	struct traffic_heavy *h = (struct traffic_heavy *)sketch_find(s, id);

	if (!h) {
		h = make_room(s);
		*h = (struct traffic_heavy){ .weight = h->weight, .error = h->weight };
		memcpy(h->id, id, sizeof(h->id));
	}
	h->weight += weight;
	h->refused += refused ? weight : 0;
	h->reason = reason;
}
