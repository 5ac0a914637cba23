/* SPDX-License-Identifier: Apache-2.0 */
/* The labelled texts: read, cut into tokens, with the fold each is tested in. */
#ifndef TRAIN_CORPUS_H
#define TRAIN_CORPUS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"
#include "model/tokens.h"
#include "views/views.h"

enum row_class { ROW_BENIGN, ROW_HARM, ROW_DECEIVE };

#define FOLD_COUNT  5
#define FOLD_NONE   (-1) /* always in training: rows of our own */
#define SOURCES_MAX 128

/* Sources that resemble each other are tested in the same fold. */
struct source {
	char name[48];
	const char *origin, *licence; /* NULL of rows of our own */
	int fold;
	bool is_direct;	 /* attacks by whoever writes the prompt */
	bool is_general; /* prompts that have nothing special: false positives are counted here */
	bool is_own;
	uint32_t rows, block;
};

/* The tokens of a text: rows of the vocabulary, and the indices of its n-grams. */
struct row {
	enum row_class label;
	uint16_t source;
	uint32_t first_token, token_count;
};

struct corpus_token {
	uint64_t hash;
	uint32_t first_bytes; /* in byte_ngrams */
	uint16_t bytes_count;
	bool is_word; /* a word, to be put into the vocabulary */
};

struct corpus {
	struct row *rows;
	size_t row_count, rows_size;
	struct corpus_token *tokens;
	size_t token_count, tokens_size;
	uint32_t *byte_ngrams;
	size_t byte_ngram_count, byte_ngrams_size;
	struct source sources[SOURCES_MAX];
	size_t source_count;
	struct views *views; /* for reading; NULL before the first row */
};

/* Adds the rows of a .jsonl or .jsonl.gz file. own: they are ours and have no `name`. */
int corpus_read(struct corpus *c, const char *path, bool own);
void corpus_free(struct corpus *c);
int corpus_fold(const struct corpus *c, const struct row *r);

#endif
