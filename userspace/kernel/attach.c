/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts the program on the interfaces: as a BPF link, because a link can be pinned, survives the
 * daemon and is updated in place; native where the driver can, generic else. Another one's program
 * is never replaced.
 *
 * An interface refuses only while its index is in config.answer_ifindex, which is filled after the
 * self-test and cleared before the interface is given up: an answer that nobody sees is worse than
 * none.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include "kernel/internal.h"
#include "kernel/libbpf_log.h"
#include "kernel/netlink.h"
#include "kernel/pins.h"

bool is_interface_list_empty(const char *list)
{
	return !list || !*list || !strcmp(list, "none");
}

static bool is_listed(const struct kernel *k, const char *name)
{
	for (unsigned i = 0; i < k->interface_count; i++)
		if (!strcmp(k->interfaces[i].name, name))
			return true;
	return false;
}

static int add_interface(struct kernel *k, const char *name)
{
	struct interface *it = &k->interfaces[k->interface_count];

	if (!*name || is_listed(k, name))
		return 0;
	if (strlen(name) >= sizeof(it->name) || k->interface_count == KERNEL_INTERFACES_MAX) {
		snprintf(k->reason, sizeof(k->reason), "%s: %.64s",
			 strlen(name) >= sizeof(it->name) ? "not an interface's name"
							  : "one interface too many",
			 name);
		return -EINVAL;
	}
	snprintf(it->name, sizeof(it->name), "%s", name);
	it->link_fd = -1;
	k->interface_count++;
	return 0;
}

int interfaces_parse(struct kernel *k, const char *list)
{
	_cleanup_(freep) char *copy = strdup(list);
	char *save = NULL;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	for (char *name = strtok_r(copy, ",", &save); name && r == 0;
	     name = strtok_r(NULL, ",", &save))
		r = add_interface(k, text_trim(name));
	return r;
}

static void set_answers(struct kernel *k, struct interface *it, bool answers)
{
	uint32_t *slots = k->config->answer_ifindex, *free_slot = NULL;

	it->answers = answers;
	for (unsigned i = 0; i < AXFW_INTERFACES_MAX; i++) {
		if (slots[i] == it->index) {
			if (!answers)
				__atomic_store_n(&slots[i], 0, __ATOMIC_RELAXED);
			else
				return;
		}
		if (!slots[i] && !free_slot)
			free_slot = &slots[i];
	}
	if (answers && free_slot)
		__atomic_store_n(free_slot, it->index, __ATOMIC_RELAXED);
}

/* Slots of interfaces that an earlier daemon had and this one hasn't. */
static void drop_foreign_slots(struct kernel *k)
{
	uint32_t *slots = k->config->answer_ifindex;

	for (unsigned i = 0; i < AXFW_INTERFACES_MAX; i++) {
		bool ours = false;

		for (unsigned j = 0; j < k->interface_count; j++)
			ours |= k->interfaces[j].index == slots[i];
		if (!ours)
			__atomic_store_n(&slots[i], 0, __ATOMIC_RELAXED);
	}
}

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

static int link_ifindex(int link_fd)
{
	struct bpf_link_info info;
	int r = link_info(link_fd, &info);

	return r < 0 ? r : (int)info.xdp.ifindex;
}

static enum attach_mode mode_of(unsigned index, uint32_t program)
{
	struct netlink_interface now = {};

	netlink_get(index, NETLINK_THIS_NETNS, &now);
	return now.xdp_native && now.xdp_native == program ? ATTACH_NATIVE : ATTACH_GENERIC;
}

static void test_answers(struct kernel *k, struct interface *it)
{
	it->reason[0] = '\0';
	set_answers(k, it, interface_can_answer(it, it->reason, sizeof(it->reason)));
}

static void give_up(struct kernel *k, struct interface *it)
{
	if (it->index)
		set_answers(k, it, false);
	closep(&it->link_fd);
	it->link_fd = -1;
	it->mode = ATTACH_NONE;
}

/* It runs the old program. The new one finds in its config, which may be a new one, that it may
 * answer here. */
static int switch_link(struct kernel *k, struct interface *it, int fd)
{
	struct bpf_link_info info;
	int r = link_info(fd, &info);

	if (r < 0)
		return r;
	if (info.xdp.ifindex != it->index)
		return -ENODEV; /* the interface was made anew: the link hangs in the air */
	it->mode = mode_of(it->index, info.prog_id);
	test_answers(k, it);
	return bpf_link_update(fd, k->object.prog_fd[HOOK_XDP], NULL);
}

/* The link of an earlier daemon, if it is still on this very interface. */
static int adopt_link(struct kernel *k, struct interface *it)
{
	_cleanup_(closep) int fd = -1;
	char pin[32];
	int r;

	pins_link_name(it->name, pin);
	fd = pins_get(k->pin_dir, pin);
	if (fd < 0)
		return fd;
	r = switch_link(k, it, fd);
	if (r < 0) {
		give_up(k, it);
		bpf_link_detach(fd);
		pins_remove(k->pin_dir, pin);
		return r;
	}
	it->link_fd = TAKE_FD(fd);
	return 0;
}

static int create_link(struct kernel *k, struct interface *it, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int r;

	r = bpf_link_create(k->object.prog_fd[HOOK_XDP], (int)it->index, BPF_XDP, &opts);
	if (r < 0)
		return r;
	it->link_fd = r;
	return 0;
}

