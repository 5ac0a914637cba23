/* SPDX-License-Identifier: Apache-2.0 */
/* The word part of the model: logistic regression over hashed n-grams, one for each head. */
#ifndef TRAIN_LINEAR_H
#define TRAIN_LINEAR_H

#include "corpus.h"
#include "model/weights.h"
#include "network.h"

struct linear {
	float (*weights)[BLOCK_COUNT][NGRAMS_COUNT]; /* of each head; owned */
	float bias[HEADS];
};

struct linear_recipe {
	unsigned epochs;
	float rate; /* of AdaGrad (Duchi et al., 2011) */
	float own_weight, block_weight;
	uint64_t seed;
};

int linear_train(const struct corpus *c, const struct linear_recipe *recipe, int test_fold,
		 struct linear *ret);
void linear_free(struct linear *l);
void linear_score(const struct linear *l, const struct corpus *c, uint32_t first, size_t count,
		  float ret[static HEADS]);

#endif
