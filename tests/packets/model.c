// SPDX-License-Identifier: Apache-2.0
/* The model's decision: see model.h. */
#include <string.h>
#include <strings.h>
#include "model.h"

#define UNDECIDED AXFW_REASON_COUNT

#define NS_PER_S       1000000000ULL
#define GUARD_BODY_MAX 262144
#define OTHER_BODY_MAX 1048576
#define LENGTH_DIGITS  8
#define KEY_MAX	       127 /* longer ones are userspace's to refuse */

/* -1: no number, or more digits than any body that is taken has. */
static int64_t read_length(const char *text)
{
	int64_t length = 0;

	if (strlen(text) > LENGTH_DIGITS)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		length = length * 10 + *text - '0';
	}
	return length;
}

/* A form that a browser says is another page's is 403 before it is 429; one that says only its
 * Origin is userspace's to look at. */
static bool is_own_form(const struct request *q)
{
	if (!q->has_site)
		return !q->origin;
	return !strcmp(q->site, "same-origin") || !strcmp(q->site, "none");
}

static bool is_plain(const struct knowledge *k, const struct request *q)
{
	if (!q->has_host || !q->has_length)
		return false;
	if (q->origin && k->origin_on)
		return false;
	return q->route != ROUTE_SIGNUP || is_own_form(q);
}

/* Of a guard call that is too large, 413 is the answer whatever else is wrong. */
static enum axfw_reason judge_size(const struct request *q, uint32_t request_len)
{
	int64_t length = read_length(q->length);

	if (length < 0)
		return AXFW_REASON_HEADERS_ODD;
	if (q->route == ROUTE_GUARD && length > GUARD_BODY_MAX)
		return AXFW_REASON_TOO_LARGE;
	if (length > OTHER_BODY_MAX || q->head_len + (uint64_t)length < request_len)
		return AXFW_REASON_HEADERS_ODD;
	return UNDECIDED;
}

static const char *find_key(const struct request *q)
{
	const char *key = q->key_value;

	if (!q->has_key)
		return NULL;
	if (q->authorization && !strncasecmp(key, "Bearer ", 7))
		key += 7;
	if (strncmp(key, "axfw_", 5) || !key[5] || strlen(key) > KEY_MAX)
		return NULL;
	return key;
}

static const struct key_fact *look_up(const struct knowledge *k, const char *key)
{
	static const struct key_fact absent = { "", KEY_ABSENT, 0, 0 };

	for (unsigned i = 0; i < k->key_count; i++) {
		if (!strcmp(k->keys[i].text, key))
			return &k->keys[i];
	}
	return &absent;
}

static enum axfw_reason judge_key(const struct knowledge *k, const char *key, uint64_t now_ns,
				  enum answer_kind *ret_kind, uint64_t *ret_until_ns)
{
	const struct key_fact *fact = look_up(k, key);

	*ret_kind = ANSWER_401;
	switch (fact->state) {
	case KEY_ACTIVE:
		return AXFW_REASON_KEY_ADMITTED;
	case KEY_REVOKED:
		return AXFW_REASON_KEY_REVOKED;
	case KEY_NO_QUOTA:
		*ret_kind = ANSWER_429_QUOTA;
		*ret_until_ns = fact->until_ns;
		return fact->until_ns > now_ns ? AXFW_REASON_QUOTA_EXHAUSTED
					       : AXFW_REASON_KEY_ADMITTED;
	case KEY_TOO_FAST:
		*ret_kind = ANSWER_429_RATE;
		*ret_until_ns = fact->until_ns;
		return fact->until_ns > now_ns ? AXFW_REASON_RATE_EXCEEDED
					       : AXFW_REASON_KEY_ADMITTED;
	case KEY_ABSENT:
	case KEY_REFUSED:
		break;
	}
	if (k->complete)
		return AXFW_REASON_KEY_UNKNOWN;
	return fact->state == KEY_REFUSED && fact->generation == k->generation
		       ? AXFW_REASON_KEY_REFUSED_BEFORE
		       : AXFW_REASON_KEY_NOT_KNOWN_HERE;
}

