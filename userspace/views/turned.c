/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is there a stretch that makes no English as it stands, but does in rot13 or backwards? Each pair
 * of neighbouring letters says by how much it is likelier turned than not (pairs_table.h). The
 * gains are summed up and never fall below nothing, so the sum rises where a turned stretch is,
 * whatever stands before it. English loses 10 and 6 (quarters of a bit) a letter, so turned English
 * gains as much; of 6,000 prompts 2 and 3 come to GAIN_MIN in some place. What does is turned and
 * kept if at least half of its letters are then in words.
 */
#include <pthread.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include "views/pairs_table.h"
#include "views/turned.h"
#include "views/words.h"

#define GAIN_MIN  100
#define GAIN_DROP 60 /* so far below its highest the stretch has ended */
#define LETTERS	  27 /* 0 is whatever is no letter */

struct gains {
	int16_t rot13, reversed;
};

static struct gains gains[LETTERS][32];
static uint8_t letter_of[256];
static pthread_once_t loaded = PTHREAD_ONCE_INIT;

static unsigned rot13_of(unsigned letter)
{
	return letter ? (letter + 12) % 26 + 1 : 0;
}

static void load(void)
{
	for (unsigned c = 'a'; c <= 'z'; c++)
		letter_of[c] = (uint8_t)(c - 'a' + 1);
	for (unsigned a = 0; a < LETTERS; a++) {
		for (unsigned b = 0; b < LETTERS; b++) {
			gains[a][b].rot13 =
				(int16_t)(pairs[rot13_of(a)][rot13_of(b)] - pairs[a][b]);
			gains[a][b].reversed = (int16_t)(pairs[b][a] - pairs[a][b]);
		}
	}
}

void turned_load(void)
{
	pthread_once(&loaded, load);
}

static unsigned hints_for(int rot13, int reversed)
{
	return (rot13 >= GAIN_MIN ? 1u << VIEW_ROT13 : 0) |
	       (reversed >= GAIN_MIN ? 1u << VIEW_REVERSED : 0);
}

#ifdef __SSE2__
unsigned turned_hints(const char *text, size_t len)
{
	__m128i sum = _mm_setzero_si128(), most = _mm_setzero_si128();
	unsigned before = 0, both;

	for (size_t i = 0; i < len; i++) {
		unsigned c = letter_of[(uint8_t)text[i]];
		int gain;

		memcpy(&gain, &gains[before][c], sizeof(gain));
		sum = _mm_adds_epi16(sum, _mm_cvtsi32_si128(gain));
		sum = _mm_max_epi16(sum, _mm_setzero_si128());
		most = _mm_max_epi16(most, sum);
		before = c;
	}
	both = (unsigned)_mm_cvtsi128_si32(most);
	return hints_for((int16_t)both, (int16_t)(both >> 16));
}
#else
unsigned turned_hints(const char *text, size_t len)
{
	int rot13 = 0, reversed = 0, most_rot13 = 0, most_reversed = 0;
	unsigned before = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned c = letter_of[(uint8_t)text[i]];

		rot13 = MAX(rot13 + gains[before][c].rot13, 0);
		reversed = MAX(reversed + gains[before][c].reversed, 0);
		most_rot13 = MAX(most_rot13, rot13);
		most_reversed = MAX(most_reversed, reversed);
		before = c;
	}
	return hints_for(most_rot13, most_reversed);
}
#endif

/* The next stretch whose gains come to enough, from word to word; false: there is none. */
static bool find(const struct source *in, size_t at, bool is_rot13, size_t *ret_begin,
		 size_t *ret_end)
{
	int sum = 0, most = 0;
	unsigned before = 0;

	*ret_begin = *ret_end = at;
	for (; at < in->len; at++) {
		unsigned c = letter_of[(uint8_t)in->text[at]];

		sum += is_rot13 ? gains[before][c].rot13 : gains[before][c].reversed;
		before = c;
		if (sum > most) {
			most = sum;
			*ret_end = at + 1;
		}
		/* what isn't ASCII isn't turned */
		if (most >= GAIN_MIN && (sum < most - GAIN_DROP || in->text[at] & 0x80))
			break;
		if (sum <= 0 || in->text[at] & 0x80) {
			sum = most = 0;
			*ret_begin = at + 1;
		}
	}
	return most >= GAIN_MIN;
}

static bool is_letter_at(const struct source *in, size_t at)
{
	return at < in->len && letter_of[(uint8_t)in->text[at]];
}

/* To whole words, those at the ends only if they are none as they stand; not back into what is
 * done. */
static void widen(const struct source *in, size_t done, size_t *begin, size_t *end)
{
	size_t first = *begin, last = *end, behind;

	while (first > done && is_letter_at(in, first - 1))
		first--;
	behind = *begin;
	while (is_letter_at(in, behind))
		behind++;
	*begin = is_word(in->text + first, behind - first) ? behind : first;
	while (is_letter_at(in, *end))
		++*end;
	while (last > *begin && is_letter_at(in, last - 1))
		last--;
	if (last > *begin && is_word(in->text + last, *end - last))
		*end = last;
	while (*begin < *end && !is_letter_at(in, *begin))
		++*begin;
	while (*end > *begin && !is_letter_at(in, *end - 1))
		--*end;
}

static bool is_english(const struct buffer *b)
{
	size_t letters = 0, known = 0;

	for (size_t at = 0; at < b->len; at++) {
		size_t begin = at;

		while (at < b->len && letter_of[(uint8_t)b->text[at]])
			at++;
		letters += at - begin;
		known += is_word(b->text + begin, at - begin) ? at - begin : 0;
	}
	return letters && known * 2 >= letters;
}

static bool next_rot13(const struct source *in, size_t at, struct buffer *out, size_t *ret_begin,
		       size_t *ret_end)
{
	static const char letters[] = "\0abcdefghijklmnopqrstuvwxyz";

	for (size_t done = at; find(in, at, true, ret_begin, ret_end);) {
		at = *ret_end;
		widen(in, done, ret_begin, ret_end);
		out->len = 0;
		for (size_t i = *ret_begin; i < *ret_end; i++) {
			unsigned c = letter_of[(uint8_t)in->text[i]];

			buffer_add(out, c ? letters[rot13_of(c)] : in->text[i], i);
		}
		if (is_english(out))
			return true;
	}
	return false;
}

static bool next_reversed(const struct source *in, size_t at, struct buffer *out, size_t *ret_begin,
			  size_t *ret_end)
{
	for (size_t done = at; find(in, at, false, ret_begin, ret_end);) {
		at = *ret_end;
		widen(in, done, ret_begin, ret_end);
		out->len = 0;
		for (size_t i = *ret_end; i-- > *ret_begin;)
			buffer_add(out, in->text[i], i);
		if (is_english(out))
			return true;
	}
	return false;
}

const struct codec rot13_codec = { next_rot13 };
const struct codec reversed_codec = { next_reversed };
