/* SPDX-License-Identifier: Apache-2.0 */
/* The text part of the model, as it is trained: word vectors, a convolution of width 3, the
 * greatest and the mean of each channel, one linear unit a head. */
#ifndef TRAIN_NETWORK_H
#define TRAIN_NETWORK_H

#include "corpus.h"
#include "vocabulary.h"

#define HEADS	 2
#define CHANNELS MODEL_CHANNELS

struct network {
	float (*vectors)[VECTOR_LEN]; /* ROWS_MAX; owned */
	float filters[MODEL_PLACES][VECTOR_LEN][CHANNELS];
	float bias[CHANNELS];
	float greatest[HEADS][CHANNELS], mean[HEADS][CHANNELS];
	float head_bias[HEADS];
};

struct network_recipe {
	unsigned epochs;
	/* Of Adam (Kingma and Ba, 2015): of the filters and heads, of published vectors, and of
	 * those that begin at random, which have everything to learn. */
	float rate, vector_rate, new_vector_rate;
	float drop_pooled, drop_word;
	float own_weight;      /* of a row of ours */
	float source_rows_max; /* a source weighs at most so many of its rows */
	float smoothing;
	uint64_t seed;
};

/* Trains on the rows whose fold isn't test_fold (FOLD_NONE: on all). */
int network_train(const struct corpus *c, const struct vocabulary *v,
		  const struct network_recipe *recipe, int test_fold, struct network *ret);
void network_free(struct network *n);
/* Log-odds of the tokens from `first` on. */
void network_score(const struct network *n, const uint32_t *rows, size_t count,
		   float ret[static HEADS]);

#endif
