/* SPDX-License-Identifier: Apache-2.0 */
/* See budget.h. A callout before each item of a pattern is where it pays. */
#include "guard/budget.h"

#include <errno.h>

#define BUDGET_BASE	100000 /* steps: 2 ms */
#define BUDGET_PER_BYTE 8
#define STEP_CHARACTERS 16    /* moving over this many costs as much as a step */
#define HEAP_KIB	16384 /* of backtracking points: a thread's share of 256 MB */

void budget_begin(struct budget *b, size_t len)
{
	*b = (struct budget){ .left = BUDGET_BASE + BUDGET_PER_BYTE * (uint64_t)len };
}

/* Comparing with what a group captured moves over that much again. */
static uint64_t captured(const pcre2_callout_block *b)
{
	uint64_t total = 0;

	for (uint32_t i = 1; i < b->capture_top; i++) {
		PCRE2_SIZE start = b->offset_vector[2 * i], end = b->offset_vector[2 * i + 1];

		if (start != PCRE2_UNSET && end != PCRE2_UNSET && end > start)
			total += end - start;
	}
	return total + b->capture_top;
}

static int pay(pcre2_callout_block *b, void *arg)
{
	struct budget *budget = arg;
	PCRE2_SIZE at = b->current_position;
	uint64_t moved = at > budget->at ? at - budget->at : budget->at - at;
	uint64_t cost;

	if (budget->has_references)
		moved += captured(b);
	cost = 1 + moved / STEP_CHARACTERS;
	budget->at = at;
	if (cost > budget->left) {
		budget->left = 0;
		return PCRE2_ERROR_CALLOUT;
	}
	budget->left -= cost;
	return 0;
}

/* Made when a thread first needs them: most tenants' patterns never do. */
static int pcre2_fit(struct guard_scratch *s)
{
	if (!s->match_data)
		s->match_data = pcre2_match_data_create(1, NULL);
	if (!s->match_context) {
		s->match_context = pcre2_match_context_create(NULL);
		if (s->match_context)
			pcre2_set_heap_limit(s->match_context, HEAP_KIB);
	}
	return s->match_data && s->match_context ? 0 : -ENOMEM;
}

int budget_match(struct budget *b, const pcre2_code *code, bool has_references,
		 struct guard_scratch *s, const char *text, size_t len, size_t from,
		 struct pattern_match *ret)
{
	int r = pcre2_fit(s);

	if (r < 0)
		return r;
	b->at = from;
	b->has_references = has_references;
	pcre2_set_callout(s->match_context, pay, b);
	r = pcre2_match(code, (PCRE2_SPTR)text, len, from, PCRE2_NO_UTF_CHECK, s->match_data,
			s->match_context);
	if (r == PCRE2_ERROR_NOMATCH)
		return 0;
	if (r == PCRE2_ERROR_NOMEMORY)
		return -ENOMEM;
	if (ret) {
		const PCRE2_SIZE *at = pcre2_get_ovector_pointer(s->match_data);

		/* \K can put the beginning behind the end. */
		*ret = r >= 0 && at[0] <= at[1] ? (struct pattern_match){ at[0], at[1] }
						: (struct pattern_match){ 0 };
	}
	return 1;
}
