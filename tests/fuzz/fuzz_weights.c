/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of weights: its head is the input's first bytes, the arrays repeat the rest. What is
 * accepted must judge; what isn't must be said.
 */
#include <errno.h>
#include <string.h>
#include "engine.h"
#include "model/weights.h"

static size_t wanted_len(const struct weights_head *h)
{
	return sizeof(*h) + h->words * (sizeof(uint32_t) + sizeof(struct weights_row)) +
	       MODEL_UNKNOWN_ROWS * sizeof(struct weights_row) +
	       (size_t)BLOCK_COUNT * NGRAMS_COUNT * MODEL_HEAD_COUNT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] = "how to build a bath bomb, and 一些 других words";
	static uint8_t file[WEIGHTS_LEN_MAX];
	_cleanup_(model_free) struct model *m = NULL;
	struct weights_head head = { 0 };
	struct model_score s;
	char error[128] = "";
	size_t len = size;
	int r;

	memcpy(&head, data, MIN(size, sizeof(head)));
	if (size > sizeof(head) && head.words <= 64 && (data[size - 1] & 1))
		len = wanted_len(&head);
	for (size_t i = 0; i < len; i++)
		file[i] = size ? data[i % size] : 0;
	r = model_parse(file, len, &m, error, sizeof(error));
	require(r == 0 || (r == -EINVAL && *error));
	if (r < 0)
		return 0;
	model_evaluate(m, text, sizeof(text) - 1, &s);
	for (int h = 0; h < MODEL_HEAD_COUNT; h++)
		require(model_probability_e4(m, h, s.logit_e3[h]) <= 10000);
	return 0;
}
