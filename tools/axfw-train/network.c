/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forward and backward by hand. Every loop that matters runs over independent channels, so that the
 * compiler's vectors don't change the order of any sum: the same bytes on every machine.
 */
#include "network.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include "random.h"

#define WINDOW	    MODEL_WINDOW_TOKENS
#define BATCH	    32
#define BETA1	    0.9f
#define BETA2	    0.999f
#define EPSILON	    1e-8f
#define INIT_SCALE  0.06f /* Glorot and Bengio, 2010: about sqrt(2 / (300 + 48)) */
#define TOUCHED_MAX (BATCH * WINDOW)

/* The parameters but for the vectors, as one array. */
#define DENSE_COUNT ((sizeof(struct network) - offsetof(struct network, filters)) / sizeof(float))

typedef float lanes __attribute__((vector_size(16), aligned(4)));

struct pass {
	uint32_t rows[WINDOW];
	size_t count;
	float a[WINDOW][CHANNELS];  /* what the channels say, after max(0, …) */
	float da[WINDOW][CHANNELS]; /* the loss by it */
	uint16_t at[CHANNELS];	    /* where the greatest is */
	float pooled[2][CHANNELS];  /* greatest, mean */
	float keep[2][CHANNELS];    /* 0: dropped */
	float logit[HEADS];
};

/* --- forward ---------------------------------------------------------------------------------- */

static void add_scaled(float *restrict sum, const float *restrict x, float by)
{
	for (int c = 0; c < CHANNELS; c++)
		sum[c] += x[c] * by;
}

static void convolve(const struct network *n, struct pass *p)
{
	for (size_t t = 0; t < p->count; t++) {
		memcpy(p->a[t], n->bias, sizeof(n->bias));
		for (int k = 0; k < MODEL_PLACES; k++) {
			size_t from = t + (size_t)k - 1;

			if (from >= p->count)
				continue;
			for (int d = 0; d < VECTOR_LEN; d++)
				add_scaled(p->a[t], n->filters[k][d], n->vectors[p->rows[from]][d]);
		}
		for (int c = 0; c < CHANNELS; c++)
			p->a[t][c] = p->a[t][c] > 0 ? p->a[t][c] : 0;
	}
}

static void pool(struct pass *p)
{
	memset(p->at, 0, sizeof(p->at));
	memset(p->pooled, 0, sizeof(p->pooled));
	for (size_t t = 0; t < p->count; t++) {
		for (int c = 0; c < CHANNELS; c++) {
			if (p->a[t][c] > p->pooled[0][c]) {
				p->pooled[0][c] = p->a[t][c];
				p->at[c] = (uint16_t)t;
			}
			p->pooled[1][c] += p->a[t][c];
		}
	}
	for (int c = 0; c < CHANNELS; c++)
		p->pooled[1][c] /= (float)p->count;
}

static void decide(const struct network *n, struct pass *p)
{
	for (int h = 0; h < HEADS; h++) {
		p->logit[h] = n->head_bias[h];
		for (int c = 0; c < CHANNELS; c++)
			p->logit[h] += n->greatest[h][c] * p->pooled[0][c] * p->keep[0][c] +
				       n->mean[h][c] * p->pooled[1][c] * p->keep[1][c];
	}
}

void network_score(const struct network *n, const uint32_t *rows, size_t count,
		   float ret[static HEADS])
{
	struct pass p;

	p.count = MIN(count, (size_t)WINDOW);
	memcpy(p.rows, rows, p.count * sizeof(*rows));
	for (int c = 0; c < CHANNELS; c++)
		p.keep[0][c] = p.keep[1][c] = 1;
	convolve(n, &p);
	pool(&p);
	decide(n, &p);
	memcpy(ret, p.logit, sizeof(p.logit));
}

/* --- backward --------------------------------------------------------------------------------- */

struct gradients {
	struct network dense;	      /* its vectors aren't used */
	float (*vectors)[VECTOR_LEN]; /* of the touched rows, in the order of `touched` */
	uint32_t touched[TOUCHED_MAX], touched_count;
	uint32_t *slot; /* of a row, its place in `touched` + 1 */
};

static float *vector_gradient(struct gradients *g, uint32_t row)
{
	if (!g->slot[row]) {
		memset(g->vectors[g->touched_count], 0, sizeof(g->vectors[0]));
		g->touched[g->touched_count] = row;
		g->slot[row] = ++g->touched_count;
	}
	return g->vectors[g->slot[row] - 1];
}

