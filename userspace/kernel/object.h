/* SPDX-License-Identifier: Apache-2.0 */
/* The loaded program and its maps, as file descriptors; the skeleton is only needed while loading.
 */
#ifndef KERNEL_OBJECT_H
#define KERNEL_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "axfw/abi.h"
#include "axfw/maps.h"

enum map_id {
#define X(name, since, writer, text) MAP_##name,
	AXFW_MAPS(X)
#undef X
		MAP_COUNT
};
extern const char *const map_names[MAP_COUNT];

enum hook { HOOK_XDP, HOOK_TC, HOOK_COUNT };
#define HOOK_BIT(hook) (1u << (hook))
extern const char *const program_pins[HOOK_COUNT];

struct object {
	int prog_fd[HOOK_COUNT]; /* -1: not loaded, because nobody needs it yet */
	int map_fd[MAP_COUNT];
};
#define OBJECT_NONE                                                                                \
	{                                                                                          \
		.prog_fd = { [0 ... HOOK_COUNT - 1] = -1 }, .map_fd = {                            \
			[0 ... MAP_COUNT - 1] = -1                                                 \
		}                                                                                  \
	}

/* What is fixed in the program when it is loaded. */
struct object_constants {
	struct axfw_route routes[AXFW_ROUTES_MAX];
	uint32_t route_count;
	uint8_t admission_key[16]; /* wiped by the owner */
};

/*
 * Loads the programs of `hooks` (HOOK_BIT). Maps whose descriptor in `reuse` isn't -1 are used
 * instead of new ones; entries: how many each new one takes, 0 for the usual number. On failure
 * reason says why, in the verifier's words if they are.
 */
int object_load(const struct object_constants *constants, const int reuse[static MAP_COUNT],
		const uint32_t entries[static MAP_COUNT], unsigned hooks, struct object *ret,
		char *reason, size_t size);
/* Loads another hook's program on the maps of *o, which has it then. */
int object_add(const struct object_constants *constants, enum hook hook, struct object *o,
	       char *reason, size_t size);
unsigned object_hooks(const struct object *o);
void object_close(struct object *o);

/* Closes those maps that this program couldn't use: of another type, of other sizes. */
void object_drop_misfits(const uint32_t entries[static MAP_COUNT], int fds[static MAP_COUNT]);
void maps_close(int fds[static MAP_COUNT]);
uint32_t map_size(int fd);   /* how many entries it takes; 0: no such map */
uint32_t program_id(int fd); /* 0: no such program */

#endif