static uint64_t window_free_ns(const struct knowledge *k, const uint8_t client[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	size_t len = memcmp(client, mapped, sizeof(mapped)) ? 8 : 16;

	for (unsigned i = 0; i < sizeof(k->windows) / sizeof(*k->windows); i++) {
		if (!memcmp(k->windows[i].client, client, len))
			return k->windows[i].free_ns;
	}
	return 0;
}

/* What the request deserves, as far as its bytes and the maps say. */
static enum axfw_reason judge(const struct knowledge *k, const struct segment *s, uint64_t now_ns,
			      enum answer_kind *ret_kind, uint64_t *ret_until_ns)
{
	static struct request q;
	enum axfw_reason why;
	uint8_t client[16];
	struct speaker speaker;
	const char *key;

	why = model_speaker(k, s, &speaker);
	if (why == UNDECIDED)
		why = model_request(speaker.request, speaker.request_len, &q);
	if (why != UNDECIDED)
		return why;
	if (!is_plain(k, &q))
		return AXFW_REASON_HEADERS_ODD;
	if (q.route == ROUTE_SIGNUP && !model_client(k, &speaker, &q, client))
		return AXFW_REASON_CLIENT_UNKNOWN;
	*ret_kind = ANSWER_413;
	why = judge_size(&q, speaker.request_len);
	if (why != UNDECIDED)
		return why;
	if (q.route == ROUTE_SIGNUP) {
		*ret_kind = ANSWER_429_SIGNUP;
		*ret_until_ns = window_free_ns(k, client);
		return *ret_until_ns > now_ns ? AXFW_REASON_SIGNUP_LIMITED
					      : AXFW_REASON_SIGNUP_ALLOWED;
	}
	key = find_key(&q);
	if (!key)
		return AXFW_REASON_NO_KEY;
	why = judge_key(k, key, now_ns, ret_kind, ret_until_ns);
	if (why == AXFW_REASON_QUOTA_EXHAUSTED || why == AXFW_REASON_RATE_EXCEEDED)
		return model_wait(k, &speaker, &q, now_ns, why);
	return why;
}

static bool is_refusal(enum axfw_reason why)
{
	return why == AXFW_REASON_SIGNUP_LIMITED || why == AXFW_REASON_KEY_UNKNOWN ||
	       why == AXFW_REASON_KEY_REFUSED_BEFORE || why == AXFW_REASON_KEY_REVOKED ||
	       why == AXFW_REASON_QUOTA_EXHAUSTED || why == AXFW_REASON_RATE_EXCEEDED ||
	       why == AXFW_REASON_TOO_LARGE;
}

bool model_same_ends(const struct ends *e, const struct segment *s)
{
	size_t len = s->ipv6 ? 16 : 4;

	return e->ipv6 == s->ipv6 && !memcmp(e->client, s->client, len) &&
	       !memcmp(e->server, s->server, len) && e->client_port == s->client_port &&
	       e->server_port == s->server_port;
}

/* The server's own socket waits for exactly this segment, its connection's first. */
static bool is_proved(const struct knowledge *k, const struct segment *s)
{
	return k->has_socket && k->first && model_same_ends(&k->ends, s) && s->seq == k->ends.seq &&
	       s->ack == k->ends.ack;
}

bool model_are_mirrored(const struct segment *s)
{
	const uint8_t *timestamp;

	return model_options(s, &timestamp);
}

/* The whole seconds of a wait, at least a minute for a signup. */
static uint64_t wait_s(enum answer_kind kind, uint64_t until_ns, uint64_t now_ns)
{
	uint64_t s = (until_ns - now_ns + NS_PER_S - 1) / NS_PER_S;

	return kind == ANSWER_429_SIGNUP && s < 60 ? 60 : s;
}

/* Why a refusal can't be carried out; UNDECIDED: it can. */
static enum axfw_reason find_obstacle(const struct knowledge *k, const struct segment *s,
				      enum answer_kind kind)
{
	bool answers = k->refusing == WITH_AN_ANSWER;

	if (k->refusing == REFUSES_NOT || !k->sends)
		return AXFW_REASON_NOT_CONFIGURED;
	if (!is_proved(k, s))
		return AXFW_REASON_NO_PROOF;
	if (!s->is_whole)
		return AXFW_REASON_DAMAGED;
	if (answers && k->answers[kind].len > k->mss)
		return AXFW_REASON_NO_ROOM;
	if (k->full)
		return AXFW_REASON_FLOW_TABLE_FULL;
	return answers && !model_are_mirrored(s) ? AXFW_REASON_TCP_OPTIONS : UNDECIDED;
}

/* Without an answer nothing is sent that could be acknowledged, and the server is told at once. */
static void refuse(const struct knowledge *k, struct closing *flow, enum answer_kind kind,
		   uint64_t until_ns, const uint64_t now_ns[2], struct expectation *ret)
{
	const struct segment *s = &ret->segment;
	enum axfw_reason obstacle = find_obstacle(k, s, kind);
	bool answers = k->refusing == WITH_AN_ANSWER;

	if (obstacle != UNDECIDED) {
		ret->why = obstacle;
		return;
	}
	ret->becomes = answers ? ANSWERS : ENDS_SERVER;
	if (answers && k->answers[kind].seconds_at) {
		ret->seconds_least = wait_s(kind, until_ns, now_ns[1]);
		ret->seconds_most = wait_s(kind, until_ns, now_ns[0]);
	}
	*flow = (struct closing){
		.open = true,
		.how = k->refusing,
		.refused = s->seq,
		.next = s->seq + s->payload_len + !!(s->flags & FIN),
		.answer = s->ack,
		.answer_end = s->ack + (answers ? k->answers[kind].len + 1 : 0),
		.kind = kind,
	};
}

/* A segment that begins or goes on with a connection, of a source that may speak. */
static void judge_segment(const struct knowledge *k, struct memory *m, const uint64_t now_ns[2],
			  struct expectation *ret)
{
	const struct segment *s = &ret->segment;
	enum answer_kind kind = ANSWER_401;
	uint64_t until_ns = 0;

	if (s->flags & SYN) {
		model_syn(k, m, ret);
		return;
	}
	if (model_close(k, &m->flow, ret))
		return;
	ret->why = AXFW_REASON_NO_PAYLOAD;
	if (!s->payload_len)
		return;
	ret->why = AXFW_REASON_NOT_A_REQUEST;
	if (!model_starts_request(k, s) || (s->flags & (RST | URG | ACK)) != ACK)
		return;
	ret->why = judge(k, s, now_ns[0], &kind, &until_ns);
	if (is_refusal(ret->why))
		refuse(k, &m->flow, kind, until_ns, now_ns, ret);
}

void model_step(const struct knowledge *k, struct memory *m, const struct wire *frame,
		const uint64_t now_ns[2], struct expectation *ret)
{
	enum axfw_reason why;

	*ret = (struct expectation){ .becomes = STAYS };
	ret->why = model_segment(k, frame, &ret->segment);
	if (ret->why != UNDECIDED)
		return;
	why = model_source(k, &ret->segment, now_ns[0]);
	if (why == UNDECIDED) {
		judge_segment(k, m, now_ns, ret);
		return;
	}
	ret->why = why;
	ret->becomes = VANISHES;
}
