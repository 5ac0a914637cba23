/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The word list, data/words.txt, the most frequent word first: what tells k1ll from a4 and t-shirt
 * from b-omb. A table of hashes, 28 bits of each, so that about one unknown word in ten million
 * passes for a known one, always the same.
 */
#include <pthread.h>
#include <string.h>
#include "base/base.h"
#include "views/words.h"

__asm__(".section .rodata\n"
	".balign 16\n"
	".type axfw_words, @object\n"
	"axfw_words:\n"
	".incbin \"userspace/views/data/words.txt\"\n"
	".byte 0\n"
	".previous\n");
extern const char axfw_words[];

#define TABLE_SIZE  32768 /* a power of two, over twice the words */
#define GRADE_BITS  4
#define GRADE_MASK  ((1u << GRADE_BITS) - 1)
#define FIRST_RANKS 64 /* words of the highest grade; each further grade has twice as many */

static uint32_t table[TABLE_SIZE]; /* hash without its low bits, and grade; 0: empty */
static pthread_once_t loaded = PTHREAD_ONCE_INIT;

static uint32_t slot_of(uint32_t hash)
{
	return (hash ^ hash >> 15) & (TABLE_SIZE - 1);
}

static void add(const char *word, size_t len, size_t rank)
{
	uint32_t hash = WORD_HASH_EMPTY, i, grade = WORD_GRADE_MAX;

	for (size_t k = 0; k < len; k++)
		hash = word_hash_add(hash, word[k]);
	for (size_t last = FIRST_RANKS; rank >= last && grade > 1; last *= 2)
		grade--;
	for (i = slot_of(hash); table[i]; i = (i + 1) & (TABLE_SIZE - 1))
		;
	table[i] = (hash & ~GRADE_MASK) | grade;
}

static void load(void)
{
	const char *end;
	size_t rank = 0;

	for (const char *line = axfw_words; (end = strchr(line, '\n')) && rank < TABLE_SIZE / 2;
	     line = end + 1)
		add(line, (size_t)(end - line), rank++);
}

void words_load(void)
{
	pthread_once(&loaded, load);
}

unsigned word_grade_hashed(uint32_t hash)
{
	for (uint32_t i = slot_of(hash); table[i]; i = (i + 1) & (TABLE_SIZE - 1)) {
		if ((table[i] & ~GRADE_MASK) == (hash & ~GRADE_MASK))
			return table[i] & GRADE_MASK;
	}
	return 0;
}

unsigned word_grade(const char *s, size_t len)
{
	uint32_t hash = WORD_HASH_EMPTY;

	if (!len || len > WORD_LEN_MAX)
		return 0;
	for (size_t i = 0; i < len; i++)
		hash = word_hash_add(hash, s[i]);
	return word_grade_hashed(hash);
}

bool is_word(const char *s, size_t len)
{
	static const struct {
		char text[4];
		unsigned len;
	} endings[] = {
		{ "s", 1 },   { "es", 2 }, { "ed", 2 },	 { "d", 1 },
		{ "ing", 3 }, { "er", 2 }, { "ers", 3 }, { "r", 1 },
	};

	if (len > WORD_LEN_MAX + sizeof(endings[0].text))
		return false;
	if (word_grade(s, len))
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(endings); i++) {
		unsigned n = endings[i].len;

		if (len >= n + 3 && s[len - 1] == endings[i].text[n - 1] &&
		    !memcmp(s + len - n, endings[i].text, n) && word_grade(s, len - n))
			return true;
	}
	return false;
}
