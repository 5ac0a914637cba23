/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program may be reading these maps: what is wanted is put in before what isn't is taken out, so
 * a proxy that is on the old list and the new one is trusted in between, and an address that is on
 * both allow lists is never shut out.
 */
#include "kernel/lists.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Loopback is always allowed: the command line, health checks and a proxy on the same machine. */
static const struct axfw_prefix loopback[] = {
	{ .bits = 96 + 8, .address = { [10] = 0xff, 0xff, 127 } },
	{ .bits = 128, .address = { [15] = 1 } },
};

struct wanted {
	struct axfw_prefix *items; /* sorted */
	size_t count;
};

struct found {
	struct axfw_prefix *items;
	size_t count, max;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct axfw_prefix));
}

static int collect(const struct prefix_list *list, bool with_loopback, struct wanted *ret)
{
	size_t extra = with_loopback ? ARRAY_SIZE(loopback) : 0, count = list ? list->count : 0;

	ret->items = calloc(count + extra + 1, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		ret->items[i].bits = list->items[i].len;
		memcpy(ret->items[i].address, list->items[i].address.bytes,
		       sizeof(ret->items[i].address));
	}
	memcpy(ret->items + count, loopback, extra * sizeof(*loopback));
	ret->count = count + extra;
	qsort(ret->items, ret->count, sizeof(*ret->items), compare);
	return 0;
}

static void note_found(void *arg, const void *keys, const void *values, uint32_t count)
{
	struct found *f = arg;

	count = MIN(count, f->max - f->count);
	memcpy(f->items + f->count, keys, count * sizeof(*f->items));
	f->count += count;
}

static int drop_others(int fd, const struct wanted *w, size_t max)
{
	_cleanup_(freep) struct axfw_prefix *items = calloc(max, sizeof(*items));
	struct found f = { .items = items, .max = max };
	int r;

	if (!items)
		return -ENOMEM;
	r = map_read_all(fd, sizeof(*items), sizeof(struct axfw_listed), note_found, &f);
	for (size_t i = 0; i < f.count && r == 0; i++) {
		if (bsearch(&f.items[i], w->items, w->count, sizeof(*w->items), compare))
			continue;
		r = bpf_map_delete_elem(fd, &f.items[i]);
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

static int hold_exactly(int fd, const struct wanted *w, size_t max)
{
	const struct axfw_listed listed = { .listed = 1 };
	int r = 0;

	for (size_t i = 0; i < w->count && r == 0; i++)
		r = bpf_map_update_elem(fd, &w->items[i], &listed, BPF_ANY);
	if (r == -ENOSPC) { /* old and new together don't fit: the old ones go first then */
		r = drop_others(fd, w, max);
		for (size_t i = 0; i < w->count && r == 0; i++)
			r = bpf_map_update_elem(fd, &w->items[i], &listed, BPF_ANY);
	}
	return r < 0 ? r : drop_others(fd, w, max);
}

static int write_list(struct kernel *k, enum map_id map, const struct prefix_list *list,
		      bool with_loopback, size_t max)
{
	struct wanted w = {};
	int r = collect(list, with_loopback, &w);

	if (r == 0 && w.count > max) {
		snprintf(k->reason, sizeof(k->reason), "%zu prefixes are more than `%s` takes: %zu",
			 w.count, map_names[map], max);
		r = -E2BIG;
	}
	if (r == 0)
		r = hold_exactly(k->object.map_fd[map], &w, max);
	free(w.items);
	return r;
}

/* `*` means everybody, and so does no list. */
static bool is_limited(const struct prefix_list *allowed)
{
	return allowed && allowed->count && !allowed->any;
}

int lists_write(struct kernel *k, const struct kernel_options *options)
{
	const struct prefix_list *allowed = is_limited(options->allowed) ? options->allowed : NULL;
	int r;

	r = write_list(k, MAP_proxies, options->proxies, false, AXFW_PROXIES_MAX);
	if (r == 0)
		r = write_list(k, MAP_allowed, allowed, allowed != NULL, AXFW_ALLOWED_MAX);
	return r;
}

uint32_t lists_tiers(const struct kernel_options *options)
{
	const struct prefix_list *proxies = options->proxies;
	uint32_t tiers = 0;

	if (is_limited(options->allowed))
		tiers |= AXFW_TIER_ALLOWED;
	if (proxies && proxies->count)
		tiers |= AXFW_TIER_PROXIES;
	if (proxies && proxies->any)
		tiers |= AXFW_TIER_ANY_PROXY;
	return tiers;
}
