/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hashed features of the linear part: words, pairs of neighbours, and the three to five
 * neighbouring bytes of a word with its edges marked. One definition for the model and for its
 * trainer (feature hashing: Weinberger et al., 2009; subword n-grams: Bojanowski et al., 2017).
 */
#ifndef MODEL_NGRAMS_H
#define MODEL_NGRAMS_H

#include <string.h>
#include "model/tokens.h"

#define NGRAMS_BITS  18 /* of an index, per block */
#define NGRAMS_COUNT (1u << NGRAMS_BITS)

#define NGRAM_BYTES_MIN	 3
#define NGRAM_BYTES_MAX	 5
#define NGRAM_WORD_BYTES 40 /* of a longer word the rest isn't looked at */
#define NGRAM_EDGE	 ' '
#define NGRAM_MULTIPLIER 0xd6e8feb86659fd93ull
#define NGRAM_PAIR_SALT	 0xa24baed4963ee407ull

static inline uint32_t ngram_index(uint64_t h)
{
	return (uint32_t)(h * NGRAM_MULTIPLIER >> (64 - NGRAMS_BITS));
}

static inline uint32_t ngram_of_word(uint64_t hash)
{
	return ngram_index(hash);
}

static inline uint32_t ngram_of_pair(uint64_t left, uint64_t right)
{
	return ngram_index((left + NGRAM_PAIR_SALT) * NGRAM_MULTIPLIER ^ right);
}

/* A word between its edges, and how many n-grams of bytes it has. */
struct ngram_word {
	char bytes[NGRAM_WORD_BYTES + 2 + 8]; /* read eight at a time */
	unsigned len;
};

static inline void ngram_word_set(struct ngram_word *w, const char *word, size_t len)
{
	len = len < NGRAM_WORD_BYTES ? len : NGRAM_WORD_BYTES;
	w->bytes[0] = NGRAM_EDGE;
	memcpy(w->bytes + 1, word, len);
	w->bytes[len + 1] = NGRAM_EDGE;
	memset(w->bytes + len + 2, 0, 8);
	w->len = (unsigned)len + 2;
}

/* The n-gram of n bytes at i. */
static inline uint32_t ngram_of_bytes(const struct ngram_word *w, unsigned i, unsigned n)
{
	uint64_t bytes;

	memcpy(&bytes, w->bytes + i, sizeof(bytes)); /* little endian, as everything we run on */
	bytes &= ~0ull >> (64 - 8 * n);
	return ngram_index((bytes ^ (uint64_t)n << 56) * NGRAM_MULTIPLIER ^ bytes >> 31);
}

#endif
