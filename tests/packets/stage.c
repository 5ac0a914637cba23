// SPDX-License-Identifier: Apache-2.0
/* Plays cases in the kernel: see stage.h. */
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "axfw/siphash.h"
#include "../bpf/world.h"
#include "lists.h"
#include "stage.h"
#include "axfw.skel.h"

#define CONNECTIONS_MAX 32
#define CPUS_MAX	1024
/* A dry run at TC refuses frames that don't hold their IP header (kernels since 6.15 or so). */
#define TC_FRAME_MIN 54
/* A request socket is asked again after a second and would become an established one. */
#define REQUEST_SOCKET_MS 500
#define FIRST_REQUEST	  "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"

/* A connection that stays open: the kernel's dry run leaves no trace in its socket. */
struct held {
	uint32_t peer, mss, spoken;
	uint64_t opened_ms;
	struct connection connection;
};

struct stage {
	struct world *world;
	int programs[2]; /* XDP and TC: scene.tc */
	int counters, flows;
	struct held held[CONNECTIONS_MAX];
	unsigned held_count;
	struct scene scene; /* what is in the maps now */
	bool has_scene;
	struct key_fact keys[8];
	uint64_t denied_until_ns;
	struct axfw_counter expected[AXFW_REASON_COUNT];
	uint64_t cases, segments;
	enum axfw_reason reasons[SEGMENTS_MAX]; /* of the last case */
	char problem[512];
};

static uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool fail(struct stage *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct stage *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->problem, sizeof(s->problem), format, args);
	va_end(args);
	return false;
}

/* --- setting up ------------------------------------------------------------------------------ */

/* When the quota's denial ends, which world.c has put into the map. */
static uint64_t quota_until_ns(struct stage *s, const char *key)
{
	const uint8_t *siphash_key = world_skeleton(s->world)->rodata->axfw_siphash_key;
	struct axfw_admission a = { 0 };
	struct axfw_key_hash hash;

	axfw_siphash128(axfw_load64(siphash_key), axfw_load64(siphash_key + 8),
			(const uint8_t *)key, (uint32_t)strlen(key), &hash);
	bpf_map__lookup_elem(world_skeleton(s->world)->maps.admissions, &hash, sizeof(hash), &a,
			     sizeof(a), 0);
	return a.deny_until_ns;
}

/* As tests/bpf/world.c fills the maps. */
static void learn_keys(struct stage *s)
{
	struct axfw_config config;

	world_default_config(&config);
	s->keys[0] = (struct key_fact){ KEY_ADMITTED_TEXT, KEY_ACTIVE, 0, 0 };
	s->keys[1] = (struct key_fact){ KEY_REVOKED_TEXT, KEY_REVOKED, 0, 0 };
	s->keys[2] = (struct key_fact){ KEY_QUOTA_TEXT, KEY_NO_QUOTA,
					quota_until_ns(s, KEY_QUOTA_TEXT), 0 };
	s->keys[3] = (struct key_fact){ KEY_RENEWED_TEXT, KEY_NO_QUOTA, 1, 0 };
	s->keys[4] =
		(struct key_fact){ KEY_SEEN_TEXT, KEY_REFUSED, 0, (uint32_t)config.generation };
	s->keys[5] = (struct key_fact){ KEY_UNKNOWN_TEXT, KEY_REFUSED, 0,
					(uint32_t)config.generation - 1 };
	s->keys[6] = (struct key_fact){ KEY_FAST_TEXT, KEY_TOO_FAST,
					quota_until_ns(s, KEY_FAST_TEXT), 0 };
	s->keys[7] = (struct key_fact){ KEY_SLOWED_TEXT, KEY_TOO_FAST, 1, 0 };
}

/* One processor, so that a counter is one number's change. */
static void stay_on_one_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

struct stage *stage_new(void)
{
	struct stage *s = calloc(1, sizeof(*s));
	int r = world_enter();

