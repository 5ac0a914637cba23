/* SPDX-License-Identifier: Apache-2.0 */
/* The program as an XDP link: pinned, so that it survives the daemon, and updated in place. */
#ifndef KERNEL_XDP_H
#define KERNEL_XDP_H

#include "kernel/internal.h"

/* Somebody else's XDP program on the interface, in words; false: there is none but ours. */
bool xdp_is_foreign(const struct interface *it, char *reason, size_t size);
/* Opens the link that an earlier daemon pinned for it: link_fd and mode, the program still the
 * earlier one's. A link that isn't on this very interface any more is removed. */
int xdp_find(struct kernel *k, struct interface *it);
/* Attaches the program: native, else generic. On failure reason says why. */
int xdp_attach(struct kernel *k, struct interface *it, char *reason, size_t size);
int xdp_update(const struct kernel *k, const struct interface *it);
bool xdp_is_attached(const struct interface *it);
void xdp_remove(struct kernel *k, struct interface *it);
/* By the pin's name: a link that nobody holds open. */
void xdp_remove_pinned(const char *pin_dir, const char *pin);

#endif
