/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says when it refuses: the same statuses and texts as userspace (docs/api.md),
 * cut to what fits a packet of the smallest MSS. The kernel module adds
 * Content-Length, Retry-After, X-Request-ID and x-axfw-path.
 */
#ifndef KERNEL_ANSWERS_H
#define KERNEL_ANSWERS_H

#include "kernel/kernel.h"

void kernel_answers_fill(struct kernel_answer ret[static AXFW_RESPONSE_COUNT]);

#endif
