/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets pass from a running daemon to the next one: over `<socket_path>.handover` the
 * old one sends the descriptors (SCM_RIGHTS), the new one answers with one byte, the old one stops
 * accepting, finishes what it has and ends. The sockets themselves never close: whoever connects in
 * between waits in their backlog. Both sides look at who is at the other end.
 */
#include "http/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>

#define SUFFIX	   ".handover"
#define PATH_SIZE  108
#define PATIENCE_S 5 /* for the other side's next word */
#define OFFERED	   'O'
#define TAKEN	   'T'

struct handover {
	struct local_socket socket;
	pthread_t thread;
	bool running;
	int stop; /* eventfd */
	const struct listeners *listeners;
	void (*taken)(void *arg);
	void *arg;
};

static int handover_path(const char *socket_path, char ret[static PATH_SIZE])
{
	return snprintf(ret, PATH_SIZE, "%s" SUFFIX, socket_path) < PATH_SIZE ? 0 : -ENAMETOOLONG;
}

static void set_patience(int fd)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(LISTENERS_MAX * sizeof(int))];
};

/* --- the old daemon's side ------------------------------------------------------------------- */

static int send_descriptors(int to, const int *fds, size_t count)
{
	char word = OFFERED;
	struct iovec iov = { .iov_base = &word, .iov_len = 1 };
	union control control = { 0 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	return sendmsg(to, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* true: the other side has them. */
static bool offer_to(struct handover *h, int client)
{
	size_t count;
	const int *fds = listeners_fds(h->listeners, &count);
	char word = 0;

	if (!local_peer_is_operator(client))
		return false;
	set_patience(client);
	return send_descriptors(client, fds, count) == 0 && recv(client, &word, 1, 0) == 1 &&
	       word == TAKEN;
}

static void *offer(void *arg)
{
	struct handover *h = arg;
	struct pollfd polled[] = { { .fd = h->socket.fd, .events = POLLIN },
				   { .fd = h->stop, .events = POLLIN } };
	bool taken = false;

	pthread_setname_np(pthread_self(), "http-handover");
	while (!taken) {
		_cleanup_(closep) int client = -1;

		if (poll(polled, ARRAY_SIZE(polled), -1) < 0 && errno != EINTR)
			break;
		if (polled[1].revents)
			break;
		client = accept4(h->socket.fd, NULL, NULL, SOCK_CLOEXEC);
		taken = client >= 0 && offer_to(h, client);
	}
	if (taken)
		h->taken(h->arg);
	return NULL;
}

void handover_stop(struct handover **handover)
{
	struct handover *h = *handover;

	if (!h)
		return;
	if (h->running) {
		(void)eventfd_write(h->stop, 1);
		pthread_join(h->thread, NULL);
	}
	local_socket_close(&h->socket);
	closep(&h->stop);
	free(h);
	*handover = NULL;
}

int handover_offer(const char *socket_path, const struct listeners *l, void (*taken)(void *arg),
		   void *arg, struct handover **ret)
{
	_cleanup_(handover_stop) struct handover *h = calloc(1, sizeof(*h));
	char path[PATH_SIZE];
	int r = handover_path(socket_path, path);

	if (!h)
		return -ENOMEM;
	h->socket.fd = -1;
	h->listeners = l;
	h->taken = taken;
	h->arg = arg;
	h->stop = eventfd(0, EFD_CLOEXEC);
	if (h->stop < 0)
		return -errno;
	if (r >= 0)
		r = local_socket_open(path, &h->socket);
	if (r < 0)
		return r;
	r = pthread_create(&h->thread, NULL, offer, h);
	if (r)
		return -r;
	h->running = true;
	*ret = TAKE_PTR(h);
	return 0;
}

/* --- the new daemon's side ------------------------------------------------------------------- */

static int receive_descriptors(int from, int fds[static LISTENERS_MAX])
{
	char word = 0;
	struct iovec iov = { .iov_base = &word, .iov_len = 1 };
	union control control;
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c;
	size_t count;

	if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) != 1)
		return -EIO;
	c = CMSG_FIRSTHDR(&message);
	if (word != OFFERED || !c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), count * sizeof(int));
	return (int)count;
}

int handover_take(const char *socket_path, bool (*wants)(void *arg, int *fds, size_t count),
		  void *arg)
{
	_cleanup_(closep) int old = -1;
	const char word = TAKEN;
	int fds[LISTENERS_MAX];
	char path[PATH_SIZE];
	int r = handover_path(socket_path, path);

	if (r < 0)
		return r;
	old = local_socket_connect(path);
	if (old == -ECONNREFUSED)
		return -ENOENT; /* a file that a dead daemon left */
	if (old < 0)
		return old;
	if (!local_peer_is_operator(old))
		return -EPERM;
	set_patience(old);
	r = receive_descriptors(old, fds);
	if (r < 0)
		return r;
	if (!wants(arg, fds, (size_t)r))
		return -ECANCELED;
	return send(old, &word, 1, MSG_NOSIGNAL) == 1 ? 0 : -EIO;
}
