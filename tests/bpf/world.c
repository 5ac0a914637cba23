// SPDX-License-Identifier: Apache-2.0
/* The namespace, the sockets and the loaded program: see world.h. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "axfw/siphash.h"
#include "world.h"
#include "axfw.skel.h"

#define LOOPBACK_IFINDEX 1
#define SIGNUP_LIMIT	 5
#define SIGNUP_WINDOW_S	 3600
#define SIGNUP_AGE_S	 600
#define GENERATION	 7
#define CPUS_MAX	 1024
#define ACK_POLL_US	 1000
#define ACK_POLLS_MAX	 10000 /* ten seconds: a hang, not a busy machine */

struct world {
	struct axfw_bpf *skeleton;
	int programs[AXFW_HOOK_TC + 1];
	enum axfw_hook hook;
};

static const uint8_t siphash_key[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
static struct axfw_response_template templates[AXFW_RESPONSE_COUNT];
static int listeners[4] = { -1, -1, -1, -1 };

static uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

const char *reason_name(unsigned reason)
{
	static const char *const names[] = {
#define X(name, action, text) #name,
		AXFW_REASONS(X)
#undef X
	};

	return reason < AXFW_REASON_COUNT ? names[reason] : "?";
}

/* --- the namespace --------------------------------------------------------------------------- */

static int bring_up_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = ioctl(fd, SIOCSIFFLAGS, &request) ? -errno : 0;
	close(fd);
	return r;
}

static socklen_t loopback(bool ipv6, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (ipv6) {
		*v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
		v6->sin6_addr = in6addr_loopback;
		return sizeof(*v6);
	}
	*v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
	v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(*v4);
}

/* Every address: some clients come over a wire. */
static socklen_t anywhere(bool ipv6, uint16_t port, struct sockaddr_storage *ret)
{
	socklen_t len = loopback(ipv6, port, ret);

	if (ipv6)
		((struct sockaddr_in6 *)ret)->sin6_addr = in6addr_any;
	else
		((struct sockaddr_in *)ret)->sin_addr.s_addr = htonl(INADDR_ANY);
	return len;
}

static int listen_on(bool ipv6, uint16_t port, int defer_s)
{
	int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	struct sockaddr_storage address;
	socklen_t len = anywhere(ipv6, port, &address);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    (ipv6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof(defer_s)) ||
	    bind(fd, (struct sockaddr *)&address, len) || listen(fd, 4096)) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int world_enter(void)
{
	int r;

	if (unshare(CLONE_NEWNET))
		return -errno;
	r = bring_up_loopback();
	for (unsigned i = 0; r >= 0 && i < 4; i++) {
		listeners[i] =
			listen_on(i % 2, i < 2 ? PORT_DEFERRED : PORT_ESTABLISHED, i < 2 ? 30 : 0);
		r = listeners[i];
	}
	return r < 0 ? r : 0;
}

/* --- the program and its maps ---------------------------------------------------------------- */

static void add_route(struct axfw_bpf *s, const char *line, unsigned kind, uint32_t body_max)
{
	struct axfw_route *r =
		(struct axfw_route *)&s->rodata->axfw_routes[s->rodata->axfw_route_count++];

	r->line_len = (uint32_t)strlen(line);
	memcpy(r->line, line, r->line_len);
	r->kind = kind;
	r->body_max = body_max;
}

static uint16_t offset_of(const struct axfw_response_template *t, const char *text)
{
	const uint8_t *at = memmem(t->text, t->len, text, strlen(text));

	assert(!at || (at - t->text) % 2 == 0); /* digits are summed as words */
	return at ? (uint16_t)(at - t->text) : 0;
}

/* In text, '?' x16 is the request id, '!' x8 the Retry-After, '#' x8 the same in the body, '%' x4
 * the rounded wait. */
