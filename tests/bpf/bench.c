// SPDX-License-Identifier: Apache-2.0
/*
 * What a packet costs: the rows of the packet budget, timed by BPF_PROG_TEST_RUN, beside Debian's
 * xdp-filter on the same packets. A run that passes its packet is repeated in the kernel; one that
 * answers changes its packet and remembers a flow, so it is run once at a time with the flow
 * forgotten between: the minimum is then the cost with warm caches and the median the cost after a
 * few system calls.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "run.h"
#include "tiers.h"
#include "axfw.skel.h"

#define SAMPLES		      25
#define REPEAT		      20000
#define ANSWER_SAMPLES	      4000
#define ANSWER_BUDGET_NS      1000
#define ANSWER_COLD_BUDGET_NS 1500
#define XDP_FILTER_DIR	      "/usr/lib/x86_64-linux-gnu/bpf/"

#define HEAD(path)  "POST " path " HTTP/1.1\r\nHost: localhost:8004\r\n"
#define AGENT	    "User-Agent: curl/7.88.1\r\nAccept: */*\r\n"
#define BEARER(key) "Authorization: Bearer " key "\r\n"
#define BODY                                                                                       \
	"Content-Length: 43\r\nContent-Type: application/json\r\n\r\n{\"text\":\"What is the "     \
	"weather like today?\"}\n"
#define COOKIE60 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwx"
#define COOKIE600                                                                                  \
	COOKIE60 COOKIE60 COOKIE60 COOKIE60 COOKIE60 COOKIE60 COOKIE60 COOKIE60 COOKIE60 COOKIE60
#define REQUEST(key, cookie) HEAD("/v1/guard/check") AGENT cookie BEARER(key) BODY

/* The kernel's clock starts five minutes before it wraps, so any small value is far in the past. */
#define LONG_AGO_JIFFIES 1

struct measured {
	const char *packet_name;
	enum peer on;
	struct shape packet;
	uint32_t budget_ns;
	unsigned why; /* what is being measured must be what is counted */
};

/* What the tiers add where they are on. */
struct measured_tier {
	struct measured measured;
	int then; /* enum xdp_action */
	void (*configure)(struct axfw_config *config);
	void (*arrange)(struct world *w); /* NULL: the maps are empty */
};

/* Half of what the deny list holds at most, in prefixes of their own. */
/* Neighbours of the source, so that a trie has to walk down to it. */
static void deny_many(struct world *w, const char *end, enum axfw_denial_cause cause)
{
	char prefix[32];

	for (unsigned i = 0; i < AXFW_DENIED_MAX / 2; i++) {
		snprintf(prefix, sizeof(prefix), "127.%u.%u.%s", i >> 8, i & 255, end);
		tiers_deny(w, prefix, cause, 3600);
	}
}

static void box_many(struct world *w)
{
	deny_many(w, "1", AXFW_DENIED_BY_PENALTY);
}

static void box_others(struct world *w)
{
	deny_many(w, "2", AXFW_DENIED_BY_PENALTY);
}

static void deny_networks(struct world *w)
{
	deny_many(w, "0/25", AXFW_DENIED_BY_OPERATOR);
}

static void deny_other_networks(struct world *w)
{
	deny_many(w, "128/25", AXFW_DENIED_BY_OPERATOR);
}

static void hosts_denied(struct axfw_config *c)
{
	c->tiers = AXFW_TIER_DENIED_HOSTS;
}

static void networks_denied(struct axfw_config *c)
{
	c->tiers = AXFW_TIER_DENIED;
}

static void syn_budget(struct axfw_config *c)
{
	c->tiers = AXFW_TIER_SYN_BUDGET;
	c->syn_rate = (struct axfw_rate){ .interval_ns = 1, .burst_ns = 1000 };
}

static void no_syn_budget(struct axfw_config *c)
{
	c->tiers = AXFW_TIER_SYN_BUDGET;
	c->syn_rate = (struct axfw_rate){ .interval_ns = 1ULL << 60 };
}