static float dot(const float *x, const float *y)
{
	lanes sum = { 0 };

	for (int c = 0; c < CHANNELS; c += 4)
		sum += *(const lanes *)(x + c) * *(const lanes *)(y + c);
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* The loss by what the channels say. */
static void backward_pool(const struct network *n, struct pass *p, const float *dlogit,
			  struct gradients *g)
{
	float mean[CHANNELS];

	for (int c = 0; c < CHANNELS; c++) {
		float greatest = 0;

		mean[c] = 0;
		for (int h = 0; h < HEADS; h++) {
			g->dense.greatest[h][c] += dlogit[h] * p->pooled[0][c] * p->keep[0][c];
			g->dense.mean[h][c] += dlogit[h] * p->pooled[1][c] * p->keep[1][c];
			greatest += dlogit[h] * n->greatest[h][c] * p->keep[0][c];
			mean[c] += dlogit[h] * n->mean[h][c] * p->keep[1][c] / (float)p->count;
		}
		for (size_t t = 0; t < p->count; t++)
			p->da[t][c] = p->a[t][c] > 0 ? mean[c] : 0;
		if (p->pooled[0][c] > 0)
			p->da[p->at[c]][c] += greatest;
	}
	for (int h = 0; h < HEADS; h++)
		g->dense.head_bias[h] += dlogit[h];
}

static void backward_filters(const struct network *n, const struct pass *p, struct gradients *g)
{
	for (size_t t = 0; t < p->count; t++) {
		for (int c = 0; c < CHANNELS; c++)
			g->dense.bias[c] += p->da[t][c];
		for (int k = 0; k < MODEL_PLACES; k++) {
			size_t from = t + (size_t)k - 1;
			const float *x;
			float *dx;

			if (from >= p->count)
				continue;
			x = n->vectors[p->rows[from]];
			dx = vector_gradient(g, p->rows[from]);
			for (int d = 0; d < VECTOR_LEN; d++) {
				add_scaled(g->dense.filters[k][d], p->da[t], x[d]);
				dx[d] += dot(n->filters[k][d], p->da[t]);
			}
		}
	}
}

/* --- Adam ------------------------------------------------------------------------------------- */

struct moments {
	float *first, *second;						 /* DENSE_COUNT */
	float (*vector_first)[VECTOR_LEN], (*vector_second)[VECTOR_LEN]; /* ROWS_MAX */
	unsigned steps;
};

static void adam(float *restrict x, float *restrict g, float *restrict first,
		 float *restrict second, size_t count, float rate)
{
	for (size_t i = 0; i < count; i++) {
		first[i] = BETA1 * first[i] + (1 - BETA1) * g[i];
		second[i] = BETA2 * second[i] + (1 - BETA2) * g[i] * g[i];
		x[i] -= rate * first[i] / (sqrtf(second[i]) + EPSILON);
		g[i] = 0;
	}
}

/* left: of the training, which ends with ever smaller steps, or where it ends were chance. */
static void step(struct network *n, struct gradients *g, struct moments *m,
		 const struct vocabulary *v, const struct network_recipe *recipe, float left)
{
	float correction;

	m->steps++;
	correction =
		left * sqrtf(1 - powf(BETA2, (float)m->steps)) / (1 - powf(BETA1, (float)m->steps));
	adam((float *)n->filters, (float *)g->dense.filters, m->first, m->second, DENSE_COUNT,
	     recipe->rate * correction);
	for (uint32_t i = 0; i < g->touched_count; i++) {
		uint32_t row = g->touched[i];
		float rate = v->published[row] ? recipe->vector_rate : recipe->new_vector_rate;

		adam(n->vectors[row], g->vectors[i], m->vector_first[row], m->vector_second[row],
		     VECTOR_LEN, rate * correction);
		g->slot[row] = 0;
	}
	g->touched_count = 0;
}

/* --- the rows of an epoch --------------------------------------------------------------------- */

struct sampler {
	uint32_t *rows;
	double *until; /* cumulative weights */
	size_t count;
};

static int sampler_make(const struct corpus *c, const struct network_recipe *recipe, int test_fold,
			struct sampler *ret)
{
	double sum = 0;

	*ret = (struct sampler){ .rows = calloc(c->row_count, sizeof(uint32_t)),
				 .until = calloc(c->row_count, sizeof(double)) };
	if (!ret->rows || !ret->until)
		return -ENOMEM;
	for (size_t i = 0; i < c->row_count; i++) {
		const struct source *s = &c->sources[c->rows[i].source];

		if (test_fold != FOLD_NONE && s->fold == test_fold)
			continue;
		sum += s->is_own ? recipe->own_weight
				 : MIN(1.0, (double)recipe->source_rows_max / s->rows);
		ret->until[ret->count] = sum;
		ret->rows[ret->count++] = (uint32_t)i;
	}
	return 0;
}

static uint32_t sample(const struct sampler *s, struct random *random)
{
	double x = s->until[s->count - 1] * random_unit(random);
	size_t low = 0, high = s->count - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->until[middle] <= x)
			low = middle + 1;
		else
			high = middle;
	}
	return s->rows[low];
}

