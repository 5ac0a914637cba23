/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include "api/api.h"
#include "axfw/rate.h"
#include "kernel_answers.h"
#include "key_sync.h"

/* A rolling update: how long a new daemon waits for the old one to let go of the store. */
#define STORE_LOCK_WAIT_MS 30000
/* How long answers in flight may take when the daemon ends; after it they are cut. */
#define DRAIN_MS  3000
#define ERROR_MAX 256

struct node {
	struct services services;
	struct crypto *crypto;
	struct guard *guard;
	struct listeners *listeners;
	struct store *store;
	struct identity *identity;
	struct kernel *kernel;
	struct key_sync key_sync;
	struct denials *denials;
	struct traffic *traffic;
	struct metrics *metrics;
	struct http *http;
	const struct settings *settings;
	uint64_t began_ns, start_ms;
};

/* --- starting, in order ---------------------------------------------------------------------- */

static void show_progress(void *arg, uint64_t done, uint64_t total)
{
	bool terminal = isatty(STDERR_FILENO);

	(void)arg;
	if (terminal)
		fprintf(stderr, "\r  taking the store over: %llu of %llu tenants%s",
			(unsigned long long)done, (unsigned long long)total,
			done == total ? "\n" : "");
	else
		log_info("taking the store over: %llu of %llu tenants", (unsigned long long)done,
			 (unsigned long long)total);
}

static unsigned request_threads(const struct settings *s)
{
	return s->threads ? (unsigned)s->threads : (unsigned)get_nprocs();
}

/* Asked before a running daemon is told to let go: a wrong setting must not end the service. */
static int judge_store(const struct node *n, const struct settings *s)
{
	char error[ERROR_MAX];
	int r = store_judge(s->tenant_dir, n->crypto, error, sizeof(error));

	if (r < 0)
		log_error("the store can't be opened: %s", error);
	return r;
}

static int open_store(struct node *n, const struct settings *s)
{
	char error[ERROR_MAX];
	const struct store_options options = {
		.dir = s->tenant_dir,
		.durability = s->durability,
		.writers = request_threads(s),
		.lock_wait_ms = listeners_taken_over(n->listeners) ? STORE_LOCK_WAIT_MS : 0,
		.progress = show_progress,
	};
	int r = store_open(&options, n->crypto, &n->store, error, sizeof(error));

	if (r < 0)
		log_error("the store can't be opened: %s", error);
	return r;
}

static struct axfw_signup_rule signup_rule(const struct settings *s)
{
	return (struct axfw_signup_rule){
		.window_ns = s->signup_window_s * NS_PER_S,
		.limit = (__u32)s->signup_limit,
	};
}

/* So many a second, in bursts of so many. */
static struct axfw_rate rate_of(uint64_t events, uint64_t burst)
{
	return axfw_rate_of((__u32)events, NS_PER_S, (__u32)burst);
}

static int open_identity(struct node *n, const struct settings *s)
{
	const struct identity_options options = {
		.store = n->store,
		.crypto = n->crypto,
		.signup = signup_rule(s),
		.key_rate = rate_of(s->key_rate, s->key_burst),
	};
	int r = identity_open(&options, &n->identity);

	return r < 0 ? log_error_r(r, "the tenants can't be read") : 0;
}

static struct axfw_penalty_rule penalty_rule(const struct settings *s)
{
	return (struct axfw_penalty_rule){
		.window_ns = s->penalty_window_s * NS_PER_S,
		.refusals = (__u32)s->penalty_refusals,
	};
}

static int start_kernel(struct node *n, const struct settings *s)
{
	struct axfw_route routes[AXFW_ROUTES_MAX];
	uint16_t ports[AXFW_PORTS_MAX];
	uint8_t admission_key[CRYPTO_SIPHASH_KEY];
	struct kernel_options options = {
		.interfaces = s->interfaces,
		.pin_dir = s->pin_dir,
		.persist = s->persist,
		.refuse = s->refuse,
		.ports = ports,
		.port_count = node_ports(n, ports, AXFW_PORTS_MAX),
		.routes = routes,
		.route_count = http_kernel_routes(routes),
		.admission_key = admission_key,
		.signup = signup_rule(s),
		.origin_passes = *s->cors_origins,
		.proxies = &s->forwarded_allow_ips,
		.allowed = &s->allow_from,
		.proxy_protocol = s->proxy_protocol,
		.syn_rate = rate_of(s->syn_rate, s->syn_burst),
		.syn_cookies = s->syn_cookies,
		.penalty = penalty_rule(s),
		.events_per_second = (uint32_t)s->events_per_second,
	};
	char error[ERROR_MAX];
	int r;

	crypto_admission_key(n->crypto, admission_key);
	kernel_answers_fill(options.answers);
	r = kernel_start(&options, &n->kernel, error, sizeof(error));
	wipe(admission_key, sizeof(admission_key));
	if (r == -EBUSY) {
		log_error("%s", error);
		return r;
	}
	return r < 0 ? log_error_r(r, "the kernel module can't start") : 0;
}

/* --- tier 0 and events ----------------------------------------------------------------------- */

