/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's keys are those of the store: at the start, at every change, after a loss. */
#ifndef KEY_SYNC_H
#define KEY_SYNC_H

#include "identity/identity.h"
#include "kernel/kernel.h"

struct key_sync {
	struct identity *identity;
	struct kernel *kernel;
};

/* From here on every change of a key is in the kernel before the call that made it returns. All
 * three outlive the kernel module's thread. */
void key_sync_start(struct key_sync *s, struct identity *identity, struct kernel *kernel);

#endif
