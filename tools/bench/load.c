/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load: a fixed number of connections, each with one request in flight, driven by one epoll loop.
 * Closed loop on purpose: throughput is compared between two servers in the same run, and latency
 * under a fixed number of callers. With --fresh each request has a connection of its own, read to
 * its end: that is what a refusal costs a client, the close included.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include "bench.h"

#define CONNECTIONS_MAX 4096
#define REQUEST_MAX	4096
#define ANSWER_MAX	8192
#define STATUS_MAX	600
#define EVENTS_MAX	256
#define STALL_S		10 /* no answer at all for so long: the server hangs */

struct load {
	struct sockaddr_storage to;
	socklen_t to_len;
	struct keys keys;
	char request[REQUEST_MAX];
	size_t request_len, key_at;
	bool fresh;
	const char *save; /* the first answer is written here */
	int epoll;
	uint64_t count_from, end; /* CLOCK_MONOTONIC */
	struct histogram latencies;
	uint64_t statuses[STATUS_MAX];
	uint64_t errors, kernel_answers;
	uint64_t answers; /* all of them, warm-up included: what a server's CPU time was spent on */
	uint64_t last_answer;
};

struct connection {
	struct load *load;
	int fd;
	uint64_t began;
	size_t sent, got;
	char request[REQUEST_MAX];
	char answer[ANSWER_MAX + 1];
};

static int parse_address(const char *text, struct load *l)
{
	const char *colon = strrchr(text, ':');
	struct address address;
	char host[ADDRESS_TEXT_LEN + 2];
	size_t len = colon ? (size_t)(colon - text) : 0;
	bool bracketed = len > 2 && text[0] == '[';
	struct sockaddr_in6 *to = (struct sockaddr_in6 *)&l->to;
	struct sockaddr_in *to4 = (struct sockaddr_in *)&l->to;

	if (!colon || len >= sizeof(host))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)(bracketed ? len - 2 : len),
		 text + (bracketed ? 1 : 0));
	if (address_parse(host, &address) < 0)
		return -EINVAL;
	if (address_is_v4(&address)) {
		to4->sin_family = AF_INET;
		to4->sin_port = htons((uint16_t)atoi(colon + 1));
		memcpy(&to4->sin_addr, address.bytes + 12, 4);
		l->to_len = sizeof(*to4);
		return 0;
	}
	to->sin6_family = AF_INET6;
	to->sin6_port = htons((uint16_t)atoi(colon + 1));
	memcpy(&to->sin6_addr, address.bytes, 16);
	l->to_len = sizeof(*to);
	return 0;
}

/* Every key has the same length, so only its bytes change from request to request. */
static int build_request(struct load *l, const char *path, const char *text)
{
	_cleanup_(json_decrefp) json_t *v = json_pack("{s:s}", "text", text);
	_cleanup_(freep) char *body = v ? json_text(v) : NULL;
	int len = snprintf(l->request, sizeof(l->request),
			   "POST %s HTTP/1.1\r\nHost: firewall.example\r\n"
			   "Content-Type: application/json\r\nContent-Length: %zu\r\n"
			   "Authorization: Bearer %s\r\n\r\n%s",
			   path, body ? strlen(body) : 0, l->keys.items[0], body ? body : "");

	if (!body || len < 0 || (size_t)len >= sizeof(l->request))
		return -E2BIG;
	l->request_len = (size_t)len;
	l->key_at = (size_t)(strstr(l->request, "Bearer ") + 7 - l->request);
	return 0;
}

static void send_request(struct connection *c);

static void watch(struct connection *c, int operation, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = c };

	if (epoll_ctl(c->load->epoll, operation, c->fd, &event) < 0) {
		perror("axfw-bench: epoll_ctl");
		exit(1);
	}
}

