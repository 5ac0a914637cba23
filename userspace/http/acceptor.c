/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd listens on one socket. Connections from the others are accepted here and handed to
 * the same threads, so that there is one pool with one limit however many addresses are served.
 */
#include "http/internal.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define PAUSE_MS 50 /* out of descriptors: waiting helps, spinning doesn't */

struct acceptor {
	struct MHD_Daemon *mhd;
	pthread_t thread;
	bool running;
	struct pollfd polled[LISTENERS_MAX + 1]; /* the last in use is the eventfd */
	size_t count;
};

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
		/* It owns fd from here, also when it refuses it. */
		MHD_add_connection(a->mhd, fd, (struct sockaddr *)&from, len);
	}
}

static void *acceptor_run(void *arg)
{
	struct acceptor *a = arg;

	pthread_setname_np(pthread_self(), "http-acceptor");
	for (;;) {
		if (poll(a->polled, a->count + 1, -1) < 0 && errno != EINTR)
			return NULL;
		if (a->polled[a->count].revents)
			return NULL;
		for (size_t i = 0; i < a->count; i++) {
			if (a->polled[i].revents)
				accept_all(a, a->polled[i].fd);
		}
	}
}

void acceptor_stop(struct acceptor **acceptor)
{
	struct acceptor *a = *acceptor;

	if (!a)
		return;
	if (a->running) {
		(void)eventfd_write(a->polled[a->count].fd, 1);
		pthread_join(a->thread, NULL);
	}
	closep(&a->polled[a->count].fd);
	free(a);
	*acceptor = NULL;
}

int acceptor_start(struct MHD_Daemon *mhd, const int *fds, size_t count, struct acceptor **ret)
{
	_cleanup_(acceptor_stop) struct acceptor *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->mhd = mhd;
	for (; a->count < count; a->count++)
		a->polled[a->count] = (struct pollfd){ .fd = fds[a->count], .events = POLLIN };
	a->polled[count] = (struct pollfd){ .fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN };
	if (a->polled[count].fd < 0)
		return -errno;
	r = pthread_create(&a->thread, NULL, acceptor_run, a);
	if (r)
		return -r;
	a->running = true;
	*ret = TAKE_PTR(a);
	return 0;
}
