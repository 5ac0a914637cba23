/* SPDX-License-Identifier: Apache-2.0 */
/* What the learned model adds to what the rules say. Inside guard/ only. */
#ifndef GUARD_FUSION_H
#define GUARD_FUSION_H

#include "guard/engine.h"

/* Changes *v, which is what the rules say. policy and e may be NULL. */
void fuse_model(const struct model *m, const struct guard_policy *policy,
		const struct guard_request *request, const struct view *views, size_t view_count,
		struct guard_verdict *v, struct guard_explanation *e);

#endif
