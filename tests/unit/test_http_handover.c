/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new daemon takes the sockets of a running one. Both live in this process, one after the other
 * on one store: nobody who connects or calls in between is refused, reset or left without an
 * answer.
 */
#include <pthread.h>
#include "http_node.h"

#define ROUNDS	3
#define CALLERS 4
#define WAIT_MS 10000

/* Settings of a node that follows another, in its directory. */
static void follow(struct http_node *new, const struct http_node *old, const char *address)
{
	const char *const flags[] = { "--listen", address, NULL };

	*new = (struct http_node){ 0 };
	memcpy(new->dir, old->dir, sizeof(new->dir));
	memcpy(new->socket_path, old->socket_path, sizeof(new->socket_path));
	http_node_load_settings(new, flags);
}

static void address_of(const struct http_node *n, char ret[static 32])
{
	snprintf(ret, 32, "127.0.0.1:%u", n->ports[0]);
}

static void wait_for(atomic_bool *flag)
{
	for (int i = 0; i < WAIT_MS && !atomic_load(flag); i++)
		usleep(1000);
	assert_true(atomic_load(flag));
}

/* --- clients --------------------------------------------------------------------------------- */

struct caller_thread {
	pthread_t thread;
	uint16_t port;
	bool keeps_alive;
	atomic_bool ended;
	atomic_uint served;
	char wrong[256]; /* the first thing that went wrong */
};

static void call_once(struct caller_thread *t, int *fd, struct answer *a)
{
	static const char request[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
	char value[512];
	const char *end;

	if (*fd < 0)
		*fd = dial(t->port);
	errno = 0;
	(void)say(*fd, request, sizeof(request) - 1);
	hear(*fd, a);
	if (a->status != 200) {
		snprintf(t->wrong, sizeof(t->wrong), "status %d, %s", a->status, strerror(errno));
		return;
	}
	atomic_fetch_add(&t->served, 1);
	end = answer_header(a, "Connection", value);
	if (t->keeps_alive && !(end && !strcasecmp(end, "close")))
		return;
	close(*fd);
	*fd = -1;
}

static void *call(void *arg)
{
	struct caller_thread *t = arg;
	struct answer *a = malloc(sizeof(*a));
	int fd = -1;

	while (!atomic_load(&t->ended) && !*t->wrong)
		call_once(t, &fd, a);
	if (fd >= 0)
		close(fd);
	free(a);
	return NULL;
}

static void start_callers(struct caller_thread callers[static CALLERS], uint16_t port)
{
	for (int i = 0; i < CALLERS; i++) {
		callers[i] = (struct caller_thread){ .port = port, .keeps_alive = i % 2 };
		assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
	}
}

static void let_them_call(struct caller_thread callers[static CALLERS])
{
	for (int i = 0; i < CALLERS; i++) {
		unsigned until = atomic_load(&callers[i].served) + 50;

		for (int n = 0; n < WAIT_MS && atomic_load(&callers[i].served) < until; n++)
			usleep(1000);
		if (atomic_load(&callers[i].served) < until)
			fail_msg("caller %d: %s", i, callers[i].wrong);
	}
}

static void stop_callers(struct caller_thread callers[static CALLERS])
{
	for (int i = 0; i < CALLERS; i++)
		atomic_store(&callers[i].ended, true);
	for (int i = 0; i < CALLERS; i++) {
		pthread_join(callers[i].thread, NULL);
		assert_string_equal(callers[i].wrong, "");
	}
}

/* --- tests ----------------------------------------------------------------------------------- */

static void nobody_notices(void **state)
{
	static struct http_node nodes[ROUNDS + 1];
	struct caller_thread callers[CALLERS];
	char address[32];

	http_node_start(&nodes[0], NULL);
	address_of(&nodes[0], address);
	start_callers(callers, nodes[0].ports[0]);
	for (int i = 1; i <= ROUNDS; i++) {
		let_them_call(callers);
		follow(&nodes[i], &nodes[i - 1], address);
		http_node_open_sockets(&nodes[i]);
		wait_for(&nodes[i - 1].taken);
		http_node_end(&nodes[i - 1]);
		http_node_go_on(&nodes[i]);
	}
	let_them_call(callers);
	stop_callers(callers);
	http_node_remove(&nodes[ROUNDS]);
}

/* The old daemon, ending, leaves the new one's socket file alone. */
static void the_local_socket_is_the_new_ones(void **state)
{
	static struct http_node old, new;
	char address[32];

	http_node_start(&old, NULL);
	address_of(&old, address);
	follow(&new, &old, address);
	http_node_open_sockets(&new);
	wait_for(&old.taken);
	http_node_end(&old);
	http_node_go_on(&new);
	close(dial_local(new.socket_path));
	http_node_remove(&new);
}

/* A daemon for other addresses with the same local socket is told so, and the first one stays. */
static void a_stranger_takes_nothing(void **state)
{
	static struct http_node old, new;
	struct listeners *none = NULL;
	char error[256] = "";

	http_node_start(&old, NULL);
	follow(&new, &old, "127.0.0.1:0");
	assert_int_equal(listeners_open(new.settings, &none, error, sizeof(error)), -ECANCELED);
	assert_non_null(strstr(error, "--socket"));
	settings_free(&new.settings);
	assert_false(atomic_load(&old.taken));
	close(dial(old.ports[0]));
	http_node_remove(&old);
}

/* What a daemon left behind that was killed: files without anybody behind them. */
static void stale_files_are_replaced(void **state)
{
	static struct http_node n;
	char path[128];
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd;

	snprintf(n.dir, sizeof(n.dir), "/tmp/axfw-http-XXXXXX");
	assert_non_null(mkdtemp(n.dir));
	snprintf(n.socket_path, sizeof(n.socket_path), "%s/axfw.sock", n.dir);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s", n.socket_path, i ? ".handover" : "");
		snprintf(at.sun_path, sizeof(at.sun_path), "%.107s", path);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
		close(fd);
	}
	http_node_load_settings(&n, NULL);
	http_node_open_sockets(&n);
	http_node_go_on(&n);
	close(dial_local(n.socket_path));
	http_node_end(&n);
	assert_int_equal(access(n.socket_path, F_OK), -1);
	http_node_remove(&n);
}

