/* SPDX-License-Identifier: Apache-2.0 */
#include "linear.h"

#include <errno.h>
#include <math.h>
#include "random.h"

#define EPSILON 1e-6f
/* Of a longer row only so much is looked at in training. */
#define TOKENS_MAX 256

/* The n-grams of some tokens, by block. */
struct gathered {
	uint32_t *items[BLOCK_COUNT];
	size_t count[BLOCK_COUNT];
	float scale[BLOCK_COUNT];
};

#define ITEMS_MAX (TOKENS_MAX * 3 * (NGRAM_WORD_BYTES + 2))

static void gather(const struct corpus *c, uint32_t first, size_t count, struct gathered *g)
{
	const struct corpus_token *t = &c->tokens[first];

	g->count[BLOCK_WORDS] = g->count[BLOCK_BYTES] = 0;
	for (size_t i = 0; i < MIN(count, (size_t)TOKENS_MAX); i++) {
		g->items[BLOCK_WORDS][g->count[BLOCK_WORDS]++] = ngram_of_word(t[i].hash);
		if (i)
			g->items[BLOCK_WORDS][g->count[BLOCK_WORDS]++] =
				ngram_of_pair(t[i - 1].hash, t[i].hash);
		for (unsigned k = 0; k < t[i].bytes_count; k++)
			g->items[BLOCK_BYTES][g->count[BLOCK_BYTES]++] =
				c->byte_ngrams[t[i].first_bytes + k];
	}
	for (int b = 0; b < BLOCK_COUNT; b++)
		g->scale[b] = g->count[b] ? 1 / sqrtf((float)g->count[b]) : 0;
}

static float score(const struct linear *l, int head, const struct gathered *g)
{
	float sum = l->bias[head];

	for (int b = 0; b < BLOCK_COUNT; b++) {
		float part = 0;

		for (size_t i = 0; i < g->count[b]; i++)
			part += l->weights[head][b][g->items[b][i]];
		sum += part * g->scale[b];
	}
	return sum;
}

static void update(struct linear *l, float (*squares)[BLOCK_COUNT][NGRAMS_COUNT], int head,
		   const struct gathered *g, float error, float rate)
{
	for (int b = 0; b < BLOCK_COUNT; b++) {
		float step = error * g->scale[b];

		for (size_t i = 0; i < g->count[b]; i++) {
			uint32_t k = g->items[b][i];

			squares[head][b][k] += step * step;
			l->weights[head][b][k] -=
				rate * step / sqrtf(squares[head][b][k] + EPSILON);
		}
	}
	l->bias[head] -= rate * 0.01f * error;
}

static int gathered_make(struct gathered *g)
{
	for (int b = 0; b < BLOCK_COUNT; b++) {
		g->items[b] = malloc(ITEMS_MAX * sizeof(uint32_t));
		if (!g->items[b])
			return -ENOMEM;
	}
	return 0;
}

static void gathered_free(struct gathered *g)
{
	for (int b = 0; b < BLOCK_COUNT; b++)
		free(g->items[b]);
}

static void shuffle(uint32_t *items, size_t count, struct random *random)
{
	for (size_t i = count; i > 1; i--) {
		size_t k = random_below(random, (uint32_t)i);
		uint32_t x = items[i - 1];

		items[i - 1] = items[k];
		items[k] = x;
	}
}

static void learn_row(struct linear *l, float (*squares)[BLOCK_COUNT][NGRAMS_COUNT],
		      const struct corpus *c, const struct row *row,
		      const struct linear_recipe *recipe, struct gathered *g)
{
	float weight = c->sources[row->source].is_own ? recipe->own_weight : 1;

	gather(c, row->first_token, row->token_count, g);
	for (int h = 0; h < HEADS; h++) {
		enum row_class mine = h == 0 ? ROW_HARM : ROW_DECEIVE;
		float target = row->label == mine, p;

		if (row->label != mine && row->label != ROW_BENIGN)
			continue;
		p = 1 / (1 + expf(-score(l, h, g)));
		update(l, squares, h, g,
		       (p - target) * weight * (target > 0 ? recipe->block_weight : 1),
		       recipe->rate);
	}
}

int linear_train(const struct corpus *c, const struct linear_recipe *recipe, int test_fold,
		 struct linear *ret)
{
	_cleanup_(freep) uint32_t *order = malloc(c->row_count * sizeof(*order));
	_cleanup_(freep) void *squares = calloc(HEADS, sizeof(*ret->weights));
	_cleanup_(gathered_free) struct gathered g = { 0 };
	struct random random = random_seed(recipe->seed);
	size_t count = 0;

	*ret = (struct linear){ .weights = calloc(HEADS, sizeof(*ret->weights)) };
	if (!order || !squares || !ret->weights || gathered_make(&g) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < c->row_count; i++)
		if (test_fold == FOLD_NONE || corpus_fold(c, &c->rows[i]) != test_fold)
			order[count++] = (uint32_t)i;
	for (unsigned epoch = 0; epoch < recipe->epochs; epoch++) {
		shuffle(order, count, &random);
		for (size_t i = 0; i < count; i++)
			learn_row(ret, squares, c, &c->rows[order[i]], recipe, &g);
	}
	return 0;
}

void linear_score(const struct linear *l, const struct corpus *c, uint32_t first, size_t count,
		  float ret[static HEADS])
{
	static _Thread_local struct gathered g;

	if (!g.items[0] && gathered_make(&g) < 0)
		abort();
	gather(c, first, count, &g);
	for (int h = 0; h < HEADS; h++)
		ret[h] = score(l, h, &g);
}

void linear_free(struct linear *l)
{
	free(l->weights);
	l->weights = NULL;
}
