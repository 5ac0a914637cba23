/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread that ends what doesn't end by itself. Connections whose deadline has passed are shut
 * down: libmicrohttpd's timeout starts again with every byte, so a byte a minute would hold a
 * connection for ever. And refused connections are read a while longer: closing a socket with
 * unread data resets it, and the reset may overtake the answer.
 *
 * A connection's record is freed before its descriptor is closed (libmicrohttpd says so in that
 * order), and both freeing and shutting down take the lock: no other connection with the same
 * number is ever hit.
 */
#include "http/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define TICK_MS	      500
#define LATE_NS	      (5 * NS_PER_S) /* for its thread to see it and answer */
#define LINGER_MAX    64	     /* connections read at once; beyond that they are closed */
#define LINGER_BYTES  ((uint64_t)16 << 20) /* what one may still send */
#define LINGER_NS     (5 * NS_PER_S)
#define READ_SIZE     65536
#define EVENTS_MAX    16
#define CONNS_AT_ONCE 64 /* looked at under one lock: 20 us */

struct lingering {
	int fd; /* -1: unused */
	uint64_t bytes, until_ns;
};

struct janitor {
	pthread_mutex_t lock; /* conns' use, lingers */
	pthread_t thread;
	bool running;
	int epoll, wake;
	struct conn *conns, *free_conns;
	unsigned conn_count;
	struct lingering lingers[LINGER_MAX];
	atomic_bool stopping;
};

/* --- deadlines ------------------------------------------------------------------------------- */

void conn_set_deadline(struct conn *c, uint64_t monotonic_ns)
{
	if (!c)
		return;
	atomic_store_explicit(&c->reads, false, memory_order_relaxed);
	atomic_store_explicit(&c->deadline_ns, monotonic_ns, memory_order_release);
}

void conn_set_read_deadline(struct conn *c, uint64_t monotonic_ns)
{
	if (!c)
		return;
	atomic_store_explicit(&c->reads, true, memory_order_relaxed);
	atomic_store_explicit(&c->deadline_ns, monotonic_ns, memory_order_release);
}

struct conn *janitor_add(struct janitor *j, int fd)
{
	struct conn *c;

	pthread_mutex_lock(&j->lock);
	c = j->free_conns;
	if (c) {
		j->free_conns = c->next;
		c->fd = fd;
		c->used = true;
		c->announced = c->had_request = c->was_cut = c->tls = c->end_shown = false;
		atomic_store(&c->late, false);
		c->front = NULL;
		c->request = NULL;
	}
	pthread_mutex_unlock(&j->lock);
	return c;
}

void conn_announce_end(struct conn *c)
{
	if (c)
		c->announced = true;
}

/* Did the client end it? Else it may be sending still: libmicrohttpd ends connections by itself
 * after the errors it finds, with the rest of the request unread. */
bool conn_is_ended_by_client(const struct conn *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void janitor_remove(struct janitor *j, struct conn *c)
{
	if (!c)
		return;
	conn_set_deadline(c, 0);
	if (!c->announced && !conn_is_ended_by_client(c))
		janitor_linger(j, c->fd);
	pthread_mutex_lock(&j->lock);
	c->used = false;
	c->next = j->free_conns;
	j->free_conns = c;
	pthread_mutex_unlock(&j->lock);
}

/* With the lock. Its thread sees the end of the connection, says why if it can, and frees it. */
static void end_late(struct conn *c, uint64_t deadline_ns, uint64_t now_ns)
{
	bool first = atomic_load(&c->reads) && !atomic_load(&c->late);

	/* Unless its thread was quicker and awaits something else by now. */
	if (!atomic_compare_exchange_strong(&c->deadline_ns, &deadline_ns,
					    first ? now_ns + LATE_NS : 0))
		return;
	if (first)
		atomic_store(&c->late, true);
	(void)shutdown(c->fd, first ? SHUT_RD : SHUT_RDWR);
}

static void end_if_late(struct janitor *j, struct conn *c, uint64_t now_ns)
{
	uint64_t deadline_ns;

	pthread_mutex_lock(&j->lock);
	deadline_ns = atomic_load_explicit(&c->deadline_ns, memory_order_acquire);
	if (c->used && deadline_ns && deadline_ns < now_ns)
		end_late(c, deadline_ns, now_ns);
	pthread_mutex_unlock(&j->lock);
}

static void check_deadlines(struct janitor *j, uint64_t now_ns)
{
	for (unsigned i = 0; i < j->conn_count; i++) {
		uint64_t deadline_ns =
			atomic_load_explicit(&j->conns[i].deadline_ns, memory_order_relaxed);

		if (deadline_ns && deadline_ns < now_ns)
			end_if_late(j, &j->conns[i], now_ns);
	}
}

/* --- ends that nobody saw -------------------------------------------------------------------- */

/*
 * A client may send its request and its end in one breath. libmicrohttpd's edge-triggered event is
 * then spent on the request, and with the answer sent it waits for one that never comes. Shutting
 * down what is over already changes nothing but makes the event. With the lock.
 */
static void show_end(struct conn *c)
{
	if (!c->used || c->end_shown || !conn_is_ended_by_client(c))
		return;
	c->end_shown = true;
	(void)shutdown(c->fd, SHUT_RD);
}

static void show_ends(struct janitor *j)
{
	for (unsigned i = 0; i < j->conn_count; i += CONNS_AT_ONCE) {
		pthread_mutex_lock(&j->lock);
		for (unsigned k = i; k < MIN(i + CONNS_AT_ONCE, j->conn_count); k++)
			show_end(&j->conns[k]);
		pthread_mutex_unlock(&j->lock);
	}
}

/* --- lingering ------------------------------------------------------------------------------- */

static struct lingering *find_linger(struct janitor *j, int fd)
{
	for (unsigned i = 0; i < LINGER_MAX; i++) {
		if (j->lingers[i].fd == fd)
			return &j->lingers[i];
	}
	return NULL;
}

void janitor_linger(struct janitor *j, int fd)
{
	/* Ours stays open when libmicrohttpd closes its own. */
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP };
	struct lingering *l;

	if (copy < 0)
		return;
	(void)shutdown(copy, SHUT_WR); /* the answer, then our end */
	pthread_mutex_lock(&j->lock);
	l = find_linger(j, -1);
	event.data.fd = copy;
	if (l && epoll_ctl(j->epoll, EPOLL_CTL_ADD, copy, &event) == 0)
		*l = (struct lingering){ .fd = copy, .until_ns = clock_monotonic_ns() + LINGER_NS };
	else
		l = NULL;
	pthread_mutex_unlock(&j->lock);
	if (!l)
		close(copy);
}

