/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guard call: quota, rate, JSON, text, evaluation, signature, record, answer, in this order (size
 * and key were looked at before). Nothing is answered 200 that isn't in the journal, and nothing is
 * in the journal that wasn't charged.
 */
#include "api/api.h"

#include <errno.h>
#include <string.h>
#include "api/guard_answer.h"
#include "api/json_body.h"

#define US_PER_DAY (86400 * US_PER_S)

static void refuse_quota(struct exchange *x)
{
	const struct tier *tier = tenant_tier(x->caller.tenant);
	uint64_t end_us = clock_month_start_us(clock_month(x->now_us) + 1);
	uint64_t seconds = (end_us - x->now_us + US_PER_S - 1) / US_PER_S;
	uint64_t days = (end_us - x->now_us + US_PER_DAY - 1) / US_PER_DAY;
	unsigned long long limit = tier->monthly_calls;
	struct text body = { 0 };

	metrics_count_refusal(x->services->metrics, x->slot, METRICS_REFUSED_QUOTA);
	text_addf(
		&body,
		"{\"detail\":\"Monthly quota exhausted for the %s tier (%llu/%llu calls). Upgrade "
		"at /billing or wait %llu day(s).\",\"used\":%llu,\"limit\":%llu,"
		"\"retry_after_seconds\":%llu}",
		tier->name, limit, limit, (unsigned long long)days, limit, limit,
		(unsigned long long)seconds);
	exchange_reply_text(x, 429, "application/json", &body);
	exchange_set_headerf(x, "Retry-After", "%llu", (unsigned long long)seconds);
}

static void refuse_rate(struct exchange *x, uint32_t retry_after_s)
{
	struct text body = { 0 };

	metrics_count_refusal(x->services->metrics, x->slot, METRICS_REFUSED_RATE);
	text_addf(&body, API_RATE_BODY_BEFORE "%u" API_RATE_BODY_AFTER, retry_after_s);
	exchange_reply_text(x, 429, "application/json", &body);
	exchange_set_headerf(x, "Retry-After", "%u", retry_after_s);
}

static void refuse_unavailable(struct exchange *x, const char *sentence)
{
	metrics_count_refusal(x->services->metrics, x->slot, METRICS_REFUSED_UNAVAILABLE);
	exchange_error(x, 503, "%s", sentence);
	exchange_set_header(x, "Retry-After", "5");
}

static void log_policy_fault(struct identity *identity, uint32_t number)
{
	const struct tenant *t;
	const char *reason;
	uint32_t version;

	identity_enter();
	t = identity_find_tenant(identity, number);
	reason = t ? tenant_policy_fault(t, &version) : NULL;
	if (reason)
		log_error("tenant %u: its policy (version %u) doesn't compile, so its calls are "
			  "refused: %s",
			  number, version, reason);
	identity_leave();
}

static void compile_policy(struct exchange *x)
{
	int r = identity_compile_policy(x->services->identity, x->later_tenant);

	if (r == -EBADMSG)
		log_policy_fault(x->services->identity, x->later_tenant);
	else if (r < 0 && r != -EALREADY)
		log_error_r(r, "tenant %u: its policy can't be read", x->later_tenant);
}

/* False: an answer stands, or the request comes back once the policy is compiled. */
static bool find_policy(struct exchange *x, const struct guard_policy **ret)
{
	int r = tenant_policy(x->caller.tenant, ret);

	if (r == 0)
		return true;
	if (r == -EAGAIN && !x->later) {
		x->later = compile_policy;
		x->later_tenant = tenant_number(x->caller.tenant);
		return false;
	}
	/* Without its patterns a policy would let through what it was written to stop. */
	refuse_unavailable(x, "The stored policy can't be applied, so no verdict is given");
	return false;
}

/* The text of the call, owned by body; NULL: an answer stands. */
static const char *find_text(struct exchange *x, const json_t *body, size_t *ret_len)
{
	const json_t *text = json_object_get(body, "text");

	if (!json_is_string(text)) {
		exchange_error(x, 400, "Field 'text' must be a string");
		return NULL;
	}
	*ret_len = json_string_length(text);
	return json_string_value(text);
}

