/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters that look like a Latin one. Which do is Unicode's table; whether they are meant to is
 * told by the word:
 *
 *   mixed      Latin and other letters in one word, or letters of two other scripts: no language
 *              writes so; what looks Latin is.
 *   look-alike nothing but letters that look Latin (Russian has "сор" and "а", too): Latin if the
 *              nearest words of a certain script on both sides are.
 *   anything else stays itself.
 *
 * Small capitals, boxed letters and the like are costumes of Latin letters: always undressed. Two
 * regional indicators by themselves are a flag and stay one.
 */
#include <errno.h>
#include <utf8proc.h>
#include "views/internal.h"
#include "views/lookalikes_table.h"

enum script {
	SCRIPT_NONE,
	SCRIPT_LATIN,
	SCRIPT_GREEK,
	SCRIPT_CYRILLIC,
	SCRIPT_ARMENIAN,
	SCRIPT_CHEROKEE,
	SCRIPT_COPTIC,
	SCRIPT_LISU,
	SCRIPT_DESERET,
	SCRIPT_OTHER,
};

enum word {
	WORD_NONE, /* no letters */
	WORD_LATIN,
	WORD_OTHER,
	WORD_MIXED,
	WORD_LOOKALIKE, /* nothing but look-alikes; then: */
	WORD_LIKELY,	/* among Latin words */
	WORD_KEPT,	/* among others */
};

static const struct {
	uint32_t first, last;
	enum script script;
} blocks[] = {
	{ 0x00c0, 0x02af, SCRIPT_LATIN },     { 0x0370, 0x03ff, SCRIPT_GREEK },
	{ 0x0400, 0x052f, SCRIPT_CYRILLIC },  { 0x0530, 0x058f, SCRIPT_ARMENIAN },
	{ 0x13a0, 0x13ff, SCRIPT_CHEROKEE },  { 0x1c80, 0x1c8f, SCRIPT_CYRILLIC },
	{ 0x1d00, 0x1dbf, SCRIPT_LATIN },     { 0x1e00, 0x1eff, SCRIPT_LATIN },
	{ 0x1f00, 0x1fff, SCRIPT_GREEK },     { 0x2c60, 0x2c7f, SCRIPT_LATIN },
	{ 0x2c80, 0x2cff, SCRIPT_COPTIC },    { 0xa4d0, 0xa4ff, SCRIPT_LISU },
	{ 0xa640, 0xa69f, SCRIPT_CYRILLIC },  { 0xa720, 0xa7ff, SCRIPT_LATIN },
	{ 0xab30, 0xab6f, SCRIPT_LATIN },     { 0xab70, 0xabbf, SCRIPT_CHEROKEE },
	{ 0x10400, 0x1044f, SCRIPT_DESERET }, { 0x1f130, 0x1f1ff, SCRIPT_LATIN },
};

#define REGIONAL_FIRST 0x1f1e6
#define REGIONAL_LAST  0x1f1ff

char lookalike(uint32_t c)
{
	return c >> 8 < PAGE_COUNT ? lookalikes[page_rows[c >> 8]][c & 0xff] : 0;
}

static enum script script_of(uint32_t c)
{
	if (c < 0x80)
		return SCRIPT_LATIN;
	if (c >= 0x3000 && c < 0xa000) /* East Asia */
		return SCRIPT_OTHER;
	for (unsigned i = 0; i < ARRAY_SIZE(blocks) && blocks[i].first <= c; i++) {
		if (c <= blocks[i].last)
			return blocks[i].script;
	}
	return SCRIPT_OTHER;
}

static bool is_letter(const struct rune *r)
{
	return (r->category >= UTF8PROC_CATEGORY_LU && r->category <= UTF8PROC_CATEGORY_LO) ||
	       (r->c >= 0x80 && lookalike(r->c));
}

static bool is_in_word(const struct rune *r)
{
	return (r->category >= UTF8PROC_CATEGORY_LU && r->category <= UTF8PROC_CATEGORY_ND) ||
	       (r->c >= 0x80 && lookalike(r->c));
}

static bool is_flag(const struct rune *word, size_t len)
{
	return len == 2 && word[0].c >= REGIONAL_FIRST && word[0].c <= REGIONAL_LAST &&
	       word[1].c >= REGIONAL_FIRST && word[1].c <= REGIONAL_LAST;
}

static enum word judge_word(const struct rune *word, size_t len)
{
	unsigned scripts = 0;
	bool has_solid = false;

