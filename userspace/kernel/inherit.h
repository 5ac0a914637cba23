/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the maps that an earlier daemon pinned this one can go on with. */
#ifndef KERNEL_INHERIT_H
#define KERNEL_INHERIT_H

#include <limits.h>
#include "kernel/internal.h"

struct inheritance {
	int map_fd[MAP_COUNT]; /* -1: to be made anew */
	unsigned count;
	bool complete;		 /* its admissions are here and held every active key */
	uint32_t admissions_max; /* of the old map, inherited or not; 0: there was none */
};

#define INHERITANCE_NONE                                                                           \
	{                                                                                          \
		.map_fd = { [0 ... MAP_COUNT - 1] = -1 }                                           \
	}

/* Says whether two admission keys are the same, and nothing else about them. */
uint64_t admission_key_check(const uint8_t key[static 16]);

/* entries: the sizes that this daemon wants, 0 for the usual ones. */
void inherit(const char *pin_dir, const struct kernel_options *options,
	     const uint32_t entries[static MAP_COUNT], struct inheritance *ret);
void inheritance_drop(struct inheritance *i);

#endif
