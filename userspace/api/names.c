/* SPDX-License-Identifier: Apache-2.0 */
#include "api/names.h"

#include <string.h>

static const struct {
	const char *name;
	enum axfw_action action;
} reasons[AXFW_REASON_COUNT] = {
#define X(name, action, text) [AXFW_REASON_##name] = { #name, AXFW_ACTION_##action },
	AXFW_REASONS(X)
#undef X
};

static const char *const actions[] = {
	[AXFW_ACTION_PASS] = "pass", [AXFW_ACTION_ANSWER] = "answer", [AXFW_ACTION_CLOSE] = "close",
	[AXFW_ACTION_DROP] = "drop", [AXFW_ACTION_REPLY] = "reply",
};

static const char *const kinds[] = {
	[AXFW_EVENT_SAMPLED] = "sampled",
	[AXFW_EVENT_TRACED] = "traced",
	[AXFW_EVENT_PENALTY] = "penalty",
};

static const char *const hooks[] = {
	[0] = "userspace", [AXFW_HOOK_XDP] = "xdp", [AXFW_HOOK_TC] = "tc"
};

static const char *const states[] = {
	[AXFW_ADMITTED] = "admitted",
	[AXFW_REVOKED] = "revoked",
	[AXFW_QUOTA_EXHAUSTED] = "quota exhausted",
	[AXFW_RATE_EXCEEDED] = "rate exceeded",
};

static const char *const causes[] = {
	[AXFW_DENIED_BY_OPERATOR] = "operator",
	[AXFW_DENIED_BY_PENALTY] = "penalty",
};

static const char *const responses[AXFW_RESPONSE_COUNT] = {
	[AXFW_RESPONSE_UNAUTHORIZED] = "unauthorized (401)",
	[AXFW_RESPONSE_SIGNUP_LIMITED] = "signup limit (429)",
	[AXFW_RESPONSE_QUOTA] = "quota (429)",
	[AXFW_RESPONSE_RATE] = "rate (429)",
	[AXFW_RESPONSE_TOO_LARGE] = "too large (413)",
};

#define NAME(table, i) ((i) < ARRAY_SIZE(table) && (table)[i] ? (table)[i] : "?")

const char *name_of_reason(unsigned reason)
{
	return reason < AXFW_REASON_COUNT ? reasons[reason].name : "?";
}

enum axfw_action action_of_reason(unsigned reason)
{
	return reason < AXFW_REASON_COUNT ? reasons[reason].action : AXFW_ACTION_PASS;
}

const char *name_of_action(enum axfw_action action)
{
	return NAME(actions, action);
}

const char *name_of_kind(unsigned kind)
{
	return NAME(kinds, kind);
}

const char *name_of_hook(unsigned hook)
{
	return NAME(hooks, hook);
}

const char *name_of_state(unsigned state)
{
	return NAME(states, state);
}

const char *name_of_cause(unsigned cause)
{
	return NAME(causes, cause);
}

const char *name_of_response(unsigned response)
{
	return NAME(responses, response);
}

json_t *json_of_hash(const struct axfw_key_hash *hash)
{
	static const struct axfw_key_hash none;
	char text[2 * sizeof(*hash) + 1];

	if (!memcmp(hash, &none, sizeof(none)))
		return json_null();
	hex_encode(hash->bytes, sizeof(hash->bytes), text);
	return json_string(text);
}

json_t *json_of_interface(const struct kernel_interface *f)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:s}", "name", f->name, "hook", f->hook, "mode",
			 f->mode, "answers", f->answers, "added", f->added, "reason", f->reason);
}

json_t *json_of_counters(struct kernel *k)
{
	struct axfw_counter counters[AXFW_REASON_COUNT];
	json_t *list = json_array();

	kernel_counters(k, counters);
	for (unsigned i = 0; i < AXFW_REASON_COUNT; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:I, s:I}", "reason", name_of_reason(i),
						"action", name_of_action(action_of_reason(i)),
						"packets", (json_int_t)counters[i].packets, "bytes",
						(json_int_t)counters[i].bytes));
	return list;
}
