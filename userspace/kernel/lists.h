/* SPDX-License-Identifier: Apache-2.0 */
/* The maps of prefixes that a setting names: trusted proxies, the allow list. */
#ifndef KERNEL_LISTS_H
#define KERNEL_LISTS_H

#include "kernel/internal.h"

/* Makes `allowed` and `proxies` hold exactly what the options say; what they held before and still
 * shall was there all the time. -E2BIG: more than the map takes; k->reason says which. */
int lists_write(struct kernel *k, const struct kernel_options *options);
/* The enum axfw_tier bits that the options ask for, of LISTS_TIERS and the other TIERS_OF_OPTIONS.
 */
uint32_t lists_tiers(const struct kernel_options *options);

#endif
