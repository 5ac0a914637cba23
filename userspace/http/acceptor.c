/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd listens on one socket, and knows no PROXY protocol. Where several addresses are
 * served, or a trusted proxy may begin with a header of its own, all connections are accepted here
 * and handed to the same threads, so that there is one pool with one limit.
 *
 * The limit is kept here: at it nothing is accepted, and connections wait in the sockets' backlogs
 * as they do where libmicrohttpd accepts. Its own limit must never be reached by what is handed to
 * it: 0.9.75 closes that connection and leaves a mutex locked, on which its thread then waits for
 * itself for ever. Each address has its turn: a flood to one doesn't take every place that becomes
 * free.
 */
#include "http/internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define REST_MS	   50	/* out of descriptors or memory: waiting helps, spinning doesn't */
#define RECOUNT_MS 1000 /* a connection handed over is begun long before that */
#define BATCH	   64	/* accepted at a time: who waits with a PROXY header has a turn, too */
#define EVENTS_MAX 64

struct acceptor {
	struct MHD_Daemon *mhd;
	const struct prefix_list *proxies; /* that begin with a PROXY header; NULL: nobody does */
	pthread_t thread;
	bool running;
	int epoll, wake;
	int listeners[LISTENERS_MAX];
	size_t count, next; /* next: whose turn it is */
	bool listening;
	struct proxied *proxied; /* waiting for their header */
	uint64_t places, given;	 /* connections at once; handed over so far */
	uint64_t given_ns;	 /* the last one */
	/* Of those that were handed over; the threads that have them count. */
	atomic_uint_fast64_t begun, ended;
	atomic_bool full; /* whoever ends one wakes us */
	atomic_bool stopping;
};

/* --- places ---------------------------------------------------------------------------------- */

void acceptor_note_begin(struct acceptor *a)
{
	if (a)
		atomic_fetch_add_explicit(&a->begun, 1, memory_order_relaxed);
}

void acceptor_note_end(struct acceptor *a)
{
	if (!a)
		return;
	/* Count, then look; has_room() says it is full, then counts. */
	atomic_fetch_add(&a->ended, 1);
	if (atomic_load(&a->full))
		(void)eventfd_write(a->wake, 1);
}

static bool has_room(struct acceptor *a)
{
	uint64_t waiting = proxied_count(a->proxied);

	if (a->given - atomic_load(&a->ended) + waiting < a->places)
		return true;
	atomic_store(&a->full, true);
	if (a->given - atomic_load(&a->ended) + waiting >= a->places)
		return false;
	atomic_store(&a->full, false);
	return true;
}

/* What libmicrohttpd gave up before it began (it had no memory) it tells nobody. */
static void recount(struct acceptor *a)
{
	if (clock_monotonic_ns() - a->given_ns > RECOUNT_MS * NS_PER_MS)
		a->given = atomic_load(&a->begun);
}

void acceptor_give(struct acceptor *a, int fd, const struct sockaddr *from, socklen_t len)
{
	a->given++;
	a->given_ns = clock_monotonic_ns();
	if (MHD_add_connection(a->mhd, fd, from, len) == MHD_NO)
		a->given--;
}

/* --- accepting ------------------------------------------------------------------------------- */

static bool begins_with_header(const struct acceptor *a, const struct sockaddr_storage *from)
{
	struct address peer;

	if (!a->proxies)
		return false;
	address_from_sockaddr((const struct sockaddr *)from, &peer);
	return prefix_list_contains(a->proxies, &peer);
}

/* From the listener whose turn it is. 0, -EAGAIN: nobody waits there, or what stands in the way. */
static int accept_one(struct acceptor *a)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	int fd = accept4(a->listeners[a->next], (struct sockaddr *)&from, &len,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	a->next = (a->next + 1) % a->count;
	if (fd < 0)
		return errno == ECONNABORTED || errno == EINTR ? 0 : -errno;
	if (begins_with_header(a, &from))
		proxied_add(a->proxied, fd, &from, len);
	else
		acceptor_give(a, fd, (struct sockaddr *)&from, len);
	return 0;
}

