/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s p a c e d, s.p.a.c.e.d, s - p - a - c - e - d: single letters, or what stands for letters, with
 * always the same between them. Where a longer gap was in the original a word ended; where there is
 * none, the usual words that need the fewest guesses are cut out of it (Viterbi, with the words'
 * grades as costs). Three or four letters have to be a word.
 */
#include <string.h>
#include "views/undisguise.h"
#include "views/words.h"

#define SEPARATOR_MAX 3
#define LETTERS_MIN   3
#define SURE_LETTERS  5	  /* as many by themselves aren't initials or variables */
#define CHAIN_MAX     256 /* letters that are cut into words at once */
#define COST_WORD     6
#define COST_GRADE    2
#define COST_UNKNOWN  12 /* a letter of no word */

struct chain {
	char c[CHAIN_MAX];
	uint32_t at[CHAIN_MAX];
	bool begins[CHAIN_MAX + 1]; /* does a word begin here? */
	unsigned len, letters;
	bool is_list; /* a, b, c */
};

/* What stands between the letter at `at` and the next; its length, 0: nothing, or too much. */
static unsigned separator_at(const struct source *in, size_t at)
{
	unsigned n = 0;

	while (at + 1 + n < in->len && !is_ascii_alnum(in->text[at + 1 + n]) &&
	       !(in->text[at + 1 + n] & 0x80)) {
		if (++n > SEPARATOR_MAX)
			return 0;
	}
	return at + 1 + n < in->len && !(in->text[at + 1 + n] & 0x80) ? n : 0;
}

static bool is_single(const struct source *in, size_t at)
{
	return is_ascii_alnum(in->text[at]) &&
	       (at + 1 >= in->len ||
		(!is_ascii_alnum(in->text[at + 1]) && !(in->text[at + 1] & 0x80)));
}

/* Was the blank among the n bytes in front of `at` more than one in the original? */
static bool has_wide_gap(const struct source *in, size_t at, unsigned n)
{
	for (size_t i = at - n; i < at; i++) {
		if (in->text[i] == '\n' ||
		    (in->text[i] == ' ' && in->origin[i + 1] - in->origin[i] > 1))
			return true;
	}
	return false;
}

static size_t read_chain(const struct source *in, size_t at, struct chain *ret)
{
	unsigned n = separator_at(in, at);
	const char *separator = in->text + at + 1;

	ret->len = ret->letters = 0;
	ret->is_list = n && memchr(separator, ',', n);
	while (n && ret->len < CHAIN_MAX && is_single(in, at)) {
		char c = in->text[at];

		ret->letters += is_small_letter(c);
		ret->c[ret->len] = is_small_letter(c) ? c : leet_letter(c);
		ret->begins[ret->len] = ret->len && has_wide_gap(in, at, n);
		ret->at[ret->len++] = (uint32_t)at;
		if (in->len - at - 1 <= n || memcmp(in->text + at + 1, separator, n) != 0 ||
		    !is_single(in, at + 1 + n))
			return at + 1;
		at += 1 + n;
	}
	return at;
}

/* The cheapest way to read the letters as words: marks where they begin; how many letters are in
 * words of three and more. */
static unsigned cut(struct chain *chain)
{
	uint16_t cost[CHAIN_MAX + 1] = { 0 };
	uint8_t len[CHAIN_MAX + 1] = { 0 };
	unsigned covered = 0;

	for (unsigned i = 1; i <= chain->len; i++)
		cost[i] = UINT16_MAX;
	for (unsigned i = 0; i < chain->len; i++) {
		uint32_t hash = WORD_HASH_EMPTY;

		for (unsigned k = 1; k <= WORD_LEN_MAX && i + k <= chain->len; k++) {
			unsigned grade, price;

			if (k > 1 && chain->begins[i + k - 1])
				break;
			hash = word_hash_add(hash, chain->c[i + k - 1]);
			grade = word_grade_hashed(hash);
			price = grade ? COST_WORD + COST_GRADE * (WORD_GRADE_MAX - grade)
				      : COST_UNKNOWN;
			if ((grade || k == 1) && cost[i] + price < cost[i + k]) {
				cost[i + k] = (uint16_t)(cost[i] + price);
				len[i + k] = (uint8_t)(grade ? k : 0);
			}
		}
	}
	for (unsigned i = chain->len; i;) {
		covered += len[i] >= 3 ? len[i] : 0;
		if (!len[i]) { /* letters of no word stay together */
			i--;
			continue;
		}
		if (i < chain->len)
			chain->begins[i] = true;
		i -= len[i];
		chain->begins[i] = true;
	}
	return covered;
}

enum spaced spaced_undo(const struct source *in, size_t begin, struct buffer *out, size_t *ret_end)
{
	struct chain chain;
	unsigned covered;

	if (!is_single(in, begin))
		return SPACED_NONE;
	*ret_end = read_chain(in, begin, &chain);
	if (chain.len < LETTERS_MIN)
		return SPACED_NONE;
	if (chain.letters * 2 < chain.len)
		return SPACED_NO_WORDS;
	covered = cut(&chain);
	if ((chain.len < SURE_LETTERS || chain.is_list) && covered * 2 < chain.len)
		return SPACED_NO_WORDS;
	for (unsigned i = 0; i < chain.len; i++) {
		if (i && chain.begins[i])
			buffer_add(out, ' ', chain.at[i] - 1);
		buffer_add(out, chain.c[i], chain.at[i]);
	}
	return SPACED_WORDS;
}