	if (r < 0)
		fprintf(stderr, "packet-fuzz: no namespace of our own: %s\n", strerror(-r));
	else if (s)
		s->world = world_new(false);
	if (!s || !s->world) {
		fprintf(stderr, "packet-fuzz: the program doesn't load here\n");
		stage_free(&s);
		return NULL;
	}
	stay_on_one_cpu();
	s->programs[0] = bpf_program__fd(world_skeleton(s->world)->progs.axfw_xdp);
	s->programs[1] = bpf_program__fd(world_skeleton(s->world)->progs.axfw_tc);
	s->counters = bpf_map__fd(world_skeleton(s->world)->maps.counters);
	s->flows = bpf_map__fd(world_skeleton(s->world)->maps.flows);
	learn_keys(s);
	return s;
}

void stage_free(struct stage **s)
{
	if (*s) {
		for (unsigned i = 0; i < (*s)->held_count; i++)
			connection_close(&(*s)->held[i].connection);
		world_free(&(*s)->world);
	}
	free(*s);
	*s = NULL;
}

static bool is_request_socket(const struct held *h)
{
	return (h->peer == DEFERRED4 || h->peer == DEFERRED6) && !h->spoken;
}

static int open_held(struct held *h)
{
	int r = connection_open((enum peer)h->peer, h->mss, &h->connection);

	if (!r && h->spoken && h->peer >= DEFERRED4)
		r = connection_send(&h->connection, FIRST_REQUEST);
	h->opened_ms = boot_ns() / 1000000;
	return r;
}

/* The connection of a scene, opened now if there is none yet. */
static struct held *hold(struct stage *s, const struct scene *scene)
{
	struct held *h;
	int r = 0;

	for (h = s->held; h < s->held + s->held_count; h++) {
		if (h->peer == scene->peer && h->mss == scene->mss && h->spoken == scene->spoken)
			break;
	}
	if (h == s->held + CONNECTIONS_MAX)
		return fail(s, "too many kinds of connections"), NULL;
	if (h == s->held + s->held_count) {
		s->held_count++;
		*h = (struct held){ scene->peer, scene->mss, scene->spoken, 0, { .client = -1 } };
		r = open_held(h);
	} else if (is_request_socket(h) && boot_ns() / 1000000 - h->opened_ms > REQUEST_SOCKET_MS) {
		connection_close(&h->connection);
		r = open_held(h);
	}
	if (r < 0)
		return fail(s, "no connection: %s", strerror(-r)), NULL;
	return h;
}

/* --- the scene ------------------------------------------------------------------------------- */

/* The clients whose windows a scene fills: the cases' own, and two behind proxies. */
static const struct axfw_client window_clients[] = {
	{ { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 } },
	{ { 0 } }, /* ::1 as its /64 */
	{ { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 } },
	{ { 0x20, 0x01, 0x0d, 0xb8 } },
};

/* When the window has room again: five attempts, made ten minutes before the scene was set. */
static uint64_t window_free_ns(struct stage *s, const struct axfw_client *client)
{
	struct axfw_signup_window window;
	struct axfw_config config;
	uint64_t oldest = 0;

	world_default_config(&config);
	if (bpf_map__lookup_elem(world_skeleton(s->world)->maps.signups, client, sizeof(*client),
				 &window, sizeof(window), 0))
		return 0;
	for (uint32_t i = 0; i < config.signup.limit; i++) {
		if (!window.at_ns[i])
			return 0; /* fewer attempts than the limit */
		if (!oldest || window.at_ns[i] < oldest)
			oldest = window.at_ns[i];
	}
	return oldest + config.signup.window_ns;
}

/* The same attempts for those behind proxies as the world has for the cases' own. */
static void copy_windows(struct stage *s)
{
	struct bpf_map *map = world_skeleton(s->world)->maps.signups;
	struct axfw_signup_window window;
	const struct axfw_client *c = window_clients;

	for (unsigned i = 2; i < 4; i++) {
		if (bpf_map__lookup_elem(map, c, sizeof(*c), &window, sizeof(window), 0))
			bpf_map__delete_elem(map, &c[i], sizeof(*c), 0);
		else
			bpf_map__update_elem(map, &c[i], sizeof(*c), &window, sizeof(window), 0);
	}
}