static void make_template(struct axfw_response_template *t, const char *text, uint32_t unit_s)
{
	uint32_t sum = 0;

	t->len = (uint16_t)strlen(text);
	assert(t->len % 2 == 0 && t->len <= sizeof(t->text));
	memcpy(t->text, text, t->len);
	t->request_id_at = offset_of(t, "????????????????");
	t->retry_after_at = offset_of(t, "!!!!!!!!");
	t->body_seconds_at = offset_of(t, "########");
	t->body_unit_at = offset_of(t, "%%%%");
	t->body_unit_s = unit_s;
	for (unsigned i = 0; i < t->len; i++) {
		if (strchr("?!#%", t->text[i]))
			t->text[i] = 0;
		sum += (uint32_t)t->text[i] << (i % 2 * 8);
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	t->sum = sum;
}

static void make_templates(void)
{
	make_template(&templates[AXFW_RESPONSE_UNAUTHORIZED],
		      "HTTP/1.1 401 Unauthorized\r\nX-Request-ID:  ????????????????\r\n"
		      "Content-Type: application/json\r\nConnection: close\r\n"
		      "x-axfw-path: kernel\r\nContent-Length:  39\r\n\r\n"
		      "{\"detail\":\"Invalid or missing API key\"}",
		      0);
	make_template(&templates[AXFW_RESPONSE_SIGNUP_LIMITED],
		      "HTTP/1.1 429 Too Many Requests\r\nX-Request-ID: ????????????????\r\n"
		      "Retry-After:  !!!!!!!!\r\nContent-Type: text/html; charset=utf-8\r\n"
		      "Connection: close\r\nContent-Length:  26\r\n\r\n"
		      "<p>Wait %%%% minute(s)</p>",
		      60);
	make_template(&templates[AXFW_RESPONSE_QUOTA],
		      "HTTP/1.1 429 Too Many Requests\r\nX-Request-ID: ????????????????\r\n"
		      "Retry-After:  !!!!!!!!\r\nConnection: close\r\n"
		      "Content-Type: application/json\r\nContent-Length: 47\r\n\r\n"
		      "{\"seconds\":########,\"days\":%%%%,\"used\": 1000 }\n",
		      86400);
	make_template(&templates[AXFW_RESPONSE_RATE],
		      "HTTP/1.1 429 Too Many Requests\r\nX-Request-ID: ????????????????\r\n"
		      "Retry-After:  !!!!!!!!\r\nConnection: close\r\n"
		      "Content-Type: application/json\r\nContent-Length:  22\r\n\r\n"
		      "{\"seconds\" :########}\n",
		      0);
	make_template(&templates[AXFW_RESPONSE_TOO_LARGE],
		      "HTTP/1.1 413 Content Too Large\r\nX-Request-ID: ????????????????\r\n"
		      "Connection: close\r\nContent-Length:  18\r\n\r\n"
		      "{\"limit\": 262144 }",
		      0);
}

const struct axfw_response_template *world_template(unsigned response)
{
	return &templates[response];
}

static void put_key(struct world *w, const char *key, unsigned state, uint64_t deny_until_ns)
{
	struct axfw_admission a = { .state = (uint8_t)state, .deny_until_ns = deny_until_ns };
	struct axfw_key_hash hash;

	axfw_siphash128(axfw_load64(siphash_key), axfw_load64(siphash_key + 8),
			(const uint8_t *)key, (uint32_t)strlen(key), &hash);
	bpf_map__update_elem(w->skeleton->maps.admissions, &hash, sizeof(hash), &a, sizeof(a), 0);
}

static void put_unknown(struct world *w, const char *key, uint64_t generation)
{
	struct axfw_unknown u = { .generation = generation };
	struct axfw_key_hash hash;

	axfw_siphash128(axfw_load64(siphash_key), axfw_load64(siphash_key + 8),
			(const uint8_t *)key, (uint32_t)strlen(key), &hash);
	bpf_map__update_elem(w->skeleton->maps.unknown, &hash, sizeof(hash), &u, sizeof(u), 0);
}

static void fill_maps(struct world *w)
{
	struct axfw_config config;

	world_default_config(&config);
	world_configure(w, &config);
	make_templates();
	for (uint32_t i = 0; i < AXFW_RESPONSE_COUNT; i++)
		bpf_map__update_elem(w->skeleton->maps.responses, &i, sizeof(i), &templates[i],
				     sizeof(templates[i]), 0);
	put_key(w, KEY_ADMITTED_TEXT, AXFW_ADMITTED, 0);
	put_key(w, KEY_REVOKED_TEXT, AXFW_REVOKED, 0);
	put_key(w, KEY_QUOTA_TEXT, AXFW_QUOTA_EXHAUSTED, boot_ns() + QUOTA_SECONDS * 1000000000ULL);
	put_key(w, KEY_RENEWED_TEXT, AXFW_QUOTA_EXHAUSTED, boot_ns() - 1);
	put_key(w, KEY_FAST_TEXT, AXFW_RATE_EXCEEDED, boot_ns() + QUOTA_SECONDS * 1000000000ULL);
	put_key(w, KEY_SLOWED_TEXT, AXFW_RATE_EXCEEDED, boot_ns() - 1);
	put_unknown(w, KEY_SEEN_TEXT, GENERATION);
	put_unknown(w, KEY_UNKNOWN_TEXT, GENERATION - 1);
}

static struct world *make_world(bool small_flows, uint32_t admissions_max)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w)
		w->skeleton = axfw_bpf__open();
	if (!w || !w->skeleton) {
		world_free(&w);
		return NULL;
	}
	add_route(w->skeleton, "POST /v1/guard/check HTTP/1.1\r\n", AXFW_ROUTE_API_KEY, 262144);
	add_route(w->skeleton, "POST /v1/guard/output HTTP/1.1\r\n", AXFW_ROUTE_API_KEY, 262144);
	add_route(w->skeleton, "POST /login HTTP/1.1\r\n", AXFW_ROUTE_USERSPACE, 1048576);
	add_route(w->skeleton, "POST /signup HTTP/1.1\r\n", AXFW_ROUTE_SIGNUP, 1048576);
	memcpy((void *)w->skeleton->rodata->axfw_siphash_key, siphash_key, sizeof(siphash_key));
	if (small_flows) {
		bpf_map__set_type(w->skeleton->maps.flows, BPF_MAP_TYPE_HASH);
		bpf_map__set_max_entries(w->skeleton->maps.flows, 1);
	}
	if (admissions_max)
		bpf_map__set_max_entries(w->skeleton->maps.admissions, admissions_max);
	if (axfw_bpf__load(w->skeleton)) {
		world_free(&w);
		return NULL;
	}
	w->programs[AXFW_HOOK_XDP] = bpf_program__fd(w->skeleton->progs.axfw_xdp);
	w->programs[AXFW_HOOK_TC] = bpf_program__fd(w->skeleton->progs.axfw_tc);
	w->hook = AXFW_HOOK_XDP;
	fill_maps(w);
	return w;
}

