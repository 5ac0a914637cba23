/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the rules that match to a class, a confidence and a verdict: the arithmetic that existing
 * clients rely on. Confidences are whole ten-thousandths throughout, so that they print and compare
 * exactly.
 */
#include "guard/engine.h"

#include <string.h>

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

void verdict_of_rules(const struct guard *g, const struct matches *m, struct guard_verdict *v)
{
	unsigned counts[GUARD_CLASS_COUNT] = { 0 };
	const unsigned *count;
	bool decided = false;

	count_classes(g, m, counts);
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

void verdict_of_nothing(struct guard_verdict *v)
{
	v->intent_class = GUARD_UNCERTAIN;
	v->confidence_e4 = CONFIDENCE_EMPTY_E4;
	verdict_add_signal(v, SIGNAL_EMPTY);
}
