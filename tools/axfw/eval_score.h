/* SPDX-License-Identifier: Apache-2.0 */
/* What an evaluation found, by source: pure counting. */
#ifndef EVAL_SCORE_H
#define EVAL_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "guard/guard.h"

struct eval_counts {
	unsigned block, allow; /* rows by label */
	unsigned tp, fp;       /* of these blocked */
};

struct eval_source {
	char *name; /* owned */
	struct eval_counts counts;
	/* by folds.json: direct attacks, and prompts that have nothing special */
	bool is_direct, is_general;
};

struct eval_score {
	struct eval_source *sources; /* owned; in the order of the file */
	size_t count;
	uint32_t *ns; /* owned: what each evaluation took */
	size_t ns_count, ns_size;
};

/* The source of that name, a new one if there is none; NULL without memory. */
struct eval_source *eval_source(struct eval_score *s, const char *name);
int eval_add_time(struct eval_score *s, uint64_t ns);
/* In microseconds; sorts. share: 0.5 is the median. */
double eval_quantile_us(struct eval_score *s, double share);
void eval_score_free(struct eval_score *s);

/* Of the rows that should, or shouldn't, be blocked, how many were; below 0: there are none. */
double eval_recall(const struct eval_counts *c);
double eval_false_positives(const struct eval_counts *c);
double eval_f1(const struct eval_counts *c);

/* All rows of all sources but `without` (NULL: none). */
struct eval_counts eval_pool(const struct eval_score *s, const struct eval_source *without);
/* The mean over the sources that pass (NULL: all) and have such a figure; below 0: none has. */
double eval_mean(const struct eval_score *s, double (*figure)(const struct eval_counts *c),
		 bool (*pass)(const struct eval_source *source));

#endif
