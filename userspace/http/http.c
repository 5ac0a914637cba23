/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting and stopping the server. Stopping is gentle: no new connections, what is in flight is
 * answered with Connection: close, and connections on which nothing happens are given a moment to
 * send what they may be sending right now.
 */
#include "http/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>

/* A connection's memory: the request's headers, a piece of its body, the answer's headers. It is
 * cleared for every request, and 4,096 of them are 64 MiB. */
#define CONNECTION_MEMORY (16 * 1024)
#define LOCAL_CONNECTIONS 64
#define SLOW_THREADS	  4
#define SLOW_QUEUE	  256
#define HASHING_THREADS	  2  /* a password costs 80 ms of a core */
#define HASHING_QUEUE	  64 /* 2.6 s of waiting at most */
#define DRAIN_QUIET_MS	  300
#define DRAIN_POLL_MS	  10
#define SUSPENDED_POLL_MS 1
#define LOG_LINE_MAX	  256

struct patience http_patience = {
	.idle_s = 75, /* as nginx's keepalive_timeout */
	.header_s = 20,
	.body_s = 60, /* 1 MiB at 17 KiB/s */
	.answer_s = 60,
};

static void log_mhd(void *arg, const char *format, va_list args)
{
	char line[LOG_LINE_MAX];

	(void)arg;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	log_debug("libmicrohttpd: %s", line);
}

/* Targets stay as they were sent: routes are matched on our own decoding. */
static size_t leave_escaped(void *arg, struct MHD_Connection *connection, char *text)
{
	(void)arg;
	(void)connection;
	return strlen(text);
}

static unsigned thread_count(const struct settings *s)
{
	return s->threads ? (unsigned)s->threads : (unsigned)get_nprocs();
}

/* --- starting -------------------------------------------------------------------------------- */

static int start_workers(struct http *h)
{
	h->worker_count = thread_count(h->services->settings) + 1;
	h->workers = aligned_alloc(_Alignof(struct worker), h->worker_count * sizeof(*h->workers));
	if (!h->workers)
		return -ENOMEM;
	memset(h->workers, 0, h->worker_count * sizeof(*h->workers));
	for (unsigned i = 0; i < h->worker_count; i++) {
		struct worker *w = &h->workers[i];
		int r = guard_scratch_new(h->services->guard, &w->scratch);

		if (r < 0)
			return r;
		w->slot = i;
		r = crypto_random(&w->random, sizeof(w->random));
		if (r < 0)
			return r;
		w->random |= 1; /* xorshift never leaves zero */
	}
	return 0;
}

