/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The yardstick: libmicrohttpd's epoll pool with a handler that reads the body and does nothing
 * with it. It sends the headers and the bytes of a captured answer of axfwd, so that what is left
 * of the difference is what a verdict costs. A response is made for each request, as any handler
 * whose answer depends on the question has to.
 */
#include <dlfcn.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include "bench.h"

#define ANSWER_MAX  8192
#define HEADERS_MAX 32

static struct {
	char text[ANSWER_MAX + 1]; /* cut into the strings below */
	struct {
		const char *name, *value;
	} headers[HEADERS_MAX];
	unsigned header_count;
	unsigned status;
	const char *body;
	size_t body_len;
	bool reuse; /* --reuse: one response for all, the least that is possible */
	struct MHD_Response *shared;
} like;

/* libmicrohttpd adds these itself. */
static bool is_own_header(const char *name)
{
	return !strcasecmp(name, "Date") || !strcasecmp(name, "Content-Length") ||
	       !strcasecmp(name, "Connection") || !strcasecmp(name, "Keep-Alive");
}

static int take_apart(char *text, size_t len)
{
	char *end = strstr(text, "\r\n\r\n"), *line;

	if (!end || strlen(text) < 12)
		return -EINVAL;
	like.status = (unsigned)atoi(text + 9);
	like.body = end + 4;
	like.body_len = len - (size_t)(like.body - text);
	end[2] = '\0';
	for (line = strstr(text, "\r\n") + 2; *line && like.header_count < HEADERS_MAX;) {
		char *next = strstr(line, "\r\n"), *colon = strchr(line, ':');

		if (!next || !colon || colon > next)
			return -EINVAL;
		*next = *colon = '\0';
		if (!is_own_header(line)) {
			like.headers[like.header_count].name = line;
			like.headers[like.header_count++].value =
				colon + 1 + strspn(colon + 1, " ");
		}
		line = next + 2;
	}
	return 0;
}

static int read_like(const char *path)
{
	FILE *file = path ? fopen(path, "re") : NULL;
	size_t len;

	if (!file)
		return path ? -errno : -EINVAL;
	len = fread(like.text, 1, ANSWER_MAX, file);
	fclose(file);
	return take_apart(like.text, len);
}

static struct MHD_Response *make_response(void)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		like.body_len, (void *)like.body, MHD_RESPMEM_PERSISTENT);

	for (unsigned i = 0; response && i < like.header_count; i++)
		MHD_add_response_header(response, like.headers[i].name, like.headers[i].value);
	return response;
}

/* The library's own, by name: axfwd defines a function that stands before it (http/parser.c), and a
 * mention of it here would bring that one in. */
static enum MHD_Result (*queue_response)(struct MHD_Connection *, unsigned, struct MHD_Response *);

static bool find_queue_response(void)
{
	void *symbol = dlsym(RTLD_NEXT, "MHD_queue_response");

	_Static_assert(sizeof(symbol) == sizeof(queue_response),
		       "POSIX: dlsym() returns functions");
	memcpy(&queue_response, &symbol, sizeof(symbol));
	return symbol;
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_len, void **state)
{
	struct MHD_Response *response;
	enum MHD_Result r;

	(void)arg, (void)url, (void)method, (void)version, (void)upload;
	if (!*state) {
		*state = &like;
		return MHD_YES;
	}
	if (*upload_len) {
		*upload_len = 0;
		return MHD_YES;
	}
	if (like.reuse)
		return queue_response(connection, like.status, like.shared);
	response = make_response();
	if (!response)
		return MHD_NO;
	r = queue_response(connection, like.status, response);
	MHD_destroy_response(response);
	return r;
}

static int listen_at(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr = { htonl(INADDR_ANY) } };
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 1024) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int bench_bare(int argc, char **argv)
{
	unsigned threads = (unsigned)bench_number(argc, argv, "--threads", 1);
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO;
	struct MHD_Daemon *daemon;
	sigset_t signals;
	int r = read_like(bench_option(argc, argv, "--like", NULL)), fd, number;

	if (r < 0)
		return bench_fail(r, "--like");
	if (!find_queue_response())
		return bench_fail(-ELIBACC, "libmicrohttpd");
	like.reuse = bench_switch(argc, argv, "--reuse");
	like.shared = make_response();
	fd = listen_at((uint16_t)bench_number(argc, argv, "--port", 8005));
	if (fd < 0)
		return bench_fail(fd, "--port");
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	/* a pool has at least two threads */
	daemon = MHD_start_daemon(flags, 0, NULL, NULL, answer, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
				  MHD_OPTION_CONNECTION_LIMIT, 4096U, MHD_OPTION_THREAD_POOL_SIZE,
				  threads > 1 ? threads : 0U, MHD_OPTION_END);
	if (!daemon)
		return bench_fail(-EIO, "libmicrohttpd");
	sigwait(&signals, &number);
	MHD_stop_daemon(daemon);
	MHD_destroy_response(like.shared);
	return 0;
}
