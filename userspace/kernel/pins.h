/* SPDX-License-Identifier: Apache-2.0 */
/* The pin directory: bpffs under it, the lock on it, and pins that are replaced without a moment's
 * absence. */
#ifndef KERNEL_PINS_H
#define KERNEL_PINS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "kernel/object.h"

/* Makes sure that dir is a directory (0700) on a bpffs, mounting one when there is none. On failure
 * a sentence goes into reason. */
int pins_prepare(const char *dir, char *reason, size_t size);
/* -ENOENT: no bpffs there or no such directory; nothing is changed. */
int pins_find(const char *dir);
/* 0: dir is, or would be made, on a bpffs that is mounted. -ENOENT. */
int pins_would_fit(const char *dir);
/*
 * Takes the directory for this daemon; *ret_fd holds it. Waits up to wait_ms for another one to let
 * go: -EBUSY. The lock is on the directory itself, so it can't be about another one.
 */
int pins_lock(const char *dir, unsigned wait_ms, int *ret_fd);

/* The process that holds it, as /proc/locks has it; 0: none, or not of our process namespace. */
pid_t pins_holder(const char *dir);

void pins_path(const char *dir, const char *name, char ret[static PATH_MAX]);
/* "link_xdp_eth0:100" for eth0.100: bpffs refuses dots, interface names can't hold colons. */
void pins_link_name(const char *interface, char ret[static 32]);
void pins_tc_name(const char *interface, char ret[static 32]);
void pins_added_name(const char *interface, char ret[static 32]);
int pins_get(const char *dir, const char *name); /* fd or -errno */
/* Pins fd under the name, in place of what is there: a reader finds the old or the new, never
 * nothing. */
int pins_put(const char *dir, const char *name, int fd);
int pins_put_symlink(const char *dir, const char *name, const char *target); /* the same */
int pins_read_symlink(const char *dir, const char *name, char *ret, size_t size);
int pins_remove(const char *dir, const char *name); /* 0 also when there is none */
/* Calls `each` for every pinned link and every note of a filter, with the file's name. */
int pins_each_attachment(const char *dir, void (*each)(void *arg, enum hook hook, const char *name),
			 void *arg);
/* The same for every note of an interface that was added at run time. */
int pins_each_added(const char *dir, void (*each)(void *arg, const char *name), void *arg);

#endif
