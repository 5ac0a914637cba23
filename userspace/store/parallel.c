/* SPDX-License-Identifier: Apache-2.0 */
/* Many tenants' files, a few threads: what a start and a stop have to do once per file. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include "store/internal.h"

#define THREADS_MAX 4
/* How often somebody who watches is told. */
#define PROGRESS_NS (100 * NS_PER_MS)

struct run {
	size_t count;
	int (*work)(void *arg, size_t i);
	void *arg;
	atomic_size_t next, done;
	atomic_int error;
};

unsigned parallel_threads(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : (unsigned)MIN(cores, (long)THREADS_MAX);
}

static bool step(struct run *run)
{
	size_t i = atomic_fetch_add(&run->next, 1);
	int r;

	if (i >= run->count || atomic_load(&run->error))
		return false;
	r = run->work(run->arg, i);
	if (r < 0)
		atomic_store(&run->error, r);
	atomic_fetch_add(&run->done, 1);
	return true;
}

static void *run_thread(void *arg)
{
	while (step(arg))
		;
	return NULL;
}

int run_parallel(unsigned threads, size_t count, int (*work)(void *arg, size_t i), void *arg,
		 void (*progress)(void *arg, uint64_t done, uint64_t total), void *progress_arg)
{
	struct run run = { .count = count, .work = work, .arg = arg };
	pthread_t helpers[THREADS_MAX];
	unsigned started = 0;
	uint64_t told_ns = 0;

	/* A helper that can't be had leaves its share to the rest. */
	while (started + 1 < MIN(threads, (unsigned)THREADS_MAX) && started + 1 < count &&
	       pthread_create(&helpers[started], NULL, run_thread, &run) == 0)
		started++;
	while (step(&run)) {
		uint64_t now_ns = clock_monotonic_ns();

		if (!progress || now_ns - told_ns < PROGRESS_NS)
			continue;
		told_ns = now_ns;
		progress(progress_arg, atomic_load(&run.done), count);
	}
	while (started)
		pthread_join(helpers[--started], NULL);
	if (progress && count && !atomic_load(&run.error))
		progress(progress_arg, count, count);
	return atomic_load(&run.error);
}
