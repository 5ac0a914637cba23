/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deny list as the kernel has it: one list to everybody here, two maps to the program
 * (axfw/denied.h). The program asks a map only while its tier's bit is set, so that an empty one
 * costs a packet nothing: the bit is set after the first entry is there and cleared after the last
 * one went. Callers serialise what changes the list; reading is any thread's.
 *
 * A look-up in an LPM trie finds the longest prefix that covers the key, so whether an entry is
 * there can't be asked: the caller keeps the list, this is its copy.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "axfw/denied.h"
#include "kernel/internal.h"

static const struct part {
	enum map_id map;
	uint32_t tier;
} parts[] = {
	{ MAP_denied, AXFW_TIER_DENIED },
	{ MAP_denied_hosts, AXFW_TIER_DENIED_HOSTS },
};

static const struct part *part_of(const struct axfw_prefix *prefix)
{
	return &parts[axfw_is_host(prefix->bits, prefix->address) ? 1 : 0];
}

static void set_tier(struct kernel *k, const struct part *part)
{
	struct axfw_prefix first;
	bool empty = bpf_map_get_next_key(k->object.map_fd[part->map], NULL, &first) < 0;

	config_set_tier(k, part->tier, !empty);
}

void denials_set_tiers(struct kernel *k)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		set_tier(k, &parts[i]);
}

int kernel_put_denial(struct kernel *k, const struct axfw_prefix *prefix,
		      const struct axfw_denial *denial)
{
	const struct part *part = part_of(prefix);
	struct axfw_denial value = *denial;

	if (!k->loaded)
		return 0;
	value.bits = prefix->bits;
	if (bpf_map_update_elem(k->object.map_fd[part->map], prefix, &value, BPF_ANY) < 0) {
		atomic_fetch_add(&k->sync_failures, 1);
		return errno == E2BIG ? -ENOSPC : -errno; /* what a full hash and a full trie say */
	}
	config_set_tier(k, part->tier, true);
	return 0;
}

int kernel_drop_denial(struct kernel *k, const struct axfw_prefix *prefix)
{
	const struct part *part = part_of(prefix);

	if (!k->loaded)
		return 0;
	if (bpf_map_delete_elem(k->object.map_fd[part->map], prefix) < 0 && errno != ENOENT) {
		atomic_fetch_add(&k->sync_failures, 1);
		return -errno;
	}
	set_tier(k, part);
	return 0;
}

int kernel_find_denial(struct kernel *k, const struct axfw_prefix *prefix, struct axfw_denial *ret)
{
	int hosts = k->object.map_fd[MAP_denied_hosts];
	struct axfw_denial found;

	if (!k->loaded)
		return -ENOENT;
	if ((part_of(prefix)->map != MAP_denied_hosts ||
	     bpf_map_lookup_elem(hosts, prefix, &found) < 0) &&
	    bpf_map_lookup_elem(k->object.map_fd[MAP_denied], prefix, &found) < 0)
		return -errno;
	*ret = found;
	return 0;
}

/* --- what an earlier daemon left ------------------------------------------------------------- */

struct listing {
	void (*each)(void *arg, const struct axfw_prefix *prefix, const struct axfw_denial *denial);
	void *arg;
};

static void list_some(void *arg, const void *keys, const void *values, uint32_t count)
{
	const struct listing *l = arg;
	const struct axfw_prefix *prefixes = keys;
	const struct axfw_denial *denials = values;

	for (uint32_t i = 0; i < count; i++)
		l->each(l->arg, &prefixes[i], &denials[i]);
}

int kernel_each_denial(struct kernel *k,
		       void (*each)(void *arg, const struct axfw_prefix *prefix,
				    const struct axfw_denial *denial),
		       void *arg)
{
	struct listing l = { each, arg };
	int r = 0;

	for (size_t i = 0; k->loaded && i < ARRAY_SIZE(parts) && r >= 0; i++)
		r = map_read_all(k->object.map_fd[parts[i].map], sizeof(struct axfw_prefix),
				 sizeof(struct axfw_denial), list_some, &l);
	return r;
}

static int by_prefix(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct axfw_prefix));
}

struct keeping {
	const struct axfw_prefix *kept; /* sorted */
	size_t kept_count;
	struct axfw_prefix stale[2 * AXFW_DENIED_MAX]; /* both maps, full */
	unsigned stale_count;
};

static void note_stale(void *arg, const struct axfw_prefix *prefix,
		       const struct axfw_denial *denial)
{
	struct keeping *k = arg;

	if (k->kept_count && bsearch(prefix, k->kept, k->kept_count, sizeof(*k->kept), by_prefix))
		return;
	if (k->stale_count < ARRAY_SIZE(k->stale))
		k->stale[k->stale_count++] = *prefix;
}

int kernel_keep_denials(struct kernel *k, const struct axfw_prefix *prefixes, unsigned count)
{
	_cleanup_(freep) struct axfw_prefix *sorted = calloc(count + 1ul, sizeof(*sorted));
	_cleanup_(freep) struct keeping *keeping = calloc(1, sizeof(*keeping));
	int r;

	if (!sorted || !keeping)
		return -ENOMEM;
	if (!k->loaded)
		return 0;
	if (count)
		memcpy(sorted, prefixes, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_prefix);
	keeping->kept = sorted;
	keeping->kept_count = count;
	r = kernel_each_denial(k, note_stale, keeping);
	for (unsigned i = 0; i < keeping->stale_count && r >= 0; i++)
		r = kernel_drop_denial(k, &keeping->stale[i]);
	denials_set_tiers(k);
	return r;
}
