/* SPDX-License-Identifier: Apache-2.0 */
/* A tenant's policy, compiled. Inside guard/ only. */
#ifndef GUARD_POLICY_H
#define GUARD_POLICY_H

#include "guard/budget.h"
#include "guard/engine.h"
#include "guard/pattern.h"

#define POLICY_PATTERNS_MAX 100
#define POLICY_REGEX_MAX    1000 /* characters */

struct policy_pattern {
	enum guard_class intent_class;
	/* What decides after Vectorscan said "perhaps", and finds the place of a match. */
	pcre2_code *code;
	bool is_exact; /* Vectorscan's word is enough */
	bool always;   /* Vectorscan can't take it at all: code looks at every text */
	bool has_references;
};

struct guard_policy {
	uint32_t version;
	unsigned disabled;   /* classes, as bits */
	unsigned allow_only; /* likewise */
	bool has_allow_only;
	bool is_shadow;
	/* From which probability on the model's word blocks, * 10,000; where has_threshold. */
	bool has_threshold[MODEL_HEAD_COUNT];
	unsigned threshold_e4[MODEL_HEAD_COUNT];
	uint64_t serial;
	hs_database_t *db; /* NULL: no pattern is in it */
	size_t pattern_count;
	struct policy_pattern patterns[POLICY_PATTERNS_MAX];
};

/* A pattern on its way into a policy. */
struct policy_source {
	struct pattern_text text;
	enum { MATCH_EXACT, MATCH_CONFIRM, MATCH_ALWAYS } how;
};

/* Validates one regex; its code, owned by the policy, is what judges where Vectorscan can't.
 * -EINVAL. */
int policy_compile_pattern(struct policy_source *s, struct policy_pattern *ret, char *error,
			   size_t error_size);
/* Puts what Vectorscan can take of the patterns into one database. */
int policy_compile_database(struct guard_policy *p, struct policy_source *sources);
/* The index of the first pattern, in the document's order, that matches the text; -ENOENT: none.
 * Where it does takes longer; ret may be NULL. */
int policy_find_match(const struct guard_policy *p, struct guard_scratch *scratch, const char *text,
		      size_t len, struct pattern_match *ret);

#endif
