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
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <cmocka.h>
#include "api/api.h"
#include "node.h"

#define NODE_FLAGS_MAX 24
#define PATIENCE_S     60 /* a loaded machine hashes 64 passwords in less */

struct http_node {
	char dir[64], socket_path[96];
	struct settings *settings;
	struct node *node; /* NULL: not running */
	const struct services *services;
	uint16_t ports[AXFW_PORTS_MAX];
	atomic_bool taken; /* a new daemon has our sockets */
};

static inline void http_node_on_handover(void *arg)
{
	atomic_store(&((struct http_node *)arg)->taken, true);
}

static inline int http_node_remove_one(const char *path, const struct stat *st, int kind,
				       struct FTW *where)
{
	return remove(path);
}

/* Compiling the rules takes seconds under a sanitizer: once per program. */
static char node_cache[PATH_MAX];

static inline void http_node_remove_cache(void)
{
	nftw(node_cache, http_node_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void http_node_make_cache(void)
{
	const char *shared = getenv("AXFW_TEST_CACHE");

	if (shared)
		snprintf(node_cache, sizeof(node_cache), "%s", shared);
	if (*node_cache)
		return;
	snprintf(node_cache, sizeof(node_cache), "%s", "/tmp/axfw-http-cache-XXXXXX");
	assert_non_null(mkdtemp(node_cache));
	atexit(http_node_remove_cache);
}

/* Ends with NULL: further flags. */
static inline void http_node_load_settings(struct http_node *n, const char *const *flags)
{
	char store_dir[96], error[256], *argv[NODE_FLAGS_MAX];
	int argc = 0;

	snprintf(store_dir, sizeof(store_dir), "%s/tenants", n->dir);
	http_node_make_cache();
	setenv("AXIOM_MASTER_KEY", "0123456789abcdef0123456789abcdef", 1);
	setenv("AXIOM_FIREWALL_SESSION_SECRET", "fedcba9876543210fedcba9876543210", 1);
	const char *const base[] = { "axfwd",	     "--listen",    "127.0.0.1:0",
				     "--tenant-dir", store_dir,	    "--socket",
				     n->socket_path, "--cache-dir", node_cache,
				     "--threads",    "2",	    "--interface",
				     "none",	     "--log-level", "error" };
	for (size_t i = 0; i < ARRAY_SIZE(base); i++)
		argv[argc++] = (char *)(uintptr_t)base[i];
	for (; flags && *flags; flags++)
		argv[argc++] = (char *)(uintptr_t)*flags;
	argv[argc] = NULL;
	if (settings_load(argc, argv, &n->settings, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	log_set_level(n->settings->log_level);
}

static inline void http_node_open_sockets(struct http_node *n)
{
	assert_int_equal(node_open(n->settings, &n->node), 0);
	assert_true(node_ports(n->node, n->ports, AXFW_PORTS_MAX) > 0);
}

static inline void http_node_go_on(struct http_node *n)
{
	assert_int_equal(node_serve(n->node, http_node_on_handover, n), 0);
	n->services = node_services(n->node);
}

static inline void http_node_start(struct http_node *n, const char *const *flags)
{
	*n = (struct http_node){ 0 };
	snprintf(n->dir, sizeof(n->dir), "%s", "/tmp/axfw-http-XXXXXX");
	assert_non_null(mkdtemp(n->dir));
	snprintf(n->socket_path, sizeof(n->socket_path), "%s/axfw.sock", n->dir);
	http_node_load_settings(n, flags);
	http_node_open_sockets(n);
	http_node_go_on(n);
}

static inline void http_node_end(struct http_node *n)
{
	node_stop(&n->node, false);
	settings_free(&n->settings);
}

static inline void http_node_remove(struct http_node *n)
{
	http_node_end(n);
	nftw(n->dir, http_node_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The program's own: a plain one for each test, or for all of them. */
static struct http_node node;

static inline int http_node_set_up(void **state)
{
	http_node_start(&node, NULL);
	return 0;
}

static inline int http_node_tear_down(void **state)
{
	http_node_remove(&node);
	return 0;
}

/* A tenant that has no quota, and a key of it. */
static inline void http_node_key(struct http_node *n, const char *tier,
				 char ret[static CRYPTO_API_KEY_LEN + 1])
{
	char code[CRYPTO_RECOVERY_CODE_LEN + 1];
	struct key_info key;
	uint32_t tenant;

	assert_int_equal(identity_sign_up(n->services->identity, "key@example.org", "correct horse",
					  tier, &tenant, code),
			 0);
	assert_int_equal(identity_create_key(n->services->identity, tenant, "test", ret, &key), 0);
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
static inline void ask_raw(struct http_node *n, const char *bytes, size_t len, struct answer *a)
{
	int fd = dial(n->ports[0]);

	(void)say(fd, bytes, len); /* refused in the middle, perhaps */
	hear(fd, a);
	close(fd);
}

static inline void ask(struct http_node *n, struct answer *a, const char *format, ...)
	_printf_(3, 4);
static inline void ask(struct http_node *n, struct answer *a, const char *format, ...)
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
