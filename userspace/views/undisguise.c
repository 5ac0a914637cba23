/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disguised words, one after the other: single letters with something between them, words that are
 * cut by blanks, and what is odd inside a word. What comes out has to be a word that is known, or
 * the disguise has to be plain; so arithmetic, versions and ordinals stay as they are.
 */
#include <string.h>
#include "views/undisguise.h"

#define WORD_BYTES_MAX 64 /* what is longer is no word, but an address or a key */

bool is_small_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

char leet_letter(char c)
{
	static const char letters[128] = {
		['0'] = 'o', ['1'] = 'i', ['2'] = 'z', ['3'] = 'e', ['4'] = 'a',
		['5'] = 's', ['6'] = 'g', ['7'] = 't', ['8'] = 'b', ['9'] = 'g',
		['@'] = 'a', ['$'] = 's', ['!'] = 'i', ['|'] = 'l', ['+'] = 't',
	};

	return c & 0x80 ? 0 : letters[(uint8_t)c];
}

enum use {
	USE_INSIDE = 1, /* a word, disguised or not, can have it in it */
	USE_BEGIN = 2,	/* and begin with it */
	USE_PLAIN = 4,	/* a small letter */
};

static const uint8_t uses[256] = {
	['a' ... 'z'] = USE_INSIDE | USE_BEGIN | USE_PLAIN,
	['0' ... '9'] = USE_INSIDE | USE_BEGIN,
	[0x80 ... 0xff] = USE_INSIDE | USE_BEGIN,
	['@'] = USE_INSIDE | USE_BEGIN,
	['$'] = USE_INSIDE | USE_BEGIN,
	['!'] = USE_INSIDE,
	['|'] = USE_INSIDE,
	['+'] = USE_INSIDE,
	['-'] = USE_INSIDE, /* and the others of LEET_JOINTS */
	['.'] = USE_INSIDE,
	['*'] = USE_INSIDE,
	['~'] = USE_INSIDE,
	['^'] = USE_INSIDE,
	['#'] = USE_INSIDE,
};

static bool can(char c, enum use use)
{
	return uses[(uint8_t)c] & use;
}

/* The end of the word at `at`; is there anything odd in it? */
static size_t word_end(const struct source *in, size_t at, bool *ret_is_odd)
{
	unsigned same = 0;
	size_t begin = at;

	*ret_is_odd = false;
	for (; at < in->len && can(in->text[at], USE_INSIDE); at++) {
		same = at > begin && in->text[at] == in->text[at - 1] ? same + 1 : 0;
		*ret_is_odd |= same >= 2 || !can(in->text[at], USE_PLAIN);
	}
	return at;
}

/* Behind the apostrophe of isn't and it's, which begins no word. */
static size_t skip_ending(const struct source *in, size_t at)
{
	if (!at || in->text[at] != '\'' || !is_small_letter(in->text[at - 1]))
		return at;
	at++;
	while (at < in->len && is_small_letter(in->text[at]))
		at++;
	return at;
}

/* Where the next word begins; the end of the text: there is none. */
static size_t next_word(const struct source *in, size_t at)
{
	while (at < in->len) {
		at = skip_ending(in, at);
		if (at < in->len && can(in->text[at], USE_BEGIN))
			return at;
		at += at < in->len;
	}
	return at;
}

static bool next_disguise(const struct source *in, size_t at, bool with_splits, struct buffer *out,
			  size_t *ret_begin, size_t *ret_end)
{
	while ((at = next_word(in, at)) < in->len) {
		bool is_odd;
		size_t end = word_end(in, at, &is_odd);
		enum spaced spaced;

		*ret_begin = at;
		spaced = spaced_undo(in, at, out, ret_end);
		if (spaced == SPACED_WORDS)
			return true;
		if (spaced == SPACED_NO_WORDS) {
			at = *ret_end;
			continue;
		}
		if (with_splits && split_undo(in, at, out, ret_end))
			return true;
		if (is_odd && end - at <= WORD_BYTES_MAX && leet_undo(in, at, &end, out)) {
			*ret_end = end;
			return true;
		}
		at = end;
	}
	return false;
}

static bool next(const struct source *in, size_t at, struct buffer *out, size_t *ret_begin,
		 size_t *ret_end)
{
	return next_disguise(in, at, false, out, ret_begin, ret_end);
}

static bool next_with_splits(const struct source *in, size_t at, struct buffer *out,
			     size_t *ret_begin, size_t *ret_end)
{
	return next_disguise(in, at, true, out, ret_begin, ret_end);
}

const struct codec disguise_codec = { next };
const struct codec disguise_split_codec = { next_with_splits };
