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
#define KEY_MAX	       127	  /* longer ones are userspace's to refuse */
#define UNREAD_MAX     (2u << 20) /* what is acknowledged behind a refused request */

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
static enum axfw_reason judge_size(const struct request *q, uint32_t payload_len)
{
	int64_t length = read_length(q->length);

	if (length < 0)
		return AXFW_REASON_HEADERS_ODD;
	if (q->route == ROUTE_GUARD && length > GUARD_BODY_MAX)
		return AXFW_REASON_TOO_LARGE;
	if (length > OTHER_BODY_MAX || q->head_len + (uint64_t)length < payload_len)
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
	enum axfw_reason why = model_request(s->payload, s->payload_len, &q);
	uint8_t client[16];
	const char *key;

	if (why != UNDECIDED)
		return why;
	if (!is_plain(k, &q))
		return AXFW_REASON_HEADERS_ODD;
	if (q.route == ROUTE_SIGNUP && !model_client(k, s, &q, client))
		return AXFW_REASON_CLIENT_UNKNOWN;
	*ret_kind = ANSWER_413;
	why = judge_size(&q, s->payload_len);
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
		return model_wait(k, s, &q, now_ns, why);
	return why;
}

static bool is_refusal(enum axfw_reason why)
{
	return why == AXFW_REASON_SIGNUP_LIMITED || why == AXFW_REASON_KEY_UNKNOWN ||
	       why == AXFW_REASON_KEY_REFUSED_BEFORE || why == AXFW_REASON_KEY_REVOKED ||
	       why == AXFW_REASON_QUOTA_EXHAUSTED || why == AXFW_REASON_RATE_EXCEEDED ||
	       why == AXFW_REASON_TOO_LARGE;
}

static bool same_ends(const struct ends *e, const struct segment *s)
{
	size_t len = s->ipv6 ? 16 : 4;

	return e->ipv6 == s->ipv6 && !memcmp(e->client, s->client, len) &&
	       !memcmp(e->server, s->server, len) && e->client_port == s->client_port &&
	       e->server_port == s->server_port;
}

/* The server's own socket waits for exactly this segment, its connection's first. */
static bool is_proved(const struct knowledge *k, const struct segment *s)
{
	return k->has_socket && k->first && same_ends(&k->ends, s) && s->seq == k->ends.seq &&
	       s->ack == k->ends.ack;
}

/* Options that an answer can mirror: those that are known. */
static bool are_mirrored(const struct segment *s)
{
	const uint8_t *timestamp;

	return model_options(s, &timestamp);
}

/* TC can't take IP options and extension headers out of a tagged packet. */
static bool is_stuck(const struct knowledge *k, const struct segment *s)
{
	return k->tc && s->link_len > 14 && s->extra_len;
}

/* The whole seconds of a wait, at least a minute for a signup. */
static uint64_t wait_s(enum answer_kind kind, uint64_t until_ns, uint64_t now_ns)
{
	uint64_t s = (until_ns - now_ns + NS_PER_S - 1) / NS_PER_S;

	return kind == ANSWER_429_SIGNUP && s < 60 ? 60 : s;
}

static void refuse(const struct knowledge *k, struct closing *flow, enum answer_kind kind,
		   uint64_t until_ns, const uint64_t now_ns[2], struct expectation *ret)
{
	const struct segment *s = &ret->segment;

	if (!k->refusing)
		ret->why = AXFW_REASON_NOT_CONFIGURED;
	else if (!is_proved(k, s))
		ret->why = AXFW_REASON_NO_PROOF;
	else if (!s->is_whole)
		ret->why = AXFW_REASON_DAMAGED;
	else if (k->answers[kind].len > k->mss)
		ret->why = AXFW_REASON_NO_ROOM;
	else if (!are_mirrored(s))
		ret->why = AXFW_REASON_TCP_OPTIONS;
	else if (is_stuck(k, s))
		ret->why = AXFW_REASON_NO_ROOM;
	else
		ret->becomes = ANSWERS;
	if (ret->becomes != ANSWERS)
		return;
	if (k->answers[kind].seconds_at) {
		ret->seconds_least = wait_s(kind, until_ns, now_ns[1]);
		ret->seconds_most = wait_s(kind, until_ns, now_ns[0]);
	}
	*flow = (struct closing){
		.open = true,
		.refused = s->seq,
		.next = s->seq + s->payload_len + !!(s->flags & FIN),
		.answer = s->ack,
		.answer_end = s->ack + k->answers[kind].len + 1,
		.kind = kind,
	};
}

