// SPDX-License-Identifier: Apache-2.0
/*
 * The model of a refused connection's close: docs/kernel.md, "How the answer gets out" and "Without
 * an answer". Whatever the two ends send of it meets somebody who knows what was said before.
 */
#include "model.h"

#define UNREAD_MAX (2u << 20) /* what is acknowledged behind a refused request */

/* Is the segment one of the refused connection? It acknowledges something inside the answer and
 * isn't further from the request than what is acknowledged unread (one below: a keep-alive probe).
 */
static bool is_of_flow(const struct closing *flow, const struct segment *s)
{
	return (s->flags & ACK) && s->ack - flow->answer <= flow->answer_end - flow->answer &&
	       s->seq + 1 - flow->refused <= UNREAD_MAX;
}

static void follow_answered(struct closing *flow, bool old, struct expectation *ret)
{
	const struct segment *s = &ret->segment;

	if (!flow->acknowledged && s->ack == flow->answer_end) {
		flow->acknowledged = true;
		ret->why = AXFW_REASON_FLOW_RESET_SERVER;
		ret->becomes = ENDS_SERVER;
	} else if (!flow->acknowledged && s->seq == flow->refused && s->payload_len) {
		ret->again = model_are_mirrored(s);
		ret->why = ret->again ? AXFW_REASON_FLOW_ANSWER_AGAIN : AXFW_REASON_TCP_OPTIONS;
		ret->becomes = ret->again ? ANSWERS : STAYS;
	} else if (s->payload_len || (s->flags & FIN) || old) {
		ret->why = AXFW_REASON_FLOW_LATE_DATA;
		ret->becomes = CONFIRMS;
	} else {
		ret->why = AXFW_REASON_FLOW_QUIET;
		ret->becomes = VANISHES;
	}
}

/* The server has been told with the request; the client hears of it when it sends again, or never.
 */
static void follow_unanswered(struct closing *flow, struct expectation *ret)
{
	if (flow->how == WITHOUT_A_WORD) {
		ret->why = AXFW_REASON_FLOW_DROPPED;
		ret->becomes = VANISHES;
		return;
	}
	flow->acknowledged = true;
	ret->why = AXFW_REASON_FLOW_RESET_CLIENT;
	ret->becomes = ENDS_CLIENT;
}

static void follow(struct closing *flow, struct expectation *ret)
{
	const struct segment *s = &ret->segment;
	bool old = (int32_t)(s->seq - flow->next) < 0;
	uint32_t end = s->seq + s->payload_len + !!(s->flags & FIN);

	if ((int32_t)(end - flow->next) > 0)
		flow->next = end;
	if (flow->how == WITH_AN_ANSWER)
		follow_answered(flow, old, ret);
	else
		follow_unanswered(flow, ret);
}

bool model_close(const struct knowledge *k, struct closing *flow, struct expectation *ret)
{
	const struct segment *s = &ret->segment;

	if (!flow->open || !model_same_ends(&k->ends, s))
		return false;
	if (!(s->flags & RST)) {
		if (!is_of_flow(flow, s))
			return false;
		follow(flow, ret);
		return true;
	}
	if (s->seq != flow->next && s->seq != flow->refused)
		return false;
	ret->why = AXFW_REASON_FLOW_CLIENT_RESET;
	ret->becomes = ENDS_SERVER;
	flow->open = false;
	return true;
}
