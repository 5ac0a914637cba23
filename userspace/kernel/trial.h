/* SPDX-License-Identifier: Apache-2.0 */
/* What can only be found out by doing it, done where it leaves nothing behind. */
#ifndef KERNEL_TRIAL_H
#define KERNEL_TRIAL_H

/* Attaches a filter that passes everything to the loopback of a network namespace that ends with
 * the call. -EPERM: no namespace may be made; -ENOENT: no clsact; other: no BPF classifier. */
int trial_tc(void);
/* Loads an XDP program that takes packets in several pieces (jumbo frames). */
int trial_frags(void);

#endif
