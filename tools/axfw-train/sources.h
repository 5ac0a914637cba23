/* SPDX-License-Identifier: Apache-2.0 */
/* What the trainer knows of the public sources. */
#ifndef TRAIN_SOURCES_H
#define TRAIN_SOURCES_H

#include "corpus.h"

const struct source *source_known(const char *name); /* NULL: none of them */

#endif