static void say_boxed(void *arg, const struct prefix *source, unsigned seconds, uint64_t unsaid)
{
	char text[PREFIX_TEXT_LEN];

	prefix_format(source, text);
	if (unsaid)
		log_info("penalty box: %s for %u s: refused too often (and %llu others since the "
			 "last line)",
			 text, seconds, (unsigned long long)unsaid);
	else
		log_info("penalty box: %s for %u s: refused too often", text, seconds);
}

static void on_event(void *arg, const struct axfw_event *event)
{
	struct node *n = arg;
	struct address client;

	traffic_see(n->traffic, event, clock_monotonic_ns());
	if (event->kind != AXFW_EVENT_PENALTY)
		return;
	memcpy(client.bytes, event->client, sizeof(client.bytes));
	denials_penalise(n->denials, &client);
}

/* axfw top has its sources from the kernel, or else from ourselves; that may change at run time. */
static void choose_events(struct node *n)
{
	struct kernel_state state;

	kernel_state(n->kernel, &state);
	traffic_take_own(n->traffic,
			 state.enforcing ? 0 : (uint32_t)n->settings->events_per_second);
}

static int open_denials(struct node *n, const struct settings *s)
{
	const struct denials_options options = {
		.store = n->store,
		.kernel = n->kernel,
		.proxies = &s->forwarded_allow_ips,
		.penalty = penalty_rule(s),
		.penalty_ns = s->penalty_time_s * NS_PER_S,
		.boxed = say_boxed,
	};
	int r = denials_open(&options, &n->denials);

	if (r >= 0)
		r = traffic_new(&n->traffic);
	if (r < 0)
		return log_error_r(r, "the deny list can't be read");
	kernel_on_event(n->kernel, on_event, n);
	choose_events(n);
	return 0;
}

static void close_denials(struct node *n)
{
	if (n->kernel)
		kernel_on_event(n->kernel, NULL, NULL);
	denials_close(&n->denials);
	traffic_free(&n->traffic);
}

static void describe_services(struct node *n, const struct settings *s)
{
	n->services = (struct services){
		.settings = s,
		.crypto = n->crypto,
		.guard = n->guard,
		.store = n->store,
		.identity = n->identity,
		.kernel = n->kernel,
		.denials = n->denials,
		.traffic = n->traffic,
		.metrics = n->metrics,
		.started_us = clock_wall_us(),
		.version = AXFW_VERSION,
	};
	n->services.routes = http_routes(&n->services.route_count);
}

static int open_modules(struct node *n, const struct settings *s)
{
	char error[ERROR_MAX];
	int r = crypto_new(s->master_key, s->session_secret, &n->crypto);

	if (r < 0)
		return log_error_r(r, "the keys can't be derived");
	r = judge_store(n, s);
	if (r < 0)
		return r;
	if (!guard_is_cached(s->cache_dir))
		log_info("compiling the rules: some seconds, once per machine");
	r = guard_new(s->cache_dir, &n->guard);
	if (r < 0)
		return log_error_r(r, "the rules can't be compiled");
	/* and one for the local socket */
	r = metrics_new(request_threads(s) + 1, &n->metrics);
	if (r < 0)
		return log_error_r(r, "no memory for counters");
	r = listeners_open(s, &n->listeners, error, sizeof(error));
	if (r < 0)
		log_error("%s", error);
	return r;
}

static void node_free(struct node **node)
{
	node_stop(node, false);
}

int node_open(const struct settings *s, struct node **ret)
{
	_cleanup_(node_free) struct node *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return log_error_r(-ENOMEM, "the node can't start");
	n->settings = s;
	n->began_ns = clock_monotonic_ns();
	r = open_modules(n, s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(n);
	return 0;
}

int node_serve(struct node *n, void (*on_handover)(void *arg), void *arg)
{
	const struct settings *s = n->settings;
	int r = open_store(n, s);

	if (r >= 0)
		r = open_identity(n, s);
	if (r >= 0)
		r = start_kernel(n, s);
	if (r >= 0)
		r = open_denials(n, s);
	if (r < 0)
		return r;
	key_sync_start(&n->key_sync, n->identity, n->kernel);
	describe_services(n, s);
	r = http_start(&n->services, n->listeners, on_handover, arg, &n->http);
	if (r < 0)
		return log_error_r(r, "the HTTP server can't start");
	n->start_ms = (clock_monotonic_ns() - n->began_ns) / NS_PER_MS;
	return 0;
}

void node_stop(struct node **node, bool taken_over)
{
	struct node *n = *node;

	if (!n)
		return;
	http_stop(&n->http, DRAIN_MS);
	close_denials(n);
	if (taken_over)
		kernel_keep(n->kernel);
	kernel_stop(&n->kernel);
	identity_close(&n->identity);
	store_close(&n->store);
	listeners_free(&n->listeners);
	metrics_free(&n->metrics);
	guard_free(&n->guard);
	crypto_free(&n->crypto);
	free(n);
	*node = NULL;
}

void node_tick(struct node *n)
{
	choose_events(n);
	identity_tick(n->identity);
}

const struct services *node_services(const struct node *n)
{
	return &n->services;
}

unsigned node_ports(const struct node *n, uint16_t *ret, unsigned max)
{
	return listeners_ports(n->listeners, ret, max);
}

uint64_t node_start_ms(const struct node *n)
{
	return n->start_ms;
}