static void behind_proxies(struct axfw_config *c)
{
	c->tiers = AXFW_TIER_PROXIES;
}

static void trust_loopback(struct world *w)
{
	tiers_trust(w, "127.0.0.0/8");
}

static const struct measured measured[] = {
	{ "SYN", DEFERRED4, { .flags = SYN }, 40, AXFW_REASON_NO_PAYLOAD },
	{ "bare ACK", DEFERRED4, { .flags = ACK }, 40, AXFW_REASON_NO_PAYLOAD },
	{ "other port",
	  DEFERRED4,
	  { .flags = ACK, .port = PORT_OTHER },
	  40,
	  AXFW_REASON_OTHER_TRAFFIC },
	{ "1,400 bytes that start no request",
	  DEFERRED4,
	  { .padded = 1400 },
	  60,
	  AXFW_REASON_NOT_A_REQUEST },
	{ "290-byte request, key admitted",
	  DEFERRED4,
	  { .text = REQUEST(KEY_ADMITTED_TEXT, "") },
	  300,
	  AXFW_REASON_KEY_ADMITTED },
	{ "900-byte request, 600-byte cookie before the key",
	  DEFERRED4,
	  { .text = REQUEST(KEY_ADMITTED_TEXT, "Cookie: s=" COOKIE600 "\r\n") },
	  500,
	  AXFW_REASON_KEY_ADMITTED },
	{ "SYN behind a VLAN tag",
	  DEFERRED4,
	  { .flags = SYN, .tags = 1 },
	  40,
	  AXFW_REASON_NO_PAYLOAD },
	{ "290-byte request behind two VLAN tags, key admitted",
	  DEFERRED4,
	  { .text = REQUEST(KEY_ADMITTED_TEXT, ""), .tags = 2 },
	  300,
	  AXFW_REASON_KEY_ADMITTED },
	{ "request proved and answered 401",
	  DEFERRED4,
	  { .text = REQUEST(KEY_UNKNOWN_TEXT, "") },
	  ANSWER_BUDGET_NS,
	  AXFW_REASON_KEY_UNKNOWN },
	{ "request proved and answered 429",
	  DEFERRED4,
	  { .text = REQUEST(KEY_QUOTA_TEXT, "") },
	  ANSWER_BUDGET_NS,
	  AXFW_REASON_QUOTA_EXHAUSTED },
	{ "the same over IPv6, 401",
	  DEFERRED6,
	  { .text = REQUEST(KEY_UNKNOWN_TEXT, "") },
	  ANSWER_BUDGET_NS,
	  AXFW_REASON_KEY_UNKNOWN },
};

/* clang-format off */
static const struct measured_tier measured_tiers[] = {
	{ { "SYN of a source in the penalty box, among 8,192", DEFERRED4, { .flags = SYN }, 0, AXFW_REASON_DENIED_BY_PENALTY }, XDP_DROP, hosts_denied, box_many },
	{ { "SYN of another source while the box holds 8,192", DEFERRED4, { .flags = SYN }, 0, AXFW_REASON_NO_PAYLOAD }, XDP_PASS, hosts_denied, box_others },
	{ { "SYN of a network that is denied, among 8,192", DEFERRED4, { .flags = SYN }, 0, AXFW_REASON_DENIED_BY_OPERATOR }, XDP_DROP, networks_denied, deny_networks },
	{ { "SYN of another source while 8,192 networks are denied", DEFERRED4, { .flags = SYN }, 0, AXFW_REASON_NO_PAYLOAD }, XDP_PASS, networks_denied, deny_other_networks },
	{ { "SYN within its budget", DEFERRED4, { .flags = SYN }, 0, AXFW_REASON_NO_PAYLOAD }, XDP_PASS, syn_budget, NULL },
	{ { "SYN beyond its budget", DEFERRED4, { .flags = SYN }, 0, AXFW_REASON_SYN_BUDGET }, XDP_DROP, no_syn_budget, NULL },
	{ { "290-byte request by a proxy, key admitted", DEFERRED4, { .text = REQUEST(KEY_ADMITTED_TEXT, "X-Forwarded-For: 203.0.113.250\r\n") }, 0, AXFW_REASON_KEY_ADMITTED }, XDP_PASS, behind_proxies, trust_loopback },
};
/* clang-format on */