static void configure(struct stage *s, const struct scene *scene)
{
	struct axfw_config config;

	world_default_config(&config);
	config.refuse = scene->refuse;
	config.admissions_complete = !scene->incomplete;
	config.origin_passes = !!scene->origin;
	config.generation += scene->keys_made;
	if (scene->elsewhere)
		config.answer_ifindex[1]++;
	if (scene->unprotected)
		config.ports[0] = 0;
	config.tiers = lists_tiers(scene);
	s->denied_until_ns = boot_ns() + 1000000000000ULL;
	lists_put(world_skeleton(s->world), scene, s->denied_until_ns);
	world_configure(s->world, &config);
	world_set_signups(s->world, false, scene->signups);
	world_set_signups(s->world, true, scene->signups);
	copy_windows(s);
}

static void set_scene(struct stage *s, const struct scene *scene)
{
	if (s->has_scene && !memcmp(&s->scene, scene, sizeof(*scene)))
		return;
	configure(s, scene);
	s->scene = *scene;
	s->has_scene = true;
}

static struct answer_fact answer_fact(enum axfw_response response)
{
	const struct axfw_response_template *t = world_template(response);

	return (struct answer_fact){ t->text,
				     t->len,
				     t->request_id_at,
				     t->retry_after_at,
				     t->body_seconds_at,
				     t->body_unit_at,
				     t->body_unit_s };
}

static void know(struct stage *s, const struct scene *scene, const struct held *h,
		 struct knowledge *ret)
{
	struct axfw_config config;

	world_default_config(&config);
	*ret = (struct knowledge){
		.tc = scene->tc,
		.refusing = scene->refuse == AXFW_REFUSE_ANSWER && !scene->elsewhere,
		.complete = !scene->incomplete,
		.origin_on = scene->origin,
		.generation = (uint32_t)config.generation + scene->keys_made,
		.ports = { scene->unprotected ? 0 : PORT_DEFERRED,
			   scene->unprotected ? 0 : PORT_ESTABLISHED },
		.keys = s->keys,
		.key_count = sizeof(s->keys) / sizeof(*s->keys),
		.answers = { answer_fact(AXFW_RESPONSE_UNAUTHORIZED),
			     answer_fact(AXFW_RESPONSE_SIGNUP_LIMITED),
			     answer_fact(AXFW_RESPONSE_QUOTA), answer_fact(AXFW_RESPONSE_TOO_LARGE),
			     answer_fact(AXFW_RESPONSE_RATE) },
		.has_socket = scene->peer >= DEFERRED4,
		.first = !scene->spoken,
		.ends = h->connection.ends,
		.mss = scene->mss ? scene->mss : 1460,
	};
	for (unsigned i = 0; i < 4; i++) {
		memcpy(ret->windows[i].client, window_clients[i].address, 16);
		ret->windows[i].free_ns = window_free_ns(s, &window_clients[i]);
	}
	lists_know(scene, s->denied_until_ns, ret);
}

/* --- comparing ------------------------------------------------------------------------------- */

/* What the program returns: at XDP, at TC. */
static int action_of(enum becomes becomes, bool tc)
{
	switch (becomes) {
	case ANSWERS:
	case CONFIRMS:
		return tc ? TC_ACT_REDIRECT : XDP_TX;
	case VANISHES:
		return tc ? TC_ACT_SHOT : XDP_DROP;
	case STAYS:
	case ENDS_SERVER:
		break;
	}
	return tc ? TC_ACT_UNSPEC : XDP_PASS;
}

/* Takes the request id and the wait out of a first answer, if they are what they may be: what the
 * model can't know. */
static bool learn(struct stage *s, const struct knowledge *k, const struct expectation *e,
		  const struct wire *out, struct closing *flow)
{
	const struct answer_fact *a = &k->answers[flow->kind];
	const uint8_t *text = out->at + out->len - a->len;
	char digits[9] = "";

	if (out->len < a->len + 54)
		return fail(s, "an answer of %u bytes", out->len);
	memcpy(flow->request_id, text + a->request_id_at, 16);
	for (unsigned i = 0; i < 16; i++) {
		if (!isxdigit(flow->request_id[i]) || isupper(flow->request_id[i]))
			return fail(s, "X-Request-ID isn't 16 hexadecimal digits");
	}
	if (!a->seconds_at)
		return true;
	memcpy(digits, text + a->seconds_at, 8);
	flow->seconds = strtoull(digits, NULL, 10);
	if (flow->seconds < e->seconds_least || flow->seconds > e->seconds_most)
		return fail(s, "Retry-After '%s', not %llu to %llu", digits,
			    (unsigned long long)e->seconds_least,
			    (unsigned long long)e->seconds_most);
	return true;
}

