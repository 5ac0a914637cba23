/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module's own thread: retries what couldn't be written, grows the admissions before they are
 * full, looks at the interfaces again, and empties the ring buffer so that it never fills up
 * unread.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "kernel/internal.h"

#define RECHECK_MS 2000 /* a peer's program that came or went is noticed within this */
#define RETRY_MS   100	/* a failed update is tried again: the kernel was out of memory or busy */
#define IDLE_MS	   1000 /* how often the sample is looked at */

void watch_wake(struct kernel *k)
{
	uint64_t one = 1;

	if (write(k->wake_fd, &one, sizeof(one)) < 0)
		return; /* full: it is awake */
}

/* Returns whether something is left to retry. */
static bool sync_admissions(struct kernel *k)
{
	bool grow, left;

	pthread_mutex_lock(&k->sync_lock);
	grow = admissions_want_growth(k);
	pthread_mutex_unlock(&k->sync_lock);
	if (grow)
		admissions_grow(k, false);
	pthread_mutex_lock(&k->sync_lock);
	admissions_retry(k);
	left = k->pending_count > 0;
	pthread_mutex_unlock(&k->sync_lock);
	return left;
}

static void wait_for_work(struct kernel *k, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = k->wake_fd, .events = POLLIN },
		{ .fd = ring_buffer__epoll_fd(k->ring), .events = POLLIN },
	};
	uint64_t woken;

	if (poll(fds, ARRAY_SIZE(fds), timeout_ms) <= 0)
		return;
	if (fds[0].revents && read(k->wake_fd, &woken, sizeof(woken)) < 0)
		return; /* somebody else's wake-up was counted already */
	if (fds[1].revents)
		ring_buffer__consume(k->ring);
}

static void *watch(void *arg)
{
	struct kernel *k = arg;
	uint64_t recheck_at = clock_monotonic_ns() + RECHECK_MS * NS_PER_MS, now;
	bool left = false;

	while (!atomic_load(&k->stopping)) {
		wait_for_work(k, left ? RETRY_MS : IDLE_MS);
		left = sync_admissions(k);
		now = clock_monotonic_ns();
		events_adapt(k, now);
		if (now < recheck_at)
			continue;
		recheck_at = now + RECHECK_MS * NS_PER_MS;
		pthread_mutex_lock(&k->interface_lock);
		interfaces_recheck(k);
		pthread_mutex_unlock(&k->interface_lock);
	}
	return NULL;
}

int watch_start(struct kernel *k)
{
	int r;

	k->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (k->wake_fd < 0)
		return -errno;
	k->ring = ring_buffer__new(k->object.map_fd[MAP_events], events_on_record, k, NULL);
	if (!k->ring)
		return -errno;
	r = pthread_create(&k->watcher, NULL, watch, k);
	if (r)
		return -r;
	k->watcher_runs = true;
	pthread_setname_np(k->watcher, "kernel");
	return 0;
}

void watch_stop(struct kernel *k)
{
	if (k->watcher_runs) {
		atomic_store(&k->stopping, true);
		watch_wake(k);
		pthread_join(k->watcher, NULL);
		k->watcher_runs = false;
	}
	ring_buffer__free(k->ring);
	k->ring = NULL;
	closep(&k->wake_fd);
	k->wake_fd = -1;
}