struct timing {
	uint32_t min_ns, median_ns;
};

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static struct timing summarise(uint32_t *ns, unsigned count)
{
	qsort(ns, count, sizeof(*ns), compare);
	return (struct timing){ .min_ns = ns[0], .median_ns = ns[count / 2] };
}

static int run_times(int program, const struct frame *frame, int repeat, uint32_t *ret_ns)
{
	uint8_t out[FRAME_MAX];
	struct bpf_test_run_opts options = {
		.sz = sizeof(options),
		.data_in = frame->bytes,
		.data_size_in = frame->len,
		.data_out = out,
		.data_size_out = sizeof(out),
		.repeat = repeat,
	};
	int r = bpf_prog_test_run_opts(program, &options);

	*ret_ns = options.duration;
	return r ? r : (int)options.retval;
}

/* -errno, or -EINVAL when the program doesn't do what is being measured. */
static int time_program(int program, const struct frame *frame, int expected, struct timing *ret)
{
	uint32_t ns[SAMPLES];

	for (unsigned i = 0; i < SAMPLES; i++) {
		int r = run_times(program, frame, REPEAT, &ns[i]);

		if (r != expected)
			return r < 0 ? r : -EINVAL;
	}
	*ret = summarise(ns, SAMPLES);
	return 0;
}

static int program_at(struct world *w, enum axfw_hook hook)
{
	struct axfw_bpf *skeleton = world_skeleton(w);

	return bpf_program__fd(hook == AXFW_HOOK_TC ? skeleton->progs.axfw_tc
						    : skeleton->progs.axfw_xdp);
}

static int time_answer(struct world *w, enum axfw_hook hook, const struct connection *c,
		       const struct frame *frame, struct timing *ret)
{
	static uint32_t ns[ANSWER_SAMPLES];
	struct axfw_bpf *skeleton = world_skeleton(w);
	struct axfw_flow_key key;

	connection_flow_key(c, &key);
	for (unsigned i = 0; i < ANSWER_SAMPLES; i++) {
		int r = run_times(program_at(w, hook), frame, 1, &ns[i]);

		if (r != (hook == AXFW_HOOK_TC ? TC_ACT_REDIRECT : XDP_TX))
			return r < 0 ? r : -EINVAL;
		bpf_map__delete_elem(skeleton->maps.flows, &key, sizeof(key), 0);
	}
	*ret = summarise(ns, ANSWER_SAMPLES);
	return 0;
}

/* --- xdp-filter ------------------------------------------------------------------------------ */

/* Its maps ask to be pinned by name; ours to refuse. NULL: not installed. */
static struct bpf_object *load_xdp_filter(const char *file)
{
	struct bpf_object *o = bpf_object__open_file(file, NULL);
	struct bpf_program *program;
	struct bpf_map *map;

	if (!o)
		return NULL;
	bpf_object__for_each_map(map, o) bpf_map__set_pin_path(map, NULL);
	bpf_object__for_each_program(program, o) bpf_program__set_type(program, BPF_PROG_TYPE_XDP);
	if (!bpf_object__load(o))
		return o;
	bpf_object__close(o);
	return NULL;
}

static int program_of(struct bpf_object *o)
{
	struct bpf_program *program = o ? bpf_object__next_program(o, NULL) : NULL;

	return program ? bpf_program__fd(program) : -1;
}

/* --- the table ------------------------------------------------------------------------------- */

