/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over real sockets, and a listener like the daemon's. */
#ifndef TESTS_KERNEL_CLIENT_H
#define TESTS_KERNEL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#define CLIENT_PATIENCE_S 5 /* then a call counts as hanging */
#define CLIENT_KEY	  "axfw_0123456789012345678901234567890123456789"

extern const char client_guard_call[]; /* with CLIENT_KEY */
extern const char client_signup[];

int client_listen(void);		 /* on LAB_PORT, deferring, not blocking */
int client_connect(const char *address); /* -1 */
/* Sends the request and reads to the end; the answer, or what went wrong in brackets. */
void client_ask(const char *address, const char *request, char *ret, size_t size);
bool client_is_kernels_401(const char *answer);

#endif
