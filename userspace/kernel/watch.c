/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module's own thread: retries what couldn't be written, grows the admissions before they are
 * full, looks at the interfaces again when something about one has changed, empties the ring buffer
 * so that it never fills up unread, and notices that the wall clock was set.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "kernel/internal.h"
#include "kernel/netlink.h"

#define RECHECK_MS 2000 /* a peer's program that came or went is noticed within this */
#define CALM_MS	   50	/* between two looks at the interfaces, however many of them change */
#define RETRY_MS   100	/* a failed update is tried again: the kernel was out of memory or busy */
#define LOSS_MS	   1000 /* between two calls for a reconcile */
#define IDLE_MS	   1000 /* how often the sample is looked at */
#define EVENTS_MS  250	/* between two looks into the ring, of which samples don't tell */

void watch_wake(struct kernel *k)
{
	uint64_t one = 1;

	if (write(k->wake_fd, &one, sizeof(one)) < 0)
		return; /* full: it is awake */
}

/* What was lost isn't known here any longer: whoever knows the keys says them all again. */
static void tell_of_loss(struct kernel *k, uint64_t now_ns)
{
	kernel_loss_fn *fn = NULL;
	void *arg = NULL;

	pthread_mutex_lock(&k->sync_lock);
	if (k->pending_overflow && now_ns - k->loss_told_ns >= LOSS_MS * NS_PER_MS) {
		k->loss_told_ns = now_ns;
		fn = k->loss_fn;
		arg = k->loss_arg;
	}
	pthread_mutex_unlock(&k->sync_lock);
	if (fn)
		fn(arg);
}

void kernel_on_loss(struct kernel *k, kernel_loss_fn *fn, void *arg)
{
	pthread_mutex_lock(&k->sync_lock);
	k->loss_fn = fn;
	k->loss_arg = arg;
	pthread_mutex_unlock(&k->sync_lock);
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

/* --- the wall clock -------------------------------------------------------------------------- */

/* A timer that never ends, but that the kernel cancels when the clock is set. */
static int arm_clock(int fd)
{
	const struct itimerspec never = { .it_value.tv_sec = INT64_MAX };

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0
		       ? -errno
		       : 0;
}

static int watch_clock(int *ret)
{
	_cleanup_(closep) int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = arm_clock(fd);
	if (r == 0)
		*ret = TAKE_FD(fd);
	return r;
}

static void note_clock(struct kernel *k)
{
	kernel_clock_fn *fn = atomic_load(&k->clock_fn);
	uint64_t count;

	if (read(k->clock_fd, &count, sizeof(count)) >= 0 || errno != ECANCELED)
		return;
	arm_clock(k->clock_fd); /* it was armed before, with the same arguments */
	if (fn)
		fn(k->clock_arg);
}

void kernel_on_clock_set(struct kernel *k, kernel_clock_fn *fn, void *arg)
{
	k->clock_arg = arg;
	atomic_store(&k->clock_fn, fn);
}

/* --- the thread ------------------------------------------------------------------------------ */

struct found {
	bool interfaces; /* one has changed */
	bool events;
};

static struct found wait_for_work(struct kernel *k, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = k->wake_fd, .events = POLLIN },
		{ .fd = ring_buffer__epoll_fd(k->ring), .events = POLLIN },
		{ .fd = k->links_fd, .events = POLLIN },
		{ .fd = k->clock_fd, .events = POLLIN },
	};
	struct found found = { false };
	uint64_t woken;
	int ready = poll(fds, ARRAY_SIZE(fds), timeout_ms);

	found.events = ring_buffer__consume(k->ring) > 0; /* the poll hears of some of them only */
	if (ready <= 0)
		return found;
	if (fds[0].revents && read(k->wake_fd, &woken, sizeof(woken)) < 0)
		return found; /* somebody else's wake-up was counted already */
	if (fds[2].revents)
		netlink_drain(k->links_fd);
	if (fds[3].revents)
		note_clock(k);
	found.interfaces = fds[2].revents;
	return found;
}

static void recheck(struct kernel *k)
{
	pthread_mutex_lock(&k->interface_lock);
	interfaces_recheck(k);
	pthread_mutex_unlock(&k->interface_lock);
}

static void *watch(void *arg)
{
	struct kernel *k = arg;
	uint64_t now = clock_monotonic_ns(), checked_at = now;
	uint64_t recheck_at = now + RECHECK_MS * NS_PER_MS;
	struct found found = { false };
	bool left = false;

	while (!atomic_load(&k->stopping)) {
		uint64_t wait_ms = recheck_at > now ? (recheck_at - now) / NS_PER_MS + 1 : 0;

		wait_ms = MIN(wait_ms, left ? RETRY_MS : found.events ? EVENTS_MS : IDLE_MS);
		found = wait_for_work(k, (int)wait_ms);
		if (found.interfaces)
			recheck_at = MIN(recheck_at, checked_at + CALM_MS * NS_PER_MS);
		left = sync_admissions(k);
		now = clock_monotonic_ns();
		events_adapt(k, now);
		tell_of_loss(k, now);
		if (now < recheck_at)
			continue;
		recheck(k);
		checked_at = now = clock_monotonic_ns();
		recheck_at = now + RECHECK_MS * NS_PER_MS;
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
	k->links_fd = netlink_subscribe();
	if (k->links_fd < 0)
		return k->links_fd;
	r = watch_clock(&k->clock_fd);
	if (r < 0)
		return r;
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
	closep(&k->links_fd);
	closep(&k->clock_fd);
	k->wake_fd = k->links_fd = k->clock_fd = -1;
}
