/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a text could have in it besides itself: one quick look, so that the usual text, which has
 * nothing, pays for no search. A hint may be wrong; what gives none has nothing. It looks at 64
 * bytes at a time, as sets of positions, and goes on 48 further: no pattern here is longer than 16.
 */
#include "views/hints.h"
#include "views/words.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define WINDOW 64
#define STEP   48
_Static_assert(VECTOR_SLACK >= WINDOW, "the last window may end beyond the text");

/* Bit i: the byte at i is one. */
struct sets {
	uint64_t letters;
	uint64_t wide; /* beyond ASCII */
	uint64_t digits;
	uint64_t hex;
	uint64_t blanks;
	uint64_t joints; /* punctuation that words have inside: - . / _ , : */
	uint64_t apostrophes;
	uint64_t base64; /* + / - _ */
	uint64_t same;	 /* as the byte behind it */
	uint64_t percents, ampersands, backslashes;
};

#ifdef __SSE2__
static uint64_t bits_of(__m128i x)
{
	return (unsigned)_mm_movemask_epi8(x);
}

static __m128i between(__m128i x, char low, char high)
{
	return _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8((char)(low - 1))),
			     _mm_cmplt_epi8(x, _mm_set1_epi8((char)(high + 1))));
}

static __m128i is(__m128i x, char c)
{
	return _mm_cmpeq_epi8(x, _mm_set1_epi8(c));
}

static void add_block(const char *s, unsigned shift, struct sets *ret)
{
	__m128i x = _mm_loadu_si128((const __m128i *)s);
	__m128i next = _mm_loadu_si128((const __m128i *)(s + 1));
	__m128i joint = _mm_or_si128(_mm_or_si128(is(x, '-'), is(x, '/')), is(x, '_'));
	__m128i stop = _mm_or_si128(_mm_or_si128(is(x, '.'), is(x, ',')), is(x, ':'));
	uint64_t digits = bits_of(between(x, '0', '9'));

	ret->letters |= bits_of(between(x, 'a', 'z')) << shift;
	ret->wide |= bits_of(x) << shift;
	ret->digits |= digits << shift;
	ret->hex |= (bits_of(between(x, 'a', 'f')) | digits) << shift;
	ret->blanks |= bits_of(_mm_or_si128(is(x, ' '), is(x, '\n'))) << shift;
	ret->joints |= bits_of(_mm_or_si128(joint, stop)) << shift;
	ret->apostrophes |= bits_of(is(x, '\'')) << shift;
	ret->base64 |= bits_of(_mm_or_si128(joint, is(x, '+'))) << shift;
	ret->same |= bits_of(_mm_cmpeq_epi8(x, next)) << shift;
	ret->percents |= bits_of(is(x, '%')) << shift;
	ret->ampersands |= bits_of(is(x, '&')) << shift;
	ret->backslashes |= bits_of(is(x, '\\')) << shift;
}

static void look(const char *s, struct sets *ret)
{
	*ret = (struct sets){ 0 };
	for (unsigned shift = 0; shift < WINDOW; shift += 16)
		add_block(s + shift, shift, ret);
}
#else
static void look(const char *s, struct sets *ret)
{
	*ret = (struct sets){ 0 };
	for (unsigned i = 0; i < WINDOW; i++) {
		uint64_t bit = 1ull << i;
		bool is_digit = s[i] >= '0' && s[i] <= '9';

		ret->letters |= s[i] >= 'a' && s[i] <= 'z' ? bit : 0;
		ret->wide |= s[i] & 0x80 ? bit : 0;
		ret->digits |= is_digit ? bit : 0;
		ret->hex |= is_digit || (s[i] >= 'a' && s[i] <= 'f') ? bit : 0;
		ret->blanks |= s[i] == ' ' || s[i] == '\n' ? bit : 0;
		ret->joints |= s[i] && strchr("-./_,:", s[i]) ? bit : 0;
		ret->apostrophes |= s[i] == '\'' ? bit : 0;
		ret->base64 |= s[i] && strchr("+/-_", s[i]) ? bit : 0;
		ret->same |= s[i] == s[i + 1] ? bit : 0;
		ret->percents |= s[i] == '%' ? bit : 0;
		ret->ampersands |= s[i] == '&' ? bit : 0;
		ret->backslashes |= s[i] == '\\' ? bit : 0;
	}
}
#endif

/* Are there 16 in a row? */
static bool has_run(uint64_t set)
{
	set &= set >> 1;
	set &= set >> 2;
	set &= set >> 4;
	return set & set >> 8;
}

