/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a text the reasons of its verdict stand. Inside guard/ only. */
#ifndef GUARD_EXPLAIN_H
#define GUARD_EXPLAIN_H

#include "guard/engine.h"

/* A reason more, if there is room. */
void explain_add(struct guard_explanation *e, size_t begin, size_t end, const char *why);
/* The rules that match the request's text. -ENOMEM, -EIO. */
int explain_rules(const struct guard *g, struct guard_scratch *s,
		  const struct guard_request *request, struct guard_explanation *e);

#endif
