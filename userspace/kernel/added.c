/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces that the operator adds and takes away while the daemon runs. What was added is noted
 * beside the pins, so that it lives as long as what is enforced there: a symlink added_IFACE to the
 * interface's name. The next daemon goes on with it as if it were configured; one that is
 * configured needs no note, so that taking it out of the configuration takes it out. That a
 * configured one was detached isn't kept: at a start the configuration counts.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "kernel/internal.h"
#include "kernel/pins.h"

/* --- from one daemon to the next ------------------------------------------------------------- */

static int remember(struct kernel *k, struct interface *it, char *reason, size_t size)
{
	char note[32];
	int r;

	pins_added_name(it->name, note);
	r = pins_put_symlink(k->pin_dir, note, it->name);
	if (r == 0) {
		it->added = true;
		return 0;
	}
	snprintf(reason, size, "it can't be noted beside the pins: %s", strerror(-r));
	interface_detach(k, it);
	interfaces_forget(k, it);
	return r;
}

static void recall(void *arg, const char *note)
{
	struct kernel *k = arg;
	char name[IFNAMSIZ], ignored[KERNEL_REASON_MAX];

	if (pins_read_symlink(k->pin_dir, note, name, sizeof(name)) == 0 &&
	    !interfaces_find(k, name) && interfaces_add(k, name, ignored, sizeof(ignored)) == 0)
		k->interfaces[k->interface_count - 1].added = true;
	else /* it is configured by now, or there is no room for it any longer */
		pins_remove(k->pin_dir, note);
}

void interfaces_recall(struct kernel *k)
{
	pins_each_added(k->pin_dir, recall, k);
}

static void drop_note(void *arg, const char *note)
{
	const struct kernel *k = arg;

	pins_remove(k->pin_dir, note);
}

void interfaces_drop_notes(struct kernel *k)
{
	pins_each_added(k->pin_dir, drop_note, k);
}

/* --- at run time ----------------------------------------------------------------------------- */

static int attach_another(struct kernel *k, const char *name, char *reason, size_t size)
{
	struct interface *it = interfaces_find(k, name);
	int r;

	if (it) {
		snprintf(reason, size, "%.16s is there already", name);
		return -EEXIST;
	}
	if (*name && strlen(name) < IFNAMSIZ && !if_nametoindex(name)) {
		snprintf(reason, size, "no such interface: %.16s", name);
		return -ENODEV;
	}
	r = interfaces_add(k, name, reason, size);
	if (r < 0)
		return r;
	it = &k->interfaces[k->interface_count - 1];
	interface_attach(k, it);
	if (it->mode != ATTACH_NONE)
		return remember(k, it, reason, size);
	snprintf(reason, size, "%s", it->reason);
	interfaces_forget(k, it);
	return -EOPNOTSUPP;
}

static int take_away(struct kernel *k, const char *name, char *reason, size_t size)
{
	struct interface *it = interfaces_find(k, name);
	char note[32];

	if (!it) {
		snprintf(reason, size, "not attached: %.64s", name);
		return -ENODEV;
	}
	pins_added_name(it->name, note);
	pins_remove(k->pin_dir, note); /* before the programs: a daemon may die in between */
	interface_detach(k, it);
	interfaces_forget(k, it);
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