static struct MHD_Daemon *start_mhd(struct front *front, int listener, unsigned threads,
				    unsigned connections)
{
	const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			       MHD_USE_TURBO | MHD_USE_ERROR_LOG |
			       (listener < 0 ? MHD_USE_NO_LISTEN_SOCKET : 0);
	const struct MHD_OptionItem socket[] = {
		{ listener < 0 ? MHD_OPTION_END : MHD_OPTION_LISTEN_SOCKET, listener, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};

	/* clang-format off */
	return MHD_start_daemon(flags, 0, gate_accept, front, request_handle, front,
		MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL,
		MHD_OPTION_ARRAY, socket,
		MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? threads : 0,
		MHD_OPTION_CONNECTION_LIMIT, connections,
		MHD_OPTION_CONNECTION_TIMEOUT, http_patience.idle_s,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_URI_LOG_CALLBACK, request_line_read, front,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, request_done, front,
		MHD_OPTION_NOTIFY_CONNECTION, request_connection, front,
		MHD_OPTION_END);
	/* clang-format on */
}

/* One address is libmicrohttpd's to accept from. Several, or where connections may begin with a
 * PROXY header, are the acceptor's: all of them, because it keeps the limit. What it hands over
 * must fit whichever thread it goes to, of which each has its part of libmicrohttpd's limit. */
static int start_tcp(struct http *h)
{
	const struct settings *s = h->services->settings;
	const struct prefix_list *proxies = s->proxy_protocol ? &s->forwarded_allow_ips : NULL;
	unsigned threads = h->worker_count - 1, places = (unsigned)s->connections_max;
	size_t count;
	const int *fds = listeners_fds(h->listeners, &count);
	bool accepts_itself = count == 1 && !proxies;
	int r = accepts_itself ? 0 : acceptor_new(fds, count, places, proxies, &h->acceptor);

	if (r < 0)
		return r;
	h->tcp.mhd = accepts_itself ? start_mhd(&h->tcp, fds[0], threads, places)
				    : start_mhd(&h->tcp, -1, threads, places * threads);
	if (!h->tcp.mhd)
		return -EIO;
	return h->acceptor ? acceptor_start(h->acceptor, h->tcp.mhd) : 0;
}

/* Without the local socket everything is served but axfw(1): said, and gone on. */
static void start_local(struct http *h, void (*on_handover)(void *arg), void *arg)
{
	const char *path = h->services->settings->socket_path;
	int r;

	if (!*path)
		return;
	r = local_socket_open(path, &h->local_socket);
	if (r >= 0) {
		h->local.mhd = start_mhd(&h->local, h->local_socket.fd, 1, LOCAL_CONNECTIONS);
		r = h->local.mhd ? 0 : -EIO;
	}
	if (r >= 0)
		r = handover_offer(path, h->listeners, on_handover, arg, &h->handover);
	if (r < 0)
		log_line(LOG_LEVEL_WARNING,
			 "no local socket at %s, so axfw(1) can't reach this daemon: %s (--socket)",
			 path, strerror(-r));
}

static void http_free(struct http **h)
{
	http_stop(h, 0);
}

int http_start(struct services *services, struct listeners *l, void (*on_handover)(void *arg),
	       void *arg, struct http **ret)
{
	_cleanup_(http_free) struct http *h = calloc(1, sizeof(*h));
	const struct settings *s = services->settings;
	int r;

	if (!h)
		return -ENOMEM;
	r = parser_init();
	if (r < 0)
		return r;
	h->services = services;
	h->listeners = l;
	h->tcp.http = h->local.http = h;
	h->local.local = true;
	h->local_socket.fd = -1;
	r = start_workers(h);
	if (r >= 0)
		r = cors_new(s->cors_origins, &h->cors);
	if (r >= 0)
		r = janitor_new((unsigned)s->connections_max + LOCAL_CONNECTIONS, &h->janitor);
	if (r >= 0)
		r = pool_new("http-slow", SLOW_THREADS, SLOW_QUEUE, &h->slow);
	if (r >= 0)
		r = pool_new("http-passwords", HASHING_THREADS, HASHING_QUEUE, &h->hashing);
	if (r >= 0)
		r = start_tcp(h);
	if (r < 0)
		return r;
	start_local(h, on_handover, arg);
	*ret = TAKE_PTR(h);
	return 0;
}

/* --- stopping -------------------------------------------------------------------------------- */

static void sum_requests(const struct http *h, uint64_t *ret_begun, uint64_t *ret_in_flight)
{
	uint64_t begun = 0, ended = 0;

	for (unsigned i = 0; i < h->worker_count; i++) {
		ended += atomic_load_explicit(&h->workers[i].ended, memory_order_relaxed);
		begun += atomic_load_explicit(&h->workers[i].begun, memory_order_relaxed);
	}
	*ret_begun = begun;
	*ret_in_flight = begun - ended;
}

/* Until every connection is closed, or none of them has said anything for a while, or time is up.
 */
static void drain(struct http *h, unsigned drain_ms)
{
	uint64_t now_ns = clock_monotonic_ns(), end_ns = now_ns + drain_ms * NS_PER_MS;
	uint64_t quiet_since_ns = now_ns, last_begun = UINT64_MAX;

	while (now_ns < end_ns && atomic_load(&h->open_connections) > 0) {
		uint64_t begun, in_flight;

		sum_requests(h, &begun, &in_flight);
		if (begun != last_begun || in_flight)
			quiet_since_ns = now_ns;
		last_begun = begun;
		if (now_ns - quiet_since_ns > DRAIN_QUIET_MS * NS_PER_MS)
			return;
		usleep(DRAIN_POLL_MS * 1000);
		now_ns = clock_monotonic_ns();
	}
}

/* libmicrohttpd may not be stopped with suspended connections; each is a job that ends by itself.
 */
static void wait_for_suspended(struct http *h)
{
	atomic_store(&h->stopping, true);
	while (atomic_load(&h->suspended) > 0)
		usleep(SUSPENDED_POLL_MS * 1000);
}

static void stop_mhd(struct front *front)
{
	if (!front->mhd)
		return;
	MHD_stop_daemon(front->mhd);
	front->mhd = NULL;
}

void http_stop(struct http **http, unsigned drain_ms)
{
	struct http *h = *http;

	if (!h)
		return;
	atomic_store(&h->draining, true);
	handover_stop(&h->handover);
	acceptor_stop(h->acceptor);
	/* What it gives back is the listeners' to close; until then connections wait in it. */
	if (h->tcp.mhd)
		(void)MHD_quiesce_daemon(h->tcp.mhd);
	if (h->local.mhd)
		(void)MHD_quiesce_daemon(h->local.mhd);
	drain(h, drain_ms);
	wait_for_suspended(h);
	stop_mhd(&h->tcp);
	stop_mhd(&h->local);
	acceptor_free(&h->acceptor);
	local_socket_close(&h->local_socket);
	pool_free(&h->slow);
	pool_free(&h->hashing);
	janitor_free(&h->janitor);
	cors_free(&h->cors);
	for (unsigned i = 0; h->workers && i < h->worker_count; i++) {
		request_free_spares(&h->workers[i]);
		guard_scratch_free(&h->workers[i].scratch);
	}
	free(h->workers);
	free(h);
	*http = NULL;
}
