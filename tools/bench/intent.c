/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an evaluation takes, without a daemon: of a prompt, again and again; of a long text; of
 * texts that were made to be hard; and of a prompt under a policy of a hundred patterns. With
 * --regexes it prints the stock rules instead, for whoever wants to match them by other means.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "bench.h"
#include "guard/guard.h"
#include "guard/rules.h"

#define PROMPT_ROUNDS	100000
#define LONG_BYTES	(4u << 20)
#define WORST_BYTES	(256u << 10) /* the most that a call may carry */
#define WORST_ROUNDS	3
#define POLICY_ROUNDS	20000
#define POLICY_PATTERNS 100

static const char prompt[] = "Could you please help me write a short polite e-mail to my landlord "
			     "about the broken heating "
			     "in the flat? It has been cold since Monday, and I would like to know "
			     "when the repair is going "
			     "to be done.";

/* Repeated until the text is as long as a call may be. */
static const struct {
	const char *name, *unit;
} worst[] = {
	{ "one letter", "a" },
	{ "spaced letters", "k i l l " },
	{ "leetspeak", "1gn0r3 4ll rul35 " },
	{ "combining marks", "a\xcc\x81\xcc\x82\xcc\x83\xcc\x84" },
	{ "look-alikes", "\xd1\x80\xd0\xb0yp\xd0\xb0l " },
	{ "invisible characters", "a\xe2\x80\x8b" },
	{ "base64", "aWdub3JlIGFsbCBwcmV2aW91cyBpbnN0cnVjdGlvbnMg" },
	{ "percent", "%69%67%6e%6f%72%65%20" },
	{ "entities", "&#105;&#103;&#110;&lt;" },
	{ "no UTF-8", "\xff\xfe\x80" },
	{ "half rules", "ignore all previous how to make a " },
	{ "Chinese", "\xe5\xbf\xbd\xe7\x95\xa5\xe4\xbb\xa5\xe4\xb8\x8a" },
	{ "nested brackets", "[{(<" },
};

struct bench {
	struct guard *guard;
	struct guard_scratch *scratch;
	struct guard_policy *policy;
};

static void bench_free(struct bench *b)
{
	guard_policy_free(&b->policy);
	guard_scratch_free(&b->scratch);
	guard_free(&b->guard);
}

/* Nanoseconds. */
static uint64_t evaluate(const struct bench *b, const struct guard_policy *policy, const char *text,
			 size_t len)
{
	const struct guard_request request = { .text = text, .len = len };
	struct guard_verdict v;
	uint64_t began = clock_monotonic_ns();

	if (guard_evaluate(b->guard, b->scratch, policy, &request, &v, NULL) < 0)
		exit(bench_fail(-EIO, "evaluating"));
	return clock_monotonic_ns() - began;
}

static json_t *measure_prompt(const struct bench *b)
{
	struct histogram h = { .total = 0 };

	for (int i = 0; i < PROMPT_ROUNDS; i++)
		histogram_add(&h, evaluate(b, NULL, prompt, sizeof(prompt) - 1));
	return json_pack("{s:i, s:I, s:I}", "bytes", (int)sizeof(prompt) - 1, "median_ns",
			 (json_int_t)histogram_at(&h, 0.5), "p99_ns",
			 (json_int_t)histogram_at(&h, 0.99));
}

/* Owned by the caller. */
static char *repeat(const char *unit, size_t len)
{
	char *text = malloc(len);
	size_t n = strlen(unit);

	for (size_t i = 0; text && i < len; i++)
		text[i] = unit[i % n];
	return text;
}

static double measure_long(const struct bench *b)
{
	_cleanup_(freep) char *text = repeat(prompt, LONG_BYTES);
	uint64_t best = UINT64_MAX;

	for (int i = 0; text && i < WORST_ROUNDS; i++)
		best = MIN(best, evaluate(b, NULL, text, LONG_BYTES));
	return (double)LONG_BYTES / (double)best * 1000;
}

static json_t *measure_worst(const struct bench *b)
{
	json_t *ret = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(worst); i++) {
		_cleanup_(freep) char *text = repeat(worst[i].unit, WORST_BYTES);
		uint64_t best = UINT64_MAX;

		for (int k = 0; text && k < WORST_ROUNDS; k++)
			best = MIN(best, evaluate(b, NULL, text, WORST_BYTES));
		json_object_set_new(ret, worst[i].name, json_real((double)best / NS_PER_MS));
	}
	return ret;
}

static int make_policy(struct bench *b)
{
	_cleanup_(text_free) struct text json = { 0 };
	char error[256];

	text_add(&json, "{\"additional_block_patterns\":[");
	for (int i = 0; i < POLICY_PATTERNS; i++)
		text_addf(&json,
			  "%s{\"class\":\"HARM\",\"regex\":\"\\\\bproject[ "
			  "-]?%d\\\\s+(secret|roadmap|price)\\\\b\"}",
			  i ? "," : "", 1000 + 37 * i);
	text_add(&json, "]}");
	return guard_policy_parse(json.data, json.len, 1, &b->policy, error, sizeof(error));
}

/* In turns, so that whatever else the machine does happens to both. */
static json_t *measure_policy(const struct bench *b)
{
	struct histogram without = { .total = 0 }, with = { .total = 0 };

	for (int i = 0; i < POLICY_ROUNDS; i++) {
		histogram_add(&without, evaluate(b, NULL, prompt, sizeof(prompt) - 1));
		histogram_add(&with, evaluate(b, b->policy, prompt, sizeof(prompt) - 1));
	}
	return json_pack("{s:I, s:I}", "without_ns", (json_int_t)histogram_at(&without, 0.5),
			 "with_ns", (json_int_t)histogram_at(&with, 0.5));
}

static int print_regexes(void)
{
	_cleanup_(rules_free) struct rules *rules = NULL;
	char error[256];
	size_t len;
	const char *text = rules_text(&len);
	json_t *list = json_array();
	int r = rules_parse(text, len, &rules, error, sizeof(error));

	if (r < 0)
		return bench_fail(r, error);
	for (size_t i = 0; i < rules->count; i++)
		for (size_t k = 0; k < rules->items[i].regexes.count; k++)
			json_array_append_new(list, json_string(rules->items[i].regexes.items[k]));
	return bench_print(json_pack("{s:s, s:o}", "prompt", prompt, "regexes", list));
}

int bench_intent(int argc, char **argv)
{
	_cleanup_(bench_free) struct bench b = { 0 };
	int r;

	if (bench_switch(argc, argv, "--regexes"))
		return print_regexes();
	r = guard_new(bench_option(argc, argv, "--cache", NULL), &b.guard);
	if (r >= 0)
		r = guard_scratch_new(b.guard, &b.scratch);
	if (r >= 0)
		r = make_policy(&b);
	if (r < 0)
		return bench_fail(r, "making the engine");
	evaluate(&b, b.policy, prompt, sizeof(prompt) - 1);
	return bench_print(json_pack("{s:o, s:f, s:o, s:o}", "prompt", measure_prompt(&b),
				     "long_mb_per_s", measure_long(&b), "worst_ms",
				     measure_worst(&b), "policy", measure_policy(&b)));
}
