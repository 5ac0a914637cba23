// SPDX-License-Identifier: Apache-2.0
/*
 * Runs the verdict table through both programs. For every row: the action, the reason counted once
 * with the frame's bytes and no other reason counted, and the frame left behind: untouched when it
 * passes, and byte for byte what has to be sent when it doesn't. A reason that no row produced is a
 * failure of the table.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/libbpf.h>
#include "run.h"
#include "rows.h"
#include "tiers.h"
#include "axfw.skel.h"

#define NAME_MAX   160
#define MINUTES_NS (3 * 60 * 1000000000ULL)

/* What is known of the connection that a sequence of rows goes on with. */
struct state {
	struct connection connection;
	uint32_t request_end; /* seq behind the refused segment */
	uint32_t highest;     /* seq behind everything sent */
	struct frame answer;  /* the first one */
	bool acknowledged;    /* the client has the answer */
	unsigned response;
	char problem[256];
};

static bool fail(struct state *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct state *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->problem, sizeof(s->problem), format, args);
	va_end(args);
	return false;
}

static const char *action_name(int action)
{
	static const char *const names[] = { "ABORTED", "DROP", "PASS", "TX" };

	return action >= 0 && action < 4 ? names[action] : strerror(action < 0 ? -action : EINVAL);
}

static const char *hook_name(enum axfw_hook hook)
{
	return hook == AXFW_HOOK_TC ? "TC" : "XDP";
}

static bool is_answer(unsigned why)
{
	switch (why) {
#define X(name, action, text)                                                                      \
	case AXFW_REASON_##name:                                                                   \
		return AXFW_ACTION_##action == AXFW_ACTION_ANSWER;
		AXFW_REASONS(X)
#undef X
	}
	return false;
}

/* --- what is left behind --------------------------------------------------------------------- */

static bool check_ends(struct state *s, const struct segment_view *v, bool to_server)
{
	const struct ends *e = &s->connection.ends;
	const uint8_t *from = to_server ? e->client : e->server;
	const uint8_t *to = to_server ? e->server : e->client;

	if (v->ipv6 != e->ipv6 || memcmp(v->from, from, 16) || memcmp(v->to, to, 16))
		return fail(s, "addresses");
	if (v->from_port != (to_server ? e->client_port : e->server_port) ||
	    v->to_port != (to_server ? e->server_port : e->client_port))
		return fail(s, "ports");
	if (v->tos || v->ttl != 64)
		return fail(s, "TOS %u, TTL %u", v->tos, v->ttl);
	return true;
}

static bool check_numbers(struct state *s, const struct segment_view *v, uint32_t seq, uint32_t ack,
			  unsigned flags)
{
	if (v->seq != seq || v->ack != ack)
		return fail(s, "seq %+d, ack %+d from what they should be", (int)(v->seq - seq),
			    (int)(v->ack - ack));
	if (v->flags != flags)
		return fail(s, "flags %#x, not %#x", v->flags, flags);
	return true;
}

static bool check_timestamps(struct state *s, const struct segment_view *v,
			     const struct shape *sent)
{
	if (sent->no_timestamps || sent->options == OPTIONS_SACK)
		return v->option_len ? fail(s, "timestamps that nobody sent") : true;
	if (v->option_len != 12)
		return fail(s, "no timestamps");
	if (v->tsval != SENT_TSECR || v->tsecr != SENT_TSVAL)
		return fail(s, "timestamps not swapped");
	return true;
}

static bool is_hex(const uint8_t *at, unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		if (!strchr("0123456789abcdef", at[i]) || !at[i])
			return false;
	}
	return true;
}

/* A number of `places`, padded with spaces on the left; -1: none. */
static long read_padded(const uint8_t *at, unsigned places)
{
	char digits[16] = "";
	char *end;
	long value;

	memcpy(digits, at, places);
	value = strtol(digits, &end, 10);
	return digits[places - 1] == ' ' || *end ? -1 : value;
}

