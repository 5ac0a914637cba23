/* SPDX-License-Identifier: Apache-2.0 */
/* The interfaces of this daemon, and those that an earlier one left programs on. */
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

struct interface *interfaces_find(struct kernel *k, const char *name)
{
	for (unsigned i = 0; i < k->interface_count; i++)
		if (!strcmp(k->interfaces[i].name, name))
			return &k->interfaces[i];
	return NULL;
}

int interfaces_add(struct kernel *k, const char *name, char *reason, size_t size)
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

void interfaces_forget(struct kernel *k, struct interface *it)
{
	struct interface *last = &k->interfaces[--k->interface_count];

	memmove(it, it + 1, (size_t)((char *)last - (char *)it));
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
		if (*trimmed && !interfaces_find(k, trimmed))
			r = interfaces_add(k, trimmed, k->reason, sizeof(k->reason));
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
