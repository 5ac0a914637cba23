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
#include "stage_internal.h"
#include "axfw.skel.h"

#define CPUS_MAX 1024
/* A dry run at TC refuses frames that don't hold their IP header (kernels since 6.15 or so). */
#define TC_FRAME_MIN 54

#define SOMEBODY_ELSE 1 /* no namespace of ours */

uint64_t stage_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

bool stage_fail(struct stage *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->problem, sizeof(s->problem), format, args);
	va_end(args);
	return false;
}

/* --- setting up ------------------------------------------------------------------------------ */

/* One processor, so that a counter is one number's change. */
static void stay_on_one_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* A refused connection of somebody else, so that a table of one is full. */
static void occupy_flows(struct house *h)
{
	const struct axfw_flow_key key = { .netns = SOMEBODY_ELSE };
	const struct axfw_flow flow = { .last_seen_ns = 0 };

	if (h->full)
		bpf_map_update_elem(h->flows, &key, &flow, BPF_ANY);
}

static bool build_house(struct house *h, bool full)
{
	h->full = full;
	h->world = world_new(full);
	if (!h->world)
		return false;
	h->programs[0] = bpf_program__fd(world_skeleton(h->world)->progs.axfw_xdp);
	h->programs[1] = bpf_program__fd(world_skeleton(h->world)->progs.axfw_tc);
	h->counters = bpf_map__fd(world_skeleton(h->world)->maps.counters);
	h->flows = bpf_map__fd(world_skeleton(h->world)->maps.flows);
	h->syn_budget = bpf_map__fd(world_skeleton(h->world)->maps.syn_budget);
	scene_learn_keys(h);
	occupy_flows(h);
	return true;
}

struct stage *stage_new(void)
{
	struct stage *s = calloc(1, sizeof(*s));
	int r = world_enter();

	if (r < 0)
		fprintf(stderr, "packet-fuzz: no namespace of our own: %s\n", strerror(-r));
	if (r < 0 || !s || !build_house(&s->houses[0], false) ||
	    !build_house(&s->houses[1], true)) {
		fprintf(stderr, "packet-fuzz: the program doesn't load here\n");
		stage_free(&s);
		return NULL;
	}
	s->house = &s->houses[0];
	stay_on_one_cpu();
	return s;
}

void stage_free(struct stage **s)
{
	if (*s) {
		for (unsigned i = 0; i < (*s)->held_count; i++)
			connection_close(&(*s)->held[i].connection);
		for (unsigned i = 0; i < 2; i++)
			world_free(&(*s)->houses[i].world);
	}
	free(*s);
	*s = NULL;
}

/* --- comparing ------------------------------------------------------------------------------- */

/* What the program returns: at XDP, at TC. */
static int action_of(enum becomes becomes, bool tc)
{
	switch (becomes) {
	case ANSWERS:
	case CONFIRMS:
	case GREETS:
	case ENDS_CLIENT:
		return tc ? TC_ACT_REDIRECT : XDP_TX;
	case VANISHES:
		return tc ? TC_ACT_SHOT : XDP_DROP;
	case STAYS:
	case ENDS_SERVER:
		break;
	}
	return tc ? TC_ACT_UNSPEC : XDP_PASS;
}

/* Takes the number out of a SYN-ACK. */
static bool learn_cookie(struct stage *s, const struct expectation *e, const struct wire *out,
			 struct memory *m)
{
	uint32_t tcp_at = e->segment.link_len + (e->segment.ipv6 ? 40 : 20);

	if (out->len < tcp_at + 20)
		return stage_fail(s, "a SYN-ACK of %u bytes", out->len);
	m->cookie = get32(out->at + tcp_at + 4);
	return true;
}

