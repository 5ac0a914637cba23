/* SPDX-License-Identifier: Apache-2.0 */
/* Platt scaling by Newton's method: two unknowns, a convex loss, some twenty steps. */
#include "calibrate.h"

#include <math.h>

#define STEPS	    25
#define RIDGE	    1e-3 /* keeps a head whose classes part perfectly from growing for ever */
#define SLOPE_LEAST 0.05

struct sums {
	double g_slope, g_offset, h_slope, h_both, h_offset;
};

static void add_row(struct sums *s, double score, double target, double weight, double slope,
		    double offset)
{
	double p = 1 / (1 + exp(-(slope * score + offset)));
	double error = weight * (p - target), bend = weight * p * (1 - p);

	s->g_slope += error * score;
	s->g_offset += error;
	s->h_slope += bend * score * score;
	s->h_both += bend * score;
	s->h_offset += bend;
}

static struct sums sum_rows(const struct corpus *c, const struct scores *s, int head, double slope,
			    double offset)
{
	enum row_class mine = head == 0 ? ROW_HARM : ROW_DECEIVE;
	struct sums sums = { .g_slope = RIDGE * slope, .h_slope = RIDGE, .h_offset = RIDGE };

	for (size_t i = 0; i < c->row_count; i++) {
		const struct row *row = &c->rows[i];

		if (corpus_fold(c, row) == FOLD_NONE ||
		    (row->label != mine && row->label != ROW_BENIGN))
			continue;
		add_row(&sums, s->of[i][head], row->label == mine,
			1.0 / c->sources[row->source].rows, slope, offset);
	}
	return sums;
}

struct calibration calibrate(const struct corpus *c, const struct scores *s, int head)
{
	double slope = 1, offset = 0;

	for (int i = 0; i < STEPS; i++) {
		struct sums k = sum_rows(c, s, head, slope, offset);
		double determinant = k.h_slope * k.h_offset - k.h_both * k.h_both;

		slope -= (k.h_offset * k.g_slope - k.h_both * k.g_offset) / determinant;
		offset -= (k.h_slope * k.g_offset - k.h_both * k.g_slope) / determinant;
	}
	return (struct calibration){ .slope = (float)fmax(slope, SLOPE_LEAST),
				     .offset = (float)offset };
}