static bool same_frame(struct stage *s, const struct wire *out, const struct wire *wanted)
{
	uint32_t at = 0;

	while (at < out->len && at < wanted->len && out->at[at] == wanted->at[at])
		at++;
	if (out->len == wanted->len && at == out->len)
		return true;
	return fail(s, "the frame: %u bytes, not %u; first difference at %u (%02x, not %02x)",
		    out->len, wanted->len, at, out->at[at], wanted->at[at]);
}

static bool check_frame(struct stage *s, const struct knowledge *k, struct closing *flow,
			const struct expectation *e, const struct wire *in, const struct wire *out)
{
	static struct wire wanted;

	if (e->becomes == STAYS || e->becomes == VANISHES)
		return same_frame(s, out, in);
	if (e->becomes == ANSWERS && !e->again && !learn(s, k, e, out, flow))
		return false;
	model_frame(k, flow, e, in, &wanted);
	return same_frame(s, out, &wanted);
}

static void read_counter(struct stage *s, uint32_t reason, struct axfw_counter *ret)
{
	static struct axfw_counter cpus[CPUS_MAX];
	int cpu_count = libbpf_num_possible_cpus();

	*ret = (struct axfw_counter){ 0, 0 };
	bpf_map_lookup_elem(s->counters, &reason, cpus);
	for (int i = 0; i < cpu_count && i < CPUS_MAX; i++) {
		ret->packets += cpus[i].packets;
		ret->bytes += cpus[i].bytes;
	}
}

/* Which reason was counted in place of the one that should have been? */
static bool name_counted(struct stage *s, enum axfw_reason wanted, int action)
{
	struct axfw_counter now;

	for (uint32_t i = 0; i < AXFW_REASON_COUNT; i++) {
		read_counter(s, i, &now);
		if (i != wanted && now.packets != s->expected[i].packets)
			return fail(s, "%s (action %d), the model says %s", reason_name(i), action,
				    reason_name(wanted));
	}
	return fail(s, "%s wasn't counted once with its bytes", reason_name(wanted));
}

static bool check_counted(struct stage *s, enum axfw_reason wanted, uint32_t bytes, int action)
{
	struct axfw_counter now, *expected = &s->expected[wanted];

	expected->packets++;
	expected->bytes += bytes;
	read_counter(s, wanted, &now);
	if (now.packets == expected->packets && now.bytes == expected->bytes)
		return true;
	expected->packets--;
	expected->bytes -= bytes;
	return name_counted(s, wanted, action);
}

static bool check_flow(struct stage *s, const struct held *h, const struct closing *flow)
{
	struct axfw_flow_key key;
	struct axfw_flow is;
	bool there;

	connection_flow_key(&h->connection, &key);
	there = !bpf_map_lookup_elem(s->flows, &key, &is);
	if (there != flow->open)
		return fail(s, there ? "a flow was left" : "the flow wasn't remembered");
	if (!there || (is.refused_seq == flow->refused && is.next_seq == flow->next &&
		       is.answer_seq == flow->answer && is.answer_end == flow->answer_end &&
		       is.acknowledged == flow->acknowledged))
		return true;
	return fail(s, "what is remembered of the flow: refused %+d, next %+d, acknowledged %u",
		    (int)(is.refused_seq - flow->refused), (int)(is.next_seq - flow->next),
		    is.acknowledged);
}

/* --- playing --------------------------------------------------------------------------------- */

static bool play_segment(struct stage *s, const struct knowledge *k, const struct held *h,
			 struct closing *flow, const struct wire *in, enum axfw_reason *ret_why)
{
	static struct wire out;
	struct expectation e;
	uint64_t now_ns[2];
	int r;
	struct bpf_test_run_opts options = {
		.sz = sizeof(options),
		.data_in = in->at,
		.data_size_in = in->len,
		.data_out = out.at,
		.data_size_out = sizeof(out.at),
		.repeat = 1,
	};

