/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening, checking and loading the BPF object that is embedded as a skeleton. Features are found
 * out by loading, never by the kernel's version: a distribution's 5.14 may have what a vanilla one
 * lacks.
 */
#include "kernel/object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "axfw.skel.h"
#include "base/base.h"
#include "kernel/libbpf_log.h"
#include "kernel/pins.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

DEFINE_CLEANUP(struct axfw_bpf *, skeleton_freep, axfw_bpf__destroy)

const char *const map_names[MAP_COUNT] = {
#define X(name, since, writer, text) #name,
	AXFW_MAPS(X)
#undef X
};

const char *const program_pins[HOOK_COUNT] = {
	[HOOK_XDP] = AXFW_PIN_PROG_XDP,
	[HOOK_TC] = AXFW_PIN_PROG_TC,
};

void maps_close(int fds[static MAP_COUNT])
{
	for (int i = 0; i < MAP_COUNT; i++) {
		closep(&fds[i]);
		fds[i] = -1;
	}
}

void object_close(struct object *o)
{
	for (int i = 0; i < HOOK_COUNT; i++) {
		closep(&o->prog_fd[i]);
		o->prog_fd[i] = -1;
	}
	maps_close(o->map_fd);
}

/* XDP programs can't ask for their namespace's cookie, so it is told. 5.14 and later know it. */
static int netns_cookie(uint64_t *ret)
{
	_cleanup_(closep) int fd = -1;
	socklen_t len = sizeof(*ret);

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret, &len) < 0 ? -errno : 0;
}

static int set_constants(struct axfw_bpf *skeleton, const struct object_constants *c)
{
	uint64_t cookie = 0;
	int r;

	r = netns_cookie(&cookie);
	if (r < 0)
		return r;
	skeleton->rodata->axfw_netns_cookie = cookie;
	skeleton->rodata->axfw_route_count = c->route_count;
	memcpy((void *)skeleton->rodata->axfw_routes, c->routes, sizeof(c->routes));
	_Static_assert(sizeof(skeleton->rodata->axfw_routes) == sizeof(c->routes),
		       "the same table");
	_Static_assert(sizeof(skeleton->rodata->axfw_siphash_key) == sizeof(c->admission_key),
		       "the same key");
	memcpy((void *)skeleton->rodata->axfw_siphash_key, c->admission_key,
	       sizeof(c->admission_key));
	return 0;
}

static int choose_maps(struct bpf_object *obj, const int reuse[static MAP_COUNT],
		       const uint32_t entries[static MAP_COUNT])
{
	struct bpf_map *map;
	int r = 0;

	for (int i = 0; i < MAP_COUNT && r == 0; i++) {
		map = bpf_object__find_map_by_name(obj, map_names[i]);
		if (!map)
			return -ENOENT;
		bpf_map__set_pin_path(map, NULL); /* pinned by us, once everything works */
		if (reuse[i] >= 0)
			r = bpf_map__reuse_fd(map, reuse[i]);
		else if (entries[i])
			r = bpf_map__set_max_entries(map, entries[i]);
	}
	return r;
}

static int dup_into(int fd, int *ret)
{
	*ret = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return *ret < 0 ? -errno : 0;
}

static struct bpf_program *program_of(const struct axfw_bpf *skeleton, enum hook hook)
{
	return hook == HOOK_XDP ? skeleton->progs.axfw_xdp : skeleton->progs.axfw_tc;
}

/* Each takes the verifier as long as the rest of a start. */
static void choose_programs(struct axfw_bpf *skeleton, unsigned hooks)
{
	for (enum hook i = 0; i < HOOK_COUNT; i++)
		bpf_program__set_autoload(program_of(skeleton, i), hooks & HOOK_BIT(i));
}

