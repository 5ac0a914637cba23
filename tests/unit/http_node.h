/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole node in this process, on ephemeral ports and in a directory of its own, and a client that
 * sends bytes as they are. For tests of http/ and api/; the kernel half runs in userspace mode.
 */
#ifndef HTTP_NODE_H
#define HTTP_NODE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <cmocka.h>
#include "api/api.h"
#include "http/http.h"

#define NODE_FLAGS_MAX 24
#define PATIENCE_S     10

struct node {
	char dir[64], socket_path[96];
	struct settings *settings;
	struct crypto *crypto;
	struct guard *guard;
	struct store *store;
	struct identity *identity;
	struct kernel *kernel;
	struct metrics *metrics;
	struct listeners *listeners;
	struct services services;
	struct http *http;
	uint16_t ports[AXFW_PORTS_MAX];
	atomic_bool taken; /* a new daemon has our sockets */
};

static inline void node_on_handover(void *arg)
{
	atomic_store(&((struct node *)arg)->taken, true);
}

static inline int node_remove_one(const char *path, const struct stat *st, int kind,
				  struct FTW *where)
{
	return remove(path);
}

/* Compiling the rules takes seconds under a sanitizer: once per program. */
static char node_cache[64];

static inline void node_remove_cache(void)
{
	nftw(node_cache, node_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void node_make_cache(void)
{
	if (*node_cache)
		return;
	snprintf(node_cache, sizeof(node_cache), "%s", "/tmp/axfw-http-cache-XXXXXX");
	assert_non_null(mkdtemp(node_cache));
	atexit(node_remove_cache);
}

/* Ends with NULL: further flags. */
static inline void node_load_settings(struct node *n, const char *const *flags)
{
	char store_dir[96], error[256], *argv[NODE_FLAGS_MAX];
	int argc = 0;

	snprintf(store_dir, sizeof(store_dir), "%s/tenants", n->dir);
	node_make_cache();
	setenv("AXIOM_MASTER_KEY", "0123456789abcdef0123456789abcdef", 1);
	setenv("AXIOM_FIREWALL_SESSION_SECRET", "fedcba9876543210fedcba9876543210", 1);
	const char *const base[] = { "axfwd",	     "--listen",    "127.0.0.1:0",
				     "--tenant-dir", store_dir,	    "--socket",
				     n->socket_path, "--cache-dir", node_cache,
				     "--threads",    "2",	    "--log-level",
				     "error" };
	for (size_t i = 0; i < ARRAY_SIZE(base); i++)
		argv[argc++] = (char *)(uintptr_t)base[i];
	for (; flags && *flags; flags++)
		argv[argc++] = (char *)(uintptr_t)*flags;
	argv[argc] = NULL;
	if (settings_load(argc, argv, &n->settings, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	log_set_level(n->settings->log_level);
}

static inline void node_open_state(struct node *n)
{
	const struct settings *s = n->settings;
	const struct axfw_signup_rule rule = { .window_ns = s->signup_window_s * NS_PER_S,
					       .limit = (__u32)s->signup_limit };
	const struct store_options store = { .dir = s->tenant_dir,
					     .writers = (unsigned)s->threads,
					     .lock_wait_ms = PATIENCE_S * 1000 };
	uint8_t admission_key[CRYPTO_SIPHASH_KEY] = { 0 };
	struct axfw_route routes[AXFW_ROUTES_MAX];
	const struct kernel_options kernel = { .interfaces = "none",
					       .pin_dir = s->pin_dir,
					       .ports = n->ports,
					       .port_count = 1,
					       .routes = routes,
					       .route_count = http_kernel_routes(routes),
					       .admission_key = admission_key };
	struct identity_options identity = { .signup = rule };
	char error[256] = "";

	if (store_open(&store, n->crypto, &n->store, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	identity.store = n->store;
	identity.crypto = n->crypto;
	assert_int_equal(identity_open(&identity, &n->identity), 0);
	assert_int_equal(kernel_start(&kernel, &n->kernel, error, sizeof(error)), 0);
	assert_int_equal(metrics_new((unsigned)s->threads + 1, &n->metrics), 0);
}

/* What takes long comes before the sockets are taken, and the store after, as in the daemon. */
static inline void node_serve(struct node *n)
{
	node_open_state(n);
	n->services = (struct services){
		.settings = n->settings,
		.crypto = n->crypto,
		.guard = n->guard,
		.store = n->store,
		.identity = n->identity,
		.kernel = n->kernel,
		.metrics = n->metrics,
		.started_us = clock_wall_us(),
		.version = "test",
	};
	n->services.routes = http_routes(&n->services.route_count);
	assert_int_equal(http_start(&n->services, n->listeners, node_on_handover, n, &n->http), 0);
}

static inline void node_open_listeners(struct node *n)
{
	const struct settings *s = n->settings;
	char error[256] = "";

	assert_int_equal(crypto_new(s->master_key, s->session_secret, &n->crypto), 0);
	assert_int_equal(guard_new(s->cache_dir, &n->guard), 0);
	if (listeners_open(n->settings, &n->listeners, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	assert_true(listeners_ports(n->listeners, n->ports, AXFW_PORTS_MAX) > 0);
}

static inline void node_start(struct node *n, const char *const *flags)
{
	*n = (struct node){ 0 };
	snprintf(n->dir, sizeof(n->dir), "%s", "/tmp/axfw-http-XXXXXX");
	assert_non_null(mkdtemp(n->dir));
	snprintf(n->socket_path, sizeof(n->socket_path), "%s/axfw.sock", n->dir);
	node_load_settings(n, flags);
	node_open_listeners(n);
	node_serve(n);
}

static inline void node_stop(struct node *n, unsigned drain_ms)
{
	http_stop(&n->http, drain_ms);
	kernel_stop(&n->kernel);
	identity_close(&n->identity);
	store_close(&n->store);
	listeners_free(&n->listeners);
	metrics_free(&n->metrics);
	guard_free(&n->guard);
	crypto_free(&n->crypto);
	settings_free(&n->settings);
}

static inline void node_remove(struct node *n)
{
	node_stop(n, 0);
	nftw(n->dir, node_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A tenant that has no quota, and a key of it. */
static inline void node_key(struct node *n, const char *tier,
			    char ret[static CRYPTO_API_KEY_LEN + 1])
{
	char code[CRYPTO_RECOVERY_CODE_LEN + 1];
	struct key_info key;
	uint32_t tenant;

	assert_int_equal(identity_sign_up(n->identity, "key@example.org", "correct horse", tier,
					  &tenant, code),
			 0);
	assert_int_equal(identity_create_key(n->identity, tenant, "test", ret, &key), 0);
}

/* --- the client ------------------------------------------------------------------------------ */

#define ANSWER_SIZE (256 * 1024)

struct answer {
	int status; /* 0: the connection ended without one */
	size_t len, body_len;
	char *body;
	char raw[ANSWER_SIZE];
};

static inline int dial(uint16_t port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

static inline int dial_local(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

/* false: the other side doesn't take it any more. */
static inline bool say(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static inline const char *answer_header(const struct answer *a, const char *name,
					char ret[static 512])
{
	size_t name_len = strlen(name);

	for (const char *at = strstr(a->raw, "\r\n"); at && at + 2 < a->body;
	     at = strstr(at + 2, "\r\n")) {
		const char *line = at + 2;

		if (strncasecmp(line, name, name_len) || line[name_len] != ':')
			continue;
		line += name_len + 1;
		line += strspn(line, " ");
		snprintf(ret, 512, "%.*s", (int)strcspn(line, "\r"), line);
		return ret;
	}
	return NULL;
}

/* One answer, and no byte more than that. */
static inline void hear(int fd, struct answer *a)
{
	char *end = NULL, length[512];
	size_t wanted = 0;

	a->status = 0;
	a->len = a->body_len = 0;
	a->body = a->raw;
	while (!end || a->len < wanted) {
		/* Byte by byte up to the body: answers may be pipelined. */
		ssize_t n = recv(fd, a->raw + a->len, end ? wanted - a->len : 1, 0);

		if (n <= 0)
			return;
		a->len += (size_t)n;
		a->raw[a->len] = '\0';
		assert_true(a->len < ANSWER_SIZE - 1);
		if (end || a->len < 4 || memcmp(a->raw + a->len - 4, "\r\n\r\n", 4))
			continue;
		end = a->raw + a->len;
		a->body = end;
		wanted = a->len;
		if (answer_header(a, "Content-Length", length))
			wanted += strtoul(length, NULL, 10);
	}
	a->body_len = wanted - (size_t)(a->body - a->raw);
	a->status = atoi(a->raw + strlen("HTTP/1.1 "));
}

/* Nothing more comes: the connection was ended, and not by a reset. */
static inline bool is_at_end(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) == 0;
}

/* A connection of its own for these bytes. */
static inline void ask_raw(struct node *n, const char *bytes, size_t len, struct answer *a)
{
	int fd = dial(n->ports[0]);

	(void)say(fd, bytes, len); /* refused in the middle, perhaps */
	hear(fd, a);
	close(fd);
}

static inline void ask(struct node *n, struct answer *a, const char *format, ...) _printf_(3, 4);
static inline void ask(struct node *n, struct answer *a, const char *format, ...)
{
	char bytes[16384];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(bytes, sizeof(bytes), format, args);
	va_end(args);
	assert_true(len > 0 && len < (int)sizeof(bytes));
	ask_raw(n, bytes, (size_t)len, a);
}

#endif