struct world *world_new(bool small_flows)
{
	return make_world(small_flows, 0);
}

struct world *world_new_for_keys(uint32_t admissions_max)
{
	return make_world(false, admissions_max);
}

void world_admit(struct world *w, const char *key)
{
	put_key(w, key, AXFW_ADMITTED, 0);
}

void world_free(struct world **w)
{
	if (*w)
		axfw_bpf__destroy((*w)->skeleton);
	free(*w);
	*w = NULL;
}

struct axfw_bpf *world_skeleton(struct world *w)
{
	return w->skeleton;
}

void world_default_config(struct axfw_config *ret)
{
	*ret = (struct axfw_config){
		.abi_version = AXFW_ABI_VERSION,
		.refuse = AXFW_REFUSE_ANSWER,
		.generation = GENERATION,
		.admissions_complete = 1,
		.ports = { PORT_DEFERRED, PORT_ESTABLISHED },
		.signup = { .window_ns = SIGNUP_WINDOW_S * 1000000000ULL, .limit = SIGNUP_LIMIT },
		.answer_ifindex = { 0, LOOPBACK_IFINDEX },
	};
}

void world_configure(struct world *w, const struct axfw_config *config)
{
	uint32_t zero = 0;

	bpf_map__update_elem(w->skeleton->maps.config, &zero, sizeof(zero), config, sizeof(*config),
			     0);
}

