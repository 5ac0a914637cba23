/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PACKETS_MINIMISE_H
#define PACKETS_MINIMISE_H

#include "stage.h"

/* Makes a case that fails smaller while it still fails, in whatever way. */
void minimise(struct stage *s, struct script *script);

#endif
