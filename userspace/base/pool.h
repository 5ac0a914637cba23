/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker threads with a bounded queue, for what takes long (password hashing, outbound HTTP): an
 * epoll thread hands a job over and never waits. pool_submit() from any thread.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/memory.h"

struct pool;

int pool_new(const char *name, unsigned threads, unsigned queue_max, struct pool **ret_pool);
/* Runs what is queued, then joins the threads. No-op on NULL; *pool is NULL afterwards. */
void pool_free(struct pool **pool);
/* -EAGAIN: the queue is full. work runs once, on one of the threads. */
int pool_submit(struct pool *pool, void (*work)(void *arg), void *arg);

#endif
