/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd listens on one socket, and knows no PROXY protocol. Connections from the other
 * sockets, or from all of them where a trusted proxy may begin with a header of its own, are
 * accepted here and handed to the same threads, so that there is one pool with one limit however
 * many addresses are served.
 */
#include "http/internal.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define PAUSE_MS   50 /* out of descriptors: waiting helps, spinning doesn't */
#define EVENTS_MAX 64

struct acceptor {
	struct MHD_Daemon *mhd;
	const struct prefix_list *proxies; /* that begin with a PROXY header; NULL: nobody does */
	pthread_t thread;
	bool running;
	int epoll, wake;
	int listeners[LISTENERS_MAX];
	struct proxied *proxied; /* waiting for their header */
};

static bool begins_with_header(const struct acceptor *a, const struct sockaddr_storage *from)
{
	struct address peer;

	if (!a->proxies)
		return false;
	address_from_sockaddr((const struct sockaddr *)from, &peer);
	return prefix_list_contains(a->proxies, &peer);
}

static void accept_all(struct acceptor *a, int listener)
{
	for (;;) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		int fd = accept4(listener, (struct sockaddr *)&from, &len,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
			poll(NULL, 0, PAUSE_MS);
		if (fd < 0)
			return;
		if (begins_with_header(a, &from))
			proxied_add(a->proxied, fd, &from, len);
		else /* It owns fd from here, also when it refuses it. */
			MHD_add_connection(a->mhd, fd, (struct sockaddr *)&from, len);
	}
}

/* What an event is about: one of our listeners, or a connection that waits for its header. */
static const int *as_listener(const struct acceptor *a, const void *about)
{
	const int *listener = about;

	return listener >= a->listeners && listener < a->listeners + LISTENERS_MAX ? listener
										   : NULL;
}

static void *acceptor_run(void *arg)
{
	struct acceptor *a = arg;
	struct epoll_event events[EVENTS_MAX];

	pthread_setname_np(pthread_self(), "http-acceptor");
	for (;;) {
		int n = epoll_wait(a->epoll, events, EVENTS_MAX, proxied_expire(a->proxied));

		if (n < 0 && errno != EINTR)
			return NULL;
		for (int i = 0; i < n; i++) {
			const int *listener = as_listener(a, events[i].data.ptr);

			if (events[i].data.ptr == &a->wake)
				return NULL;
			if (listener)
				accept_all(a, *listener);
			else
				proxied_read(a->proxied, events[i].data.ptr);
		}
	}
}

void acceptor_stop(struct acceptor **acceptor)
{
	struct acceptor *a = *acceptor;

	if (!a)
		return;
	if (a->running) {
		(void)eventfd_write(a->wake, 1);
		pthread_join(a->thread, NULL);
	}
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

int acceptor_start(struct MHD_Daemon *mhd, const int *fds, size_t count,
		   const struct prefix_list *proxies, struct acceptor **ret)
{
	_cleanup_(acceptor_stop) struct acceptor *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->mhd = mhd;
	a->proxies = proxies;
	a->wake = eventfd(0, EFD_CLOEXEC);
	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (a->wake < 0 || a->epoll < 0)
		return -errno;
	r = proxied_new(mhd, a->epoll, &a->proxied);
	if (r == 0)
		r = watch(a, &a->wake);
	for (size_t i = 0; i < count && r == 0; i++) {
		a->listeners[i] = fds[i];
		r = watch(a, &a->listeners[i]);
	}
	if (r < 0)
		return r;
	r = pthread_create(&a->thread, NULL, acceptor_run, a);
	if (r)
		return -r;
	a->running = true;
	*ret = TAKE_PTR(a);
	return 0;
}
