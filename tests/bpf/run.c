// SPDX-License-Identifier: Apache-2.0
/*
 * Runs the verdict table through both programs. For every row: the action, the reason counted once
 * with the frame's bytes and no other reason counted, and the frame left behind: untouched when it
 * passes, and byte for byte what has to be sent when it doesn't. A reason that no row produced is a
 * failure of the table.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/libbpf.h>
#include "run_internal.h"
#include "tiers.h"
#include "axfw.skel.h"

#define NAME_MAX   160
#define MINUTES_NS (3 * 60 * 1000000000ULL)

static const char *action_name(int action)
{
	static const char *const names[] = { "ABORTED", "DROP", "PASS", "TX" };

	return action >= 0 && action < 4 ? names[action] : strerror(action < 0 ? -action : EINVAL);
}

static const char *hook_name(enum axfw_hook hook)
{
	return hook == AXFW_HOOK_TC ? "TC" : "XDP";
}

/* --- one row --------------------------------------------------------------------------------- */

static bool check_counted(struct state *s, const struct row *r, const struct axfw_counter *before,
			  const struct axfw_counter *after, uint32_t bytes)
{
	for (unsigned i = 0; i < AXFW_REASON_COUNT; i++) {
		uint64_t packets = after[i].packets - before[i].packets;

		if (packets != (i == r->why))
			return row_fail(s, "%s counted %u times", reason_name(i),
					(unsigned)packets);
		if (packets && after[i].bytes - before[i].bytes != bytes)
			return row_fail(s, "%u bytes counted, not %u",
					(unsigned)(after[i].bytes - before[i].bytes), bytes);
	}
	return true;
}

/* A flow begins with a refusal and ends once, whatever comes later. One that can't be answered does
 * both at once. */
static bool check_flow_counts(struct state *s, const struct row *r,
			      const struct axfw_flow_counts *before,
			      const struct axfw_flow_counts *after)
{
	int begun = (int)(after->begun - before->begun),
	    ended = (int)(after->ended - before->ended);

	if (begun - ended != row_is_answer(r->why) - r->ends)
		return row_fail(s, "%d flows begun, %d ended", begun, ended);
	return true;
}

static unsigned response_of(unsigned why)
{
	if (why == AXFW_REASON_SIGNUP_LIMITED)
		return AXFW_RESPONSE_SIGNUP_LIMITED;
	if (why == AXFW_REASON_TOO_LARGE)
		return AXFW_RESPONSE_TOO_LARGE;
	if (why == AXFW_REASON_RATE_EXCEEDED)
		return AXFW_RESPONSE_RATE;
	return why == AXFW_REASON_QUOTA_EXHAUSTED ? AXFW_RESPONSE_QUOTA
						  : AXFW_RESPONSE_UNAUTHORIZED;
}

static void age_flow(struct world *w, const struct connection *c)
{
	struct bpf_map *flows = world_skeleton(w)->maps.flows;
	struct axfw_flow_key key;
	struct axfw_flow flow;

	connection_flow_key(c, &key);
	if (bpf_map__lookup_elem(flows, &key, sizeof(key), &flow, sizeof(flow), 0))
		return;
	flow.last_seen_ns -= MINUTES_NS; /* wraps soon after a boot, as the difference does */
	bpf_map__update_elem(flows, &key, sizeof(key), &flow, sizeof(flow), 0);
}

static bool flow_exists(struct world *w, const struct connection *c)
{
	struct axfw_flow_key key;
	struct axfw_flow flow;

	connection_flow_key(c, &key);
	return !bpf_map__lookup_elem(world_skeleton(w)->maps.flows, &key, sizeof(key), &flow,
				     sizeof(flow), 0);
}

static bool prepare(struct state *s, const struct row *r, struct world *w)
{
	struct axfw_config config;
	int error;

	world_default_config(&config);
	if (r->configure)
		r->configure(&config);
	world_configure(w, &config);
	world_set_signups(w, r->on == DEFERRED6, r->signups);
	if (!r->same)
		tiers_clear(w);
	if (r->arrange)
		r->arrange(w);
	if (r->long_ago)
		age_flow(w, &s->connection);
	if (r->same)
		return true;
	connection_close(&s->connection);
	world_forget_flows(w);
	error = connection_open(r->on, r->mss, &s->connection);
	if (!error && r->first)
		error = connection_send(&s->connection, r->first);
	if (error)
		return row_fail(s, "no connection: %s", strerror(-error));
	return true;
}

static void build(struct state *s, const struct row *r, struct frame *ret)
{
	struct ends ends = s->connection.ends;
	struct shape shape = r->packet;

	if (r->after_request)
		ends.seq = s->request_end;
	if (r->acks_answer)
		ends.ack = row_answer_end(s);
	frame_build(&ends, &shape, ret);
}

