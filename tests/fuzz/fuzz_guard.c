/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes at all are judged, the same every time, and white space around them changes nothing. */
#include <string.h>
#include "engine.h"
#include "guard/engine.h"
#include "guard/receipt.h"

static void judge(const char *text, size_t len, struct guard_verdict *ret)
{
	const struct guard_request request = { .text = text, .len = len };

	memset(ret, 0, sizeof(*ret));
	require(guard_evaluate(guard, scratch, NULL, &request, ret, NULL) == 0);
	require((unsigned)ret->intent_class < GUARD_CLASS_COUNT);
	require(ret->confidence_e4 >= 3000 && ret->confidence_e4 <= 9500);
	require(ret->signal_count <= GUARD_SIGNALS_MAX);
	require(ret->block ==
		(ret->intent_class == GUARD_HARM || ret->intent_class == GUARD_DECEIVE));
}

static bool same(const struct guard_verdict *a, const struct guard_verdict *b)
{
	if (a->intent_class != b->intent_class || a->confidence_e4 != b->confidence_e4 ||
	    a->signal_count != b->signal_count)
		return false;
	for (unsigned i = 0; i < a->signal_count; i++) {
		if (strcmp(a->signals[i], b->signals[i]))
			return false;
	}
	return true;
}

static void sign(const struct guard_verdict *v)
{
	_cleanup_(text_free) struct text t = { 0 };
	const struct guard_request request = { 0 };
	const struct guard_receipt r = { .manifest_id = "m",
					 .engine_version = "e",
					 .decision_id = "d",
					 .tenant = "t",
					 .policy_version = 1,
					 .time_us = 1,
					 .request = &request,
					 .verdict = v };
	json_t *back;

	require(guard_receipt_canonical(&r, &t) == 0);
	back = json_loads(t.data, 0, NULL);
	require(back);
	json_decref(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(text_free) struct text wide = { 0 };
	struct guard_verdict plain, spaced;

	judge((const char *)data, size, &plain);
	text_add(&wide, "\n ");
	text_add_n(&wide, (const char *)data, size);
	text_add(&wide, "\t\r");
	require(!text_failed(&wide));
	judge(wide.data, wide.len, &spaced);
	require(same(&plain, &spaced));
	sign(&plain);
	return 0;
}
