/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module's thread: takes out what has ended, puts sources into the box, writes again what the
 * kernel had no room or memory for, and follows a wall clock that was stepped. It sleeps until one
 * of these is due.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "denials/internal.h"

#define RETRY_MS 1000
/* While the list isn't empty: the wall clock may have been stepped. */
#define LOOK_MS 2000
/* Two clocks read one after the other differ by less, stepped ones by more. */
#define STEP_NS (500 * NS_PER_MS)

static void forget(struct denials *d, const struct entry *e)
{
	/* A row that stays is found ended at the next start. */
	if (e->cause == AXFW_DENIED_BY_OPERATOR &&
	    store_delete_denial(d->options.store, &e->prefix) < 0)
		log_debug("the end of a denial couldn't be stored");
	denials_take_entry(d, &e->prefix, e->cause);
}

static void take_out_ended(struct denials *d, uint64_t now_ns)
{
	for (size_t i = 0; i < d->list.count;) {
		if (d->list.entries[i].until_ns <= now_ns)
			forget(d, &d->list.entries[i]);
		else
			i++;
	}
}

static void follow_wall_clock(struct denials *d)
{
	for (size_t i = 0; i < d->list.count; i++) {
		const struct entry *e = &d->list.entries[i];
		uint64_t until_ns, apart;

		if (!e->until_us)
			continue;
		until_ns = denials_boot_ns(e->until_us);
		apart = until_ns > e->until_ns ? until_ns - e->until_ns : e->until_ns - until_ns;
		if (apart >= STEP_NS)
			denials_set_end(d, i, until_ns);
	}
}

static uint64_t next_end_ns(const struct denials *d)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < d->list.count; i++)
		next = MIN(next, d->list.entries[i].until_ns);
	return next;
}

/* Returns how long there is nothing to do, in ms. */
static uint64_t work(struct denials *d)
{
	uint64_t now_ns, next_ns, sleep_ms;

	pthread_mutex_lock(&d->change);
	box_take_queue(d);
	box_save(d, false);
	follow_wall_clock(d);
	now_ns = clock_boot_ns();
	take_out_ended(d, now_ns);
	if (d->stale || atomic_load(&d->not_in_kernel))
		denials_resync(d);
	next_ns = next_end_ns(d);
	sleep_ms = d->stale || d->box.unsaved || atomic_load(&d->not_in_kernel) ? RETRY_MS
										: LOOK_MS;
	if (!d->list.count && !d->stale && !d->box.unsaved)
		sleep_ms = UINT64_MAX;
	pthread_mutex_unlock(&d->change);
	if (next_ns != UINT64_MAX)
		sleep_ms = MIN(sleep_ms, (next_ns > now_ns ? next_ns - now_ns : 0) / NS_PER_MS + 1);
	return sleep_ms;
}

/* Under box.lock. */
static void sleep_for(struct denials *d, uint64_t ms)
{
	uint64_t until_ns = clock_monotonic_ns() + ms * NS_PER_MS;
	const struct timespec until = { .tv_sec = (time_t)(until_ns / NS_PER_S),
					.tv_nsec = (long)(until_ns % NS_PER_S) };

	if (ms == UINT64_MAX)
		pthread_cond_wait(&d->wake, &d->box.lock);
	else
		pthread_cond_timedwait(&d->wake, &d->box.lock, &until);
}

static void *keep(void *arg)
{
	struct denials *d = arg;
	uint64_t sleep_ms = 0;

	pthread_setname_np(pthread_self(), "denials");
	pthread_mutex_lock(&d->box.lock);
	while (!d->stopping) {
		if (!d->box.queued && !d->woken && sleep_ms)
			sleep_for(d, sleep_ms);
		d->woken = false;
		pthread_mutex_unlock(&d->box.lock);
		sleep_ms = work(d);
		pthread_mutex_lock(&d->box.lock);
	}
	pthread_mutex_unlock(&d->box.lock);
	return NULL;
}

void keeper_wake(struct denials *d)
{
	pthread_mutex_lock(&d->box.lock);
	d->woken = true;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->box.lock);
}

int keeper_start(struct denials *d)
{
	int r = pthread_create(&d->keeper, NULL, keep, d);

	if (r)
		return -r;
	d->keeper_runs = true;
	return 0;
}

void keeper_stop(struct denials *d)
{
	if (!d->keeper_runs)
		return;
	pthread_mutex_lock(&d->box.lock);
	d->stopping = true;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->box.lock);
	pthread_join(d->keeper, NULL);
	d->keeper_runs = false;
}