/* --- the close ------------------------------------------------------------------------------- */

/* Is the segment one of the refused connection? It acknowledges something inside the answer and
 * isn't further from the request than what is acknowledged unread (one below: a keep-alive probe).
 */
static bool is_of_flow(const struct closing *flow, const struct segment *s)
{
	return (s->flags & ACK) && s->ack - flow->answer <= flow->answer_end - flow->answer &&
	       s->seq + 1 - flow->refused <= UNREAD_MAX;
}

static void follow(struct closing *flow, struct expectation *ret)
{
	const struct segment *s = &ret->segment;
	bool fin = s->flags & FIN, old = (int32_t)(s->seq - flow->next) < 0;
	uint32_t end = s->seq + s->payload_len + fin;

	if ((int32_t)(end - flow->next) > 0)
		flow->next = end;
	if (!flow->acknowledged && s->ack == flow->answer_end) {
		flow->acknowledged = true;
		ret->why = AXFW_REASON_FLOW_RESET_SERVER;
		ret->becomes = ENDS_SERVER;
	} else if (!flow->acknowledged && s->seq == flow->refused && s->payload_len) {
		ret->again = are_mirrored(s);
		ret->why = ret->again ? AXFW_REASON_FLOW_ANSWER_AGAIN : AXFW_REASON_TCP_OPTIONS;
		ret->becomes = ret->again ? ANSWERS : STAYS;
	} else if (s->payload_len || fin || old) {
		ret->why = AXFW_REASON_FLOW_LATE_DATA;
		ret->becomes = CONFIRMS;
	} else {
		ret->why = AXFW_REASON_FLOW_QUIET;
		ret->becomes = VANISHES;
	}
}

/* What can't be sent passes. */
static void stick(const struct knowledge *k, struct expectation *ret)
{
	if (ret->becomes == STAYS || ret->becomes == VANISHES || !is_stuck(k, &ret->segment))
		return;
	ret->why = AXFW_REASON_NO_ROOM;
	ret->becomes = STAYS;
}

/* False: the segment has nothing to do with the refused connection. */
static bool close_step(const struct knowledge *k, struct closing *flow, struct expectation *ret)
{
	const struct segment *s = &ret->segment;

	if (!flow->open || !same_ends(&k->ends, s))
		return false;
	if (!(s->flags & RST)) {
		if (!is_of_flow(flow, s))
			return false;
		follow(flow, ret);
		stick(k, ret);
		return true;
	}
	if (s->seq != flow->next && s->seq != flow->refused)
		return false;
	ret->why = AXFW_REASON_FLOW_CLIENT_RESET;
	ret->becomes = ENDS_SERVER;
	flow->open = false;
	stick(k, ret);
	return true;
}

void model_step(const struct knowledge *k, struct closing *flow, const struct wire *frame,
		const uint64_t now_ns[2], struct expectation *ret)
{
	const struct segment *s = &ret->segment;
	enum answer_kind kind = ANSWER_401;
	uint64_t until_ns = 0;

	ret->becomes = STAYS;
	ret->again = false;
	ret->seconds_least = ret->seconds_most = 0;
	ret->why = model_segment(k, frame, &ret->segment);
	if (ret->why != UNDECIDED)
		return;
	ret->why = model_source(k, s, now_ns[0]);
	if (ret->why != UNDECIDED) {
		ret->becomes = VANISHES;
		return;
	}
	ret->why = AXFW_REASON_NO_PAYLOAD;
	if (s->flags & SYN || close_step(k, flow, ret) || !s->payload_len)
		return;
	ret->why = judge(k, s, now_ns[0], &kind, &until_ns);
	if ((s->flags & (RST | URG | ACK)) != ACK)
		ret->why = AXFW_REASON_NOT_A_REQUEST;
	else if (is_refusal(ret->why))
		refuse(k, flow, kind, until_ns, now_ns, ret);
}
