/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request bodies while they arrive. Memory follows what has arrived, not what Content-Length
 * promises, and all bodies together have a bound: 4,096 connections could otherwise ask for 4 GiB.
 * Strangers' bodies have a smaller one of their own, or seventy slow sign-ups would take the room
 * of every guard call.
 */
#include "http/internal.h"

#include <errno.h>
#include <string.h>

/* Together a quarter of what the whole service may use. */
static const size_t held_max[BODY_ROOM_COUNT] = {
	[BODY_ROOM_CALLS] = (size_t)48 << 20,
	[BODY_ROOM_OTHERS] = (size_t)16 << 20,
};
static atomic_size_t held[BODY_ROOM_COUNT];

void body_init(struct body *b)
{
	b->room = BODY_ROOM_OTHERS;
	b->data = b->small;
	b->size = BODY_SMALL;
	b->len = 0;
	b->small[0] = '\0';
}

void body_free(struct body *b)
{
	if (b->data != b->small) {
		free(b->data);
		atomic_fetch_sub_explicit(&held[b->room], b->size, memory_order_relaxed);
	}
	body_init(b);
}

static int grow(struct body *b, size_t wanted, size_t max)
{
	size_t size = MIN(MAX(b->size * 2, wanted), max), old = b->data == b->small ? 0 : b->size;
	atomic_size_t *all = &held[b->room];
	char *data;

	if (atomic_fetch_add_explicit(all, size - old, memory_order_relaxed) + size - old >
	    held_max[b->room]) {
		atomic_fetch_sub_explicit(all, size - old, memory_order_relaxed);
		return -ENOBUFS;
	}
	data = realloc(old ? b->data : NULL, size + 1);
	if (!data) {
		atomic_fetch_sub_explicit(all, size - old, memory_order_relaxed);
		return -ENOMEM;
	}
	if (!old)
		memcpy(data, b->small, b->len);
	b->data = data;
	b->size = size;
	return 0;
}

int body_add(struct body *b, const char *data, size_t len, size_t max)
{
	int r = 0;

	if (len > max - b->len)
		return -E2BIG;
	if (len > b->size - b->len)
		r = grow(b, b->len + len, max);
	if (r < 0)
		return r;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}
