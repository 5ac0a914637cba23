/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>

/* Workers yield to the epoll threads: a burst of logins must not slow other people's requests. */
#define POOL_NICE 10

struct job {
	void (*work)(void *arg);
	void *arg;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job *queue; /* a ring */
	unsigned queue_max, first, queued;
	pthread_t *threads;
	unsigned thread_count;
	char name[16];
	bool stopping;
};

static bool next_job(struct pool *p, struct job *ret)
{
	bool found = false;

	pthread_mutex_lock(&p->lock);
	while (!p->queued && !p->stopping)
		pthread_cond_wait(&p->wake, &p->lock);
	if (p->queued) {
		*ret = p->queue[p->first];
		p->first = (p->first + 1) % p->queue_max;
		p->queued--;
		found = true;
	}
	pthread_mutex_unlock(&p->lock);
	return found;
}

static void *run(void *arg)
{
	struct pool *p = arg;
	struct job job;

	pthread_setname_np(pthread_self(), p->name);
	/* On Linux a nice value belongs to the thread. Being refused costs fairness, not
	 * correctness. */
	(void)setpriority(PRIO_PROCESS, 0, POOL_NICE);
	while (next_job(p, &job))
		job.work(job.arg);
	return NULL;
}

void pool_free(struct pool **pool)
{
	struct pool *p = *pool;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->thread_count; i++)
		pthread_join(p->threads[i], NULL);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->wake);
	free(p->threads);
	free(p->queue);
	free(p);
	*pool = NULL;
}

int pool_new(const char *name, unsigned threads, unsigned queue_max, struct pool **ret_pool)
{
	_cleanup_(pool_free) struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->queue_max = queue_max;
	p->queue = calloc(queue_max, sizeof(*p->queue));
	p->threads = calloc(threads, sizeof(*p->threads));
	if (!p->queue || !p->threads)
		return -ENOMEM;
	for (; p->thread_count < threads; p->thread_count++) {
		int r = pthread_create(&p->threads[p->thread_count], NULL, run, p);

		if (r)
			return -r;
	}
	*ret_pool = TAKE_PTR(p);
	return 0;
}

int pool_submit(struct pool *p, void (*work)(void *arg), void *arg)
{
	int r = -EAGAIN;

	pthread_mutex_lock(&p->lock);
	if (p->queued < p->queue_max && !p->stopping) {
		p->queue[(p->first + p->queued++) % p->queue_max] = (struct job){ work, arg };
		pthread_cond_signal(&p->wake);
		r = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}
