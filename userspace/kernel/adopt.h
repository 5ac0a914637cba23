/* SPDX-License-Identifier: Apache-2.0 */
/* From what is pinned to what these options ask for, while the old program goes on judging by it.
 */
#ifndef KERNEL_ADOPT_H
#define KERNEL_ADOPT_H

#include "kernel/inherit.h"

/* config must be mapped. Writes the settings. */
int adopt_configuration(struct kernel *k, const struct kernel_options *options,
			const struct inheritance *inherited);
/* Writes the answers that differ. */
int adopt_answers(struct kernel *k, const struct axfw_response_template *answers);
/*
 * No program of ours will be kept in step by this daemon: takes away the ones that an earlier
 * daemon left enforcing on the ports this one serves, because they would judge by what was true
 * then. Leaves alone what another daemon holds, what guards other ports, and everything if the
 * privilege lacks.
 */
void adopt_nothing(const struct kernel_options *options);

#endif