/* Takes the request id and the wait out of a first answer, if they are what they may be. */
static bool learn_digits(struct stage *s, const struct knowledge *k, const struct expectation *e,
			 const struct wire *out, struct closing *flow)
{
	const struct answer_fact *a = &k->answers[flow->kind];
	const uint8_t *text = out->at + out->len - a->len;
	char digits[9] = "";

	if (out->len < a->len + 54)
		return stage_fail(s, "an answer of %u bytes", out->len);
	memcpy(flow->request_id, text + a->request_id_at, 16);
	for (unsigned i = 0; i < 16; i++) {
		if (!isxdigit(flow->request_id[i]) || isupper(flow->request_id[i]))
			return stage_fail(s, "X-Request-ID isn't 16 hexadecimal digits");
	}
	if (!a->seconds_at)
		return true;
	memcpy(digits, text + a->seconds_at, 8);
	flow->seconds = strtoull(digits, NULL, 10);
	if (flow->seconds < e->seconds_least || flow->seconds > e->seconds_most)
		return stage_fail(s, "Retry-After '%s', not %llu to %llu", digits,
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
	return stage_fail(s, "the frame: %u bytes, not %u; first difference at %u (%02x, not %02x)",
			  out->len, wanted->len, at, out->at[at], wanted->at[at]);
}

/* What the model can't know. */
static bool learn(struct stage *s, const struct knowledge *k, const struct expectation *e,
		  const struct wire *out, struct memory *m)
{
	if (e->becomes == GREETS)
		return learn_cookie(s, e, out, m);
	return e->becomes != ANSWERS || e->again || learn_digits(s, k, e, out, &m->flow);
}

static bool check_frame(struct stage *s, const struct knowledge *k, struct memory *m,
			const struct expectation *e, const struct wire *in, const struct wire *out)
{
	static struct wire wanted;

	if (e->becomes == STAYS || e->becomes == VANISHES)
		return same_frame(s, out, in);
	if (!learn(s, k, e, out, m))
		return false;
	model_frame(k, m, e, in, &wanted);
	return same_frame(s, out, &wanted);
}

static void read_counter(const struct house *h, uint32_t reason, struct axfw_counter *ret)
{
	static struct axfw_counter cpus[CPUS_MAX];
	int cpu_count = libbpf_num_possible_cpus();

	*ret = (struct axfw_counter){ 0, 0 };
	bpf_map_lookup_elem(h->counters, &reason, cpus);
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
		read_counter(s->house, i, &now);
		if (i != wanted && now.packets != s->house->expected[i].packets)
			return stage_fail(s, "%s (action %d), the model says %s", reason_name(i),
					  action, reason_name(wanted));
	}
	return stage_fail(s, "%s wasn't counted once with its bytes", reason_name(wanted));
}

static bool check_counted(struct stage *s, enum axfw_reason wanted, uint32_t bytes, int action)
{
	struct axfw_counter now, *expected = &s->house->expected[wanted];

	expected->packets++;
	expected->bytes += bytes;
	read_counter(s->house, wanted, &now);
	if (now.packets == expected->packets && now.bytes == expected->bytes) {
		s->produced[s->house->scene.tc][wanted]++;
		return true;
	}
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
	there = !bpf_map_lookup_elem(s->house->flows, &key, &is);
	if (there != flow->open)
		return stage_fail(s, there ? "a flow was left" : "the flow wasn't remembered");
	if (!there || (is.refused_seq == flow->refused && is.next_seq == flow->next &&
		       is.answer_seq == flow->answer && is.answer_end == flow->answer_end &&
		       is.acknowledged == flow->acknowledged))
		return true;
	return stage_fail(s,
			  "what is remembered of the flow: refused %+d, next %+d, acknowledged %u",
			  (int)(is.refused_seq - flow->refused), (int)(is.next_seq - flow->next),
			  is.acknowledged);
}

/* --- playing --------------------------------------------------------------------------------- */

static bool play_segment(struct stage *s, const struct knowledge *k, const struct held *h,
			 struct memory *m, const struct wire *in, enum axfw_reason *ret_why)
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
	now_ns[0] = stage_now_ns();
	r = bpf_prog_test_run_opts(s->house->programs[s->house->scene.tc], &options);
	if (r == -EINVAL && s->house->scene.tc && in->len < TC_FRAME_MIN)
		return true;
	if (r)
		return stage_fail(s, "BPF_PROG_TEST_RUN: %s", strerror(-r));
	now_ns[1] = stage_now_ns();
	out.len = options.data_size_out;
	model_step(k, m, in, now_ns, &e);
	*ret_why = e.why;
	if (!check_counted(s, e.why, in->len, (int)options.retval))
		return false;
	if ((int)options.retval != action_of(e.becomes, s->house->scene.tc))
		return stage_fail(s, "action %d for %s", (int)options.retval, reason_name(e.why));
	return check_frame(s, k, m, &e, in, &out) && check_flow(s, h, &m->flow);
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
			  struct memory *m)
{
	struct standing now = { h->connection.ends, h->connection.ends.seq,
				h->connection.ends.ack };
	static struct wire in;
	struct knowledge k;

