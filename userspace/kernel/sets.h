/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is pinned, as sets: all maps and programs that belong together, in one directory, and one
 * name that says which set counts.
 *
 *   PIN_DIR/set_a/config …    a set; the next one is set_b, then set_a again
 *   PIN_DIR/current           -> set_a
 *   PIN_DIR/config …          -> current/config: what operators type
 *   PIN_DIR/link_xdp_IFACE    attachments belong to no set: they are switched in place
 *
 * A daemon of ABI version 1 pinned its only set flat into PIN_DIR.
 */
#ifndef KERNEL_SETS_H
#define KERNEL_SETS_H

#include <limits.h>
#include "kernel/object.h"

/* The directory of the set that counts. -ENOENT: nothing is pinned. */
int sets_find(const char *pin_dir, char ret[static PATH_MAX]);
/* Pins the object as a new set and makes it the one that counts, in one step: whoever looks, and a
 * daemon that finds what a crash left, sees the old set or the new. On failure the old one counts
 * on. */
int sets_publish(const char *pin_dir, const struct object *object);
void sets_remove(const char *pin_dir);

#endif
