/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of trusted proxies that speak the PROXY protocol (HAProxy's proxy-protocol.txt). The
 * header is read here, to the byte, before libmicrohttpd sees the connection, which is then the
 * client's. One that doesn't begin with a header is closed without an answer: the document forbids
 * to guess, and whoever it is would be taken for the proxy.
 *
 * Only the acceptor's thread comes here.
 */
#include "http/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "axfw/proxy_header.h"

#define PROXY_HEADER_S 3    /* a proxy has it ready when it connects */
#define WAITING_MAX    1024 /* a quarter of all connections; who has waited longest makes room */
#define COMPLAIN_S     60   /* a proxy that is set up wrongly does it again and again */

struct waiting {
	struct waiting *earlier, *later;
	int fd;
	uint64_t until_ns;
	struct sockaddr_storage from;
	socklen_t from_len;
};

struct proxied {
	struct acceptor *acceptor;
	int epoll;
	struct waiting *oldest, *newest;
	size_t count;
	uint64_t complained_ns;
};

static void forget(struct proxied *p, struct waiting *w)
{
	*(w->earlier ? &w->earlier->later : &p->oldest) = w->later;
	*(w->later ? &w->later->earlier : &p->newest) = w->earlier;
	p->count--;
	free(w);
}

static void turn_away(struct proxied *p, struct waiting *w)
{
	close(w->fd); /* leaves the epoll set by that */
	forget(p, w);
}

/* Whoever it was that sent it, a trusted proxy's word is what was agreed on. */
static void complain(struct proxied *p, const struct waiting *w, const char *what)
{
	uint64_t now_ns = clock_monotonic_ns();
	char text[ADDRESS_TEXT_LEN];
	struct address peer;

	if (p->complained_ns && now_ns - p->complained_ns < COMPLAIN_S * NS_PER_S)
		return;
	p->complained_ns = now_ns;
	address_from_sockaddr((const struct sockaddr *)&w->from, &peer);
	address_format(&peer, text);
	log_line(LOG_LEVEL_WARNING,
		 "a connection of the trusted proxy %s was closed: %s (--proxy-protocol is on)",
		 text, what);
}

/* The connection is the client's now; libmicrohttpd owns it, also when it refuses it. */
static void hand_over(struct proxied *p, struct waiting *w, const struct axfw_proxy *proxy)
{
	struct sockaddr_in6 client = {
		.sin6_family = AF_INET6,
		.sin6_flowinfo = PROXIED_MARK,
		.sin6_port = htons(proxy->port),
	};

	memcpy(&client.sin6_addr, proxy->source, sizeof(client.sin6_addr));
	epoll_ctl(p->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	if (proxy->family)
		acceptor_give(p->acceptor, w->fd, (struct sockaddr *)&client, sizeof(client));
	else
		acceptor_give(p->acceptor, w->fd, (struct sockaddr *)&w->from, w->from_len);
	forget(p, w);
}

void proxied_read(struct proxied *p, struct waiting *w)
{
	struct axfw_proxy proxy;
	char bytes[AXFW_PROXY_V2_MAX];
	ssize_t n = recv(w->fd, bytes, sizeof(bytes), MSG_PEEK);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		turn_away(p, w); /* a health check that only connects, say */
		return;
	}
	switch (axfw_proxy_header(bytes, (uint32_t)n, &proxy)) {
	case AXFW_PROXY_MORE:
		return;
	case AXFW_PROXY_WHOLE:
		/* what was seen is there: this takes exactly the header */
		if (recv(w->fd, bytes, proxy.len, 0) == (ssize_t)proxy.len) {
			hand_over(p, w, &proxy);
			return;
		}
		break;
	case AXFW_PROXY_ABSENT:
		complain(p, w, "it doesn't begin with a PROXY header");
		break;
	case AXFW_PROXY_INVALID:
		complain(p, w, "its PROXY header can't be read");
		break;
	}
	turn_away(p, w);
}

void proxied_add(struct proxied *p, int fd, const struct sockaddr_storage *from, socklen_t len)
{
	struct waiting *w = malloc(sizeof(*w));
	/* Edge-triggered: what was only peeked at would be reported over and over. */
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = w };

	if (!w || epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		free(w);
		close(fd);
		return;
	}
	*w = (struct waiting){
		.earlier = p->newest,
		.fd = fd,
		.until_ns = clock_monotonic_ns() + PROXY_HEADER_S * NS_PER_S,
		.from = *from,
		.from_len = len,
	};
	*(p->newest ? &p->newest->later : &p->oldest) = w;
	p->newest = w;
	if (++p->count > WAITING_MAX)
		turn_away(p, p->oldest);
}

int proxied_expire(struct proxied *p)
{
	uint64_t now_ns = clock_monotonic_ns();

	while (p->oldest && p->oldest->until_ns <= now_ns)
		turn_away(p, p->oldest);
	return p->oldest ? (int)((p->oldest->until_ns - now_ns) / NS_PER_MS) + 1 : -1;
}

size_t proxied_count(const struct proxied *p)
{
	return p->count;
}

int proxied_new(struct acceptor *a, int epoll, struct proxied **ret)
{
	struct proxied *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->acceptor = a;
	p->epoll = epoll;
	*ret = p;
	return 0;
}

void proxied_free(struct proxied **proxied)
{
	struct proxied *p = *proxied;

	while (p && p->oldest)
		turn_away(p, p->oldest);
	free(p);
	*proxied = NULL;
}