void world_set_signups(struct world *w, bool ipv6, unsigned attempts)
{
	static const struct axfw_signup_rule rule = { .limit = SIGNUP_LIMIT };
	struct axfw_client client = { .address = {
					      [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 } };
	struct axfw_signup_window window = {};

	if (ipv6)
		memset(&client, 0, sizeof(client)); /* ::1 as its /64 */
	for (unsigned i = 0; i < attempts; i++)
		axfw_signup_record(&window, boot_ns() - SIGNUP_AGE_S * 1000000000ULL, &rule);
	if (attempts)
		bpf_map__update_elem(w->skeleton->maps.signups, &client, sizeof(client), &window,
				     sizeof(window), 0);
	else
		bpf_map__delete_elem(w->skeleton->maps.signups, &client, sizeof(client), 0);
}

void world_forget_flows(struct world *w)
{
	struct axfw_flow_key key;

	while (!bpf_map__get_next_key(w->skeleton->maps.flows, NULL, &key, sizeof(key)))
		bpf_map__delete_elem(w->skeleton->maps.flows, &key, sizeof(key), 0);
}

void world_use(struct world *w, enum axfw_hook hook)
{
	w->hook = hook;
}

static int as_xdp(int tc_action)
{
	switch (tc_action) {
	case TC_ACT_UNSPEC:
		return XDP_PASS;
	case TC_ACT_REDIRECT:
		return XDP_TX;
	case TC_ACT_SHOT:
		return XDP_DROP;
	default:
		return XDP_ABORTED;
	}
}

int world_run(struct world *w, struct frame *frame)
{
	struct frame in = *frame;
	struct bpf_test_run_opts options = {
		.sz = sizeof(options),
		.data_in = in.bytes,
		.data_size_in = in.len,
		.data_out = frame->bytes,
		.data_size_out = sizeof(frame->bytes),
		.repeat = 1,
	};
	int r = bpf_prog_test_run_opts(w->programs[w->hook], &options);

	if (r)
		return r;
	frame->len = options.data_size_out;
	return w->hook == AXFW_HOOK_TC ? as_xdp((int)options.retval) : (int)options.retval;
}

void world_flow_counts(struct world *w, struct axfw_flow_counts *ret)
{
	static struct axfw_flow_counts cpus[CPUS_MAX];
	int cpu_count = libbpf_num_possible_cpus();
	uint32_t zero = 0;

	memset(ret, 0, sizeof(*ret));
	bpf_map_lookup_elem(bpf_map__fd(w->skeleton->maps.flow_counts), &zero, cpus);
	for (int cpu = 0; cpu < cpu_count && cpu < CPUS_MAX; cpu++) {
		ret->begun += cpus[cpu].begun;
		ret->ended += cpus[cpu].ended;
	}
}

void world_counters(struct world *w, struct axfw_counter ret[AXFW_REASON_COUNT])
{
	static struct axfw_counter cpus[CPUS_MAX];
	int cpu_count = libbpf_num_possible_cpus();

	memset(ret, 0, AXFW_REASON_COUNT * sizeof(*ret));
	for (uint32_t i = 0; i < AXFW_REASON_COUNT; i++) {
		bpf_map_lookup_elem(bpf_map__fd(w->skeleton->maps.counters), &i, cpus);
		for (int cpu = 0; cpu < cpu_count && cpu < CPUS_MAX; cpu++) {
			ret[i].packets += cpus[cpu].packets;
			ret[i].bytes += cpus[cpu].bytes;
		}
	}
}

/* --- connections ----------------------------------------------------------------------------- */

static void put_address(const struct sockaddr_storage *a, uint8_t ret[16], uint16_t *ret_port)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

	memset(ret, 0, 16);
	if (a->ss_family == AF_INET6) {
		memcpy(ret, &v6->sin6_addr, 16);
		*ret_port = ntohs(v6->sin6_port);
	} else {
		memcpy(ret, &v4->sin_addr, 4);
		*ret_port = ntohs(v4->sin_port);
	}
}

static int read_queue_seq(int fd, int queue, uint32_t *ret)
{
	socklen_t len = sizeof(*ret);

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)) ||
	    getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, ret, &len))
		return -errno;
	return 0;
}

