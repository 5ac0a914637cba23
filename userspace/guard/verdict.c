/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the rules that match to a class, a confidence and a verdict: the arithmetic that existing
 * clients rely on. Confidences are whole ten-thousandths throughout, so that they print and compare
 * exactly.
 */
#include "guard/engine.h"

#include <string.h>
#include "guard/explain.h"

static const char *const class_names[GUARD_CLASS_COUNT] = {
	[GUARD_INFORM] = "INFORM", [GUARD_CLARIFY] = "CLARIFY", [GUARD_REFUSE] = "REFUSE",
	[GUARD_HARM] = "HARM",	   [GUARD_DECEIVE] = "DECEIVE", [GUARD_UNCERTAIN] = "UNCERTAIN",
};

/* Confidence is base + step * count, at most CONFIDENCE_MAX. In the order of the signals. */
static const struct {
	enum guard_class intent_class;
	const char *signal;
	unsigned base_e4, step_e4;
} scales[] = {
	{ GUARD_HARM, "harm", 3000, 2000 },
	{ GUARD_DECEIVE, "deceive", 3000, 2000 },
	{ GUARD_REFUSE, "refuse", 6000, 500 },
	{ GUARD_CLARIFY, "clarify", 5500, 500 },
};
#define CONFIDENCE_MAX_E4    9500
#define CONFIDENCE_EMPTY_E4  3000
#define CONFIDENCE_INFORM_E4 5500
#define SIGNAL_EMPTY	     "empty_input"

const char *guard_class_name(enum guard_class c)
{
	return (unsigned)c < GUARD_CLASS_COUNT ? class_names[c] : "UNKNOWN";
}

void verdict_add_signal(struct guard_verdict *v, const char *name)
{
	size_t len = strlen(name);

	if (v->signal_count == GUARD_SIGNALS_MAX || len >= GUARD_SIGNAL_LEN)
		return;
	memcpy(v->signals[v->signal_count++], name, len + 1);
}

/* "harm:12". Not snprintf(): this is in every call's way. */
static void add_count(struct guard_verdict *v, const char *name, unsigned count)
{
	char signal[GUARD_SIGNAL_LEN], digits[12];
	size_t len = strlen(name), n = 0;

	memcpy(signal, name, len);
	signal[len++] = ':';
	do {
		digits[n++] = (char)('0' + count % 10);
		count /= 10;
	} while (count);
	while (n)
		signal[len++] = digits[--n];
	signal[len] = '\0';
	verdict_add_signal(v, signal);
}

static void count_classes(const struct guard *g, const struct matches *m,
			  unsigned ret[static GUARD_CLASS_COUNT])
{
	for (size_t word = 0; word < ARRAY_SIZE(m->bits); word++) {
		for (uint64_t bits = m->bits[word]; bits; bits &= bits - 1) {
			size_t i = word * 64 + (size_t)__builtin_ctzll(bits);

			ret[g->rules[i].intent_class] += g->rules[i].weight;
		}
	}
}

static void classify(const unsigned counts[static GUARD_CLASS_COUNT], struct guard_verdict *v)
{
	const unsigned *count;
	bool decided = false;

	v->intent_class = GUARD_INFORM;
	v->confidence_e4 = CONFIDENCE_INFORM_E4;
	for (size_t i = 0; i < ARRAY_SIZE(scales); i++) {
		count = &counts[scales[i].intent_class];
		if (!*count)
			continue;
		add_count(v, scales[i].signal, *count);
		/* HARM needs at least as many as DECEIVE. */
		if (decided ||
		    (scales[i].intent_class == GUARD_HARM && *count < counts[GUARD_DECEIVE]))
			continue;
		v->intent_class = scales[i].intent_class;
		v->confidence_e4 =
			MIN(CONFIDENCE_MAX_E4, scales[i].base_e4 + scales[i].step_e4 * *count);
		decided = true;
	}
	v->block = v->intent_class == GUARD_HARM || v->intent_class == GUARD_DECEIVE;
}

static int evaluate_default(const struct guard *g, struct guard_scratch *scratch,
			    const struct guard_request *request, struct guard_verdict *v,
			    struct guard_explanation *e)
{
	unsigned counts[GUARD_CLASS_COUNT] = { 0 };
	const char *text = request->text;
	size_t len = request->len;
	struct matches m = { 0 };
	int r;

	engine_trim(&text, &len);
	if (!len) {
		v->intent_class = GUARD_UNCERTAIN;
		v->confidence_e4 = CONFIDENCE_EMPTY_E4;
		verdict_add_signal(v, SIGNAL_EMPTY);
		return 0;
	}
	r = engine_scan(g->db, g->serial, scratch, text, len, &m);
	if (r < 0)
		return r;
	count_classes(g, &m, counts);
	classify(counts, v);
	return e ? explain_rules(g, scratch, request, e) : 0;
}

int guard_evaluate(const struct guard *g, struct guard_scratch *scratch,
		   const struct guard_policy *policy, const struct guard_request *request,
		   struct guard_verdict *ret, struct guard_explanation *ret_explanation)
{
	struct guard_verdict v;
	int r;

	v.block = v.is_shadow = v.shadow_block = false;
	v.signal_count = 0;
	if (ret_explanation)
		ret_explanation->count = 0;
	r = evaluate_default(g, scratch, request, &v, ret_explanation);
	if (r >= 0 && policy)
		r = policy_apply(policy, scratch, request, &v, ret_explanation);
	if (r < 0)
		return r;
	*ret = v;
	return 0;
}
