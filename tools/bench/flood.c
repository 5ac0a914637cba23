/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flood of requests: so many new connections a second, whatever becomes of them. Open loop on
 * purpose: a flood doesn't slow down because its victim does, so the same attack can be held
 * against two defences. A connection that has got nothing within its patience is given up, as a
 * real attacker's would be; its port is reset, not left in TIME-WAIT, so that ports don't run out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "bench.h"

#define OPEN_MAX      8192 /* connections in flight: further ones count as not sent */
#define REQUEST_MAX   1024
#define SOURCES_MAX   1024
#define PATIENCE_NS   (500 * NS_PER_MS) /* under the first retransmission of a SYN */
#define EVENTS_MAX    256
#define HTTP_STATUSES 600

struct attempt {
	int fd; /* -1: free */
	uint64_t began;
	bool sent;
};

struct flood {
	struct sockaddr_in to;
	uint32_t source; /* the first one, host order; 0: whatever the kernel picks */
	unsigned source_count, source_next;
	char request[REQUEST_MAX];
	size_t request_len;
	int epoll;
	struct attempt attempts[OPEN_MAX];
	unsigned oldest, open; /* attempts are a ring: opened and given up in the same order */
	uint64_t opened, not_opened, given_up, failed;
	uint64_t statuses[HTTP_STATUSES];
};

static void end_attempt(struct attempt *a)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (a->fd < 0)
		return;
	setsockopt(a->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(a->fd);
	a->fd = -1;
}

static int bind_source(struct flood *f, int fd)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int one = 1;

	if (!f->source)
		return 0;
	from.sin_addr.s_addr = htonl(f->source + f->source_next++ % f->source_count);
	/* the port is chosen when it connects: 64 k for each address instead of for all of them */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ? -errno : 0;
}

static bool open_attempt(struct flood *f, struct attempt *a, unsigned number)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.u32 = number };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	*a = (struct attempt){ .fd = fd, .began = clock_monotonic_ns() };
	if (bind_source(f, fd) < 0 ||
	    (connect(fd, (struct sockaddr *)&f->to, sizeof(f->to)) < 0 && errno != EINPROGRESS) ||
	    epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		end_attempt(a);
		return false;
	}
	return true;
}

static void give_up_the_old(struct flood *f, uint64_t now)
{
	while (f->open) {
		struct attempt *a = &f->attempts[f->oldest % OPEN_MAX];

		if (a->fd >= 0 && now < a->began + PATIENCE_NS)
			return;
		f->given_up += a->fd >= 0;
		end_attempt(a);
		f->oldest++;
		f->open--;
	}
}

static void open_due(struct flood *f, uint64_t due)
{
	while (f->opened + f->not_opened < due) {
		unsigned number = (f->oldest + f->open) % OPEN_MAX;

		if (f->open == OPEN_MAX || !open_attempt(f, &f->attempts[number], number)) {
			f->not_opened++;
			continue;
		}
		f->opened++;
		f->open++;
	}
}

static void on_event(struct flood *f, unsigned number)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = number };
	struct attempt *a = &f->attempts[number];
	char answer[2048];
	ssize_t n;
	int status;

	if (a->fd < 0)
		return;
	if (!a->sent) {
		a->sent = send(a->fd, f->request, f->request_len, MSG_NOSIGNAL) ==
			  (ssize_t)f->request_len;
		f->failed += !a->sent;
		if (!a->sent || epoll_ctl(f->epoll, EPOLL_CTL_MOD, a->fd, &event) < 0)
			end_attempt(a);
		return;
	}
	n = recv(a->fd, answer, sizeof(answer) - 1, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	answer[n > 0 ? n : 0] = '\0';
	status = n > 12 ? atoi(answer + 9) : 0;
	f->statuses[status > 0 && status < HTTP_STATUSES ? status : 0]++;
	end_attempt(a);
}

static void drive(struct flood *f, double rate, double seconds)
{
	uint64_t began = clock_monotonic_ns(), now;
	struct epoll_event events[EVENTS_MAX];

	while ((now = clock_monotonic_ns()) - began < (uint64_t)(seconds * NS_PER_S)) {
		int n;

		open_due(f, (uint64_t)((double)(now - began) / NS_PER_S * rate));
		give_up_the_old(f, now);
		n = epoll_wait(f->epoll, events, EVENTS_MAX, 1);
		for (int i = 0; i < n; i++)
			on_event(f, events[i].data.u32);
	}
	for (unsigned i = 0; i < OPEN_MAX; i++)
		end_attempt(&f->attempts[i]);
}

static int build_request(struct flood *f, const char *path, const char *key, const char *body)
{
	int len = snprintf(
		f->request, sizeof(f->request),
		"POST %s HTTP/1.1\r\nHost: firewall.example\r\nContent-Type: %s\r\n"
		"Content-Length: %zu\r\n%s%s%s\r\n%s",
		path, *body == '{' ? "application/json" : "application/x-www-form-urlencoded",
		strlen(body), *key ? "Authorization: Bearer " : "", key, *key ? "\r\n" : "", body);

	if (len < 0 || (size_t)len >= sizeof(f->request))
		return -E2BIG;
	f->request_len = (size_t)len;
	return 0;
}

static int report(const struct flood *f, double seconds)
{
	json_t *statuses = json_object();
	char name[8];

	for (unsigned i = 0; i < HTTP_STATUSES; i++) {
		if (!f->statuses[i])
			continue;
		snprintf(name, sizeof(name), "%u", i);
		json_object_set_new(statuses, name, json_integer((json_int_t)f->statuses[i]));
	}
	return bench_print(json_pack("{s:f, s:I, s:I, s:I, s:I, s:o}", "per_second",
				     (double)f->opened / seconds, "opened", (json_int_t)f->opened,
				     "not_opened", (json_int_t)f->not_opened, "given_up",
				     (json_int_t)f->given_up, "failed", (json_int_t)f->failed,
				     "statuses", statuses));
}

int bench_flood(int argc, char **argv)
{
	static struct flood f = { .to = { .sin_family = AF_INET } }; /* too big for a stack */
	double seconds = bench_number(argc, argv, "--seconds", 2);
	const char *source = bench_option(argc, argv, "--sources-from", "");
	struct in_addr first = { 0 };
	int r;

	f.to.sin_port = htons((uint16_t)bench_number(argc, argv, "--port", 8004));
	if (inet_pton(AF_INET, bench_option(argc, argv, "--to", "127.0.0.1"), &f.to.sin_addr) != 1)
		return bench_fail(-EINVAL, "--to");
	if (*source && inet_pton(AF_INET, source, &first) != 1)
		return bench_fail(-EINVAL, "--sources-from");
	f.source = ntohl(first.s_addr);
	f.source_count = (unsigned)bench_number(argc, argv, "--sources", 1);
	if (!f.source_count || f.source_count > SOURCES_MAX)
		return bench_fail(-EINVAL, "--sources");
	r = build_request(&f, bench_option(argc, argv, "--path", "/v1/guard/check"),
			  bench_option(argc, argv, "--key", ""),
			  bench_option(argc, argv, "--body", "{\"text\":\"flood\"}"));
	if (r < 0)
		return bench_fail(r, "the request");
	for (unsigned i = 0; i < OPEN_MAX; i++)
		f.attempts[i].fd = -1;
	f.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (f.epoll < 0)
		return bench_fail(-errno, "epoll");
	drive(&f, bench_number(argc, argv, "--rate", 1000), seconds);
	close(f.epoll);
	return report(&f, seconds);
}
