// SPDX-License-Identifier: Apache-2.0
/* Real clients: see client.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "../packets/random.h"
#include "cable.h"
#include "client.h"

#define PORT_FIRST    2000 /* of the clients: connection n has this plus n */
#define BODY_MAX      65536
#define REQUEST_ROOM  (2 * (BODY_MAX + 1024))
#define ANSWER_ROOM   8192
#define PIECES_MAX    16
#define CONNECTION_MS 120000 /* a connection with 30 % loss takes seconds; this one hangs */
#define TICK_MS	      5
/* The daemon ends a connection whose headers aren't there 20 s after it took it, with 408 if a
 * request had begun (docs/api.md): what is lost that often isn't its fault. */
#define REQUEST_TIMEOUT 408
#define HEADERS_MS	20000

/* How a connection's number says that it behaves. */
struct plan {
	enum key_kind kinds[2];
	unsigned requests;
	bool ipv6, half_close, give_up;
	uint32_t body_len, mss;
	uint32_t pieces, pause_ms; /* of the first request */
};

struct connection {
	unsigned number;
	struct plan plan;
	int fd;
	uint64_t began_ms, next_ms;
	uint32_t sent, len, request_end[2], cuts[PIECES_MAX];
	uint8_t request[REQUEST_ROOM];
	char answer[ANSWER_ROOM];
	uint32_t answer_len;
	unsigned answered;
	bool will_close; /* the last answer says so */
};

struct clients {
	const struct client_options *options;
	struct client_counts *counts;
	int epoll;
	unsigned next, open;
	struct connection **slots;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void problem(struct clients *c, const struct connection *k, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void problem(struct clients *c, const struct connection *k, const char *format, ...)
{
	static const char *const kinds[] = { "active", "unknown", "revoked", "exhausted" };
	va_list args;

	printf("FAILED: connection %u (%s key, %u request%s): ", k->number, kinds[k->plan.kinds[0]],
	       k->plan.requests, k->plan.requests > 1 ? "s" : "");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n  --seed %llu --first %u --count 1\n", (unsigned long long)c->options->seed,
	       k->number);
	c->counts->problems++;
}

/* --- what a number means --------------------------------------------------------------------- */

static enum key_kind choose_kind(const struct client_options *o, struct random *r)
{
	if (o->only_active || random_below(r, 2))
		return KIND_ACTIVE;
	return (enum key_kind)random_below(r, KIND_COUNT);
}

static void make_plan(const struct client_options *o, unsigned number, struct plan *ret)
{
	struct random r = random_for(o->seed, number);

	*ret = (struct plan){
		.kinds = { choose_kind(o, &r), choose_kind(o, &r) },
		.requests = random_below(&r, 4) ? 1 : 2,
		.ipv6 = random_below(&r, 2),
		.half_close = random_below(&r, 5) == 0 && o->half_close,
		.give_up = random_below(&r, 20) == 0,
		.body_len = random_below(&r, random_below(&r, 3) ? 300 : 8000),
		.mss = random_below(&r, 4) ? 0 : 536,
		.pieces = random_below(&r, 3) ? 1 : 1 + random_below(&r, PIECES_MAX),
		.pause_ms = random_below(&r, 30),
	};
	if (random_below(&r, 10) == 0)
		ret->body_len = BODY_MAX;
	if (ret->half_close)
		ret->requests = 1;
}

static uint32_t put_request(uint8_t *at, const char *key, uint32_t body_len)
{
	int head = sprintf((char *)at,
			   "POST /v1/guard/check HTTP/1.1\r\nHost: a:8004\r\n"
			   "Authorization: Bearer %s\r\nContent-Length: %u\r\n\r\n{\"text\":\"",
			   key, body_len + 11);

	memset(at + head, 'a', body_len);
	memcpy(at + head + body_len, "\"}", 2);
	return (uint32_t)head + body_len + 2;
}

/* Where the first request is cut: anywhere, but in order. */
static void choose_cuts(struct connection *k, struct random *r)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < k->plan.pieces; i++) {
		uint32_t left = k->request_end[0] - at;

		at += left > 1 ? 1 + random_below(r, random_below(r, 2) ? left - 1 : left / 8 + 1)
			       : left;
		k->cuts[i] = at < k->request_end[0] ? at : k->request_end[0];
	}
	k->cuts[k->plan.pieces - 1] = k->request_end[0];
}