/* With the lock. */
static void end_linger(struct janitor *j, struct lingering *l)
{
	(void)epoll_ctl(j->epoll, EPOLL_CTL_DEL, l->fd, NULL);
	close(l->fd);
	l->fd = -1;
}

static void read_linger(struct janitor *j, int fd)
{
	static char sink[READ_SIZE]; /* MSG_TRUNC: the bytes are dropped, not copied */
	struct lingering *l;
	ssize_t n;

	pthread_mutex_lock(&j->lock);
	l = find_linger(j, fd);
	if (l) {
		n = recv(fd, sink, sizeof(sink), MSG_DONTWAIT | MSG_TRUNC);
		if (n > 0)
			l->bytes += (uint64_t)n;
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
		    l->bytes > LINGER_BYTES)
			end_linger(j, l);
	}
	pthread_mutex_unlock(&j->lock);
}

static void check_lingers(struct janitor *j, uint64_t now_ns)
{
	pthread_mutex_lock(&j->lock);
	for (unsigned i = 0; i < LINGER_MAX; i++) {
		if (j->lingers[i].fd >= 0 && j->lingers[i].until_ns < now_ns)
			end_linger(j, &j->lingers[i]);
	}
	pthread_mutex_unlock(&j->lock);
}

/* --- the thread ------------------------------------------------------------------------------ */

static void *janitor_run(void *arg)
{
	struct janitor *j = arg;
	struct epoll_event events[EVENTS_MAX];
	uint64_t ticked_ns = 0;

	pthread_setname_np(pthread_self(), "http-janitor");
	while (!atomic_load(&j->stopping)) {
		int n = epoll_wait(j->epoll, events, EVENTS_MAX, TICK_MS);
		uint64_t now_ns = clock_monotonic_ns();

		for (int i = 0; i < n; i++)
			read_linger(j, events[i].data.fd);
		if (now_ns - ticked_ns < TICK_MS * NS_PER_MS)
			continue;
		ticked_ns = now_ns;
		check_deadlines(j, now_ns);
		show_ends(j);
		check_lingers(j, now_ns);
	}
	return NULL;
}

void janitor_free(struct janitor **janitor)
{
	struct janitor *j = *janitor;

	if (!j)
		return;
	if (j->running) {
		atomic_store(&j->stopping, true);
		(void)eventfd_write(j->wake, 1);
		pthread_join(j->thread, NULL);
	}
	for (unsigned i = 0; i < LINGER_MAX; i++)
		closep(&j->lingers[i].fd);
	closep(&j->epoll);
	closep(&j->wake);
	pthread_mutex_destroy(&j->lock);
	free(j->conns);
	free(j);
	*janitor = NULL;
}

static int open_descriptors(struct janitor *j)
{
	struct epoll_event event = { .events = EPOLLIN };

	j->epoll = epoll_create1(EPOLL_CLOEXEC);
	j->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (j->epoll < 0 || j->wake < 0)
		return -errno;
	event.data.fd = j->wake;
	return epoll_ctl(j->epoll, EPOLL_CTL_ADD, j->wake, &event) < 0 ? -errno : 0;
}

int janitor_new(unsigned connections_max, struct janitor **ret)
{
	_cleanup_(janitor_free) struct janitor *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return -ENOMEM;
	pthread_mutex_init(&j->lock, NULL);
	j->epoll = j->wake = -1;
	for (unsigned i = 0; i < LINGER_MAX; i++)
		j->lingers[i].fd = -1;
	j->conns = calloc(connections_max, sizeof(*j->conns));
	if (!j->conns)
		return -ENOMEM;
	j->conn_count = connections_max;
	for (unsigned i = 0; i < connections_max; i++) {
		j->conns[i].next = j->free_conns;
		j->free_conns = &j->conns[i];
	}
	r = open_descriptors(j);
	if (r < 0)
		return r;
	r = pthread_create(&j->thread, NULL, janitor_run, j);
	if (r)
		return -r;
	j->running = true;
	*ret = TAKE_PTR(j);
	return 0;
}