	scene_know(s, &script->scene, h, &k);
	for (uint32_t i = 0; i < script->segment_count; i++) {
		wire_build(&now, &script->segments[i], &in);
		if (!play_segment(s, &k, h, m, &in, &s->reasons[i])) {
			size_t len = strlen(s->problem);

			snprintf(s->problem + len, sizeof(s->problem) - len, " (segment %u)",
				 i + 1);
			return false;
		}
		note_sent(&now, &script->segments[i], &m->flow);
	}
	return true;
}

/* What a difference left behind must not be taken for the next case's. */
static void start_anew(struct house *h)
{
	world_forget_flows(h->world);
	occupy_flows(h);
	for (uint32_t i = 0; i < AXFW_REASON_COUNT; i++)
		read_counter(h, i, &h->expected[i]);
}

static void forget(struct house *h, const struct held *held, const struct memory *m)
{
	struct axfw_flow_key key;
	struct axfw_client source;

	if (m->flow.open) {
		connection_flow_key(&held->connection, &key);
		bpf_map_delete_elem(h->flows, &key);
	}
	while (h->scene.syn_budget && !bpf_map_get_next_key(h->syn_budget, NULL, &source))
		bpf_map_delete_elem(h->syn_budget, &source);
}

bool stage_play(struct stage *s, const struct script *script, const char **ret_problem)
{
	struct memory m = { .flow = { .open = false } };
	struct held *h = scene_hold(s, &script->scene);
	bool ok = false;

	s->cases++;
	*ret_problem = s->problem;
	if (!h)
		return false;
	s->house = &s->houses[!!script->scene.full];
	scene_set(s, &script->scene);
	ok = play_segments(s, script, h, &m);
	forget(s->house, h, &m);
	if (!ok)
		start_anew(s->house);
	return ok;
}

enum axfw_reason stage_reason(const struct stage *s, uint32_t segment)
{
	return s->reasons[segment];
}

/* Are there refused connections, but the one that occupies a full table? */
static bool has_flows(const struct house *h)
{
	struct axfw_flow_key first, next;

	if (bpf_map_get_next_key(h->flows, NULL, &first))
		return false;
	return !h->full || !bpf_map_get_next_key(h->flows, &first, &next);
}

static bool settle(struct stage *s, const struct house *h)
{
	for (uint32_t i = 0; i < AXFW_REASON_COUNT; i++) {
		struct axfw_counter now;

		read_counter(h, i, &now);
		if (now.packets != h->expected[i].packets || now.bytes != h->expected[i].bytes)
			return stage_fail(s, "%s counted %+lld times too often", reason_name(i),
					  (long long)(now.packets - h->expected[i].packets));
	}
	return has_flows(h) ? stage_fail(s, "flows of nobody's were left") : true;
}

bool stage_settle(struct stage *s, const char **ret_problem)
{
	*ret_problem = s->problem;
	return settle(s, &s->houses[0]) && settle(s, &s->houses[1]);
}

unsigned stage_report(const struct stage *s, FILE *to)
{
	unsigned never = 0;

	fprintf(to,
		"%llu cases, %llu segments; how often each reason was right at XDP and at TC:\n",
		(unsigned long long)s->cases, (unsigned long long)s->segments);
	for (uint32_t i = 0; i < AXFW_REASON_COUNT; i++) {
		fprintf(to, "  %-20s %10llu %10llu\n", reason_name(i),
			(unsigned long long)s->produced[0][i],
			(unsigned long long)s->produced[1][i]);
		never += !s->produced[0][i] + !s->produced[1][i];
	}
	return never;
}
