/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing the admissions: a map's size is fixed, so the same program is loaded again with a bigger
 * map, the entries are copied, and the links are switched over, each in one step. A packet is
 * judged by the old map or the new one, both of which are right. (A map in a map would save the
 * load but cost every look-up.)
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "kernel/internal.h"
#include "kernel/sets.h"

/* A map that couldn't be made is tried again when memory may have been freed. */
#define GROW_RETRY_NS (30 * NS_PER_S)
/* In a reconcile more keys are on their way, and each step copies those that are there. */
#define RECONCILE_FACTOR 4

struct copy {
	int fd;
	int r;
};

static void copy_some(void *arg, const void *keys, const void *values, uint32_t count)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = BPF_ANY);
	struct copy *c = arg;

	if (c->r == 0)
		c->r = bpf_map_update_batch(c->fd, keys, values, &count, &opts);
}

static int copy_admissions(int from, int to)
{
	struct copy c = { .fd = to };
	int r;

	r = map_read_all(from, sizeof(struct axfw_key_hash), sizeof(struct axfw_admission),
			 copy_some, &c);
	return r < 0 ? r : c.r;
}

static void swap_fds(int *a, int *b)
{
	int t = *a;

	*a = *b;
	*b = t;
}

/* From here on k holds the bigger map; `bigger` what is to be closed. */
static void exchange(struct kernel *k, struct object *bigger)
{
	for (int i = 0; i < HOOK_COUNT; i++)
		swap_fds(&k->object.prog_fd[i], &bigger->prog_fd[i]);
	swap_fds(&k->object.map_fd[MAP_admissions], &bigger->map_fd[MAP_admissions]);
}

/*
 * The pins first: a daemon that dies in between has left a complete set, and the next one switches
 * what still runs the old program. Only the descriptors that changed are exchanged; the others are
 * in use without a lock. Called with the interfaces locked.
 */
static int publish_and_exchange(struct kernel *k, struct object *bigger)
{
	int r = 0;

	/* TC's program came meanwhile, on the smaller map: the next try loads both. */
	if (object_hooks(&k->object) != object_hooks(bigger))
		return -EAGAIN;
	if (!k->waiting)
		r = sets_publish(k->pin_dir, bigger);
	if (r < 0)
		return r;
	exchange(k, bigger);
	interfaces_update(k);
	return 0;
}

static int switch_over(struct kernel *k, struct object *bigger)
{
	int r;

	r = copy_admissions(k->object.map_fd[MAP_admissions], bigger->map_fd[MAP_admissions]);
	if (r < 0)
		return r;
	pthread_mutex_lock(&k->interface_lock);
	r = publish_and_exchange(k, bigger);
	pthread_mutex_unlock(&k->interface_lock);
	return r;
}

/* Loads a program with an empty map of `max` entries; nothing runs it yet. */
static int load_bigger(struct kernel *k, uint32_t max, struct object *ret)
{
	char reason[KERNEL_REASON_MAX];
	const uint32_t entries[MAP_COUNT] = { [MAP_admissions] = max };
	int reuse[MAP_COUNT], r;

	memcpy(reuse, k->object.map_fd, sizeof(reuse));
	reuse[MAP_admissions] = -1;
	r = object_load(&k->constants, reuse, entries, object_hooks(&k->object), ret, reason,
			sizeof(reason));
	if (r < 0)
		log_debug("the admissions can't grow: %s", reason);
	return r;
}

int admissions_grow(struct kernel *k, bool locked)
{
	struct object bigger = OBJECT_NONE;
	uint32_t before = k->admissions_max, factor = locked ? RECONCILE_FACTOR : 2;
	uint32_t after = MIN(factor * before, ADMISSIONS_GROWN_MAX);
	int r;

	r = load_bigger(k, after, &bigger);
	if (!locked)
		pthread_mutex_lock(&k->sync_lock);
	if (r == 0 && k->admissions_max == before) /* else somebody else was quicker */
		r = switch_over(k, &bigger);
	if (r < 0) {
		k->grow_not_before_ns = clock_monotonic_ns() + GROW_RETRY_NS;
		atomic_fetch_add(&k->sync_failures, 1);
	} else if (k->admissions_max == before) {
		k->admissions_max = after;
	}
	if (!locked)
		pthread_mutex_unlock(&k->sync_lock);
	object_close(&bigger);
	return r;
}
