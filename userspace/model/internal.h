/* SPDX-License-Identifier: Apache-2.0 */
/* What model/'s files share. */
#ifndef MODEL_INTERNAL_H
#define MODEL_INTERNAL_H

#include "model/weights.h"

/* The vocabulary as a hash table with linear probing, a third full. */
#define SLOTS	   (1u << 17)
#define SLOT_EMPTY UINT16_MAX
_Static_assert(MODEL_WORDS_MAX < SLOT_EMPTY && MODEL_WORDS_MAX < SLOTS / 2, "rows are 16 bits");

struct word_slot {
	uint32_t fingerprint;
	uint16_t row;
};

#define MODEL_ID_LEN 12

struct model {
	struct weights_head head;
	const struct weights_row *rows;
	const int8_t (*linear)[NGRAMS_COUNT][MODEL_HEAD_COUNT]; /* of each block */
	struct word_slot slots[SLOTS];
	char id[MODEL_ID_LEN + 1];
	void *copy; /* what rows and linear point into; NULL: they are part of the program */
};

#endif
