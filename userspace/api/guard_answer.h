/* SPDX-License-Identifier: Apache-2.0 */
/* A verdict as JSON: the body of a guard call's 200. Its signature and, on request, its receipt. */
#ifndef API_GUARD_ANSWER_H
#define API_GUARD_ANSWER_H

#include "exchange/exchange.h"

/* What the caller asked for beside the verdict. */
struct guard_wishes {
	bool receipt;
	bool explanation;
	bool pii;	/* which kinds of personal data are in it */
	bool redaction; /* and the text without them */
};

/* One text's judgement, while its answer is made. */
struct guard_decision {
	uint8_t id[16];
	struct guard_request request;
	struct guard_wishes wishes;
	struct guard_verdict verdict;
	struct guard_explanation explanation; /* only if wished */
	struct guard_pii pii;		      /* only if wished */
	struct text redacted;		      /* likewise; owned by whoever made the decision */
	uint32_t policy_version;
	uint64_t time_us;
	const char *tenant;
};

/* Appends the JSON. The signatures cover what was decided and the text. -ENOMEM, -EIO. */
int guard_answer(const struct services *s, const struct guard_decision *d, struct text *ret);

#endif
