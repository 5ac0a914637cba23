// SPDX-License-Identifier: Apache-2.0
/* The loaded program and its maps: see world.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "axfw/siphash.h"
#include "axfw/signup.h"
#include "world_internal.h"
#include "axfw.skel.h"

#define LOOPBACK_IFINDEX 1
#define SIGNUP_LIMIT	 5
#define SIGNUP_WINDOW_S	 3600
#define SIGNUP_AGE_S	 600
#define GENERATION	 7
#define CPUS_MAX	 1024

struct world {
	struct axfw_bpf *skeleton;
	int programs[AXFW_HOOK_TC + 1];
	enum axfw_hook hook;
};

static const uint8_t siphash_key[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

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

static void add_route(struct axfw_bpf *s, const char *line, unsigned kind, uint32_t body_max)
{
	struct axfw_route *r =
		(struct axfw_route *)&s->rodata->axfw_routes[s->rodata->axfw_route_count++];

	r->line_len = (uint32_t)strlen(line);
	memcpy(r->line, line, r->line_len);
	r->kind = kind;
	r->body_max = body_max;
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

static uint64_t filled_ns;

unsigned world_age_s(void)
{
	return (unsigned)((boot_ns() - filled_ns) / 1000000000);
}

static void fill_maps(struct world *w)
{
	struct axfw_config config;

	filled_ns = boot_ns();
	world_default_config(&config);
	world_configure(w, &config);
	answers_make();
	for (uint32_t i = 0; i < AXFW_RESPONSE_COUNT; i++)
		bpf_map__update_elem(w->skeleton->maps.responses, &i, sizeof(i), world_template(i),
				     sizeof(*world_template(i)), 0);
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
