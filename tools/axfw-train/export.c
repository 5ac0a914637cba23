/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounding to eight bits. The filters are multiplied out: what is stored of a word is what it adds
 * to each channel in each of its places, so the engine adds and never multiplies. All of a
 * channel's contributions share one scale, because they are summed as integers.
 */
#include "export.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Contributions beyond so many of a channel's root mean squares are cut, or the scale would be
 * theirs alone. */
#define CUT_ROOTS 6.0f
#define E3	  1000.0f
#define INT8_ONE  127.0f

struct exporter {
	const struct trained *t;
	struct weights_head head;
	float scale[CHANNELS];
	float (*places)[MODEL_PLACES][CHANNELS]; /* of every row; owned */
};

static size_t row_count(const struct trained *t)
{
	return t->vocabulary->count + MODEL_UNKNOWN_ROWS;
}

/* Words first, then the shared rows, as in the file. */
static const float *vector_of(const struct trained *t, size_t row)
{
	size_t words = t->vocabulary->count;

	return t->network.vectors[row < words ? row : MODEL_WORDS_MAX + row - words];
}

static void multiply_out(struct exporter *e)
{
	const struct network *n = &e->t->network;

	for (size_t i = 0; i < row_count(e->t); i++) {
		const float *x = vector_of(e->t, i);

		for (int k = 0; k < MODEL_PLACES; k++)
			for (int d = 0; d < VECTOR_LEN; d++)
				for (int c = 0; c < CHANNELS; c++)
					e->places[i][k][c] += n->filters[k][d][c] * x[d];
	}
}

static void choose_scales(struct exporter *e)
{
	size_t rows = row_count(e->t);
	double squares[CHANNELS] = { 0 };

	for (size_t i = 0; i < rows; i++)
		for (int k = 0; k < MODEL_PLACES; k++)
			for (int c = 0; c < CHANNELS; c++)
				squares[c] += (double)e->places[i][k][c] * e->places[i][k][c];
	for (int c = 0; c < CHANNELS; c++)
		e->scale[c] = (float)sqrt(squares[c] / (double)(rows * MODEL_PLACES)) * CUT_ROOTS /
			      INT8_ONE;
}

static int32_t rounded(double x, double limit)
{
	x = x > limit ? limit : x < -limit ? -limit : x;
	return (int32_t)lround(x);
}

/* A number as a factor of thousandths. */
static int32_t factor(double x)
{
	return rounded(x * E3 * (1 << WEIGHTS_SHIFT), INT32_MAX);
}

static void fill_text_part(struct exporter *e)
{
	const struct network *n = &e->t->network;

	for (int c = 0; c < CHANNELS; c++)
		e->head.bias[c] = (int16_t)rounded(n->bias[c] / e->scale[c], WEIGHTS_BIAS_MAX);
	for (int h = 0; h < HEADS; h++) {
		for (int c = 0; c < CHANNELS; c++) {
			e->head.greatest_factor[h][c] = factor(n->greatest[h][c] * e->scale[c]);
			e->head.mean_factor[h][c] = factor(n->mean[h][c] * e->scale[c]);
		}
		e->head.head_bias_e3[h] =
			rounded((n->head_bias[h] + e->t->linear_share * e->t->linear.bias[h]) * E3,
				INT32_MAX);
	}
}

static float linear_scale(const struct linear *l, int head, int block)
{
	double squares = 0;
	size_t used = 0;

	for (size_t i = 0; i < NGRAMS_COUNT; i++) {
		squares += (double)l->weights[head][block][i] * l->weights[head][block][i];
		used += l->weights[head][block][i] != 0;
	}
	return used ? (float)sqrt(squares / (double)used) * CUT_ROOTS / INT8_ONE : 1;
}

static void add_linear(struct exporter *e, struct text *ret)
{
	const struct linear *l = &e->t->linear;

	for (int b = 0; b < BLOCK_COUNT; b++) {
		float scale[HEADS];

		for (int h = 0; h < HEADS; h++)
			scale[h] = linear_scale(l, h, b);
		for (size_t i = 0; i < NGRAMS_COUNT; i++) {
			for (int h = 0; h < HEADS; h++) {
				int8_t w =
					(int8_t)rounded(l->weights[h][b][i] / scale[h], INT8_ONE);

				text_add_n(ret, (const char *)&w, 1);
			}
		}
	}
}

static void fill_linear(struct exporter *e)
{
	for (int h = 0; h < HEADS; h++)
		for (int b = 0; b < BLOCK_COUNT; b++)
			e->head.linear_factor[h][b] =
				factor(linear_scale(&e->t->linear, h, b) * e->t->linear_share);
}

static void fill_calibration(struct exporter *e)
{
	for (int h = 0; h < HEADS; h++) {
		const struct calibration *k = &e->t->calibration[h];
		/* From where the probability is about 0.002 to where it is 0.998. */
		float first = (-6 - k->offset) / k->slope,
		      step = 12 / k->slope / (WEIGHTS_KNOTS - 1);

		for (int i = 0; i < HEADS; i++)
			for (int c = 0; c < MODEL_CONTEXT_COUNT; c++)
				e->head.threshold_e3[c][i] =
					rounded(e->t->thresholds[c][i] * E3, INT32_MAX);
		e->head.knot_first_e3[h] = rounded(first * E3, INT32_MAX);
		e->head.knot_step_e3[h] = MAX(rounded(step * E3, INT32_MAX), 1);
		for (int i = 0; i < WEIGHTS_KNOTS; i++) {
			float x = k->slope * (first + step * (float)i) + k->offset;

			e->head.knot_e4[h][i] = (uint16_t)rounded(10000 / (1 + exp(-x)), 10000);
		}
	}
}

static void add_rows(struct exporter *e, struct text *ret)
{
	for (size_t i = 0; i < row_count(e->t); i++) {
		struct weights_row row;

		for (int k = 0; k < MODEL_PLACES; k++)
			for (int c = 0; c < CHANNELS; c++)
				row.places[k][c] =
					(int8_t)rounded(e->places[i][k][c] / e->scale[c], INT8_ONE);
		text_add_n(ret, (const char *)&row, sizeof(row));
	}
}

int export_weights(const struct trained *t, struct text *ret)
{
	struct exporter e = { .t = t,
			      .head = { .magic = WEIGHTS_MAGIC,
					.words = (uint32_t)t->vocabulary->count,
					.ngrams = NGRAMS_COUNT,
					.channels = MODEL_CHANNELS,
					.unknown_rows = MODEL_UNKNOWN_ROWS } };

	e.places = calloc(row_count(t), sizeof(*e.places));
	if (!e.places)
		return -ENOMEM;
	multiply_out(&e);
	choose_scales(&e);
	fill_text_part(&e);
	fill_linear(&e);
	fill_calibration(&e);
	text_add_n(ret, (const char *)&e.head, sizeof(e.head));
	for (size_t i = 0; i < t->vocabulary->count; i++) {
		uint32_t fingerprint = weights_fingerprint(t->vocabulary->hashes[i]);

		text_add_n(ret, (const char *)&fingerprint, sizeof(fingerprint));
	}
	add_rows(&e, ret);
	add_linear(&e, ret);
	free(e.places);
	return text_failed(ret) ? -ENOMEM : 0;
}