	s->segments++;
	now_ns[0] = boot_ns();
	r = bpf_prog_test_run_opts(s->programs[s->scene.tc], &options);
	if (r == -EINVAL && s->scene.tc && in->len < TC_FRAME_MIN)
		return true;
	if (r)
		return fail(s, "BPF_PROG_TEST_RUN: %s", strerror(-r));
	now_ns[1] = boot_ns();
	out.len = options.data_size_out;
	model_step(k, flow, in, now_ns, &e);
	*ret_why = e.why;
	if (!check_counted(s, e.why, in->len, (int)options.retval))
		return false;
	if ((int)options.retval != action_of(e.becomes, s->scene.tc))
		return fail(s, "action %d for %s", (int)options.retval, reason_name(e.why));
	return check_frame(s, k, flow, &e, in, &out) && check_flow(s, h, flow);
}

/* Behind everything that the client has sent now. */
static void note_sent(struct standing *now, const struct script_segment *segment,
		      const struct closing *flow)
{
	uint32_t end = (segment->later ? now->highest : now->ends.seq) + segment->seq +
		       segment->payload.len;

	if ((int32_t)(end - now->highest) > 0)
		now->highest = end;
	now->answer_end = flow->answer_end;
}

static bool play_segments(struct stage *s, const struct script *script, const struct held *h,
			  struct closing *flow)
{
	struct standing now = { h->connection.ends, h->connection.ends.seq,
				h->connection.ends.ack };
	static struct wire in;
	struct knowledge k;

	know(s, &script->scene, h, &k);
	for (uint32_t i = 0; i < script->segment_count; i++) {
		wire_build(&now, &script->segments[i], &in);
		if (!play_segment(s, &k, h, flow, &in, &s->reasons[i])) {
			size_t len = strlen(s->problem);

			snprintf(s->problem + len, sizeof(s->problem) - len, " (segment %u)",
				 i + 1);
			return false;
		}
		note_sent(&now, &script->segments[i], flow);
	}
	return true;
}

/* What a difference left behind must not be taken for the next case's. */
static void start_anew(struct stage *s)
{
	world_forget_flows(s->world);
	for (uint32_t i = 0; i < AXFW_REASON_COUNT; i++)
		read_counter(s, i, &s->expected[i]);
}

bool stage_play(struct stage *s, const struct script *script, const char **ret_problem)
{
	struct closing flow = { .open = false };
	struct axfw_flow_key key;
	struct held *h = hold(s, &script->scene);
	bool ok = false;

	s->cases++;
	*ret_problem = s->problem;
	if (!h)
		return false;
	set_scene(s, &script->scene);
	ok = play_segments(s, script, h, &flow);
	if (!ok) {
		start_anew(s);
	} else if (flow.open) {
		connection_flow_key(&h->connection, &key);
		bpf_map_delete_elem(s->flows, &key);
	}
	return ok;
}

enum axfw_reason stage_reason(const struct stage *s, uint32_t segment)
{
	return s->reasons[segment];
}

bool stage_settle(struct stage *s, const char **ret_problem)
{
	struct axfw_flow_key key;

	*ret_problem = s->problem;
	for (uint32_t i = 0; i < AXFW_REASON_COUNT; i++) {
		struct axfw_counter now;

		read_counter(s, i, &now);
		if (now.packets != s->expected[i].packets || now.bytes != s->expected[i].bytes)
			return fail(s, "%s counted %+lld times too often", reason_name(i),
				    (long long)(now.packets - s->expected[i].packets));
	}
	if (!bpf_map_get_next_key(s->flows, NULL, &key))
		return fail(s, "flows of nobody's were left");
	return true;
}

void stage_report(const struct stage *s, FILE *to)
{
	fprintf(to, "%llu cases, %llu segments\n", (unsigned long long)s->cases,
		(unsigned long long)s->segments);
	for (uint32_t i = 0; i < AXFW_REASON_COUNT; i++)
		fprintf(to, "  %-20s %10llu\n", reason_name(i),
			(unsigned long long)s->expected[i].packets);
}
