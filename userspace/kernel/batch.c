/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole maps at a time. Batch calls (5.6) read 4,096 entries in one; where a map lacks them, key by
 * key.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "kernel/internal.h"

#define KEY_MAX 64

static int read_one_by_one(int fd, size_t key_size, size_t value_size,
			   void (*each)(void *arg, const void *keys, const void *values,
					uint32_t count),
			   void *arg)
{
	_cleanup_(freep) void *value = malloc(value_size);
	uint8_t key[KEY_MAX], next[KEY_MAX];
	const void *from = NULL;

	if (!value || key_size > sizeof(key))
		return -ENOMEM;
	while (!bpf_map_get_next_key(fd, from, next)) {
		memcpy(key, next, key_size);
		from = key;
		if (!bpf_map_lookup_elem(fd, key, value))
			each(arg, key, value, 1);
	}
	return 0;
}

int map_read_all(int fd, size_t key_size, size_t value_size,
		 void (*each)(void *arg, const void *keys, const void *values, uint32_t count),
		 void *arg)
{
	_cleanup_(freep) uint8_t *keys = malloc(BATCH_MAX * key_size);
	_cleanup_(freep) uint8_t *values = malloc(BATCH_MAX * value_size);
	uint8_t position[KEY_MAX];
	bool first = true;
	uint32_t count;
	int r = 0;

	if (!keys || !values)
		return -ENOMEM;
	while (r == 0) {
		count = BATCH_MAX;
		r = bpf_map_lookup_batch(fd, first ? NULL : position, position, keys, values,
					 &count, NULL);
		if (first && r < 0 && r != -ENOENT)
			return read_one_by_one(fd, key_size, value_size, each, arg);
		first = false;
		if ((r == 0 || r == -ENOENT) && count)
			each(arg, keys, values, count);
	}
	return r == -ENOENT ? 0 : r; /* that is how the end is said */
}
