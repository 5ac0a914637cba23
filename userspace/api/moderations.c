/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI's moderation endpoint, for clients that speak it already. Its categories are wider than
 * this firewall's policy: a category is flagged by a rule that belongs to it, or, where no rule has
 * one, as "illicit"; what nobody here looks for stays false. What is deceit has no category there
 * and gets one of ours. An input counts as one call of /v1/guard/check.
 */
#include "api/api.h"

#include <errno.h>
#include <string.h>
#include "api/guard_gate.h"
#include "api/json_body.h"

#define INPUTS_MAX    256
#define MODEL_MAX     64 /* bytes of the model's name that are repeated */
#define MODEL_DEFAULT "axfw"

enum category {
	HARASSMENT,
	HARASSMENT_THREATENING,
	HATE,
	HATE_THREATENING,
	ILLICIT,
	ILLICIT_VIOLENT,
	SELF_HARM,
	SELF_HARM_INTENT,
	SELF_HARM_INSTRUCTIONS,
	SEXUAL,
	SEXUAL_MINORS,
	VIOLENCE,
	VIOLENCE_GRAPHIC,
	PROMPT_INJECTION,
	CATEGORY_COUNT,
};

static const char *const category_names[CATEGORY_COUNT] = {
	[HARASSMENT] = "harassment",
	[HARASSMENT_THREATENING] = "harassment/threatening",
	[HATE] = "hate",
	[HATE_THREATENING] = "hate/threatening",
	[ILLICIT] = "illicit",
	[ILLICIT_VIOLENT] = "illicit/violent",
	[SELF_HARM] = "self-harm",
	[SELF_HARM_INTENT] = "self-harm/intent",
	[SELF_HARM_INSTRUCTIONS] = "self-harm/instructions",
	[SEXUAL] = "sexual",
	[SEXUAL_MINORS] = "sexual/minors",
	[VIOLENCE] = "violence",
	[VIOLENCE_GRAPHIC] = "violence/graphic",
	[PROMPT_INJECTION] = "prompt-injection",
};

#define BIT(c) (1u << (c))

/* By how a rule's id begins; the first that fits. */
static const struct {
	const char *prefix;
	unsigned categories;
} of_rules[] = {
	{ "harm-suicide", BIT(SELF_HARM) | BIT(SELF_HARM_INSTRUCTIONS) },
	{ "harm-self", BIT(SELF_HARM) },
	{ "harm-ending-a-life", BIT(SELF_HARM) | BIT(SELF_HARM_INTENT) },
	{ "harm-child", BIT(SEXUAL) | BIT(SEXUAL_MINORS) },
	{ "harm-stalking", BIT(HARASSMENT) },
	{ "harm-legal-threat", BIT(HARASSMENT) | BIT(HARASSMENT_THREATENING) },
	{ "harm-threat", BIT(HARASSMENT) | BIT(HARASSMENT_THREATENING) },
	{ "harm-violence", BIT(VIOLENCE) },
	{ "harm-poisoning", BIT(VIOLENCE) | BIT(ILLICIT) | BIT(ILLICIT_VIOLENT) },
	{ "harm-hate", BIT(HATE) },
	{ "harm-explosives", BIT(ILLICIT) | BIT(ILLICIT_VIOLENT) },
	{ "harm-guns", BIT(ILLICIT) | BIT(ILLICIT_VIOLENT) },
	{ "harm-safety-bypass", BIT(ILLICIT) | BIT(PROMPT_INJECTION) },
	{ "harm-", BIT(ILLICIT) },
};

/* An input as it was judged. */
struct moderation {
	struct guard_verdict verdict;
	unsigned categories;
};

/* The request as it was understood; texts are owned by its JSON, or by joined. */
struct moderations {
	const char *model;
	size_t count;
	struct guard_request *inputs;
	struct moderation *results;
	struct guard_record *records;
	struct text joined;
};

static void moderations_free(struct moderations *m)
{
	free(m->inputs);
	free(m->results);
	free(m->records);
	text_free(&m->joined);
}

/* --- reading --------------------------------------------------------------------------------- */

static bool refuse_input(struct exchange *x)
{
	exchange_error(x, 400,
		       "Field 'input' must be a string, a list of 1 to %d strings, or a list of "
		       "{\"type\": \"text\", \"text\": ...}",
		       INPUTS_MAX);
	return false;
}

static void add_input(struct moderations *m, const char *text, size_t len)
{
	m->inputs[m->count++] = (struct guard_request){ .text = text, .len = len };
}

/* Parts of one input, each a line: text alone can be judged here. */
static bool join_parts(struct moderations *m, const json_t *list)
{
	const json_t *part;
	size_t i;

	json_array_foreach (list, i, part) {
		const char *type = json_string_value(json_object_get(part, "type"));
		const json_t *text = json_object_get(part, "text");

		if (!type || strcmp(type, "text") || !json_is_string(text))
			return false;
		text_add_n(&m->joined, "\n", i ? 1 : 0);
		text_add_n(&m->joined, json_string_value(text), json_string_length(text));
	}
	add_input(m, m->joined.data ? m->joined.data : "", m->joined.len);
	return true;
}

