/* SPDX-License-Identifier: Apache-2.0 */
/* The program as a TC filter: ingress of clsact, direct action, always in the same place. */
#ifndef KERNEL_TC_H
#define KERNEL_TC_H

#include "kernel/internal.h"

/* Where the filter sits, as `tc filter show` prints it. After what people put at priority 1 to 9,
 * before what they let the kernel choose. */
#define TC_PRIORITY 10
#define TC_HANDLE   0xaf

/* Attaches the program, or replaces ours that is there, in one step. On failure reason says why.
 * -EEXIST: somebody else's filter is in our place. */
int tc_attach(struct kernel *k, const struct interface *it, char *reason, size_t size);
/* Is a filter of ours noted for the interface of this name and index? */
bool tc_is_noted(const struct kernel *k, const struct interface *it);
bool tc_is_attached(const struct interface *it);
/* Takes ours away, and the clsact if we made it and nobody else uses it. note: a pin's name. */
void tc_remove(const char *pin_dir, const char *note);

#endif
