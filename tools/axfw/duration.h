/* SPDX-License-Identifier: Apache-2.0 */
/* Lengths of time as people type them. */
#ifndef DURATION_H
#define DURATION_H

#include <stdint.h>

/* "90s", "10m", "1h30m", "7d"; a bare number is seconds. At least a second. -EINVAL. */
int duration_parse(const char *text, uint64_t *ret_seconds);

#endif
