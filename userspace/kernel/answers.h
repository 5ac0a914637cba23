/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP answers of the kernel, built once at start into what the `responses` map holds. */
#ifndef KERNEL_ANSWERS_H
#define KERNEL_ANSWERS_H

#include "axfw/abi.h"

/* head and body as kernel_options says. -EINVAL: not a head that can be continued, or two units in
 * the body; -E2BIG: more than AXFW_ANSWER_MAX bytes. Pure. */
int answer_build(unsigned status, const char *head, const char *body,
		 struct axfw_response_template *ret);

#endif