int connection_numbers(struct connection *c)
{
	int on = TCP_REPAIR_ON, off = TCP_REPAIR_OFF_NO_WP, r;

	if (setsockopt(c->client, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)))
		return -errno;
	r = read_queue_seq(c->client, TCP_SEND_QUEUE, &c->ends.seq);
	if (!r)
		r = read_queue_seq(c->client, TCP_RECV_QUEUE, &c->ends.ack);
	if (setsockopt(c->client, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)) && !r)
		r = -errno;
	return r;
}

/* No connection at all: loopback addresses and numbers that nobody knows. */
static int nobody(struct connection *c)
{
	c->ends.client_port = 40000;
	c->ends.server_port = PORT_DEFERRED;
	c->ends.seq = 1000;
	c->ends.ack = 2000;
	if (c->ends.ipv6)
		c->ends.client[15] = c->ends.server[15] = 1;
	else
		memcpy(c->ends.client, "\x7f\0\0\1", 4), memcpy(c->ends.server, "\x7f\0\0\1", 4);
	return 0;
}

/* connect() returns when the client has the SYN-ACK. On a busy machine the server hasn't seen its
 * acknowledgement yet, and is established only when there is something to accept. */
static bool accept_it(bool ipv6, struct connection *c)
{
	const struct timeval patience = { .tv_sec = 10 };
	int listener = listeners[2 + ipv6];

	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	c->server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return c->server >= 0;
}

int connection_open(enum peer peer, uint32_t mss, struct connection *ret)
{
	bool ipv6 = peer == NOBODY6 || peer == DEFERRED6 || peer == ESTABLISHED6;
	uint16_t port = peer < ESTABLISHED4 ? PORT_DEFERRED : PORT_ESTABLISHED;
	struct sockaddr_storage address;
	socklen_t len = loopback(ipv6, port, &address);

	memset(ret, 0, sizeof(*ret));
	ret->client = ret->server = -1;
	ret->ends.ipv6 = ipv6;
	if (peer < DEFERRED4)
		return nobody(ret);
	ret->client = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ret->client < 0)
		return -errno;
	if (mss)
		setsockopt(ret->client, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof(mss));
	if (connect(ret->client, (struct sockaddr *)&address, len))
		return -errno;
	put_address(&address, ret->ends.server, &ret->ends.server_port);
	len = sizeof(address);
	if (getsockname(ret->client, (struct sockaddr *)&address, &len))
		return -errno;
	put_address(&address, ret->ends.client, &ret->ends.client_port);
	if (port == PORT_ESTABLISHED && !accept_it(ipv6, ret))
		return -errno;
	return connection_numbers(ret);
}

void connection_close(struct connection *c)
{
	struct linger reset = { .l_onoff = 1 };

	if (c->client < 0)
		return;
	setsockopt(c->client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(c->client);
	if (c->server >= 0)
		close(c->server);
	c->client = c->server = -1;
}

int connection_send(struct connection *c, const char *text)
{
	int unacknowledged = 1;

	if (send(c->client, text, strlen(text), 0) < 0)
		return -errno;
	for (int i = 0; unacknowledged && i < ACK_POLLS_MAX; i++) {
		if (ioctl(c->client, SIOCOUTQ, &unacknowledged) < 0)
			return -errno;
		if (unacknowledged)
			usleep(ACK_POLL_US);
	}
	return unacknowledged ? -ETIMEDOUT : connection_numbers(c);
}

void connection_flow_key(const struct connection *c, struct axfw_flow_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (c->ends.ipv6) {
		memcpy(ret->client, c->ends.client, 16);
		memcpy(ret->server, c->ends.server, 16);
	} else {
		ret->client[10] = ret->client[11] = ret->server[10] = ret->server[11] = 0xff;
		memcpy(ret->client + 12, c->ends.client, 4);
		memcpy(ret->server + 12, c->ends.server, 4);
	}
	ret->client_port = htons(c->ends.client_port);
	ret->server_port = htons(c->ends.server_port);
}