/* Three in a row, distance apart. */
static uint64_t thrice(uint64_t set, unsigned distance)
{
	return set & set >> distance & set >> 2 * distance;
}

static unsigned encodings(const struct sets *s)
{
	uint64_t pairs = s->hex & s->hex >> 1 & ~(s->hex >> 2);
	/* 68 6f 77; 68, 6f, or 0x68 0x6f; 0x68, 0x6f, ; U+0068 U+006F */
	bool has_numbers = thrice(pairs, 3) || thrice(pairs, 4) || thrice(pairs, 5) ||
			   thrice(pairs, 6) || thrice(pairs, 7);
	unsigned hints = 0;

	if (s->percents)
		hints |= 1u << VIEW_PERCENT;
	if (s->ampersands)
		hints |= 1u << VIEW_ENTITIES;
	if (has_run(s->letters | s->digits | s->base64))
		hints |= 1u << VIEW_BASE64;
	if (s->backslashes || has_run(s->hex) || has_numbers)
		hints |= 1u << VIEW_HEX;
	return hints;
}

/* Where the word that ends, or begins, beside each of set has at most three letters. */
static uint64_t short_before(uint64_t set, uint64_t words)
{
	uint64_t gaps = ~words;

	/* in front of the window there could be a gap */
	return set & (gaps << 2 | gaps << 3 | gaps << 4 | 0xf);
}

static uint64_t short_behind(uint64_t set, uint64_t words)
{
	uint64_t gaps = ~words;

	return set & (gaps >> 2 | gaps >> 3 | gaps >> 4);
}

static bool is_disguised(const struct sets *s, uint64_t valid)
{
	uint64_t letters = s->letters | s->wide, words = letters | s->digits;
	uint64_t odd = ~(words | s->blanks | s->joints | s->apostrophes) & valid;
	uint64_t inside = letters << 1 & letters >> 1; /* between two letters */
	uint64_t single = words & ~(words << 1) & ~(words >> 1);
	uint64_t joints = s->joints & inside;
	uint64_t digits = s->digits;

	return inside & (digits | odd) ||				      /* h4ck, b*mb */
	       (letters << 1 & odd & odd >> 1 & letters >> 2) ||	      /* pa$$word */
	       (digits & letters >> 1 & letters >> 2 & letters >> 3) ||	      /* 4ttack */
	       (digits & letters >> 1 & (digits >> 2 | digits >> 3)) ||	      /* 1n5, 1mp1 */
	       (letters & letters >> 1 & digits >> 2 & ~(words >> 3)) ||      /* th3 */
	       (s->same & s->same >> 1 & s->letters) ||			      /* killll */
	       thrice(single, 2) || thrice(single, 3) || thrice(single, 4) || /* k i l l */
	       (joints & (joints >> 2 | joints >> 3)) ||		      /* ki-ll-er */
	       short_behind(short_before(joints, words), words) ||	      /* bo-mb */
	       (s->letters & s->wide >> 1);				      /* bömb */
}

/* Are there two words of two letters, one of them none: ki ll er? */
static bool is_split(const struct sets *s, const char *text)
{
	uint64_t between = thrice(s->blanks, 3) & s->letters >> 1 & s->letters >> 2 &
			   s->letters >> 4 & s->letters >> 5;

	for (; between; between &= between - 1) {
		const char *first = text + __builtin_ctzll(between) + 1;

		if (!word_grade(first, 2) || !word_grade(first + 3, 2))
			return true;
	}
	return false;
}

/* What is beyond the text is in no set. */
static void clip(struct sets *s, uint64_t valid)
{
	s->letters &= valid;
	s->wide &= valid;
	s->digits &= valid;
	s->hex &= valid;
	s->joints &= valid;
	s->apostrophes &= valid;
	s->base64 &= valid;
	s->same &= valid >> 1;
	s->percents &= valid;
	s->ampersands &= valid;
	s->backslashes &= valid;
	/* the end is as good as a blank */
	s->blanks = (s->blanks & valid) | (~valid & -~valid);
}

unsigned hints_of(const char *text, size_t len)
{
	unsigned hints = 0;

	for (size_t at = 0; at < len; at += STEP) {
		uint64_t valid = len - at >= WINDOW ? ~0ull : (1ull << (len - at)) - 1;
		struct sets s;

		look(text + at, &s);
		if (~valid)
			clip(&s, valid);
		hints |= encodings(&s);
		hints |= is_disguised(&s, valid) ? 1u << VIEW_UNDISGUISED : 0;
		hints |= !(hints & HINT_SPLIT) && is_split(&s, text + at) ? HINT_SPLIT : 0;
	}
	return hints;
}
