/* SPDX-License-Identifier: Apache-2.0 */
#include "reasons.h"

#include <string.h>
#include "axfw/reason.h"
#include "base/base.h"

static const struct {
	const char *name, *text;
} reasons[] = {
#define X(name, action, text) { #name, text },
	AXFW_REASONS(X)
#undef X
};

const char *reason_text(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (!strcmp(reasons[i].name, name))
			return reasons[i].text;
	}
	return "";
}
