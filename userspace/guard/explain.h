/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a text the reasons of its verdict stand. Inside guard/ only. */
#ifndef GUARD_EXPLAIN_H
#define GUARD_EXPLAIN_H

#include "guard/engine.h"

/* A reason more, if there is room; view is NULL or names the view it was found in. */
void explain_add(struct guard_explanation *e, size_t begin, size_t end, const char *why,
		 const char *view);
/* A place in a view, as one in the text it was made from. */
void explain_add_place(struct guard_explanation *e, const struct view *view, size_t begin,
		       size_t end, const char *why);
/* Where these rules match in a view of the text. -ENOMEM, -EIO. */
int explain_rules(const struct guard *g, struct guard_scratch *s, const struct view *view,
		  const struct matches *rules, struct guard_explanation *e);

#endif
