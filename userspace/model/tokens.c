/* SPDX-License-Identifier: Apache-2.0 */
/* Where a token ends. ASCII by table; everything else by its Unicode category. */
#include "model/tokens.h"

#include <utf8proc.h>
#include "base/base.h"

#define HASH_MULTIPLIER 0x9e3779b97f4a7c15ull /* 2^64 / golden ratio */

/* Scripts that write words without spaces between them: a character is the smallest thing that
 * means something. First and last code point. */
static const struct {
	utf8proc_int32_t first, last;
} unspaced[] = {
	{ 0x0e00, 0x0eff },   /* Thai, Lao */
	{ 0x1000, 0x109f },   /* Myanmar */
	{ 0x1780, 0x17ff },   /* Khmer */
	{ 0x2e80, 0x9fff },   /* Han and kana */
	{ 0xac00, 0xd7af },   /* Hangul: spaced, but particles hang on to every word */
	{ 0xf900, 0xfaff },   /* Han, compatibility */
	{ 0x20000, 0x3ffff }, /* Han, the rest */
};

uint64_t token_hash(const char *word, size_t len)
{
	uint64_t h = len * HASH_MULTIPLIER;

	for (size_t i = 0; i < len; i++) {
		h = (h ^ (unsigned char)word[i]) * HASH_MULTIPLIER;
		h ^= h >> 29;
	}
	return h;
}

static bool is_ascii_letter(unsigned char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(unsigned char c)
{
	return c <= ' ' || c == 0x7f;
}

static bool is_unspaced(utf8proc_int32_t c)
{
	for (size_t i = 0; i < ARRAY_SIZE(unspaced); i++)
		if (c >= unspaced[i].first && c <= unspaced[i].last)
			return true;
	return false;
}

static enum token_kind kind_of(utf8proc_int32_t c)
{
	utf8proc_category_t category = utf8proc_category(c);

	if (is_unspaced(c))
		return TOKEN_CHARACTER;
	if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_ME)
		return TOKEN_WORD; /* letters and the marks on them */
	if (category == UTF8PROC_CATEGORY_ND)
		return TOKEN_NUMBER;
	return TOKEN_SIGN;
}

/* The kind of the character at `at`, and its length. */
static enum token_kind peek(const struct tokens *t, size_t at, size_t *ret_len)
{
	unsigned char c = (unsigned char)t->text[at];
	utf8proc_int32_t code;
	utf8proc_ssize_t n;

	*ret_len = 1;
	if (is_ascii_letter(c))
		return TOKEN_WORD;
	if (is_digit(c))
		return TOKEN_NUMBER;
	if (c < 0x80)
		return TOKEN_SIGN;
	n = utf8proc_iterate((const utf8proc_uint8_t *)t->text + at,
			     (utf8proc_ssize_t)(t->len - at), &code);
	if (n <= 0)
		return TOKEN_SIGN;
	*ret_len = (size_t)n;
	return kind_of(code);
}

bool tokens_next(struct tokens *t, struct token *ret)
{
	size_t end, n;

	while (t->at < t->len && is_blank((unsigned char)t->text[t->at]))
		t->at++;
	if (t->at >= t->len)
		return false;
	ret->kind = peek(t, t->at, &n);
	end = t->at + n;
	if (ret->kind == TOKEN_WORD || ret->kind == TOKEN_NUMBER)
		while (end < t->len && peek(t, end, &n) == ret->kind)
			end += n;
	ret->begin = (uint32_t)t->at;
	ret->end = (uint32_t)end;
	ret->hash = token_hash(t->text + t->at, end - t->at);
	t->at = end;
	return true;
}