static bool add_list(struct moderations *m, const json_t *list)
{
	const json_t *text;
	size_t i;

	if (json_is_object(json_array_get(list, 0)))
		return join_parts(m, list);
	json_array_foreach (list, i, text) {
		if (!json_is_string(text))
			return false;
		add_input(m, json_string_value(text), json_string_length(text));
	}
	return true;
}

static bool read_inputs(struct exchange *x, const json_t *body, struct moderations *m)
{
	const json_t *input = json_object_get(body, "input");
	const json_t *model = json_object_get(body, "model");
	size_t count = json_is_string(input) ? 1 : json_array_size(input);

	if (!count || count > INPUTS_MAX)
		return refuse_input(x);
	m->inputs = calloc(count, sizeof(*m->inputs));
	m->results = calloc(count, sizeof(*m->results));
	m->records = calloc(count, sizeof(*m->records));
	if (!m->inputs || !m->results || !m->records)
		return exchange_fail(x, -ENOMEM, "reading the inputs"), false;
	if (json_is_string(input))
		add_input(m, json_string_value(input), json_string_length(input));
	else if (!add_list(m, input))
		return refuse_input(x);
	if (text_failed(&m->joined))
		return exchange_fail(x, -ENOMEM, "reading the inputs"), false;
	m->model = json_string_length(model) && json_string_length(model) <= MODEL_MAX
			   ? json_string_value(model)
			   : MODEL_DEFAULT;
	return true;
}

/* --- judging --------------------------------------------------------------------------------- */

static unsigned categories_of(const char *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(of_rules); i++) {
		if (!strncmp(why, of_rules[i].prefix, strlen(of_rules[i].prefix)))
			return of_rules[i].categories;
	}
	return 0;
}

/* Nothing is flagged that isn't blocked, and what is has a category at least. */
static unsigned categorise(const struct guard_verdict *v, const struct guard_explanation *e)
{
	unsigned categories = 0;

	if (!v->block)
		return 0;
	for (unsigned i = 0; i < e->count; i++)
		categories |= categories_of(e->reasons[i].why);
	if (v->intent_class == GUARD_DECEIVE)
		categories |= BIT(PROMPT_INJECTION);
	return categories ? categories : BIT(ILLICIT);
}

static int judge(struct exchange *x, struct moderations *m, const struct guard_policy *policy,
		 size_t i)
{
	uint64_t started_ns = i ? clock_monotonic_ns() : x->started_ns;
	struct guard_record *record = &m->records[i];
	struct guard_explanation e = { 0 };
	int r = guard_evaluate(x->services->guard, x->scratch, policy, &m->inputs[i],
			       &m->results[i].verdict, &e);

	if (r < 0)
		return r;
	m->results[i].categories = categorise(&m->results[i].verdict, &e);
	store_new_record_id(x->services->store, x->slot, record->id);
	record->endpoint = "/v1/moderations";
	record->verdict = &m->results[i].verdict;
	record->elapsed_ns = clock_monotonic_ns() - started_ns;
	return 0;
}

/* --- answering ------------------------------------------------------------------------------- */

static json_t *result_json(const struct moderation *m)
{
	json_t *categories = json_object(), *scores = json_object();
	double confidence = (double)m->verdict.confidence_e4 / 10000;

	for (unsigned c = 0; c < CATEGORY_COUNT; c++) {
		bool flagged = m->categories & BIT(c);

		json_object_set_new(categories, category_names[c], json_boolean(flagged));
		json_object_set_new(scores, category_names[c], json_real(flagged ? confidence : 0));
	}
	return json_pack("{s:b, s:o, s:o}", "flagged", m->verdict.block, "categories", categories,
			 "category_scores", scores);
}

static void answer(struct exchange *x, const struct moderations *m)
{
	char id[UUID_TEXT_LEN];
	json_t *results = json_array();

	uuid_format(m->records[0].id, id);
	for (size_t i = 0; i < m->count; i++)
		json_array_append_new(results, result_json(&m->results[i]));
	exchange_reply_json(x, 200,
			    json_pack("{s:s+, s:s, s:o}", "id", "modr-", id, "model", m->model,
				      "results", results));
}

void api_moderations(struct exchange *x)
{
	_cleanup_(moderations_free) struct moderations m = { 0 };
	_cleanup_(json_decrefp) json_t *body = NULL;
	const struct guard_policy *policy = NULL;
	int r = 0;

	if (!guard_may_call(x))
		return;
	body = json_body_object(x);
	if (!body || !read_inputs(x, body, &m) || !guard_can_record(x) ||
	    !guard_find_policy(x, &policy))
		return;
	for (size_t i = 0; i < m.count && r >= 0; i++)
		r = judge(x, &m, policy, i);
	if (r < 0)
		exchange_fail(x, r, "the evaluation failed");
	else if (guard_charge(x, m.count) && guard_record(x, m.records, m.count))
		answer(x, &m);
}
