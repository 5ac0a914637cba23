/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCRE2 within bounds. It backtracks, so every step of it, and every character it moves over, is
 * paid from a budget that is linear in the text and shared by all patterns of one evaluation: the
 * same text always comes to the same end. Inside guard/ only.
 */
#ifndef GUARD_BUDGET_H
#define GUARD_BUDGET_H

#include "guard/engine.h"

struct budget {
	uint64_t left;
	PCRE2_SIZE at;
	bool has_references;
};

/* Patterns that are to be paid for are compiled with this. */
#define BUDGET_COMPILE PCRE2_AUTO_CALLOUT

struct pattern_match {
	size_t begin, end; /* both 0: it matches, but where isn't known */
};

void budget_begin(struct budget *b, size_t len);
/* Searches from `from` on. 1: it matches, or can't be judged within the budget; 0: it doesn't;
 * -ENOMEM. Text for a code compiled with PCRE2_UTF has to be UTF-8. ret may be NULL. */
int budget_match(struct budget *b, const pcre2_code *code, bool has_references,
		 struct guard_scratch *s, const char *text, size_t len, size_t from,
		 struct pattern_match *ret);

#endif
