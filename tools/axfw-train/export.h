/* SPDX-License-Identifier: Apache-2.0 */
/* From a trained model to the file of weights that the engine reads. */
#ifndef TRAIN_EXPORT_H
#define TRAIN_EXPORT_H

#include "linear.h"
#include "model/weights.h"
#include "network.h"

/* A probability for a score: 1 / (1 + exp(-(slope * score + offset))) (Platt, 1999). */
struct calibration {
	float slope, offset;
};

struct trained {
	const struct vocabulary *vocabulary;
	struct network network;
	struct linear linear;
	float linear_share; /* how much the word part counts beside the text part */
	float thresholds[MODEL_CONTEXT_COUNT][HEADS];
	struct calibration calibration[HEADS];
};

int export_weights(const struct trained *t, struct text *ret);

#endif
