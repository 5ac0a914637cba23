/* SPDX-License-Identifier: Apache-2.0 */
/* What the ways of undoing a disguise share. They read the normal view; offsets are its. Inside
 * views/ only. */
#ifndef VIEWS_UNDISGUISE_H
#define VIEWS_UNDISGUISE_H

#include "views/decode.h"

#define LETTERS_MAX 32 /* longer than any word that is worth it */

/* A word's letters, and the byte that each came from. */
struct letters {
	char c[LETTERS_MAX];
	uint32_t at[LETTERS_MAX];
	unsigned len;
};

/* Punctuation that may stand inside a disguised word. */
#define LEET_JOINTS "-.*~^#"

bool is_small_letter(char c);
/* What a digit or sign stands for in leetspeak; 0: nothing. */
char leet_letter(char c);

/* leet.c: undoes the word at [begin, *end), to which *end may move back; false: it is as it looks.
 */
bool leet_undo(const struct source *in, size_t begin, size_t *end, struct buffer *out);

enum spaced {
	SPACED_NONE,	 /* not single letters */
	SPACED_NO_WORDS, /* single letters, but they say nothing */
	SPACED_WORDS,
};

/* spaced.c: the single letters from begin on, all with the same between them, joined and cut into
 * words at the end of out. Where they end is in *ret_end, but for SPACED_NONE. */
enum spaced spaced_undo(const struct source *in, size_t begin, struct buffer *out, size_t *ret_end);

/* split.c: a word that begins at begin and has blanks inside. */
bool split_undo(const struct source *in, size_t begin, struct buffer *out, size_t *ret_end);

/* The second looks for words with blanks inside, too. */
extern const struct codec disguise_codec, disguise_split_codec;

#endif