/* The end of the segment, as TCP numbers it. */
static uint32_t segment_end(const struct row *r, const struct state *s)
{
	const struct shape *p = &r->packet;
	uint32_t len = p->text_len ? p->text_len : p->text ? (uint32_t)strlen(p->text) : 0;

	if (len < p->padded)
		len = p->padded;
	return (r->after_request ? s->request_end : s->connection.ends.seq) + (uint32_t)p->seq +
	       len + !!(p->flags & FIN);
}

static void note_end(struct state *s, const struct row *r)
{
	uint32_t end = segment_end(r, s);

	if (row_is_answer(r->why)) {
		s->request_end = s->highest = end;
		s->acknowledged = false;
		s->response = response_of(r->why);
	} else if (r->then != XDP_PASS && (int32_t)(end - s->highest) > 0) {
		s->highest = end;
	}
	if (r->why == AXFW_REASON_FLOW_RESET_SERVER)
		s->acknowledged = true;
}

static bool run_row(struct state *s, const struct row *r, struct world *w)
{
	struct axfw_counter before[AXFW_REASON_COUNT], after[AXFW_REASON_COUNT];
	struct axfw_flow_counts flows_before, flows_after;
	struct frame in, out;
	int action;

	s->problem[0] = 0;
	if (!prepare(s, r, w))
		return false;
	build(s, r, &in);
	note_end(s, r);
	out = in;
	world_counters(w, before);
	world_flow_counts(w, &flows_before);
	action = world_run(w, &out);
	world_counters(w, after);
	world_flow_counts(w, &flows_after);
	if (action != r->then)
		return row_fail(s, "%s, not %s", action_name(action), action_name(r->then));
	if (!check_counted(s, r, before, after, in.len) ||
	    !check_flow_counts(s, r, &flows_before, &flows_after) ||
	    !row_check_frame(s, r, &in, &out))
		return false;
	if (!r->same && flow_exists(w, &s->connection) != row_is_answer(r->why))
		return row_fail(s, row_is_answer(r->why) ? "the flow wasn't remembered"
							 : "a flow was left");
	return true;
}

/* A flow of somebody else, so that a table of one is full. */
static void occupy_flows(struct world *w)
{
	struct bpf_map *flows = world_skeleton(w)->maps.flows;
	struct axfw_flow_key key = { .netns = 1 };
	struct axfw_flow flow = {};

	bpf_map__update_elem(flows, &key, sizeof(key), &flow, sizeof(flow), 0);
}

/* Rows that want a full table have a program of their own. */
static bool run_full(struct state *s, const struct row *r, enum axfw_hook hook)
{
	struct row ordinary = *r;
	struct world *w = world_new(true);
	bool ok;

	if (!w)
		return row_fail(s, "the program with a small table doesn't load");
	connection_close(&s->connection);
	if (connection_open(r->on, 0, &s->connection)) {
		world_free(&w);
		return row_fail(s, "no connection");
	}
	world_use(w, hook);
	occupy_flows(w);
	ordinary.same = true; /* so that the table stays full */
	ok = run_row(s, &ordinary, w);
	connection_close(&s->connection);
	world_free(&w);
	return ok;
}

static bool run_through(struct state *s, const struct row *r, struct world *w, enum axfw_hook hook)
{
	bool ok;

	world_use(w, hook);
	ok = r->full ? run_full(s, r, hook) : run_row(s, r, w);
	world_use(w, AXFW_HOOK_XDP);
	return ok;
}

static const struct {
	const struct row *rows;
	const unsigned *count;
} tables[] = {
	{ rows, &row_count },
	{ tier_rows, &tier_row_count },
};

/* A table through one of the programs. */
static void run_table(struct world *w, enum axfw_hook hook, const struct row *table, unsigned count,
		      bool produced[AXFW_REASON_COUNT], struct tally *tally)
{
	struct state s = { .connection.client = -1 };
	char name[NAME_MAX];

	for (unsigned i = 0; i < count; i++) {
		bool ok;

		if (hook == AXFW_HOOK_TC && table[i].no_tc)
			continue;
		ok = run_through(&s, &table[i], w, hook);

		snprintf(name, sizeof(name), "%s: %s", hook_name(hook), table[i].name);
		tally_count(tally, ok, name, s.problem);
		if (ok)
			produced[table[i].why] = true;
	}
	connection_close(&s.connection);
}

static void run_hook(struct world *w, enum axfw_hook hook, struct tally *tally)
{
	bool produced[AXFW_REASON_COUNT] = { false };
	char name[NAME_MAX];

	for (unsigned i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		run_table(w, hook, tables[i].rows, *tables[i].count, produced, tally);
	for (unsigned i = 0; i < AXFW_REASON_COUNT; i++) {
		snprintf(name, sizeof(name), "%s: %s", hook_name(hook), reason_name(i));
		tally_count(tally, produced[i], name, "no row produced this reason");
	}
}

void run_rows(struct world *w, struct tally *tally)
{
	run_hook(w, AXFW_HOOK_XDP, tally);
	run_hook(w, AXFW_HOOK_TC, tally);
}