static int take_fds(struct axfw_bpf *skeleton, unsigned hooks, struct object *ret)
{
	struct object o = OBJECT_NONE;
	int r = 0;

	for (enum hook i = 0; i < HOOK_COUNT && r == 0; i++)
		if (hooks & HOOK_BIT(i))
			r = dup_into(bpf_program__fd(program_of(skeleton, i)), &o.prog_fd[i]);
	for (int i = 0; i < MAP_COUNT && r == 0; i++)
		r = dup_into(bpf_object__find_map_fd_by_name(skeleton->obj, map_names[i]),
			     &o.map_fd[i]);
	if (r < 0) {
		object_close(&o);
		return r;
	}
	*ret = o;
	return 0;
}

static int fail(int r, const char *what, char *reason, size_t size)
{
	const char *detail = libbpf_log_reason();

	snprintf(reason, size, "%s: %.110s", what, *detail ? detail : strerror(-r));
	return r;
}

int object_load(const struct object_constants *constants, const int reuse[static MAP_COUNT],
		const uint32_t entries[static MAP_COUNT], unsigned hooks, struct object *ret,
		char *reason, size_t size)
{
	_cleanup_(skeleton_freep) struct axfw_bpf *skeleton = NULL;
	int r;

	libbpf_log_begin();
	skeleton = axfw_bpf__open();
	if (!skeleton)
		return fail(-errno, "the BPF object can't be read", reason, size);
	r = set_constants(skeleton, constants);
	if (r < 0)
		return fail(r, "the kernel has no network namespace cookies (5.14)", reason, size);
	r = choose_maps(skeleton->obj, reuse, entries);
	if (r < 0)
		return fail(r, "the maps can't be set up", reason, size);
	choose_programs(skeleton, hooks);
	r = axfw_bpf__load(skeleton);
	if (r < 0)
		return fail(r, "the kernel refused the program", reason, size);
	r = take_fds(skeleton, hooks, ret);
	return r < 0 ? fail(r, "out of file descriptors", reason, size) : 0;
}

int object_add(const struct object_constants *constants, enum hook hook, struct object *o,
	       char *reason, size_t size)
{
	static const uint32_t usual[MAP_COUNT];
	struct object more = OBJECT_NONE;
	int r = object_load(constants, o->map_fd, usual, HOOK_BIT(hook), &more, reason, size);

	if (r < 0)
		return r;
	o->prog_fd[hook] = TAKE_FD(more.prog_fd[hook]);
	object_close(&more);
	return 0;
}

unsigned object_hooks(const struct object *o)
{
	unsigned hooks = 0;

	for (enum hook i = 0; i < HOOK_COUNT; i++)
		hooks |= o->prog_fd[i] >= 0 ? HOOK_BIT(i) : 0;
	return hooks;
}

/* --- what an earlier daemon left ------------------------------------------------------------- */

static bool is_same_shape(const struct bpf_map *map, uint32_t entries, int fd)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info), max_entries = entries ? entries : bpf_map__max_entries(map);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return false;
	if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map) ||
	    info.map_flags != bpf_map__map_flags(map))
		return false;
	/* admissions may have grown */
	return !strcmp(bpf_map__name(map), map_names[MAP_admissions])
		       ? info.max_entries >= max_entries
		       : info.max_entries == max_entries;
}

void object_drop_misfits(const uint32_t entries[static MAP_COUNT], int fds[static MAP_COUNT])
{
	_cleanup_(skeleton_freep) struct axfw_bpf *skeleton = NULL;
	const struct bpf_map *map;

	libbpf_log_begin();
	skeleton = axfw_bpf__open();
	for (int i = 0; i < MAP_COUNT; i++) {
		map = skeleton ? bpf_object__find_map_by_name(skeleton->obj, map_names[i]) : NULL;
		if (fds[i] >= 0 && map && is_same_shape(map, entries[i], fds[i]))
			continue;
		closep(&fds[i]);
		fds[i] = -1;
	}
}

uint32_t map_size(int fd)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0 ? 0 : info.max_entries;
}

uint32_t program_id(int fd)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0 ? 0 : info.id;
}
