/* SPDX-License-Identifier: Apache-2.0 */
/* Which views a text could have. Inside views/ only. */
#ifndef VIEWS_HINTS_H
#define VIEWS_HINTS_H

#include "views/internal.h"

/* A hint beside the kinds: words could be cut by blanks. */
#define HINT_SPLIT (1u << VIEW_KIND_COUNT)

/* A bit for each kind that could have something in it, of all but rot13 and reversed; text is a
 * normal view, with VECTOR_SLACK bytes behind it. */
unsigned hints_of(const char *text, size_t len);

#endif
