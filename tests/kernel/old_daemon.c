/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled with the older version's axfw/abi.h. */
#include "old_daemon.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "axfw/abi.h"
#include "axfw_old.skel.h"
#include "kernel/answers.h"
#include "kernel/inherit.h"
#include "lab.h"

static void pin(int fd, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", lab_pin_dir(), name);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
}

static void configure(const struct axfw_old *old, const struct kernel_options *o, unsigned ifindex)
{
	struct axfw_config config = {
		.abi_version = AXFW_ABI_VERSION,
		.generation = 7,
		.admissions_complete = 1,
		.ports = { o->ports[0] },
		.signup = o->signup,
		.answer_ifindex = { ifindex },
		.admission_key_check = admission_key_check(o->admission_key),
	};
	struct axfw_response_template answer;
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(old->maps.config), &zero, &config, BPF_ANY), 0);
	for (uint32_t i = 0; i < AXFW_RESPONSE_COUNT; i++) {
		assert_int_equal(answer_build(o->answers[i].status, o->answers[i].head,
					      o->answers[i].body, &answer),
				 0);
		assert_int_equal(
			bpf_map_update_elem(bpf_map__fd(old->maps.responses), &i, &answer, BPF_ANY),
			0);
	}
}

static struct axfw_old *load(const struct kernel_options *o)
{
	struct axfw_old *old = axfw_old__open();
	uint64_t cookie;
	socklen_t len = sizeof(cookie);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_non_null(old);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len), 0);
	close(fd);
	old->rodata->axfw_netns_cookie = cookie;
	old->rodata->axfw_route_count = o->route_count;
	memcpy((void *)old->rodata->axfw_routes, o->routes, o->route_count * sizeof(*o->routes));
	memcpy((void *)old->rodata->axfw_siphash_key, o->admission_key, 16);
	assert_int_equal(axfw_old__load(old), 0);
	return old;
}

void old_daemon_leave(const struct kernel_options *o, const char *interface)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	struct axfw_old *old = load(o);
	unsigned ifindex = if_nametoindex(interface);
	struct bpf_map *map;
	char name[32];
	int link;

	configure(old, o, ifindex);
	assert_int_equal(mkdir(lab_pin_dir(), 0700), 0);
#define X(row, ...)                                                                                \
	map = bpf_object__find_map_by_name(old->obj, #row);                                        \
	assert_non_null(map);                                                                      \
	pin(bpf_map__fd(map), #row);
	AXFW_MAPS(X)
#undef X
	pin(bpf_program__fd(old->progs.axfw_xdp), AXFW_PIN_PROG_XDP);
	link = bpf_link_create(bpf_program__fd(old->progs.axfw_xdp), (int)ifindex, BPF_XDP, &opts);
	assert_true(link >= 0);
	snprintf(name, sizeof(name), "link_xdp_%s", interface);
	pin(link, name);
	close(link);
	axfw_old__destroy(old);
}