/* --- opening --------------------------------------------------------------------------------- */

static socklen_t set_address(struct sockaddr_storage *ret, bool ipv6, const char *text,
			     unsigned port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (ipv6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		if (text)
			inet_pton(AF_INET6, text, &v6->sin6_addr);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)port);
	if (text)
		inet_pton(AF_INET, text, &v4->sin_addr);
	return sizeof(*v4);
}

static int open_socket(struct clients *c, const struct connection *k)
{
	const struct plan *p = &k->plan;
	struct sockaddr_storage own, server;
	socklen_t len = set_address(&own, p->ipv6, NULL, PORT_FIRST + k->number);
	int one = 1, fd;

	fd = socket(own.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	set_address(&server, p->ipv6, p->ipv6 ? c->options->server6 : c->options->server4,
		    SERVED_PORT);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (p->mss)
		setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &p->mss, sizeof(p->mss));
	if (bind(fd, (struct sockaddr *)&own, len) ||
	    (connect(fd, (struct sockaddr *)&server, len) && errno != EINPROGRESS)) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static int open_connection(struct clients *c, struct connection **slot)
{
	struct connection *k = calloc(1, sizeof(*k));
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = slot };
	struct random r;

	if (!k)
		return -ENOMEM;
	k->number = c->next++;
	make_plan(c->options, k->number, &k->plan);
	k->request_end[0] = k->len =
		put_request(k->request, c->options->keys[k->plan.kinds[0]], k->plan.body_len);
	if (k->plan.requests > 1)
		k->len += put_request(k->request + k->len, c->options->keys[k->plan.kinds[1]], 10);
	k->request_end[1] = k->len;
	r = random_for(~c->options->seed, k->number);
	choose_cuts(k, &r);
	k->began_ms = now_ms();
	k->fd = open_socket(c, k);
	if (k->fd < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, k->fd, &event)) {
		int error = k->fd < 0 ? k->fd : -errno;

		free(k);
		return error;
	}
	*slot = k;
	c->open++;
	return 0;
}

