/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TCP sockets that serve: from systemd, from a running daemon, or opened here, in this order.
 * However they came, they are deferred (a connection without data never becomes one of ours, and
 * the kernel can refuse a request before it does) and survive us when another daemon holds them
 * too.
 */
#include "http/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG	      4096 /* what waits while one daemon follows another */
#define DEFER_S	      5	   /* how long a connection may wait for its first byte unseen */
#define SYSTEMD_FIRST 3	   /* SD_LISTEN_FDS_START */
#define HOST_MAX      64

struct listeners {
	int fds[LISTENERS_MAX];
	size_t count;
	bool taken_over;
};

struct wanted {
	struct sockaddr_storage address;
	socklen_t len;
	char text[HOST_MAX + 8];
};

struct wish {
	struct wanted items[LISTENERS_MAX];
	size_t count;
	struct listeners *listeners;
};

/* --- "ADDR:PORT" ----------------------------------------------------------------------------- */

static int parse_port(const char *text, uint16_t *ret)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || port > UINT16_MAX)
		return -EINVAL;
	*ret = htons((uint16_t)port);
	return 0;
}

static int parse_listen(const char *text, struct wanted *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&ret->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret->address;
	char host[HOST_MAX], *colon, *name = host;
	size_t len;

	*ret = (struct wanted){ 0 };
	if (snprintf(ret->text, sizeof(ret->text), "%s", text) >= HOST_MAX)
		return -EINVAL;
	memcpy(host, ret->text, HOST_MAX);
	colon = strrchr(host, ':');
	if (!colon)
		return -EINVAL;
	*colon++ = '\0';
	len = strlen(host);
	if (*host == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		name++;
		v6->sin6_family = AF_INET6;
		ret->len = sizeof(*v6);
		return inet_pton(AF_INET6, name, &v6->sin6_addr) == 1
			       ? parse_port(colon, &v6->sin6_port)
			       : -EINVAL;
	}
	v4->sin_family = AF_INET;
	ret->len = sizeof(*v4);
	return inet_pton(AF_INET, name, &v4->sin_addr) == 1 ? parse_port(colon, &v4->sin_port)
							    : -EINVAL;
}

static int parse_wish(const char *list, struct wish *ret, char *error, size_t size)
{
	_cleanup_(freep) char *copy = strdup(list);
	char *rest = copy, *item;

	if (!copy)
		return -ENOMEM;
	while ((item = strsep(&rest, ","))) {
		item = text_trim(item);
		if (!*item)
			continue;
		if (ret->count == LISTENERS_MAX) {
			snprintf(error, size, "--listen: at most %d addresses", LISTENERS_MAX);
			return -E2BIG;
		}
		if (parse_listen(item, &ret->items[ret->count++]) < 0) {
			snprintf(error, size,
				 "--listen: '%s' isn't ADDR:PORT, as 127.0.0.1:8004 or [::1]:8004",
				 item);
			return -EINVAL;
		}
	}
	if (ret->count)
		return 0;
	snprintf(error, size, "--listen names no address");
	return -EINVAL;
}

int listeners_check(const char *list, char *error, size_t size)
{
	struct wish wish = { 0 };

	snprintf(error, size, "out of memory");
	return parse_wish(list, &wish, error, size);
}

/* --- sockets --------------------------------------------------------------------------------- */

