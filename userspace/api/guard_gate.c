/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order is the contract's: quota, rate, JSON. Nothing is answered 200 that isn't in the
 * journal, and nothing is in the journal that wasn't charged.
 */
#include "api/guard_gate.h"

#include <errno.h>
#include <string.h>
#include "api/api.h"
#include "api/json_body.h"

#define US_PER_DAY  (86400 * US_PER_S)
#define CANT_RECORD "The call can't be recorded now, so no verdict is given"

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

bool guard_find_policy(struct exchange *x, const struct guard_policy **ret)
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

/* --- before ---------------------------------------------------------------------------------- */

bool guard_may_call(struct exchange *x)
{
	uint32_t retry_after_s;

	/* A request that had to wait for its policy was looked at before it waited. */
	if (x->later)
		return true;
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

bool guard_can_record(struct exchange *x)
{
	if (store_is_writable(x->services->store))
		return true;
	refuse_unavailable(x, CANT_RECORD);
	return false;
}

/* --- after ----------------------------------------------------------------------------------- */

static void refund(struct exchange *x, size_t texts)
{
	while (texts--)
		identity_refund(x->services->identity, x->caller.tenant, x->now_us);
}

bool guard_charge(struct exchange *x, size_t texts)
{
	for (size_t i = 0; i < texts; i++) {
		if (identity_charge(x->services->identity, x->caller.tenant, x->now_us) >= 0)
			continue;
		refund(x, i);
		refuse_quota(x);
		return false;
	}
	return true;
}

static int record_one(struct exchange *x, const struct guard_record *r)
{
	struct store_usage usage = {
		.at_us = x->now_us,
		.tenant = tenant_number(x->caller.tenant),
		.key = x->caller.key,
		.endpoint = r->endpoint,
		.verdict = r->verdict->block ? "block" : "allow",
		.intent_class = guard_class_name(r->verdict->intent_class),
		.confidence = (float)r->verdict->confidence_e4 / 10000,
		.latency_ms = (float)r->elapsed_ns / (float)NS_PER_MS,
	};

	memcpy(usage.id, r->id, sizeof(usage.id));
	return store_record_usage(x->services->store, x->slot, &usage);
}

bool guard_record(struct exchange *x, const struct guard_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (record_one(x, &records[i]) < 0) {
			refund(x, count - i);
			refuse_unavailable(x, CANT_RECORD);
			return false;
		}
		metrics_count_verdict(x->services->metrics, x->slot, records[i].verdict,
				      records[i].elapsed_ns);
	}
	return true;
}
