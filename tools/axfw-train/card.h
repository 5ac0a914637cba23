/* SPDX-License-Identifier: Apache-2.0 */
/* The model card (Mitchell et al., 2019): what the weights were made of, and how well they judge.
 */
#ifndef TRAIN_CARD_H
#define TRAIN_CARD_H

#include <stdio.h>
#include "corpus.h"
#include "measure.h"

/* Markdown. false_share: what the thresholds were chosen for. */
void card_print(const struct corpus *c, const struct scores *s, float false_share, FILE *out);

#endif
