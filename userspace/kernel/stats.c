/* SPDX-License-Identifier: Apache-2.0 */
/* What the maps say: counters summed over CPUs, entries counted, memory as the kernel states it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "kernel/internal.h"

DEFINE_CLEANUP(FILE *, fclosep, fclose)

void kernel_counters(struct kernel *k, struct axfw_counter ret[static AXFW_REASON_COUNT])
{
	_cleanup_(freep) struct axfw_counter *per_cpu = NULL;
	int cpus = libbpf_num_possible_cpus();

	memset(ret, 0, AXFW_REASON_COUNT * sizeof(*ret));
	if (!k->loaded || cpus < 1)
		return;
	per_cpu = calloc((size_t)cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return;
	for (uint32_t reason = 0; reason < AXFW_REASON_COUNT; reason++) {
		if (bpf_map_lookup_elem(k->object.map_fd[MAP_counters], &reason, per_cpu) < 0)
			continue;
		for (int cpu = 0; cpu < cpus; cpu++) {
			ret[reason].packets += per_cpu[cpu].packets;
			ret[reason].bytes += per_cpu[cpu].bytes;
		}
	}
}

static void add_lost(void *arg, const void *key, const void *value, unsigned cpu)
{
	const struct axfw_event_budget *of_cpu = value;
	struct axfw_event_budget *sum = arg;

	sum->left_out += of_cpu->left_out;
	sum->ring_full += of_cpu->ring_full;
}

void kernel_events_lost(struct kernel *k, uint64_t *ret_left_out, uint64_t *ret_ring_full)
{
	struct axfw_event_budget sum = {};

	kernel_each_entry(k, map_names[MAP_event_budget], add_lost, &sum);
	*ret_left_out = sum.left_out;
	*ret_ring_full = sum.ring_full;
}

static void add_flow_counts(void *arg, const void *key, const void *value, unsigned cpu)
{
	const struct axfw_flow_counts *of_cpu = value;
	struct kernel_flows *sum = arg;

	sum->begun += of_cpu->begun;
	sum->ended += of_cpu->ended;
}

static void count_open(void *arg, const void *key, const void *value, unsigned cpu)
{
	const struct axfw_flow *flow = value;

	*(uint64_t *)arg += !(flow->acknowledged && flow->fin_seen);
}

/* What begins between the two looks must not look forgotten, so the open ones are counted last. */
void kernel_flows(struct kernel *k, struct kernel_flows *ret)
{
	uint64_t open = 0;

	*ret = (struct kernel_flows){};
	kernel_each_entry(k, map_names[MAP_flow_counts], add_flow_counts, ret);
	if (kernel_each_entry(k, map_names[MAP_flows], count_open, &open) == 0 &&
	    ret->begun > ret->ended + open)
		ret->forgotten = ret->begun - ret->ended - open;
}

static uint64_t map_memory(int fd)
{
	_cleanup_(fclosep) FILE *f = NULL;
	char path[64], line[128];
	unsigned long long bytes = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	return bytes;
}

static void count_some(void *arg, const void *keys, const void *values, uint32_t count)
{
	*(uint64_t *)arg += count;
}

static uint64_t count_entries(int fd, const struct bpf_map_info *info)
{
	uint64_t count = 0;

	switch (info->type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LPM_TRIE:
		if (map_read_all(fd, info->key_size, info->value_size, count_some, &count) < 0)
			return UINT64_MAX;
		return count;
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return info->max_entries;
	default:
		return UINT64_MAX;
	}
}

static void map_state(int fd, const char *name, struct kernel_map_state *ret)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);

	memset(ret, 0, sizeof(*ret));
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	ret->entries = UINT64_MAX;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return;
	ret->entries = count_entries(fd, &info);
	ret->capacity = info.max_entries;
	ret->bytes = map_memory(fd);
}

unsigned kernel_map_states(struct kernel *k, struct kernel_map_state *ret, unsigned max)
{
	unsigned n = 0;

	if (!k->loaded)
		return 0;
	pthread_mutex_lock(&k->sync_lock); /* growing would close a descriptor under us */
	for (; n < MAP_COUNT && n < max; n++)
		map_state(k->object.map_fd[n], map_names[n], &ret[n]);
	pthread_mutex_unlock(&k->sync_lock);
	return n;
}
