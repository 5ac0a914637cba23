/* SPDX-License-Identifier: Apache-2.0 */
/* From a file of weights to a model: nothing in it is believed before it was looked at. */
#include "model/weights.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/base.h"
#include "crypto/crypto.h"
#include "model/internal.h"

__asm__(".section .rodata\n"
	".balign 64\n"
	"model_weights:\n"
	".incbin \"userspace/model/data/weights.bin\"\n"
	"model_weights_end:\n"
	".previous\n");
extern const char model_weights[], model_weights_end[];

static size_t expected_len(const struct weights_head *h)
{
	return sizeof(*h) + h->words * sizeof(uint32_t) +
	       (h->words + MODEL_UNKNOWN_ROWS) * sizeof(struct weights_row) +
	       (size_t)BLOCK_COUNT * NGRAMS_COUNT * MODEL_HEAD_COUNT;
}

/* NULL: a head that this program understands. */
static const char *find_fault(const struct weights_head *h, size_t len)
{
	if (len < sizeof(*h) || memcmp(h->magic, WEIGHTS_MAGIC, sizeof(h->magic)))
		return "not a file of weights";
	if (h->words > MODEL_WORDS_MAX || h->ngrams != NGRAMS_COUNT ||
	    h->channels != MODEL_CHANNELS || h->unknown_rows != MODEL_UNKNOWN_ROWS)
		return "weights of another shape";
	if (len != expected_len(h) || len > WEIGHTS_LEN_MAX)
		return "weights that are cut off, or longer than they say";
	for (int c = 0; c < MODEL_CHANNELS; c++)
		if (abs(h->bias[c]) > WEIGHTS_BIAS_MAX)
			return "a channel that overflows";
	for (int i = 0; i < MODEL_HEAD_COUNT; i++) {
		if (h->knot_step_e3[i] <= 0)
			return "a calibration that goes backwards";
		for (int k = 0; k < WEIGHTS_KNOTS; k++)
			if (h->knot_e4[i][k] > 10000)
				return "a probability above 1";
	}
	return NULL;
}

static void index_word(struct model *m, uint32_t fingerprint, uint16_t row)
{
	uint32_t slot = fingerprint % SLOTS;

	while (m->slots[slot].row != SLOT_EMPTY)
		slot = (slot + 1) % SLOTS;
	m->slots[slot] = (struct word_slot){ fingerprint, row };
}

/* The arrays behind the head, where they are. */
static void point_to_arrays(struct model *m, const char *arrays)
{
	uint32_t words = m->head.words, fingerprint;

	for (uint32_t i = 0; i < SLOTS; i++)
		m->slots[i].row = SLOT_EMPTY;
	for (uint32_t i = 0; i < words; i++) {
		memcpy(&fingerprint, arrays + i * sizeof(fingerprint), sizeof(fingerprint));
		index_word(m, fingerprint, (uint16_t)i);
	}
	m->rows = (const struct weights_row *)(arrays + words * sizeof(fingerprint));
	m->linear = (const void *)(m->rows + words + MODEL_UNKNOWN_ROWS);
}

static void name(struct model *m, const void *bytes, size_t len)
{
	uint8_t digest[CRYPTO_DIGEST_LEN];
	char hex[2 * CRYPTO_DIGEST_LEN + 1];

	crypto_sha256(bytes, len, digest);
	hex_encode(digest, sizeof(digest), hex);
	memcpy(m->id, hex, MODEL_ID_LEN);
}

/* bytes stay where they are as long as the model lives. */
static int open_weights(const char *bytes, size_t len, struct model **ret, char *error,
			size_t error_size)
{
	_cleanup_(model_free) struct model *m = calloc(1, sizeof(*m));
	const char *fault;

	if (!m)
		return -ENOMEM;
	memcpy(&m->head, bytes, MIN(len, sizeof(m->head)));
	fault = find_fault(&m->head, len);
	if (fault) {
		snprintf(error, error_size, "%s", fault);
		return -EINVAL;
	}
	point_to_arrays(m, bytes + sizeof(m->head));
	name(m, bytes, len);
	*ret = TAKE_PTR(m);
	return 0;
}

int model_parse(const void *bytes, size_t len, struct model **ret, char *error, size_t error_size)
{
	_cleanup_(freep) char *copy = malloc(MAX(len, 1u));
	int r;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, len);
	r = open_weights(copy, len, ret, error, error_size);
	if (r >= 0)
		(*ret)->copy = TAKE_PTR(copy);
	return r;
}

int model_builtin(struct model **ret)
{
	char error[64];

	/* cppcheck-suppress comparePointers; both ends of one .incbin */
	return open_weights(model_weights, (size_t)(model_weights_end - model_weights), ret, error,
			    sizeof(error));
}

void model_free(struct model **m)
{
	if (!*m)
		return;
	free((*m)->copy);
	free(*m);
	*m = NULL;
}

const char *model_id(const struct model *m)
{
	return m->id;
}

int32_t model_threshold_e3(const struct model *m, enum model_context context, enum model_head head)
{
	return m->head.threshold_e3[context][head];
}

unsigned model_probability_e4(const struct model *m, enum model_head head, int32_t logit_e3)
{
	const uint16_t *knots = m->head.knot_e4[head];
	int64_t step = m->head.knot_step_e3[head];
	int64_t at = (int64_t)logit_e3 - m->head.knot_first_e3[head], k;

	if (at <= 0)
		return knots[0];
	k = at / step;
	if (k >= WEIGHTS_KNOTS - 1)
		return knots[WEIGHTS_KNOTS - 1];
	return (unsigned)(knots[k] + (knots[k + 1] - knots[k]) * (at % step) / step);
}