/* A window of the row, with some words dropped and some of the pooled channels. */
static void present(const struct corpus *c, const struct row *row, const struct vocabulary *v,
		    const struct network_recipe *recipe, struct random *random, struct pass *p)
{
	uint32_t first = row->first_token;

	p->count = MIN(row->token_count, (uint32_t)WINDOW);
	first += random_below(random, row->token_count - (uint32_t)p->count + 1);
	for (size_t t = 0; t < p->count; t++) {
		uint64_t hash = c->tokens[first + t].hash;

		if (random_unit(random) < recipe->drop_word)
			hash = random_next(random) | 1; /* as a word nobody knows */
		p->rows[t] = vocabulary_row(v, hash);
	}
	for (int i = 0; i < 2; i++)
		for (int ch = 0; ch < CHANNELS; ch++)
			p->keep[i][ch] = random_unit(random) < recipe->drop_pooled
						 ? 0
						 : 1 / (1 - recipe->drop_pooled);
}

/* Cross entropy of each head against the classes that are its business: what the other head is for
 * is neither right nor wrong here. */
static void loss_gradient(const struct pass *p, enum row_class label, float smoothing,
			  float ret[static HEADS])
{
	for (int h = 0; h < HEADS; h++) {
		enum row_class mine = h == 0 ? ROW_HARM : ROW_DECEIVE;
		float target = label == mine ? 1 - smoothing : smoothing;

		ret[h] = label == mine || label == ROW_BENIGN
				 ? (1 / (1 + expf(-p->logit[h])) - target) / BATCH
				 : 0;
	}
}

static void learn(struct network *n, const struct corpus *c, const struct vocabulary *v,
		  const struct network_recipe *recipe, const struct sampler *sampler,
		  struct gradients *g, struct moments *m)
{
	struct random random = random_seed(recipe->seed + 17);
	size_t batches = recipe->epochs * sampler->count / BATCH;
	float dlogit[HEADS];
	static _Thread_local struct pass p;

	for (size_t b = 0; b < batches; b++) {
		for (int i = 0; i < BATCH; i++) {
			const struct row *row = &c->rows[sample(sampler, &random)];

			present(c, row, v, recipe, &random, &p);
			convolve(n, &p);
			pool(&p);
			decide(n, &p);
			loss_gradient(&p, row->label, recipe->smoothing, dlogit);
			backward_pool(n, &p, dlogit, g);
			backward_filters(n, &p, g);
		}
		step(n, g, m, v, recipe, 1 - (float)b / (float)batches);
	}
}

static void initialise(struct network *n, const struct vocabulary *v, uint64_t seed)
{
	struct random random = random_seed(seed);
	float *dense = (float *)n->filters;

	memcpy(n->vectors, v->vectors, ROWS_MAX * sizeof(*n->vectors));
	for (size_t i = 0; i < DENSE_COUNT; i++)
		dense[i] = random_normal(&random) * INIT_SCALE;
	memset(n->bias, 0, sizeof(n->bias));
	memset(n->head_bias, 0, sizeof(n->head_bias));
}

int network_train(const struct corpus *c, const struct vocabulary *v,
		  const struct network_recipe *recipe, int test_fold, struct network *ret)
{
	_cleanup_(freep) struct gradients *g = calloc(1, sizeof(*g));
	struct sampler sampler = { 0 };
	struct moments m = { .first = calloc(DENSE_COUNT, sizeof(float)),
			     .second = calloc(DENSE_COUNT, sizeof(float)),
			     .vector_first = calloc(ROWS_MAX, sizeof(*m.vector_first)),
			     .vector_second = calloc(ROWS_MAX, sizeof(*m.vector_second)) };
	int r = -ENOMEM;

	ret->vectors = malloc(ROWS_MAX * sizeof(*ret->vectors));
	if (g && ret->vectors && m.first && m.second && m.vector_first && m.vector_second) {
		g->vectors = calloc(TOUCHED_MAX, sizeof(*g->vectors));
		g->slot = calloc(ROWS_MAX, sizeof(*g->slot));
		r = g->vectors && g->slot ? sampler_make(c, recipe, test_fold, &sampler) : -ENOMEM;
	}
	if (r == 0) {
		initialise(ret, v, recipe->seed);
		learn(ret, c, v, recipe, &sampler, g, &m);
	}
	free(sampler.rows);
	free(sampler.until);
	free(m.first);
	free(m.second);
	free(m.vector_first);
	free(m.vector_second);
	if (g) {
		free(g->vectors);
		free(g->slot);
	}
	return r;
}

void network_free(struct network *n)
{
	free(n->vectors);
	n->vectors = NULL;
}