/* Charges and writes down; false: an answer stands. */
static bool record(struct exchange *x, const char *endpoint, const struct guard_verdict *v,
		   const uint8_t id[static 16], uint64_t elapsed_ns)
{
	const struct services *s = x->services;
	struct store_usage usage = {
		.at_us = x->now_us,
		.tenant = tenant_number(x->caller.tenant),
		.key = x->caller.key,
		.endpoint = endpoint,
		.verdict = v->block ? "block" : "allow",
		.intent_class = guard_class_name(v->intent_class),
		.confidence = (float)v->confidence_e4 / 10000,
		.latency_ms = (float)elapsed_ns / (float)NS_PER_MS,
	};

	memcpy(usage.id, id, sizeof(usage.id));
	if (identity_charge(s->identity, x->caller.tenant, x->now_us) < 0) {
		refuse_quota(x);
		return false;
	}
	if (store_record_usage(s->store, x->slot, &usage) < 0) {
		identity_refund(s->identity, x->caller.tenant, x->now_us);
		refuse_unavailable(x, "The call can't be recorded now, so no verdict is given");
		return false;
	}
	return true;
}

/* The call as it was understood; text is owned by the request's JSON. */
struct call {
	const char *endpoint;
	const char *text;
	size_t len;
	bool wants_receipt;
};

static void judge(struct exchange *x, const struct call *call, const struct guard_policy *policy)
{
	const struct services *s = x->services;
	struct guard_decision d = { .wants_receipt = call->wants_receipt };
	struct text answer = { 0 };
	uint64_t elapsed_ns;
	int r = guard_evaluate(s->guard, x->scratch, policy, call->text, call->len, &d.verdict);

	if (r < 0) {
		exchange_fail(x, r, "the evaluation failed");
		return;
	}
	store_new_record_id(s->store, x->slot, d.id);
	d.policy_version = guard_policy_version(policy);
	d.time_us = x->now_us;
	d.tenant = tenant_id(x->caller.tenant);
	r = guard_answer(s, &d, call->text, call->len, &answer);
	elapsed_ns = clock_monotonic_ns() - x->started_ns;
	if (r < 0)
		exchange_fail(x, r, "the verdict can't be signed");
	else if (record(x, call->endpoint, &d.verdict, d.id, elapsed_ns)) {
		metrics_count_verdict(s->metrics, x->slot, &d.verdict, elapsed_ns);
		exchange_reply_text(x, 200, "application/json", &answer);
	}
	text_free(&answer);
}

/* By quota and rate; false: an answer stands. */
static bool may_call(struct exchange *x)
{
	uint32_t retry_after_s;

	if (identity_is_over_quota(x->services->identity, x->caller.tenant, x->now_us)) {
		refuse_quota(x);
		return false;
	}
	if (identity_take_turn(x->services->identity, &x->caller, &retry_after_s) < 0) {
		refuse_rate(x, retry_after_s);
		return false;
	}
	return true;
}

static void guard_call(struct exchange *x, const char *endpoint)
{
	_cleanup_(json_decrefp) json_t *body = NULL;
	const struct guard_policy *policy = NULL;
	struct call call = { .endpoint = endpoint };

	/* A request that had to wait for its policy was looked at before it waited. */
	if (!x->later && !may_call(x))
		return;
	body = json_body_object(x);
	if (!body)
		return;
	call.text = find_text(x, body, &call.len);
	if (!call.text)
		return;
	call.wants_receipt = json_is_true(json_object_get(body, "receipt"));
	if (!store_is_writable(x->services->store))
		refuse_unavailable(x, "The call can't be recorded now, so no verdict is given");
	else if (find_policy(x, &policy))
		judge(x, &call, policy);
}

void api_guard_check(struct exchange *x)
{
	guard_call(x, "/v1/guard/check");
}

void api_guard_output(struct exchange *x)
{
	guard_call(x, "/v1/guard/output");
}
