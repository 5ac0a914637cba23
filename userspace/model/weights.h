/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The weights file: this head, then the arrays in the order of their sizes below, without gaps.
 * Little endian. Inside model/ and for the trainer, which writes it.
 */
#ifndef MODEL_WEIGHTS_H
#define MODEL_WEIGHTS_H

#include "model/model.h"
#include "model/ngrams.h"
#include "model/shape.h"

#define WEIGHTS_MAGIC	"AXFWMDL1"
#define WEIGHTS_LEN_MAX (8u << 20)

enum ngram_block { BLOCK_WORDS, BLOCK_BYTES, BLOCK_COUNT };

/* The probability at equally spaced scores; a line between two of them. */
#define WEIGHTS_KNOTS 33

/* Factors by which integers become thousandths of log-odds: shifted left by so many bits. */
#define WEIGHTS_SHIFT 24

/* With what a word adds at each of its places, a channel stays within 16 bits. */
#define WEIGHTS_BIAS_MAX (INT16_MAX - MODEL_PLACES * INT8_MAX - MODEL_PLACES)

struct weights_head {
	char magic[8];
	uint32_t words;			 /* in the vocabulary, at most MODEL_WORDS_MAX */
	uint32_t ngrams;		 /* NGRAMS_COUNT */
	uint16_t channels, unknown_rows; /* MODEL_CHANNELS, MODEL_UNKNOWN_ROWS */
	int32_t threshold_e3[MODEL_CONTEXT_COUNT][MODEL_HEAD_COUNT];
	int32_t head_bias_e3[MODEL_HEAD_COUNT];
	int32_t linear_factor[MODEL_HEAD_COUNT][BLOCK_COUNT];
	int32_t greatest_factor[MODEL_HEAD_COUNT][MODEL_CHANNELS];
	int32_t mean_factor[MODEL_HEAD_COUNT][MODEL_CHANNELS];
	int16_t bias[MODEL_CHANNELS];
	int32_t knot_first_e3[MODEL_HEAD_COUNT], knot_step_e3[MODEL_HEAD_COUNT];
	uint16_t knot_e4[MODEL_HEAD_COUNT][WEIGHTS_KNOTS];
};

/* A word's contributions: what it adds as the left, the middle and the right of three. */
struct weights_row {
	int8_t places[MODEL_PLACES][MODEL_CHANNELS];
};

/* Then: uint32_t fingerprints[words]; struct weights_row rows[words + unknown_rows];
 * int8_t linear[BLOCK_COUNT][ngrams][MODEL_HEAD_COUNT]. */

static inline uint32_t weights_fingerprint(uint64_t token_hash)
{
	return (uint32_t)(token_hash >> 32);
}

#endif
