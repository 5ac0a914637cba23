/* SPDX-License-Identifier: Apache-2.0 */
/* What stage.c (playing and comparing) and scene.c (connections, maps, what the model is told)
 * share. */
#ifndef PACKETS_STAGE_INTERNAL_H
#define PACKETS_STAGE_INTERNAL_H

#include "../bpf/world.h"
#include "stage.h"

#define KEYS 8

/* A connection that stays open: the kernel's dry run leaves no trace in its socket. */
struct held {
	uint32_t peer, mss, spoken;
	uint64_t opened_ms;
	struct connection connection;
};

/* The loaded programs with maps of their own. There are two, because a table of refused connections
 * that is full has another size. */
struct house {
	struct world *world;
	int programs[2]; /* XDP and TC: scene.tc */
	int counters, flows, syn_budget;
	bool full;
	struct scene scene; /* what is in the maps now */
	bool has_scene;
	struct key_fact keys[KEYS];
	uint64_t denied_until_ns;
	struct axfw_counter expected[AXFW_REASON_COUNT];
};

struct stage {
	struct house houses[2];
	struct house *house; /* of the case being played: scene.full */
	struct held held[CONNECTIONS_MAX];
	unsigned held_count;
	uint64_t cases, segments;
	uint64_t produced[2][AXFW_REASON_COUNT]; /* at XDP, at TC */
	enum axfw_reason reasons[SEGMENTS_MAX];	 /* of the last case */
	char problem[512];
};

uint64_t stage_now_ns(void);
/* Says what is wrong; false. */
bool stage_fail(struct stage *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What the world's keys are, for the model. */
void scene_learn_keys(struct house *h);
/* The connection of a scene, opened now if there is none yet. */
struct held *scene_hold(struct stage *s, const struct scene *scene);
/* Into the maps. */
void scene_set(struct stage *s, const struct scene *scene);
void scene_know(struct stage *s, const struct scene *scene, const struct held *h,
		struct knowledge *ret);

#endif