static void end_connection(struct clients *c, struct connection **slot, bool reset)
{
	struct linger linger = { .l_onoff = 1 };

	if (reset)
		setsockopt((*slot)->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close((*slot)->fd);
	free(*slot);
	*slot = NULL;
	c->open--;
}

/* --- answers --------------------------------------------------------------------------------- */

static int status_wanted(enum key_kind kind)
{
	if (kind == KIND_ACTIVE)
		return 200;
	return kind == KIND_EXHAUSTED ? 429 : 401;
}

/* One whole answer off the front of what came: its status; 0: not all is there. */
static int take_answer(struct clients *c, struct connection *k)
{
	bool by_kernel;
	char *end = memmem(k->answer, k->answer_len, "\r\n\r\n", 4), *length;
	int status = (int)strtol(k->answer + strlen("HTTP/1.1 "), NULL, 10);
	uint32_t len;

	if (!end)
		return 0;
	*end = 0;
	length = strcasestr(k->answer, "Content-Length:");
	k->will_close = strcasestr(k->answer, "\r\nConnection: close");
	by_kernel = strcasestr(k->answer, "\r\nx-axfw-path: kernel");
	*end = '\r';
	len = (uint32_t)(end + 4 - k->answer);
	len += length ? (uint32_t)strtoul(length + 15, NULL, 10) : 0;
	if (len > k->answer_len)
		return 0;
	c->counts->by_kernel += by_kernel;
	memmove(k->answer, k->answer + len, k->answer_len - len);
	k->answer_len -= len;
	k->answer[k->answer_len] = 0;
	return status;
}

/* Judges the answers that are there. True: the connection has ended. */
static bool take_answers(struct clients *c, struct connection **slot)
{
	struct connection *k = *slot;
	int status;

	while (k->answered < k->plan.requests && (status = take_answer(c, k))) {
		enum key_kind kind = k->plan.kinds[k->answered++];

		if (status == REQUEST_TIMEOUT) {
			c->counts->late++;
			end_connection(c, slot, false);
			return true;
		}
		if (status != status_wanted(kind)) {
			problem(c, k, "%d, not %d", status, status_wanted(kind));
			end_connection(c, slot, true);
			return true;
		}
		if (status != 200)
			k->plan.requests = k->answered; /* the connection ends, or may */
	}
	/* A client that was told so waits for the close; another has seen enough. */
	if (k->answered < k->plan.requests || k->will_close)
		return false;
	if (k->plan.kinds[k->answered - 1] == KIND_ACTIVE)
		c->counts->served++;
	else
		c->counts->refused++;
	end_connection(c, slot, false);
	return true;
}

static void at_end(struct clients *c, struct connection **slot, int error)
{
	struct connection *k = *slot;

	if (k->answered == k->plan.requests && k->answered)
		c->counts
			->refused++; /* what follows an answer may be a FIN or, for a body, a RST */
	else if (now_ms() - k->began_ms >= HEADERS_MS)
		c->counts->late++;
	else if (k->plan.kinds[k->answered] == KIND_ACTIVE)
		problem(c, k, "ended without a verdict: %s", error ? strerror(error) : "closed");
	else
		c->counts->closed++;
	end_connection(c, slot, false);
}

/* --- steps ----------------------------------------------------------------------------------- */

static void receive(struct clients *c, struct connection **slot)
{
	struct connection *k = *slot;

	for (;;) {
		ssize_t n = recv(k->fd, k->answer + k->answer_len,
				 sizeof(k->answer) - 1 - k->answer_len, 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			return at_end(c, slot, n < 0 ? errno : 0);
		k->answer_len += (uint32_t)n;
		k->answer[k->answer_len] = 0;
		if (take_answers(c, slot))
			return;
	}
}

/* How far may be sent now? */
static uint32_t sendable(const struct connection *k)
{
	for (uint32_t i = 0; i < k->plan.pieces; i++) {
		if (k->sent < k->cuts[i])
			return k->cuts[i];
	}
	return k->answered && k->plan.requests > 1 ? k->request_end[1] : k->request_end[0];
}

static void send_some(struct connection *k)
{
	uint32_t until = sendable(k);
	ssize_t n;

	if (k->sent == until)
		return;
	n = send(k->fd, k->request + k->sent, until - k->sent, MSG_NOSIGNAL);
	if (n <= 0)
		return; /* not connected yet, no room, or ended: recv() says which */
	k->sent += (uint32_t)n;
	k->next_ms = now_ms() + k->plan.pause_ms;
	if (k->plan.half_close && k->sent == k->request_end[0])
		shutdown(k->fd, SHUT_WR);
}

static void step(struct clients *c, struct connection **slot)
{
	struct connection *k = *slot;
	uint64_t now = now_ms();

	if (now - k->began_ms > CONNECTION_MS) {
		problem(c, k, "neither an answer nor a close: %u of %u sent, %u answers", k->sent,
			k->len, k->answered);
		end_connection(c, slot, true);
		return;
	}
	if (now < k->next_ms)
		return;
	send_some(k);
	if (k->plan.give_up && k->sent >= k->request_end[0] / 2 && k->sent) {
		c->counts->given_up++;
		end_connection(c, slot, true);
	}
}

static int run(struct clients *c)
{
	struct epoll_event events[64];
	const struct client_options *o = c->options;

	while (c->next < o->first + o->count || c->open) {
		int n, r = 0;

		for (unsigned i = 0; i < o->at_once && !r; i++) {
			if (!c->slots[i] && c->next < o->first + o->count)
				r = open_connection(c, &c->slots[i]);
		}
		if (r)
			return r;
		n = epoll_wait(c->epoll, events, 64, TICK_MS);
		for (int i = 0; i < n; i++) {
			if (*(struct connection **)events[i].data.ptr)
				receive(c, events[i].data.ptr);
		}
		for (unsigned i = 0; i < o->at_once; i++) {
			if (c->slots[i])
				step(c, &c->slots[i]);
		}
	}
	return 0;
}

int clients_run(const struct client_options *options, struct client_counts *ret)
{
	struct clients c = { .options = options, .counts = ret, .next = options->first };
	int r = -ENOMEM;

	memset(ret, 0, sizeof(*ret));
	c.epoll = epoll_create1(EPOLL_CLOEXEC);
	c.slots = calloc(options->at_once, sizeof(struct connection *));
	if (c.epoll >= 0 && c.slots)
		r = run(&c);
	for (unsigned i = 0; c.slots && i < options->at_once; i++) {
		if (c.slots[i])
			end_connection(&c, &c.slots[i], true);
	}
	free(c.slots);
	close(c.epoll);
	return r;
}
