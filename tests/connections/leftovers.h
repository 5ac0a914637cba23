/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONNECTIONS_LEFTOVERS_H
#define CONNECTIONS_LEFTOVERS_H

/* How many of our connections a network namespace's sockets still hold, half-open ones included;
 * TIME-WAIT isn't one: TCP remembers it after both ends have closed in order. -errno. */
int leftovers_count(const char *netns);

#endif