static bool check_wait(struct state *s, const uint8_t *text, const struct axfw_response_template *t)
{
	long wait = read_padded(text + t->retry_after_at, 8), unit = t->body_unit_s;
	long expected = s->response == AXFW_RESPONSE_SIGNUP_LIMITED ? 3000 : QUOTA_SECONDS;

	if (wait > expected || wait < expected - 60)
		return fail(s, "Retry-After %ld, not %ld", wait, expected);
	if (t->body_seconds_at && read_padded(text + t->body_seconds_at, 8) != wait)
		return fail(s, "the body's seconds aren't Retry-After's");
	if (!t->body_unit_at)
		return true;
	wait = unit == 60 ? wait / 60 : (wait + unit - 1) / unit;
	if (read_padded(text + t->body_unit_at, 4) != wait)
		return fail(s, "the body's rounded wait isn't %ld", wait);
	return true;
}

static bool check_length(struct state *s, const uint8_t *text, uint32_t len)
{
	const char *body, *length;
	char copy[AXFW_ANSWER_MAX + 1] = "";

	memcpy(copy, text, len);
	body = strstr(copy, "\r\n\r\n");
	length = strstr(copy, "Content-Length: ");
	if (!body || !length)
		return fail(s, "no HTTP answer: %.40s", copy);
	if (strtoul(length + 16, NULL, 10) != strlen(body + 4))
		return fail(s, "Content-Length isn't the body's %zu", strlen(body + 4));
	return true;
}

/* The text is the template's to the byte, but for the digits, and these are right. */
static bool check_text(struct state *s, const struct segment_view *v)
{
	const struct axfw_response_template *t = world_template(s->response);
	uint8_t blank[AXFW_ANSWER_MAX];

	if (v->text_len != t->len)
		return fail(s, "%u bytes of text, not %u", v->text_len, t->len);
	if (!is_hex(v->text + t->request_id_at, 16))
		return fail(s, "X-Request-ID isn't 16 hexadecimal digits");
	if (t->retry_after_at && !check_wait(s, v->text, t))
		return false;
	memcpy(blank, v->text, t->len);
	memset(blank + t->request_id_at, 0, 16);
	if (t->retry_after_at)
		memset(blank + t->retry_after_at, 0, 8);
	if (t->body_seconds_at)
		memset(blank + t->body_seconds_at, 0, 8);
	if (t->body_unit_at)
		memset(blank + t->body_unit_at, 0, 4);
	if (memcmp(blank, t->text, t->len))
		return fail(s, "the text isn't the template's");
	return check_length(s, v->text, v->text_len);
}

static bool check_answer(struct state *s, const struct row *r, const struct segment_view *v)
{
	return check_ends(s, v, false) &&
	       check_numbers(s, v, s->connection.ends.ack, s->highest, PSH | FIN | ACK) &&
	       check_timestamps(s, v, &r->packet) && check_text(s, v);
}

static bool check_same_answer(struct state *s, const struct row *r, const struct segment_view *v)
{
	struct segment_view first;

	if (!check_answer(s, r, v))
		return false;
	if (frame_read(&s->answer, &first) || first.text_len != v->text_len ||
	    memcmp(first.text, v->text, v->text_len))
		return fail(s, "not the same answer");
	return true;
}

static uint32_t answer_end(const struct state *s)
{
	return s->connection.ends.ack + world_template(s->response)->len + 1;
}

/* The number is the kernel's to know: that it is one is tried with real sockets (wire.c). */
static bool check_cookie(struct state *s, const struct row *r, const struct segment_view *v)
{
	uint32_t seq = s->connection.ends.seq + (uint32_t)r->packet.seq;

	if (v->text_len || v->mss < 500 || v->mss > (v->ipv6 ? 1440 : 1460) || !v->window)
		return fail(s, "a SYN-ACK with an MSS of %u", v->mss);
	return check_ends(s, v, false) && check_numbers(s, v, v->seq, seq + 1, SYN | ACK);
}

static bool check_bare(struct state *s, const struct segment_view *v)
{
	return v->text_len || v->option_len ? fail(s, "a RST with text or options") : true;
}

/* The RST that ends the server's side. */
static bool check_reset(struct state *s, const struct segment_view *v)
{
	return check_bare(s, v) && check_ends(s, v, true) &&
	       check_numbers(s, v, s->connection.ends.seq, 0, RST);
}