/* A row of the JSON. ns is what is held against the budget. */
static void print_row(const char *packet, const char *by, uint32_t ns, const struct timing *t,
		      uint32_t budget_ns)
{
	static const char *separator = "";

	printf("%s\n\t\t{\"packet\": \"%s%s\", \"ns\": %u, \"min_ns\": %u, \"median_ns\": %u",
	       separator, packet, by, ns, t->min_ns, t->median_ns);
	if (budget_ns)
		printf(", \"budget_ns\": %u", budget_ns);
	printf("}");
	separator = ",";
}

static uint64_t counted(struct world *w, unsigned why)
{
	struct axfw_counter counters[AXFW_REASON_COUNT];

	world_counters(w, counters);
	return counters[why].packets;
}

/* Does one run of the frame count as what the row says? Leaves no flow. */
static bool is_what_it_says(struct world *w, const struct measured *m, const struct frame *frame)
{
	uint64_t before = counted(w, m->why);
	struct frame copy = *frame;

	world_run(w, &copy);
	world_forget_flows(w);
	return counted(w, m->why) == before + 1;
}

static int measure_answer(struct world *w, const struct measured *m, const struct connection *c,
			  const struct frame *frame)
{
	struct timing t;
	int r = time_answer(w, AXFW_HOOK_XDP, c, frame, &t);

	if (r)
		return r;
	print_row(m->packet_name, ", warm", t.min_ns, &t, m->budget_ns);
	print_row(m->packet_name, ", between system calls", t.median_ns, &t, ANSWER_COLD_BUDGET_NS);
	r = time_answer(w, AXFW_HOOK_TC, c, frame, &t);
	if (!r)
		print_row(m->packet_name, ", warm, at TC", t.min_ns, &t, 0);
	return r;
}

static int measure_passed(struct world *w, const struct measured *m, const struct frame *frame,
			  const int filters[2])
{
	static const char *const names[2] = { " (xdp-filter, IP)", " (xdp-filter, all)" };
	struct axfw_bpf *skeleton = world_skeleton(w);
	struct timing t;
	int r;

	/* Both states of a node: nothing refused for long, and a refusal a moment ago. */
	for (int busy = 0; busy < 2; busy++) {
		skeleton->bss->flows_used_at = busy ? 0 : LONG_AGO_JIFFIES;
		r = time_program(bpf_program__fd(skeleton->progs.axfw_xdp), frame, XDP_PASS, &t);
		if (r)
			return r;
		print_row(m->packet_name, busy ? ", after a refusal" : "", t.median_ns, &t,
			  busy ? 0 : m->budget_ns);
	}
	skeleton->bss->flows_used_at = LONG_AGO_JIFFIES;
	r = time_program(program_at(w, AXFW_HOOK_TC), frame, TC_ACT_UNSPEC, &t);
	if (r)
		return r;
	print_row(m->packet_name, ", at TC", t.median_ns, &t, 0);
	for (unsigned i = 0; i < 2; i++) {
		if (filters[i] >= 0 && !time_program(filters[i], frame, XDP_PASS, &t))
			print_row(m->packet_name, names[i], t.median_ns, &t, 0);
	}
	return 0;
}

static void prepare(struct world *w, const struct measured_tier *m)
{
	struct axfw_config config;

	world_default_config(&config);
	m->configure(&config);
	world_configure(w, &config);
	tiers_clear(w);
	if (m->arrange)
		m->arrange(w);
	world_skeleton(w)->bss->flows_used_at = LONG_AGO_JIFFIES;
}

static int measure_row(struct world *w, const struct measured *m, const int filters[2])
{
	struct connection c;
	struct frame frame;
	int r = connection_open(m->on, 0, &c);

	if (!r) {
		frame_build(&c.ends, &m->packet, &frame);
		if (!is_what_it_says(w, m, &frame))
			r = -EINVAL;
		else if (m->budget_ns == ANSWER_BUDGET_NS)
			r = measure_answer(w, m, &c, &frame);
		else
			r = measure_passed(w, m, &frame, filters);
	}
	connection_close(&c);
	if (r)
		fprintf(stderr, "bpf-tests: %s: %s\n", m->packet_name, strerror(-r));
	return r;
}