/* systemd's way: descriptors from 3 on, named by the environment. */
static void sockets_from_systemd_are_used(void **state)
{
	static struct http_node n;
	const struct sockaddr_in at = { .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char pid[32];
	int saved = dup(3), fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 16), 0);
	if (fd != 3) {
		assert_int_equal(dup2(fd, 3), 3);
		close(fd);
	}
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	http_node_start(&n, NULL);
	assert_null(getenv("LISTEN_FDS"));
	close(dial(n.ports[0]));
	http_node_remove(&n);
	if (saved >= 0) {
		dup2(saved, 3);
		close(saved);
	}
}

static void bad_addresses_are_named(void **state)
{
	static const char *const bad[] = { "8004",
					   "localhost:8004",
					   "127.0.0.1:",
					   "127.0.0.1:70000",
					   "127.0.0.1:80x",
					   "[::1]",
					   "[::1:8004",
					   ":8004",
					   ",",
					   "::1:8004" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct settings s = { .listen = (char *)(uintptr_t)bad[i],
				      .socket_path = (char[]){ "" } };
		struct listeners *l = NULL;
		char error[256] = "";

		if (listeners_open(&s, &l, error, sizeof(error)) >= 0)
			fail_msg("'%s' was taken for an address", bad[i]);
		assert_non_null(strstr(error, "--listen"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_addresses_are_named),
		cmocka_unit_test(nobody_notices),
		cmocka_unit_test(the_local_socket_is_the_new_ones),
		cmocka_unit_test(a_stranger_takes_nothing),
		cmocka_unit_test(stale_files_are_replaced),
		cmocka_unit_test(sockets_from_systemd_are_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
