/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon of an older version, as far as what it leaves behind goes: its program on an interface
 * and its maps, pinned flat, with a config that has another layout than ours. */
#ifndef TESTS_KERNEL_OLD_DAEMON_H
#define TESTS_KERNEL_OLD_DAEMON_H

#include "kernel/kernel.h"

/* Every active key is in its admissions; it answers on the interface, natively. */
void old_daemon_leave(const struct kernel_options *options, const char *interface);

#endif
