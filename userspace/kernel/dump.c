/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a map, for people who look: entry by entry, while packets and the daemon go on. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "kernel/internal.h"

struct visit {
	kernel_entry_fn *each;
	void *arg;
	const struct bpf_map_info *info;
};

static void visit_some(void *arg, const void *keys, const void *values, uint32_t count)
{
	const struct visit *v = arg;

	for (uint32_t i = 0; i < count; i++)
		v->each(v->arg, (const uint8_t *)keys + (size_t)i * v->info->key_size,
			(const uint8_t *)values + (size_t)i * v->info->value_size, 0);
}

static int visit_array(int fd, const struct visit *v)
{
	_cleanup_(freep) void *value = malloc(v->info->value_size);

	if (!value)
		return -ENOMEM;
	for (uint32_t i = 0; i < v->info->max_entries; i++) {
		if (bpf_map_lookup_elem(fd, &i, value) < 0)
			return -errno;
		v->each(v->arg, &i, value, 0);
	}
	return 0;
}

/* Values lie one after the other, eight bytes aligned; ours are multiples of eight. */
static int visit_per_cpu(int fd, const struct visit *v)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_(freep) uint8_t *values = NULL;

	if (cpus < 1)
		return -EINVAL;
	values = malloc((size_t)cpus * v->info->value_size);
	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < v->info->max_entries; i++) {
		if (bpf_map_lookup_elem(fd, &i, values) < 0)
			return -errno;
		for (int cpu = 0; cpu < cpus; cpu++)
			v->each(v->arg, &i, values + (size_t)cpu * v->info->value_size,
				(unsigned)cpu);
	}
	return 0;
}

/* A descriptor of one's own: growing the admissions would close the module's meanwhile. */
static int open_map(struct kernel *k, const char *name)
{
	int fd = -ENOENT;

	pthread_mutex_lock(&k->sync_lock);
	for (int i = 0; i < MAP_COUNT; i++) {
		if (strcmp(map_names[i], name) != 0)
			continue;
		fd = fcntl(k->object.map_fd[i], F_DUPFD_CLOEXEC, 0);
		fd = fd < 0 ? -errno : fd;
	}
	pthread_mutex_unlock(&k->sync_lock);
	return fd;
}

int kernel_each_entry(struct kernel *k, const char *map, kernel_entry_fn *each, void *arg)
{
	_cleanup_(closep) int fd = -1;
	struct bpf_map_info info = {};
	struct visit v = { each, arg, &info };
	uint32_t len = sizeof(info);

	if (!k->loaded)
		return -ENODEV;
	fd = open_map(k, map);
	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	switch (info.type) {
	case BPF_MAP_TYPE_RINGBUF:
		return -EOPNOTSUPP;
	case BPF_MAP_TYPE_ARRAY:
		return visit_array(fd, &v);
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return visit_per_cpu(fd, &v);
	default:
		return map_read_all(fd, info.key_size, info.value_size, visit_some, &v);
	}
}
