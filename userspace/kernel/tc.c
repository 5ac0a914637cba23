/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libbpf 1.1 knows no TCX links, so a filter is found again by its place. That alone would take
 * somebody else's filter for ours, so it is noted beside the pins which interface has one: a
 * symlink tc_IFACE whose target is "INDEX made" or "INDEX found", by whether the clsact is ours,
 * too. The note is there before the filter and goes after it.
 */
#include "kernel/tc.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>
#include "kernel/libbpf_log.h"
#include "kernel/netlink.h"
#include "kernel/pins.h"
#include "kernel/sets.h"

struct note {
	unsigned index; /* 0: there is none */
	bool made;
};

static struct note read_note(const char *pin_dir, const char *name)
{
	char text[32], how[8] = "";
	struct note n = {};

	if (pins_read_symlink(pin_dir, name, text, sizeof(text)) < 0 ||
	    sscanf(text, "%u %7s", &n.index, how) != 2)
		return (struct note){};
	n.made = !strcmp(how, "made");
	return n;
}

static int write_note(const char *pin_dir, const char *name, const struct note *n)
{
	char text[32];

	snprintf(text, sizeof(text), "%u %s", n->index, n->made ? "made" : "found");
	return pins_put_symlink(pin_dir, name, text);
}

static struct bpf_tc_hook ingress(unsigned index)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)index, .attach_point = BPF_TC_INGRESS);

	return hook;
}

/* 1: a filter is in our place; 0: none is; -errno. */
static int is_taken(unsigned index)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	struct bpf_tc_hook hook = ingress(index);
	int r = bpf_tc_query(&hook, &opts);

	if (r == -ENOENT || r == -EINVAL) /* EINVAL: there isn't even a clsact */
		return 0;
	return r < 0 ? r : 1;
}

bool tc_is_noted(const struct kernel *k, const struct interface *it)
{
	char name[32];

	pins_tc_name(it->name, name);
	return it->index && read_note(k->pin_dir, name).index == it->index;
}

bool tc_is_attached(const struct interface *it)
{
	return is_taken(it->index) != 0; /* in doubt it is */
}

/* The program is loaded when the first interface needs it, and pinned beside the maps once those
 * are published. */
static int need_program(struct kernel *k, char *reason, size_t size)
{
	int r;

	if (k->object.prog_fd[HOOK_TC] >= 0)
		return 0;
	r = object_add(&k->constants, HOOK_TC, &k->object, reason, size);
	if (r == 0 && !k->waiting)
		r = sets_publish(k->pin_dir, &k->object);
	return r;
}

static int put_filter(const struct kernel *k, unsigned index)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY,
		    .prog_fd = k->object.prog_fd[HOOK_TC], .flags = BPF_TC_F_REPLACE);
	struct bpf_tc_hook hook = ingress(index);

	return bpf_tc_attach(&hook, &opts);
}

int tc_attach(struct kernel *k, const struct interface *it, char *reason, size_t size)
{
	struct bpf_tc_hook hook = ingress(it->index);
	struct note note;
	char name[32];
	int r;

	r = need_program(k, reason, size);
	if (r < 0)
		return r;
	pins_tc_name(it->name, name);
	note = read_note(k->pin_dir, name);
	if (note.index != it->index) {
		note = (struct note){ .index = it->index };
		if (is_taken(it->index) == 1) {
			snprintf(reason, size, "another filter is at priority %d handle %#x",
				 TC_PRIORITY, TC_HANDLE);
			return -EEXIST;
		}
	}
	libbpf_log_begin();
	r = bpf_tc_hook_create(&hook);
	note.made |= r == 0;
	if (r == 0 || r == -EEXIST)
		r = write_note(k->pin_dir, name, &note);
	if (r == 0)
		r = put_filter(k, it->index);
	if (r == 0)
		return 0;
	snprintf(reason, size, "TC can't be attached: %s", strerror(-r));
	tc_remove(k->pin_dir, name);
	return r;
}

static bool is_clsact_empty(unsigned index)
{
	return netlink_has_filters(index, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)) == 0 &&
	       netlink_has_filters(index, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)) == 0;
}

void tc_remove(const char *pin_dir, const char *name)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	struct note note = read_note(pin_dir, name);
	struct bpf_tc_hook hook = ingress(note.index);

	if (note.index && is_taken(note.index) == 1)
		bpf_tc_detach(&hook, &opts);
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS; /* libbpf's word for the clsact */
	if (note.made && is_clsact_empty(note.index))
		bpf_tc_hook_destroy(&hook);
	pins_remove(pin_dir, name);
}
