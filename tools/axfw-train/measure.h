/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of rows by models that never saw their source: the threshold, and the table by source. */
#ifndef TRAIN_MEASURE_H
#define TRAIN_MEASURE_H

#include "corpus.h"
#include "network.h"

/* A row's score by the model of the fold it is tested in; rows of our own have none. */
struct scores {
	float (*of)[HEADS]; /* of each row of the corpus; owned */
};

/* The least thresholds at which each head blocks `share` of the general prompts, averaged over
 * their sources, of every fold but `without` (FOLD_NONE: of all). */
void measure_thresholds(const struct corpus *c, const struct scores *s, int without, float share,
			float ret[static HEADS]);
/* Prints recall or false positives of each source, each fold by the thresholds of the others. */
void measure_print(const struct corpus *c, const struct scores *s, float share, FILE *out);

#endif
