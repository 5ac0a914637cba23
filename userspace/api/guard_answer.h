/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a guard call's 200: the verdict, its signature and, on request, its receipt. */
#ifndef API_GUARD_ANSWER_H
#define API_GUARD_ANSWER_H

#include "exchange/exchange.h"

struct guard_decision {
	uint8_t id[16];
	struct guard_verdict verdict;
	uint32_t policy_version;
	uint64_t time_us;
	const char *tenant;
	bool wants_receipt;
};

/* Appends the JSON. The signatures cover every member of it and the text. -ENOMEM, -EIO. */
int guard_answer(const struct services *s, const struct guard_decision *d, const char *text,
		 size_t len, struct text *ret);

#endif