static bool check_sent(struct state *s, const struct row *r, const struct frame *out)
{
	struct segment_view v;
	const char *wrong = frame_read(out, &v);

	if (wrong)
		return fail(s, "what was sent: %s", wrong);
	if (is_answer(r->why) && r->then == XDP_PASS)
		return check_reset(s, &v);
	switch (r->why) {
	case AXFW_REASON_FLOW_ANSWER_AGAIN:
		return check_same_answer(s, r, &v);
	case AXFW_REASON_FLOW_LATE_DATA:
		if (v.text_len || !v.window)
			return fail(s, "not a pure ACK with a window");
		return check_ends(s, &v, false) &&
		       check_numbers(s, &v, answer_end(s),
				     s->acknowledged ? s->highest : s->connection.ends.seq, ACK) &&
		       check_timestamps(s, &v, &r->packet);
	case AXFW_REASON_FLOW_RESET_SERVER:
	case AXFW_REASON_FLOW_CLIENT_RESET:
		return check_reset(s, &v);
	case AXFW_REASON_FLOW_RESET_CLIENT:
		return check_bare(s, &v) && check_ends(s, &v, false) &&
		       check_numbers(s, &v, s->connection.ends.ack, s->highest, RST | ACK);
	case AXFW_REASON_SYN_COOKIE:
		return check_cookie(s, r, &v);
	default:
		s->answer = *out;
		return check_answer(s, r, &v);
	}
}

/* VLAN tags stay what they were. */
static bool check_tags(struct state *s, const struct frame *in, const struct frame *out)
{
	struct segment_view a, b;

	frame_read(in, &a);
	frame_read(out, &b);
	if (a.tags_len != b.tags_len || memcmp(a.tags, b.tags, a.tags_len))
		return fail(s, "not the same VLAN tags");
	return true;
}

static bool check_frame(struct state *s, const struct row *r, const struct frame *in,
			const struct frame *out)
{
	bool reset = r->why == AXFW_REASON_FLOW_RESET_SERVER ||
		     r->why == AXFW_REASON_FLOW_CLIENT_RESET || is_answer(r->why);

	if (r->then == XDP_TX || reset)
		return check_tags(s, in, out) && check_sent(s, r, out);
	if (in->len != out->len || memcmp(in->bytes, out->bytes, in->len))
		return fail(s, "passed, but changed");
	return true;
}

/* --- one row --------------------------------------------------------------------------------- */

static bool check_counted(struct state *s, const struct row *r, const struct axfw_counter *before,
			  const struct axfw_counter *after, uint32_t bytes)
{
	for (unsigned i = 0; i < AXFW_REASON_COUNT; i++) {
		uint64_t packets = after[i].packets - before[i].packets;

		if (packets != (i == r->why))
			return fail(s, "%s counted %u times", reason_name(i), (unsigned)packets);
		if (packets && after[i].bytes - before[i].bytes != bytes)
			return fail(s, "%u bytes counted, not %u",
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

	if (begun - ended != is_answer(r->why) - r->ends)
		return fail(s, "%d flows begun, %d ended", begun, ended);
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
		return fail(s, "no connection: %s", strerror(-error));
	return true;
}

static void build(struct state *s, const struct row *r, struct frame *ret)
{
	struct ends ends = s->connection.ends;
	struct shape shape = r->packet;

	if (r->after_request)
		ends.seq = s->request_end;
	if (r->acks_answer)
		ends.ack = answer_end(s);
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

	if (is_answer(r->why)) {
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
		return fail(s, "%s, not %s", action_name(action), action_name(r->then));
	if (!check_counted(s, r, before, after, in.len) ||
	    !check_flow_counts(s, r, &flows_before, &flows_after) || !check_frame(s, r, &in, &out))
		return false;
	if (!r->same && flow_exists(w, &s->connection) != is_answer(r->why))
		return fail(s,
			    is_answer(r->why) ? "the flow wasn't remembered" : "a flow was left");
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
		return fail(s, "the program with a small table doesn't load");
	connection_close(&s->connection);
	if (connection_open(r->on, 0, &s->connection)) {
		world_free(&w);
		return fail(s, "no connection");
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