static int measure_tier(struct world *w, const struct measured_tier *m)
{
	const struct measured *row = &m->measured;
	struct connection c;
	struct frame frame, first;
	struct timing t;
	int r = connection_open(row->on, 0, &c);

	prepare(w, m);
	frame_build(&c.ends, &row->packet, &frame);
	first = frame;
	world_run(w, &first); /* a source's first SYN is within every budget */
	if (!r)
		r = is_what_it_says(w, row, &frame) ? 0 : -EINVAL;
	if (!r)
		r = time_program(bpf_program__fd(world_skeleton(w)->progs.axfw_xdp), &frame,
				 m->then, &t);
	connection_close(&c);
	if (r)
		fprintf(stderr, "bpf-tests: %s: %s\n", row->packet_name, strerror(-r));
	else
		print_row(row->packet_name, "", t.median_ns, &t, 0);
	return r;
}

/* --- many keys ------------------------------------------------------------------------------- */

/* The same request while so many keys are held: once with one key, and with another of them each
 * time, between system calls. */
static int measure_keys(uint32_t count, const char *name)
{
	static uint32_t ns[ANSWER_SAMPLES];
	struct world *w = world_new_for_keys(count + 100);
	char text[sizeof(KEY_ADMITTED_TEXT)], request[512];
	struct connection c;
	struct frame frame;
	struct timing t;
	int r = w ? connection_open(DEFERRED4, 0, &c) : -ENOMEM;

	if (r)
		return r;
	for (uint32_t i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "axfw_%043u", i);
		world_admit(w, text);
	}
	world_skeleton(w)->bss->flows_used_at = LONG_AGO_JIFFIES;
	for (unsigned i = 0; i < ANSWER_SAMPLES && !r; i++) {
		snprintf(text, sizeof(text), "axfw_%043u", i * 2654435761u % count);
		snprintf(request, sizeof(request), REQUEST("%s", ""), text);
		frame_build(&c.ends, &(struct shape){ .text = request }, &frame);
		r = run_times(program_at(w, AXFW_HOOK_XDP), &frame, 1, &ns[i]) == XDP_PASS
			    ? 0
			    : -EINVAL;
	}
	if (!r)
		r = time_program(program_at(w, AXFW_HOOK_XDP), &frame, XDP_PASS, &t);
	if (!r) {
		print_row(name, ", one key", t.median_ns, &t, 0);
		t = summarise(ns, ANSWER_SAMPLES);
		print_row(name, ", each time another, between system calls", t.median_ns, &t, 0);
	}
	connection_close(&c);
	world_free(&w);
	return r;
}

int run_bench(struct world *w)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL); /* it warns of sections that it skips */
	struct bpf_object *ip = load_xdp_filter(XDP_FILTER_DIR "xdpfilt_alw_ip.o");
	struct bpf_object *all = load_xdp_filter(XDP_FILTER_DIR "xdpfilt_alw_all.o");
	const int filters[2] = { program_of(ip), program_of(all) };
	int failed = 0;

	libbpf_set_print(print);
	printf("{\"rows\": [");
	for (unsigned i = 0; i < sizeof(measured) / sizeof(*measured); i++)
		failed |= measure_row(w, &measured[i], filters) != 0;
	for (unsigned i = 0; i < sizeof(measured_tiers) / sizeof(*measured_tiers); i++)
		failed |= measure_tier(w, &measured_tiers[i]) != 0;
	failed |= measure_keys(1000, "290-byte request among 1,000 keys") != 0;
	failed |= measure_keys(1000000, "290-byte request among 1,000,000 keys") != 0;
	printf("\n]}\n");
	bpf_object__close(ip);
	bpf_object__close(all);
	return failed;
}