static void open_connection(struct connection *c)
{
	const struct load *l = c->load;
	int one = 1;

	c->fd = socket(l->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		perror("axfw-bench: socket");
		exit(1);
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->began = clock_monotonic_ns();
	c->sent = c->got = 0;
	if (connect(c->fd, (const struct sockaddr *)&l->to, l->to_len) < 0 &&
	    errno != EINPROGRESS) {
		perror("axfw-bench: connect");
		exit(1);
	}
	memcpy(c->request, l->request, l->request_len);
	memcpy(c->request + l->key_at, keys_draw(&c->load->keys), strlen(l->keys.items[0]));
	watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void reopen(struct connection *c)
{
	close(c->fd);
	open_connection(c);
}

static void fail_request(struct connection *c)
{
	c->load->errors++;
	reopen(c);
}

static void begin_request(struct connection *c)
{
	c->began = clock_monotonic_ns();
	c->sent = c->got = 0;
	memcpy(c->request + c->load->key_at, keys_draw(&c->load->keys),
	       strlen(c->load->keys.items[0]));
	send_request(c);
}

/* On a kept connection the socket takes a small request whole, so that EPOLLOUT isn't asked for. */
static void send_request(struct connection *c)
{
	ssize_t n = send(c->fd, c->request + c->sent, c->load->request_len - c->sent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		fail_request(c);
		return;
	}
	c->sent += n > 0 ? (size_t)n : 0;
}

static void save_answer(struct load *l, const struct connection *c)
{
	FILE *file = fopen(l->save, "we");

	if (!file || fwrite(c->answer, 1, c->got, file) != c->got || fclose(file) == EOF) {
		perror(l->save);
		exit(1);
	}
	l->save = NULL;
}

static void count_answer(struct connection *c)
{
	struct load *l = c->load;
	uint64_t now = clock_monotonic_ns();
	int status = c->got > 12 ? atoi(c->answer + 9) : 0;

	if (l->save)
		save_answer(l, c);
	l->last_answer = now;
	l->answers++;
	if (now < l->count_from || now >= l->end)
		return;
	histogram_add(&l->latencies, now - c->began);
	l->statuses[status > 0 && status < STATUS_MAX ? status : 0]++;
	if (l->fresh && strcasestr(c->answer, "\r\nx-axfw-path: kernel"))
		l->kernel_answers++;
}

/* How long the whole answer is, or 0 while its headers aren't here yet. */
static size_t answer_len(const struct connection *c)
{
	const char *end = strstr(c->answer, "\r\n\r\n"), *length;

	if (!end)
		return 0;
	length = strcasestr(c->answer, "\r\nContent-Length:");
	return (size_t)(end + 4 - c->answer) +
	       (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

/* A server that says so ends the connection itself, and only then is the answer over. */
static bool announces_close(const struct connection *c)
{
	return strcasestr(c->answer, "\r\nConnection: close");
}

static void read_answer(struct connection *c)
{
	ssize_t n = recv(c->fd, c->answer + c->got, ANSWER_MAX - c->got, 0);
	size_t whole;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0)
		c->got += (size_t)n;
	c->answer[c->got] = '\0';
	whole = answer_len(c);
	if (n > 0 && (!whole || c->got < whole || announces_close(c)) && c->got < ANSWER_MAX)
		return; /* more to come, be it only the end of the connection */
	if (n < 0 || !whole || c->got != whole) {
		fail_request(c);
		return;
	}
	count_answer(c);
	if (c->load->fresh || n == 0)
		reopen(c);
	else
		begin_request(c);
}

static void on_event(struct connection *c, uint32_t events)
{
	if (events & EPOLLOUT) {
		send_request(c);
		if (c->sent == c->load->request_len)
			watch(c, EPOLL_CTL_MOD, EPOLLIN);
	} else {
		read_answer(c);
	}
}

/* Ends the program when the server answers nothing at all. */
static void drive(struct load *l)
{
	struct epoll_event events[EVENTS_MAX];

	l->last_answer = clock_monotonic_ns();
	while (clock_monotonic_ns() < l->end) {
		int n = epoll_wait(l->epoll, events, EVENTS_MAX, 100);

		for (int i = 0; i < n; i++)
			on_event(events[i].data.ptr, events[i].events);
		if (clock_monotonic_ns() - l->last_answer > STALL_S * NS_PER_S) {
			fprintf(stderr, "axfw-bench: no answer for %d s\n", STALL_S);
			exit(1);
		}
	}
}

static json_t *statuses_as_json(const struct load *l)
{
	json_t *v = json_object();
	char name[8];

	for (unsigned i = 0; i < STATUS_MAX; i++) {
		if (!l->statuses[i])
			continue;
		snprintf(name, sizeof(name), "%u", i);
		json_object_set_new(v, name, json_integer((json_int_t)l->statuses[i]));
	}
	return v;
}

static json_t *percentile(const struct load *l, double share)
{
	return json_real((double)histogram_at(&l->latencies, share) / 1000);
}

static int report(const struct load *l, double wall_s)
{
	double seconds = (double)(l->end - l->count_from) / NS_PER_S;
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return bench_print(
		json_pack("{s:f, s:I, s:f, s:o, s:o, s:o, s:f, s:o, s:I, s:I, s:I, s:f}", "seconds",
			  seconds, "requests", (json_int_t)l->latencies.total, "per_second",
			  (double)l->latencies.total / seconds, "p50_us", percentile(l, 0.5),
			  "p99_us", percentile(l, 0.99), "p999_us", percentile(l, 0.999), "max_us",
			  (double)l->latencies.max / 1000, "statuses", statuses_as_json(l),
			  "errors", (json_int_t)l->errors, "answers", (json_int_t)l->answers,
			  "kernel_answers", (json_int_t)l->kernel_answers, "client_cpu_share",
			  ((double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
			   (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6) /
				  wall_s));
}

int bench_load(int argc, char **argv)
{
	static struct load l; /* a histogram is too big for a stack */
	unsigned count = (unsigned)bench_number(argc, argv, "--connections", 1);
	_cleanup_(freep) struct connection *connections = calloc(count, sizeof(*connections));
	double warm_up = bench_number(argc, argv, "--warm-up", 0.5);
	uint64_t began = clock_monotonic_ns();
	int r;

	if (!connections || !count || count > CONNECTIONS_MAX)
		return bench_fail(-EINVAL, "--connections");
	l.fresh = bench_switch(argc, argv, "--fresh");
	l.save = bench_option(argc, argv, "--save", NULL);
	r = parse_address(bench_option(argc, argv, "--connect", "127.0.0.1:8004"), &l);
	if (r < 0)
		return bench_fail(r, "--connect");
	r = keys_read(bench_option(argc, argv, "--keys", "keys"),
		      bench_number(argc, argv, "--zipf", 0), &l.keys);
	if (r < 0)
		return bench_fail(r, "--keys");
	r = build_request(&l, bench_option(argc, argv, "--path", "/v1/guard/check"),
			  bench_option(argc, argv, "--text", "What is the weather today?"));
	if (r < 0)
		return bench_fail(r, "--text");
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	l.count_from = began + (uint64_t)(warm_up * NS_PER_S);
	l.end = l.count_from + (uint64_t)(bench_number(argc, argv, "--seconds", 2) * NS_PER_S);
	for (unsigned i = 0; i < count; i++) {
		connections[i].load = &l;
		open_connection(&connections[i]);
	}
	drive(&l);
	r = report(&l, (double)(clock_monotonic_ns() - began) / NS_PER_S);
	for (unsigned i = 0; i < count; i++)
		close(connections[i].fd);
	close(l.epoll);
	keys_free(&l.keys);
	return r;
}
