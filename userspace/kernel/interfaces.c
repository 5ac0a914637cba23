/* SPDX-License-Identifier: Apache-2.0 */
/* The interfaces that are named: at start, and at run time. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "kernel/internal.h"
#include "kernel/pins.h"
#include "kernel/tc.h"
#include "kernel/xdp.h"

bool is_interface_list_empty(const char *list)
{
	return !list || !*list || !strcmp(list, "none");
}

static struct interface *find(struct kernel *k, const char *name)
{
	for (unsigned i = 0; i < k->interface_count; i++)
		if (!strcmp(k->interfaces[i].name, name))
			return &k->interfaces[i];
	return NULL;
}

static int add(struct kernel *k, const char *name, char *reason, size_t size)
{
	struct interface *it = &k->interfaces[k->interface_count];

	if (!*name || strlen(name) >= sizeof(it->name)) {
		snprintf(reason, size, "not an interface's name: %.64s", name);
		return -EINVAL;
	}
	if (k->interface_count == KERNEL_INTERFACES_MAX) {
		snprintf(reason, size, "one interface too many: %.64s", name);
		return -ENOSPC;
	}
	*it = (struct interface){ .link_fd = -1 };
	snprintf(it->name, sizeof(it->name), "%s", name);
	k->interface_count++;
	return 0;
}

int interfaces_parse(struct kernel *k, const char *list)
{
	_cleanup_(freep) char *copy = strdup(list);
	char *save = NULL, *trimmed;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	for (char *name = strtok_r(copy, ",", &save); name && r == 0;
	     name = strtok_r(NULL, ",", &save)) {
		trimmed = text_trim(name);
		if (*trimmed && !find(k, trimmed))
			r = add(k, trimmed, k->reason, sizeof(k->reason));
	}
	return r;
}

void interfaces_attach(struct kernel *k)
{
	for (unsigned i = 0; i < k->interface_count; i++)
		k->interfaces[i].index = if_nametoindex(k->interfaces[i].name);
	interfaces_drop_foreign_slots(k); /* there are as many slots as interfaces */
	for (unsigned i = 0; i < k->interface_count; i++)
		interface_attach(k, &k->interfaces[i]);
}

void interfaces_recheck(struct kernel *k)
{
	if (k->waiting || k->unattachable)
		return;
	for (unsigned i = 0; i < k->interface_count; i++)
		interface_recheck(k, &k->interfaces[i]);
}

void interfaces_update(struct kernel *k)
{
	for (unsigned i = 0; i < k->interface_count; i++)
		interface_update(k, &k->interfaces[i]);
}

void interfaces_close(struct kernel *k)
{
	for (unsigned i = 0; i < k->interface_count; i++) {
		closep(&k->interfaces[i].link_fd);
		k->interfaces[i].link_fd = -1;
	}
}

/* --- what is pinned for interfaces ----------------------------------------------------------- */

static void note_any(void *arg, enum hook hook, const char *name)
{
	*(bool *)arg = true;
}

bool interfaces_are_attached(const struct kernel *k)
{
	bool any = false;

	pins_each_attachment(k->pin_dir, note_any, &any);
	return any;
}

struct unlisted {
	const struct kernel *kernel;
	bool all;
};

static bool is_listed(const struct kernel *k, enum hook hook, const char *name)
{
	char pin[32];

	for (unsigned i = 0; i < k->interface_count; i++) {
		if (hook == HOOK_XDP)
			pins_link_name(k->interfaces[i].name, pin);
		else
			pins_tc_name(k->interfaces[i].name, pin);
		if (!strcmp(pin, name))
			return true;
	}
	return false;
}

static void drop_attachment(void *arg, enum hook hook, const char *name)
{
	const struct unlisted *u = arg;

	if (!u->all && is_listed(u->kernel, hook, name))
		return;
	if (hook == HOOK_XDP)
		xdp_remove_pinned(u->kernel->pin_dir, name);
	else
		tc_remove(u->kernel->pin_dir, name);
}

void interfaces_drop_unlisted(struct kernel *k)
{
	struct unlisted u = { .kernel = k };

	pins_each_attachment(k->pin_dir, drop_attachment, &u);
}

void interfaces_detach(struct kernel *k)
{
	struct unlisted u = { .kernel = k, .all = true };

	interfaces_close(k);
	pins_each_attachment(k->pin_dir, drop_attachment, &u);
}

/* --- at run time ----------------------------------------------------------------------------- */

static void forget(struct kernel *k, struct interface *it)
{
	struct interface *last = &k->interfaces[--k->interface_count];

	memmove(it, it + 1, (size_t)((char *)last - (char *)it));
}

static int attach_another(struct kernel *k, const char *name, char *reason, size_t size)
{
	struct interface *it = find(k, name);
	int r;

	if (it) {
		snprintf(reason, size, "%.16s is there already", name);
		return -EEXIST;
	}
	if (*name && strlen(name) < IFNAMSIZ && !if_nametoindex(name)) {
		snprintf(reason, size, "no such interface: %.16s", name);
		return -ENODEV;
	}
	r = add(k, name, reason, size);
	if (r < 0)
		return r;
	it = &k->interfaces[k->interface_count - 1];
	interface_attach(k, it);
	if (it->mode != ATTACH_NONE)
		return 0;
	snprintf(reason, size, "%s", it->reason);
	forget(k, it);
	return -EOPNOTSUPP;
}

static int take_away(struct kernel *k, const char *name, char *reason, size_t size)
{
	struct interface *it = find(k, name);

	if (!it) {
		snprintf(reason, size, "not attached: %.64s", name);
		return -ENODEV;
	}
	interface_detach(k, it);
	forget(k, it);
	return 0;
}

static int at_run_time(struct kernel *k, const char *name, char *reason, size_t size,
		       int (*act)(struct kernel *k, const char *name, char *reason, size_t size))
{
	int r = -EOPNOTSUPP;

	pthread_mutex_lock(&k->interface_lock);
	if (!k->loaded || k->unattachable)
		snprintf(reason, size, "this daemon runs in userspace mode: %.100s", k->reason);
	else if (k->waiting)
		snprintf(reason, size, "the daemon is still starting");
	else
		r = act(k, name, reason, size);
	pthread_mutex_unlock(&k->interface_lock);
	return r;
}

int kernel_attach(struct kernel *k, const char *name, char *reason, size_t size)
{
	return at_run_time(k, name, reason, size, attach_another);
}

int kernel_detach(struct kernel *k, const char *name, char *reason, size_t size)
{
	return at_run_time(k, name, reason, size, take_away);
}