static void say_foreign(struct interface *it)
{
	struct netlink_interface now = {};
	struct bpf_prog_info info = {};
	_cleanup_(closep) int fd = -1;
	uint32_t len = sizeof(info), id;

	netlink_get(it->index, NETLINK_THIS_NETNS, &now);
	id = now.xdp_native    ? now.xdp_native
	     : now.xdp_generic ? now.xdp_generic
			       : now.xdp_offloaded;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd >= 0)
		bpf_obj_get_info_by_fd(fd, &info, &len);
	snprintf(it->reason, sizeof(it->reason),
		 "another XDP program is attached (%s%sid %u): it isn't replaced", info.name,
		 *info.name ? ", " : "", id);
}

/* A link that can't be pinned would end with the daemon: not attached then. */
static int pin_link(struct kernel *k, struct interface *it)
{
	char pin[32];
	int r;

	pins_link_name(it->name, pin);
	r = pins_put(k->pin_dir, pin, it->link_fd);
	if (r == 0)
		return 0;
	snprintf(it->reason, sizeof(it->reason), "the link can't be pinned: %s", strerror(-r));
	bpf_link_detach(it->link_fd);
	closep(&it->link_fd);
	it->link_fd = -1;
	return r;
}

static int attach_anew(struct kernel *k, struct interface *it)
{
	int native, r;

	native = r = create_link(k, it, XDP_FLAGS_DRV_MODE);
	if (r < 0 && r != -EBUSY && r != -EEXIST)
		r = create_link(k, it, XDP_FLAGS_SKB_MODE);
	if (r == 0)
		return pin_link(k, it);
	if (r == -EBUSY || r == -EEXIST)
		say_foreign(it);
	else
		snprintf(it->reason, sizeof(it->reason),
			 "XDP can't be attached: native: %s, generic: %s", strerror(-native),
			 strerror(-r));
	return r;
}

static void attach(struct kernel *k, struct interface *it)
{
	it->reason[0] = '\0';
	it->index = if_nametoindex(it->name);
	if (!it->index) {
		snprintf(it->reason, sizeof(it->reason), "no such interface");
		return;
	}
	libbpf_log_begin();
	if (adopt_link(k, it) == 0 || attach_anew(k, it) < 0)
		return;
	it->mode = mode_of(it->index, program_id(k->object.prog_fd[HOOK_XDP]));
	test_answers(k, it);
}

void interfaces_attach(struct kernel *k)
{
	for (unsigned i = 0; i < k->interface_count; i++)
		attach(k, &k->interfaces[i]);
	drop_foreign_slots(k);
}

/* An interface that appeared, went, was made anew, or whose answers now leave or no longer do. */
void interfaces_recheck(struct kernel *k)
{
	if (k->waiting || k->unattachable)
		return;
	for (unsigned i = 0; i < k->interface_count; i++) {
		struct interface *it = &k->interfaces[i];

		if (it->link_fd >= 0 && link_ifindex(it->link_fd) != (int)it->index)
			give_up(k, it);
		if (it->link_fd < 0)
			attach(k, it);
		else
			test_answers(k, it);
	}
}

int interfaces_update(struct kernel *k)
{
	int r = 0;

	for (unsigned i = 0; i < k->interface_count && r == 0; i++)
		if (k->interfaces[i].link_fd >= 0)
			r = bpf_link_update(k->interfaces[i].link_fd, k->object.prog_fd[HOOK_XDP],
					    NULL);
	return r;
}

void interfaces_close(struct kernel *k)
{
	for (unsigned i = 0; i < k->interface_count; i++) {
		closep(&k->interfaces[i].link_fd);
		k->interfaces[i].link_fd = -1;
	}
}

struct unlisted {
	struct kernel *kernel;
	bool all;
};

static void drop_link(void *arg, const char *name)
{
	struct unlisted *u = arg;
	struct kernel *k = u->kernel;
	_cleanup_(closep) int fd = -1;
	char pin[32];

	for (unsigned i = 0; i < k->interface_count && !u->all; i++) {
		pins_link_name(k->interfaces[i].name, pin);
		if (!strcmp(pin, name))
			return;
	}
	fd = pins_get(k->pin_dir, name);
	if (fd >= 0)
		bpf_link_detach(fd); /* somebody may hold it open: closing it wouldn't do */
	pins_remove(k->pin_dir, name);
}

static void note_link(void *arg, const char *name)
{
	*(bool *)arg = true;
}

bool interfaces_are_attached(const struct kernel *k)
{
	bool any = false;

	pins_each_link(k->pin_dir, note_link, &any);
	return any;
}

void interfaces_drop_unlisted(struct kernel *k)
{
	struct unlisted u = { .kernel = k };

	pins_each_link(k->pin_dir, drop_link, &u);
}

void interfaces_detach(struct kernel *k)
{
	struct unlisted u = { .kernel = k, .all = true };

	for (unsigned i = 0; i < k->interface_count; i++) {
		struct interface *it = &k->interfaces[i];

		if (it->link_fd >= 0)
			bpf_link_detach(it->link_fd);
	}
	interfaces_close(k);
	pins_each_link(k->pin_dir, drop_link, &u);
}