static int set_options(int fd)
{
	const int defer_s = DEFER_S;

	if (setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof(defer_s)) < 0)
		return -errno;
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_one(const struct wanted *w, int *ret)
{
	_cleanup_(closep) int fd =
		socket(w->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	/* "[::]:8004,0.0.0.0:8004" names two sockets. */
	if (w->address.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	if (set_options(fd) < 0 || bind(fd, (const struct sockaddr *)&w->address, w->len) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

static bool is_tcp_listener(int fd)
{
	int family = 0, listens = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0 ||
	    (family != AF_INET && family != AF_INET6))
		return false;
	len = sizeof(int);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens;
}

static bool is_bound_to(int fd, const struct wanted *w)
{
	struct sockaddr_storage bound = { 0 };
	socklen_t len = sizeof(bound);

	return getsockname(fd, (struct sockaddr *)&bound, &len) == 0 && len == w->len &&
	       !memcmp(&bound, &w->address, len);
}

/* --- where they come from -------------------------------------------------------------------- */

/* sd_listen_fds(3), without the library. */
static void take_from_systemd(struct listeners *l)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	long n = pid && count && strtol(pid, NULL, 10) == (long)getpid() ? strtol(count, NULL, 10)
									 : 0;

	for (int fd = SYSTEMD_FIRST; fd < SYSTEMD_FIRST + n && l->count < LISTENERS_MAX; fd++) {
		if (!is_tcp_listener(fd) || set_options(fd) < 0 ||
		    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			continue;
		l->fds[l->count++] = fd;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* Keeps those that we serve on; a daemon none of whose addresses is ours isn't the one we follow.
 */
static bool keep_wanted(void *arg, int *fds, size_t count)
{
	struct wish *wish = arg;
	struct listeners *l = wish->listeners;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < wish->count && fds[i] >= 0; j++) {
			if (!is_tcp_listener(fds[i]) || !is_bound_to(fds[i], &wish->items[j]) ||
			    set_options(fds[i]) < 0)
				continue;
			l->fds[l->count++] = TAKE_FD(fds[i]);
		}
		closep(&fds[i]);
	}
	return l->count > 0;
}

static bool is_held(const struct listeners *l, const struct wanted *w)
{
	for (size_t i = 0; i < l->count; i++) {
		if (is_bound_to(l->fds[i], w))
			return true;
	}
	return false;
}

static int open_missing(const struct wish *wish, char *error, size_t size)
{
	struct listeners *l = wish->listeners;

	for (size_t i = 0; i < wish->count; i++) {
		const struct wanted *w = &wish->items[i];
		int r;

		if (is_held(l, w))
			continue;
		r = open_one(w, &l->fds[l->count]);
		if (r < 0) {
			snprintf(error, size, "can't listen on %s: %s", w->text, strerror(-r));
			return r;
		}
		l->count++;
	}
	return 0;
}

static int take_from_daemon(const struct settings *s, struct wish *wish, char *error, size_t size)
{
	int r;

	if (!*s->socket_path)
		return 0;
	r = handover_take(s->socket_path, keep_wanted, wish);
	wish->listeners->taken_over = r == 0;
	/* No access: another user's daemon, which is none that we follow. */
	if (r == 0 || r == -ENOENT || r == -EACCES)
		return 0;
	if (r == -ECANCELED)
		snprintf(error, size,
			 "another axfwd serves other addresses with the local socket %s: give this "
			 "one "
			 "its own (--socket)",
			 s->socket_path);
	else
		snprintf(error, size, "the daemon behind %s doesn't hand its sockets over: %s",
			 s->socket_path, strerror(-r));
	return r;
}

int listeners_open(const struct settings *s, struct listeners **ret, char *error, size_t size)
{
	_cleanup_(listeners_free) struct listeners *l = calloc(1, sizeof(*l));
	struct wish wish = { .listeners = l };
	int r;

	if (!l) {
		snprintf(error, size, "no memory for sockets");
		return -ENOMEM;
	}
	r = parse_wish(s->listen, &wish, error, size);
	if (r < 0)
		return r;
	take_from_systemd(l);
	if (!l->count) {
		r = take_from_daemon(s, &wish, error, size);
		if (r >= 0)
			r = open_missing(&wish, error, size);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(l);
	return 0;
}

/* --- what is known of them ------------------------------------------------------------------- */

const int *listeners_fds(const struct listeners *l, size_t *ret_count)
{
	*ret_count = l->count;
	return l->fds;
}

unsigned listeners_ports(const struct listeners *l, uint16_t *ret, unsigned max)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->count && n < max; i++) {
		struct sockaddr_in6 bound = {
			0
		}; /* the port stands at the same place in both families */
		socklen_t len = sizeof(bound);
		bool known = false;

		if (getsockname(l->fds[i], (struct sockaddr *)&bound, &len) < 0)
			continue;
		for (unsigned j = 0; j < n; j++)
			known |= ret[j] == ntohs(bound.sin6_port);
		if (!known)
			ret[n++] = ntohs(bound.sin6_port);
	}
	return n;
}

bool listeners_taken_over(const struct listeners *l)
{
	return l->taken_over;
}

void listeners_free(struct listeners **l)
{
	if (!*l)
		return;
	for (size_t i = 0; i < (*l)->count; i++)
		closep(&(*l)->fds[i]);
	free(*l);
	*l = NULL;
}
