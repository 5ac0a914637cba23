/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: spans are sorted and inside of the text, the same every time, and redaction leaves
 * what is between them as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "pii/pii.h"

#define KEPT_MAX 4096 /* spans compared with those of the second look */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pii_detector *detector;
static struct pii_scratch *scratch;

static void require(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	require(pii_detector_new(NULL, &detector) == 0 && pii_scratch_new(&scratch) == 0);
	return 0;
}

static void check_redaction(const char *text, size_t len, const struct pii_span *spans,
			    size_t count)
{
	_cleanup_(text_free) struct text redacted = { 0 };
	size_t at = 0, from = 0;

	require(pii_redact(text, len, spans, count, &redacted) == 0);
	for (size_t i = 0; i <= count; i++) {
		size_t end = i < count ? spans[i].begin : len;

		require(redacted.len - at >= end - from &&
			!memcmp(redacted.data + at, text + from, end - from));
		at += end - from;
		if (i == count)
			break;
		require(redacted.data[at] == '[');
		at += (size_t)(strchr(redacted.data + at, ']') - (redacted.data + at)) + 1;
		from = spans[i].end;
	}
	require(at == redacted.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pii_span kept[KEPT_MAX];
	const char *text = (const char *)data;
	const struct pii_span *spans;
	size_t count, again, kept_count;

	require(pii_find(detector, scratch, text, size, &spans, &count) == 0);
	for (size_t i = 0; i < count; i++) {
		require((unsigned)spans[i].type < PII_TYPE_COUNT);
		require(spans[i].begin < spans[i].end && spans[i].end <= size);
		require(i == 0 || spans[i].begin >= spans[i - 1].end);
	}
	require((unsigned)pii_level(spans, count) < PII_LEVEL_COUNT);
	if (size > 0)
		check_redaction(text, size, spans, count);
	kept_count = MIN(count, KEPT_MAX);
	memcpy(kept, spans, kept_count * sizeof(*kept));
	require(pii_find(detector, scratch, text, size, &spans, &again) == 0);
	require(again == count && !memcmp(kept, spans, kept_count * sizeof(*kept)));
	return 0;
}
