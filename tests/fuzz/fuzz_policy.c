/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy document, then a NUL, then a text; or, when the document isn't an object, a regex in its
 * place. Whatever parses must judge, and a message must be there when it doesn't.
 */
#include <errno.h>
#include <string.h>
#include "engine.h"
#include "guard/policy.h"

/* The document itself, or one around the regex; NULL: not UTF-8. */
static char *document(const char *head, size_t len)
{
	_cleanup_(json_decrefp) json_t *o = NULL;

	if (len && *head == '{')
		return strndup(head, len);
	if (!text_is_utf8(head, len))
		return NULL;
	o = json_pack("{s:[{s:s, s:s%}]}", "additional_block_patterns", "class", "HARM", "regex",
		      head, len);
	return json_dumps(o, 0);
}

static void judge(const struct guard_policy *p, const char *text, size_t len)
{
	struct guard_verdict v;

	const struct guard_request request = { .text = text, .len = len };

	require(guard_evaluate(guard, scratch, p, &request, &v, NULL) == 0);
	require((unsigned)v.intent_class < GUARD_CLASS_COUNT);
	require(v.confidence_e4 >= 3000 && v.confidence_e4 <= 9500);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *head = (const char *)data, *nul = memchr(data, 0, size);
	size_t len = nul ? (size_t)(nul - head) : size;
	_cleanup_(guard_policy_free) struct guard_policy *p = NULL;
	_cleanup_(freep) char *json = NULL;
	char error[512] = "";
	int r;

	json = document(head, len);
	if (!json)
		return 0;
	r = guard_policy_parse(json, strlen(json), 1, &p, error, sizeof(error));
	require(r == 0 || (r == -EINVAL && *error));
	if (r < 0)
		return 0;
	judge(p, nul ? nul : "", nul ? size - len : 0);
	judge(p, head, len);
	return 0;
}