/* false: not now; there is no room, or accepting doesn't work at the moment. */
static bool accept_waiting(struct acceptor *a)
{
	size_t without = 0;

	for (int i = 0; i < BATCH && without < a->count; i++) {
		int r;

		if (!has_room(a))
			return false;
		r = accept_one(a);
		if (r < 0 && r != -EAGAIN)
			return false;
		without = r < 0 ? without + 1 : 0;
	}
	return true;
}

static void listen_or_rest(struct acceptor *a, bool listening)
{
	if (a->listening == listening)
		return;
	a->listening = listening;
	for (size_t i = 0; i < a->count; i++) {
		struct epoll_event event = { .events = listening ? EPOLLIN : 0,
					     .data.ptr = &a->listeners[i] };

		(void)epoll_ctl(a->epoll, EPOLL_CTL_MOD, a->listeners[i], &event);
	}
}

/* --- the thread ------------------------------------------------------------------------------ */

/* What an event is about: one of our listeners or the wake-up, or a connection that waits for its
 * header. */
static bool is_ours(const struct acceptor *a, const void *about)
{
	const int *fd = about;

	return fd == &a->wake || (fd >= a->listeners && fd < a->listeners + LISTENERS_MAX);
}

static int patience_ms(struct acceptor *a)
{
	int header_ms = proxied_expire(a->proxied), rest_ms = -1;

	if (!a->listening)
		rest_ms = atomic_load(&a->full) ? RECOUNT_MS : REST_MS;
	return header_ms < 0 || (rest_ms >= 0 && rest_ms < header_ms) ? rest_ms : header_ms;
}

static void *acceptor_run(void *arg)
{
	struct acceptor *a = arg;
	struct epoll_event events[EVENTS_MAX];
	eventfd_t woken;

	pthread_setname_np(pthread_self(), "http-acceptor");
	while (!atomic_load(&a->stopping)) {
		int n = epoll_wait(a->epoll, events, EVENTS_MAX, patience_ms(a));

		if (n < 0 && errno != EINTR)
			return NULL;
		(void)eventfd_read(a->wake, &woken);
		for (int i = 0; i < n; i++) {
			if (!is_ours(a, events[i].data.ptr))
				proxied_read(a->proxied, events[i].data.ptr);
		}
		if (atomic_exchange(&a->full, false))
			recount(a);
		listen_or_rest(a, accept_waiting(a));
	}
	return NULL;
}

void acceptor_stop(struct acceptor *a)
{
	if (!a || !a->running)
		return;
	atomic_store(&a->stopping, true);
	(void)eventfd_write(a->wake, 1);
	pthread_join(a->thread, NULL);
	a->running = false;
	proxied_free(&a->proxied); /* nobody reads their headers any more */
}

void acceptor_free(struct acceptor **acceptor)
{
	struct acceptor *a = *acceptor;

	if (!a)
		return;
	acceptor_stop(a);
	proxied_free(&a->proxied);
	closep(&a->wake);
	closep(&a->epoll);
	free(a);
	*acceptor = NULL;
}

static int watch(struct acceptor *a, int *fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = fd };

	return epoll_ctl(a->epoll, EPOLL_CTL_ADD, *fd, &event) < 0 ? -errno : 0;
}

static int open_descriptors(struct acceptor *a)
{
	a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	return a->wake < 0 || a->epoll < 0 ? -errno : watch(a, &a->wake);
}

int acceptor_new(const int *fds, size_t count, uint64_t places, const struct prefix_list *proxies,
		 struct acceptor **ret)
{
	_cleanup_(acceptor_free) struct acceptor *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->proxies = proxies;
	a->places = places;
	a->listening = true;
	r = open_descriptors(a);
	if (r == 0)
		r = proxied_new(a, a->epoll, &a->proxied);
	for (; a->count < count && r == 0; a->count++) {
		a->listeners[a->count] = fds[a->count];
		r = watch(a, &a->listeners[a->count]);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(a);
	return 0;
}

int acceptor_start(struct acceptor *a, struct MHD_Daemon *mhd)
{
	int r;

	a->mhd = mhd;
	r = pthread_create(&a->thread, NULL, acceptor_run, a);
	a->running = r == 0;
	return -r;
}
