/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/xdp.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include "kernel/netlink.h"
#include "kernel/pins.h"

static int link_info(int link_fd, struct bpf_link_info *ret)
{
	uint32_t len = sizeof(*ret);
	int r;

	memset(ret, 0, sizeof(*ret));
	r = bpf_obj_get_info_by_fd(link_fd, ret, &len);
	if (r < 0)
		return r;
	return ret->type == BPF_LINK_TYPE_XDP ? 0 : -EINVAL;
}

bool xdp_is_attached(const struct interface *it)
{
	struct bpf_link_info info;

	return it->link_fd >= 0 && !link_info(it->link_fd, &info) && info.xdp.ifindex == it->index;
}

static enum attach_mode mode_of(unsigned index, uint32_t program)
{
	struct netlink_interface now = {};

	netlink_get(index, NETLINK_THIS_NETNS, &now);
	return now.xdp_native && now.xdp_native == program ? ATTACH_NATIVE : ATTACH_GENERIC;
}

int xdp_find(struct kernel *k, struct interface *it)
{
	_cleanup_(closep) int fd = -1;
	struct bpf_link_info info;
	char pin[32];

	pins_link_name(it->name, pin);
	fd = pins_get(k->pin_dir, pin);
	if (fd < 0)
		return fd;
	if (link_info(fd, &info) < 0 || info.xdp.ifindex != it->index) {
		bpf_link_detach(fd); /* it hangs in the air, or moved away with the interface */
		pins_remove(k->pin_dir, pin);
		return -ENODEV;
	}
	it->mode = mode_of(it->index, info.prog_id);
	it->link_fd = TAKE_FD(fd);
	return 0;
}

int xdp_update(const struct kernel *k, const struct interface *it)
{
	return bpf_link_update(it->link_fd, k->object.prog_fd[HOOK_XDP], NULL);
}

static int create_link(struct kernel *k, struct interface *it, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int r;

	r = bpf_link_create(k->object.prog_fd[HOOK_XDP], (int)it->index, BPF_XDP, &opts);
	if (r < 0)
		return r;
	it->link_fd = r;
	it->mode = flags == XDP_FLAGS_DRV_MODE ? ATTACH_NATIVE : ATTACH_GENERIC;
	return 0;
}

/* A link that can't be pinned would end with the daemon: not attached then. */
static int pin_link(struct kernel *k, struct interface *it, char *reason, size_t size)
{
	char pin[32];
	int r;

	pins_link_name(it->name, pin);
	r = pins_put(k->pin_dir, pin, it->link_fd);
	if (r < 0) {
		snprintf(reason, size, "the link can't be pinned: %s", strerror(-r));
		xdp_remove(k, it);
	}
	return r;
}

int xdp_attach(struct kernel *k, struct interface *it, char *reason, size_t size)
{
	int native, r;

	native = r = create_link(k, it, XDP_FLAGS_DRV_MODE);
	if (r < 0 && r != -EBUSY && r != -EEXIST)
		r = create_link(k, it, XDP_FLAGS_SKB_MODE);
	if (r == 0)
		return pin_link(k, it, reason, size);
	if (!xdp_is_foreign(it, reason, size))
		snprintf(reason, size, "XDP can't be attached: native: %s, generic: %s",
			 strerror(-native), strerror(-r));
	return r;
}

bool xdp_is_foreign(const struct interface *it, char *reason, size_t size)
{
	struct netlink_interface now = {};
	struct bpf_prog_info info = {};
	_cleanup_(closep) int fd = -1;
	uint32_t len = sizeof(info), id;

	netlink_get(it->index, NETLINK_THIS_NETNS, &now);
	id = now.xdp_native    ? now.xdp_native
	     : now.xdp_generic ? now.xdp_generic
			       : now.xdp_offloaded;
	if (!id || it->link_fd >= 0)
		return false;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd >= 0)
		bpf_obj_get_info_by_fd(fd, &info, &len);
	snprintf(reason, size, "another XDP program is attached (%s%sid %u): it isn't replaced",
		 info.name, *info.name ? ", " : "", id);
	return true;
}

void xdp_remove(struct kernel *k, struct interface *it)
{
	char pin[32];

	if (it->link_fd >= 0)
		bpf_link_detach(
			it->link_fd); /* somebody may hold it open: closing it wouldn't do */
	closep(&it->link_fd);
	it->link_fd = -1;
	pins_link_name(it->name, pin);
	xdp_remove_pinned(k->pin_dir, pin);
}

void xdp_remove_pinned(const char *pin_dir, const char *pin)
{
	_cleanup_(closep) int fd = pins_get(pin_dir, pin);

	if (fd >= 0)
		bpf_link_detach(fd);
	pins_remove(pin_dir, pin);
}
