/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guard call: quota, rate, JSON, text, evaluation, signature, record, answer, in this order (size
 * and key were looked at before). A batch is many texts in one request: each is judged, charged and
 * recorded as if it had come alone, and all of them are answered or none.
 */
#include "api/api.h"

#include <errno.h>
#include <string.h>
#include "api/guard_answer.h"
#include "api/guard_gate.h"
#include "api/json_body.h"

#define BATCH_MAX 256

/* The call as it was understood; the texts are owned by its JSON. */
struct call {
	const char *endpoint;
	const json_t *texts; /* a list; NULL: one */
	const json_t *text;
	size_t count;
	struct guard_wishes wishes;
	bool is_document, is_output;
	struct guard_record *records; /* count of them, or NULL; owned */
	struct guard_verdict *verdicts;
};

static void call_free(struct call *c)
{
	free(c->records);
	free(c->verdicts);
}

/* --- reading --------------------------------------------------------------------------------- */

static bool read_text(struct exchange *x, const json_t *body, struct call *c)
{
	c->count = 1;
	c->text = json_object_get(body, "text");
	if (json_is_string(c->text))
		return true;
	exchange_error(x, 400, "Field 'text' must be a string");
	return false;
}

static bool read_texts(struct exchange *x, const json_t *body, struct call *c)
{
	const json_t *text;
	size_t i;

	c->texts = json_object_get(body, "texts");
	c->count = json_array_size(c->texts);
	if (!c->count || c->count > BATCH_MAX) {
		exchange_error(x, 400, "Field 'texts' must be a list of 1 to %d strings",
			       BATCH_MAX);
		return false;
	}
	json_array_foreach (c->texts, i, text) {
		if (json_is_string(text))
			continue;
		exchange_error(x, 400, "Field 'texts[%zu]' must be a string", i);
		return false;
	}
	return true;
}

static void read_wishes(const json_t *body, struct call *c)
{
	const char *source = json_string_value(json_object_get(body, "source"));

	c->wishes.receipt = json_is_true(json_object_get(body, "receipt"));
	c->wishes.explanation = json_is_true(json_object_get(body, "explain"));
	c->wishes.redaction = json_is_true(json_object_get(body, "redact"));
	c->wishes.pii = c->wishes.redaction || json_is_true(json_object_get(body, "pii"));
	c->is_document = source && !strcmp(source, "document");
}

/* --- judging --------------------------------------------------------------------------------- */

static int decide(struct exchange *x, const struct guard_policy *policy, struct guard_decision *d)
{
	const struct services *s = x->services;
	int r = guard_evaluate(s->guard, x->scratch, policy, &d->request, &d->verdict,
			       d->wishes.explanation ? &d->explanation : NULL);

	if (r >= 0 && d->wishes.pii)
		r = guard_find_pii(s->guard, x->scratch, d->request.text, d->request.len, &d->pii,
				   d->wishes.redaction ? &d->redacted : NULL);
	d->policy_version = guard_policy_version(policy);
	d->time_us = x->now_us;
	d->tenant = tenant_id(x->caller.tenant);
	store_new_record_id(s->store, x->slot, d->id);
	return r;
}

/* The i-th text into the answer; its record is ready to be written. */
static int judge(struct exchange *x, struct call *c, const struct guard_policy *policy, size_t i,
		 struct text *answer)
{
	const json_t *text = c->texts ? json_array_get(c->texts, i) : c->text;
	uint64_t started_ns = i ? clock_monotonic_ns() : x->started_ns;
	struct guard_record *record = &c->records[i];
	struct guard_decision d = { .wishes = c->wishes };
	int r;

	d.request = (struct guard_request){ .text = json_string_value(text),
					    .len = json_string_length(text),
					    .is_document = c->is_document,
					    .is_output = c->is_output };
	r = decide(x, policy, &d);
	if (r >= 0)
		r = guard_answer(x->services, &d, answer);
	text_free(&d.redacted);
	c->verdicts[i] = d.verdict;
	memcpy(record->id, d.id, sizeof(record->id));
	record->endpoint = c->endpoint;
	record->verdict = &c->verdicts[i];
	record->elapsed_ns = clock_monotonic_ns() - started_ns;
	return r;
}

static int judge_all(struct exchange *x, struct call *c, const struct guard_policy *policy,
		     struct text *answer)
{
	int r = 0;

	c->records = calloc(c->count, sizeof(*c->records));
	c->verdicts = calloc(c->count, sizeof(*c->verdicts));
	if (!c->records || !c->verdicts)
		return -ENOMEM;
	if (c->texts)
		text_add(answer, "{\"results\":[");
	for (size_t i = 0; i < c->count && r >= 0; i++) {
		if (i)
			text_add_n(answer, ",", 1);
		r = judge(x, c, policy, i, answer);
	}
	if (c->texts)
		text_add(answer, "]}");
	return r < 0 ? r : text_failed(answer) ? -ENOMEM : 0;
}

static void answer_call(struct exchange *x, struct call *c, const struct guard_policy *policy)
{
	_cleanup_(text_free) struct text answer = { 0 };
	int r = judge_all(x, c, policy, &answer);

	if (r < 0)
		exchange_fail(x, r, "the evaluation failed");
	else if (guard_charge(x, c->count) && guard_record(x, c->records, c->count))
		exchange_reply_text(x, 200, "application/json", &answer);
}

static void guard_call(struct exchange *x, const char *endpoint,
		       bool (*read)(struct exchange *x, const json_t *body, struct call *c),
		       bool is_output)
{
	_cleanup_(call_free) struct call c = { .endpoint = endpoint, .is_output = is_output };
	_cleanup_(json_decrefp) json_t *body = NULL;
	const struct guard_policy *policy = NULL;

	if (!guard_may_call(x))
		return;
	body = json_body_object(x);
	if (!body || !read(x, body, &c))
		return;
	read_wishes(body, &c);
	if (guard_can_record(x) && guard_find_policy(x, &policy))
		answer_call(x, &c, policy);
}

void api_guard_check(struct exchange *x)
{
	guard_call(x, "/v1/guard/check", read_text, false);
}

void api_guard_output(struct exchange *x)
{
	guard_call(x, "/v1/guard/output", read_text, true);
}

void api_guard_batch(struct exchange *x)
{
	guard_call(x, "/v1/guard/batch", read_texts, false);
}
