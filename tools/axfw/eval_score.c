/* SPDX-License-Identifier: Apache-2.0 */
#include "eval_score.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"

struct eval_source *eval_source(struct eval_score *s, const char *name)
{
	struct eval_source *sources;

	/* Rows of a source stand together. */
	for (size_t i = s->count; i-- > 0;) {
		if (!strcmp(s->sources[i].name, name))
			return &s->sources[i];
	}
	sources = reallocarray(s->sources, s->count + 1, sizeof(*sources));
	if (!sources)
		return NULL;
	s->sources = sources;
	sources[s->count] = (struct eval_source){ .name = strdup(name) };
	return sources[s->count].name ? &sources[s->count++] : NULL;
}

int eval_add_time(struct eval_score *s, uint64_t ns)
{
	if (s->ns_count == s->ns_size) {
		size_t size = MAX(s->ns_size * 2, (size_t)4096);
		uint32_t *grown = reallocarray(s->ns, size, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->ns = grown;
		s->ns_size = size;
	}
	s->ns[s->ns_count++] = (uint32_t)MIN(ns, UINT32_MAX);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

double eval_quantile_us(struct eval_score *s, double share)
{
	if (!s->ns_count)
		return 0;
	qsort(s->ns, s->ns_count, sizeof(*s->ns), compare);
	return s->ns[(size_t)(share * (double)(s->ns_count - 1))] / 1e3;
}

void eval_score_free(struct eval_score *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->sources[i].name);
	free(s->sources);
	free(s->ns);
}

double eval_recall(const struct eval_counts *c)
{
	return c->block ? (double)c->tp / c->block : -1;
}

double eval_false_positives(const struct eval_counts *c)
{
	return c->allow ? (double)c->fp / c->allow : -1;
}

double eval_f1(const struct eval_counts *c)
{
	return c->block ? 2.0 * c->tp / (c->tp + c->fp + c->block) : -1;
}

struct eval_counts eval_pool(const struct eval_score *s, const struct eval_source *without)
{
	struct eval_counts sum = { 0 };

	for (size_t i = 0; i < s->count; i++) {
		const struct eval_counts *c = &s->sources[i].counts;

		if (&s->sources[i] == without)
			continue;
		sum.block += c->block;
		sum.allow += c->allow;
		sum.tp += c->tp;
		sum.fp += c->fp;
	}
	return sum;
}

double eval_mean(const struct eval_score *s, double (*figure)(const struct eval_counts *c),
		 bool (*pass)(const struct eval_source *source))
{
	double sum = 0;
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++) {
		double value = figure(&s->sources[i].counts);

		if (value < 0 || (pass && !pass(&s->sources[i])))
			continue;
		sum += value;
		n++;
	}
	return n ? sum / (double)n : -1;
}
