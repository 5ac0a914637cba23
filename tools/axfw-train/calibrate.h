/* SPDX-License-Identifier: Apache-2.0 */
/* From scores to probabilities. */
#ifndef TRAIN_CALIBRATE_H
#define TRAIN_CALIBRATE_H

#include "export.h"
#include "measure.h"

/* Fits the probability that a row is of the head's class, on rows whose source the scoring model
 * hadn't seen, every source weighing the same. */
struct calibration calibrate(const struct corpus *c, const struct scores *s, int head);

#endif
