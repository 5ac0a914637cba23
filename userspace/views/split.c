/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words cut by blanks: "ki ll", "ex plo it". Only where what is joined is a word, and a part of it
 * isn't.
 */
#include "views/undisguise.h"
#include "views/words.h"

#define PART_MIN  2 /* one is a name for something */
#define PART_MAX  5 /* letters: longer parts are words of their own */
#define PARTS_MAX 4
#define WORD_MIN  4

/* The end of the letters at `at`, if nothing else is in their word; else 0. */
static size_t part_end(const struct source *in, size_t at)
{
	size_t end = at;

	while (end < in->len && end - at <= PART_MAX && is_small_letter(in->text[end]))
		end++;
	if (end == at || end - at > PART_MAX)
		return 0;
	return end == in->len || (!is_ascii_alnum(in->text[end]) && !(in->text[end] & 0x80)) ? end
											     : 0;
}

bool split_undo(const struct source *in, size_t begin, struct buffer *out, size_t *ret_end)
{
	bool has_fragment = false;
	uint32_t at[WORD_LEN_MAX];
	uint32_t hash = WORD_HASH_EMPTY;
	unsigned joined = 0, len = 0;

	for (unsigned part = 0; part < PARTS_MAX; part++) {
		size_t end = part_end(in, begin);

		if (!end || joined + end - begin > WORD_LEN_MAX)
			break;
		has_fragment |= !word_grade(in->text + begin, end - begin);
		for (size_t i = begin; i < end; i++) {
			at[joined++] = (uint32_t)i;
			hash = word_hash_add(hash, in->text[i]);
		}
		if (part && has_fragment && joined >= WORD_MIN && word_grade_hashed(hash)) {
			len = joined;
			*ret_end = end;
		}
		if (end >= in->len || in->text[end] != ' ')
			break;
		begin = end + 1;
	}
	for (unsigned i = 0; i < len; i++)
		buffer_add(out, in->text[at[i]], at[i]);
	return len;
}
