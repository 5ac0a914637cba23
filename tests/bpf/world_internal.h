/* SPDX-License-Identifier: Apache-2.0 */
/* What net.c (namespace, listeners), connection.c, answers.c (templates) and world.c (program and
 * maps) share. */
#ifndef BPF_TESTS_WORLD_INTERNAL_H
#define BPF_TESTS_WORLD_INTERNAL_H

#include <sys/socket.h>
#include "world.h"

/* The loopback address; its length. */
socklen_t net_loopback(bool ipv6, uint16_t port, struct sockaddr_storage *ret);
/* The one on PORT_ESTABLISHED. */
int net_listener(bool ipv6);
void answers_make(void);

#endif