	if (is_flag(word, len))
		return WORD_NONE;
	for (size_t i = 0; i < len; i++) {
		if (!is_letter(&word[i]))
			continue;
		scripts |= 1u << script_of(word[i].c);
		has_solid |= lookalike(word[i].c) < 'a';
	}
	if (!scripts)
		return WORD_NONE;
	if (scripts == 1u << SCRIPT_LATIN)
		return WORD_LATIN;
	if (scripts & (scripts - 1))
		return WORD_MIXED;
	return has_solid ? WORD_OTHER : WORD_LOOKALIKE;
}

/* The letter under the marks, so that an accent doesn't save a look-alike. */
static char lookalike_base(uint32_t c)
{
	utf8proc_int32_t parts[8];

	if (utf8proc_get_property((utf8proc_int32_t)c)->decomp_seqindex == UINT16_MAX ||
	    utf8proc_decompose_char((utf8proc_int32_t)c, parts, ARRAY_SIZE(parts),
				    UTF8PROC_DECOMPOSE, &(int){ 0 }) < 1)
		return 0;
	return lookalike((uint32_t)parts[0]);
}

static void fold_word(struct rune *word, size_t len, enum word kind)
{
	for (size_t i = 0; i < len; i++) {
		char like;

		if (word[i].c < 0x80)
			continue;
		like = lookalike(word[i].c);
		if (!like && kind == WORD_MIXED && script_of(word[i].c) != SCRIPT_LATIN)
			like = lookalike_base(word[i].c);
		if (like >= 'a' || (like && kind == WORD_MIXED))
			word[i].c = (uint32_t)(like | 0x20);
	}
}

/* Where the word at or after at begins and ends; false: there is none. */
static bool next_word(const struct runes *runes, size_t *begin, size_t *end)
{
	size_t at = *end;

	while (at < runes->count && !is_in_word(&runes->items[at]))
		at++;
	*begin = at;
	while (at < runes->count && is_in_word(&runes->items[at]))
		at++;
	*end = at;
	return *end > *begin;
}

static bool is_certain(enum word w)
{
	return w == WORD_LATIN || w == WORD_OTHER || w == WORD_MIXED;
}

/* A word that could be either is what its neighbours are; without any, or between two languages,
 * it stays itself. */
static void settle(uint8_t *words, size_t count, bool is_latin_before, bool is_latin_after)
{
	enum word near = is_latin_before ? WORD_LATIN : WORD_NONE;

	for (size_t i = 0; i < count; i++) {
		if (is_certain(words[i]))
			near = words[i];
		else if (words[i] == WORD_LOOKALIKE && near == WORD_OTHER)
			words[i] = WORD_KEPT;
		else if (words[i] == WORD_LOOKALIKE && near != WORD_NONE)
			words[i] = WORD_LIKELY;
	}
	near = is_latin_after ? WORD_LATIN : WORD_NONE;
	for (size_t i = count; i--;) {
		if (is_certain(words[i]))
			near = words[i];
		else if (words[i] == WORD_LIKELY && near == WORD_OTHER)
			words[i] = WORD_KEPT;
		else if (words[i] == WORD_LOOKALIKE && (near == WORD_LATIN || near == WORD_MIXED))
			words[i] = WORD_LIKELY;
	}
}

/* A byte for each word that the stretch could have. */
static int reserve_words(struct views *v)
{
	uint8_t *words;

	if (v->words_size >= v->runes.count)
		return 0;
	words = realloc(v->words, v->runes.size);
	if (!words)
		return -ENOMEM;
	v->words = words;
	v->words_size = v->runes.size;
	return 0;
}

int lookalikes_fold(struct views *v, bool is_latin_before, bool is_latin_after)
{
	struct rune *items = v->runes.items;
	size_t count = 0, begin, end = 0;
	int r;

	r = reserve_words(v);
	if (r < 0)
		return r;
	while (next_word(&v->runes, &begin, &end))
		v->words[count++] = (uint8_t)judge_word(items + begin, end - begin);
	settle(v->words, count, is_latin_before, is_latin_after);
	end = count = 0;
	while (next_word(&v->runes, &begin, &end)) {
		enum word kind = v->words[count++];

		if (kind == WORD_LATIN || kind == WORD_MIXED || kind == WORD_LIKELY)
			fold_word(items + begin, end - begin, kind);
	}
	return 0;
}
