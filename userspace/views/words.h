/* SPDX-License-Identifier: Apache-2.0 */
/* What the views know of English: which words there are, and how usual a letter after another is.
 * Inside views/ only; any thread. */
#ifndef VIEWS_WORDS_H
#define VIEWS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORD_LEN_MAX   16
#define WORD_GRADE_MAX 7

/* Before anything else; again does nothing. */
void words_load(void);
/* How usual a word of small letters is, 1 to WORD_GRADE_MAX; 0: it isn't one, or not known. */
unsigned word_grade(const char *s, size_t len);
/* Is it one, or one with an ending? */
bool is_word(const char *s, size_t len);

/* For words that are tried letter by letter: the hash of a word with one more letter. */
#define WORD_HASH_EMPTY 0x811c9dc5u
static inline uint32_t word_hash_add(uint32_t hash, char c)
{
	return (hash ^ (uint8_t)c) * 0x01000193u; /* FNV-1a */
}
unsigned word_grade_hashed(uint32_t hash);

#endif
