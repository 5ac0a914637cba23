/* SPDX-License-Identifier: Apache-2.0 */
/* What libbpf says, turned from lines on stderr into one reason. */
#ifndef KERNEL_LIBBPF_LOG_H
#define KERNEL_LIBBPF_LOG_H

#include <stddef.h>

/* Before every use of libbpf that may have something to say; for the calling thread. */
void libbpf_log_begin(void);
/* The last meaningful line that this thread's libbpf calls printed since, or "" . */
const char *libbpf_log_reason(void);

#endif
