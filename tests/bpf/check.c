// SPDX-License-Identifier: Apache-2.0
/*
 * The frame that the program left: untouched when it passes, and byte for byte what has to be sent
 * when it doesn't. See run.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include "run_internal.h"

bool row_fail(struct state *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->problem, sizeof(s->problem), format, args);
	va_end(args);
	return false;
}

bool row_is_answer(unsigned why)
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

static bool check_ends(struct state *s, const struct segment_view *v, bool to_server)
{
	const struct ends *e = &s->connection.ends;
	const uint8_t *from = to_server ? e->client : e->server;
	const uint8_t *to = to_server ? e->server : e->client;

	if (v->ipv6 != e->ipv6 || memcmp(v->from, from, 16) || memcmp(v->to, to, 16))
		return row_fail(s, "addresses");
	if (v->from_port != (to_server ? e->client_port : e->server_port) ||
	    v->to_port != (to_server ? e->server_port : e->client_port))
		return row_fail(s, "ports");
	if (v->tos || v->ttl != 64)
		return row_fail(s, "TOS %u, TTL %u", v->tos, v->ttl);
	return true;
}

static bool check_numbers(struct state *s, const struct segment_view *v, uint32_t seq, uint32_t ack,
			  unsigned flags)
{
	if (v->seq != seq || v->ack != ack)
		return row_fail(s, "seq %+d, ack %+d from what they should be", (int)(v->seq - seq),
				(int)(v->ack - ack));
	if (v->flags != flags)
		return row_fail(s, "flags %#x, not %#x", v->flags, flags);
	return true;
}

static bool check_timestamps(struct state *s, const struct segment_view *v,
			     const struct shape *sent)
{
	if (sent->no_timestamps || sent->options == OPTIONS_SACK)
		return v->option_len ? row_fail(s, "timestamps that nobody sent") : true;
	if (v->option_len != 12)
		return row_fail(s, "no timestamps");
	if (v->tsval != SENT_TSECR || v->tsecr != SENT_TSVAL)
		return row_fail(s, "timestamps not swapped");
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

	if (wait > expected || wait < expected - 60 - (long)world_age_s())
		return row_fail(s, "Retry-After %ld, not %ld", wait, expected);
	if (t->body_seconds_at && read_padded(text + t->body_seconds_at, 8) != wait)
		return row_fail(s, "the body's seconds aren't Retry-After's");
	if (!t->body_unit_at)
		return true;
	wait = unit == 60 ? wait / 60 : (wait + unit - 1) / unit;
	if (read_padded(text + t->body_unit_at, 4) != wait)
		return row_fail(s, "the body's rounded wait isn't %ld", wait);
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
		return row_fail(s, "no HTTP answer: %.40s", copy);
	if (strtoul(length + 16, NULL, 10) != strlen(body + 4))
		return row_fail(s, "Content-Length isn't the body's %zu", strlen(body + 4));
	return true;
}

/* The text is the template's to the byte, but for the digits, and these are right. */
static bool check_text(struct state *s, const struct segment_view *v)
{
	const struct axfw_response_template *t = world_template(s->response);
	uint8_t blank[AXFW_ANSWER_MAX];

	if (v->text_len != t->len)
		return row_fail(s, "%u bytes of text, not %u", v->text_len, t->len);
	if (!is_hex(v->text + t->request_id_at, 16))
		return row_fail(s, "X-Request-ID isn't 16 hexadecimal digits");
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
		return row_fail(s, "the text isn't the template's");
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
		return row_fail(s, "not the same answer");
	return true;
}

uint32_t row_answer_end(const struct state *s)
{
	return s->connection.ends.ack + world_template(s->response)->len + 1;
}

/* The number is the kernel's to know: that it is one is tried with real sockets (wire.c). */
static bool check_cookie(struct state *s, const struct row *r, const struct segment_view *v)
{
	uint32_t seq = s->connection.ends.seq + (uint32_t)r->packet.seq;

	if (v->text_len || v->mss < 500 || v->mss > (v->ipv6 ? 1440 : 1460) || !v->window)
		return row_fail(s, "a SYN-ACK with an MSS of %u", v->mss);
	return check_ends(s, v, false) && check_numbers(s, v, v->seq, seq + 1, SYN | ACK);
}

static bool check_bare(struct state *s, const struct segment_view *v)
{
	return v->text_len || v->option_len ? row_fail(s, "a RST with text or options") : true;
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
		return row_fail(s, "what was sent: %s", wrong);
	if (row_is_answer(r->why) && r->then == XDP_PASS)
		return check_reset(s, &v);
	switch (r->why) {
	case AXFW_REASON_FLOW_ANSWER_AGAIN:
		return check_same_answer(s, r, &v);
	case AXFW_REASON_FLOW_LATE_DATA:
		if (v.text_len || !v.window)
			return row_fail(s, "not a pure ACK with a window");
		return check_ends(s, &v, false) &&
		       check_numbers(s, &v, row_answer_end(s),
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
		return row_fail(s, "not the same VLAN tags");
	return true;
}

bool row_check_frame(struct state *s, const struct row *r, const struct frame *in,
		     const struct frame *out)
{
	bool reset = r->why == AXFW_REASON_FLOW_RESET_SERVER ||
		     r->why == AXFW_REASON_FLOW_CLIENT_RESET || row_is_answer(r->why);

	if (r->then == XDP_TX || reset)
		return check_tags(s, in, out) && check_sent(s, r, out);
	if (in->len != out->len || memcmp(in->bytes, out->bytes, in->len))
		return row_fail(s, "passed, but changed");
	return true;
}
