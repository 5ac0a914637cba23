/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every figure is of sources that the judging model wasn't trained on, by thresholds that were
 * chosen without them: for each fold, those at which the other folds' general prompts are blocked
 * as often as is allowed. Means are over sources, so that a large one doesn't hide a small one.
 */
#include "measure.h"

#include <stdio.h>

#define SEARCH_STEPS 40
#define LOGIT_MAX    60.0f

static bool counts(const struct corpus *c, size_t source, int without)
{
	const struct source *s = &c->sources[source];

	return s->is_general && s->fold != without;
}

/* The share of general prompts above the threshold, the mean over sources. */
static double general_blocked(const struct corpus *c, const struct scores *s, int head, int without,
			      float threshold)
{
	uint32_t above[SOURCES_MAX] = { 0 };
	double sum = 0;
	unsigned n = 0;

	for (size_t i = 0; i < c->row_count; i++)
		above[c->rows[i].source] += s->of[i][head] > threshold;
	for (size_t i = 0; i < c->source_count; i++) {
		if (!counts(c, i, without))
			continue;
		sum += (double)above[i] / c->sources[i].rows;
		n++;
	}
	return n ? sum / n : 0;
}

void measure_thresholds(const struct corpus *c, const struct scores *s, int without, float share,
			float ret[static HEADS])
{
	for (int h = 0; h < HEADS; h++) {
		float low = -LOGIT_MAX, high = LOGIT_MAX;

		for (int i = 0; i < SEARCH_STEPS; i++) {
			float middle = (low + high) / 2;

			if (general_blocked(c, s, h, without, middle) > share / HEADS)
				low = middle;
			else
				high = middle;
		}
		ret[h] = high;
	}
}

struct tally {
	uint32_t block[SOURCES_MAX], blocked[SOURCES_MAX], allow[SOURCES_MAX],
		blocked_wrongly[SOURCES_MAX];
};

static void count_rows(const struct corpus *c, const struct scores *s,
		       float thresholds[FOLD_COUNT][HEADS], struct tally *t)
{
	for (size_t i = 0; i < c->row_count; i++) {
		int fold = corpus_fold(c, &c->rows[i]);
		size_t k = c->rows[i].source;
		bool is_blocked;

		if (fold == FOLD_NONE)
			continue;
		is_blocked = s->of[i][0] > thresholds[fold][0] || s->of[i][1] > thresholds[fold][1];
		if (c->rows[i].label == ROW_BENIGN) {
			t->allow[k]++;
			t->blocked_wrongly[k] += is_blocked;
		} else {
			t->block[k]++;
			t->blocked[k] += is_blocked;
		}
	}
}

static void print_source(const struct source *s, const struct tally *t, size_t k, FILE *out)
{
	if (t->block[k])
		fprintf(out, "%-24s %6u  recall %5.1f %%%s\n", s->name, t->block[k],
			100.0 * t->blocked[k] / t->block[k], s->is_direct ? "" : "  (indirect)");
	if (t->allow[k])
		fprintf(out, "%-24s %6u  false  %5.2f %%%s\n", s->name, t->allow[k],
			100.0 * t->blocked_wrongly[k] / t->allow[k],
			s->is_general ? "" : "  (special)");
}

void measure_print(const struct corpus *c, const struct scores *s, float share, FILE *out)
{
	float thresholds[FOLD_COUNT][HEADS];
	struct tally t = { 0 };
	double macro = 0, general = 0, least = 1;
	unsigned direct = 0, generals = 0, block = 0, blocked = 0;

	for (int f = 0; f < FOLD_COUNT; f++)
		measure_thresholds(c, s, f, share, thresholds[f]);
	count_rows(c, s, thresholds, &t);
	for (size_t k = 0; k < c->source_count; k++) {
		const struct source *source = &c->sources[k];

		print_source(source, &t, k, out);
		if (source->is_direct && t.block[k]) {
			double recall = (double)t.blocked[k] / t.block[k];

			macro += recall;
			least = MIN(least, recall);
			direct++;
			block += t.block[k];
			blocked += t.blocked[k];
		}
		if (source->is_general) {
			general += (double)t.blocked_wrongly[k] / t.allow[k];
			generals++;
		}
	}
	fprintf(out,
		"direct attacks: macro %.1f %%, pooled %.1f %%, least %.1f %%; general false "
		"positives "
		"%.2f %%\n",
		100 * macro / direct, 100.0 * blocked / block, 100 * least,
		100 * general / generals);
}
