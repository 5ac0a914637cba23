/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is odd inside one word: digits and signs for letters, letters drawn out, punctuation, a star
 * for a vowel, accents that no language put there. Signs that could be two letters and letters that
 * could be doubled are tried, a few at most; a result that is a word is taken. One that isn't only
 * if there is no doubt: two signs between letters, or more than half of the letters accented.
 */
#include <string.h>
#include <utf8proc.h>
#include "views/undisguise.h"
#include "views/words.h"

#define CHOICES_MAX 3 /* places where two letters are tried: eight words */
#define SURE_LEN    5 /* shorter unknown words are names of things: mp3, k8s */
#define WORD_MIN    3

/* A word taken apart. */
struct odd {
	struct letters letters;	    /* as most likely meant */
	char other[LETTERS_MAX];    /* a second meaning, or 0 */
	bool is_extra[LETTERS_MAX]; /* a drawn-out letter's second: there or not */
	unsigned signs, inner_signs, firm_signs, loose_signs, accents, stretches, long_stretches,
		joints, odd_joints, plain, stars;
	unsigned star; /* where it is */
	size_t star_at;
};

static void add(struct odd *o, char c, char other, bool is_extra, size_t at)
{
	unsigned i = o->letters.len;

	o->other[i] = other;
	o->is_extra[i] = is_extra;
	o->letters.c[i] = c;
	o->letters.at[i] = (uint32_t)at;
	o->letters.len++;
}

/* The Latin letter under an accent or a stroke; 0: it isn't one. */
static char base_letter(uint32_t c)
{
	static const struct {
		uint32_t c;
		char base;
	} strokes[] = {
		{ 0xf8, 'o' },	{ 0x111, 'd' }, { 0x127, 'h' }, { 0x131, 'i' },
		{ 0x142, 'l' }, { 0x167, 't' }, { 0x180, 'b' }, { 0x268, 'i' },
	};
	utf8proc_int32_t parts[8];

	for (unsigned i = 0; i < ARRAY_SIZE(strokes); i++) {
		if (c == strokes[i].c)
			return strokes[i].base;
	}
	if (c >= 0x2000 || utf8proc_decompose_char((utf8proc_int32_t)c, parts, ARRAY_SIZE(parts),
						   UTF8PROC_DECOMPOSE, &(int){ 0 }) < 2)
		return 0;
	return parts[0] < 0x80 && is_small_letter((char)parts[0]) ? (char)parts[0] : 0;
}

static bool is_letter_at(const struct source *in, size_t begin, size_t end, size_t at)
{
	return at >= begin && at < end && (is_small_letter(in->text[at]) || in->text[at] & 0x80);
}

/* A letter; three and more of it are one or two. */
static size_t take_letter(const struct source *in, size_t at, size_t end, struct odd *o)
{
	char c = in->text[at];
	size_t run = at;

	while (run < end && in->text[run] == c)
		run++;
	o->plain++;
	add(o, c, 0, false, at);
	if (run - at < 3)
		return at + 1;
	o->stretches++;
	o->long_stretches += run - at > 3; /* three can be two words, processStart */
	add(o, c, 0, true, at + 1);
	return run;
}

static bool is_beside_word(const struct source *in, size_t begin, size_t end, size_t at)
{
	return (at > begin && !strchr(LEET_JOINTS, in->text[at - 1])) ||
	       (at + 1 < end && !strchr(LEET_JOINTS, in->text[at + 1]));
}

static size_t take_sign(const struct source *in, size_t begin, size_t at, size_t end, struct odd *o)
{
	char c = in->text[at], other = 0;
	bool is_inner = is_letter_at(in, begin, end, at - 1) &&
			is_letter_at(in, begin, end, at + 1);

	if (c == '1' || c == '!')
		other = 'l';
	else if (c == '2')
		other = 'r';
	else if (c == '|')
		other = 'i';
	o->signs++;
	o->inner_signs += is_inner && c != '|';
	/* password1 and html5 have theirs at the end, 4-part by itself */
	o->firm_signs += at + 1 < end || strchr("03$", c);
	o->loose_signs += !is_beside_word(in, begin, end, at);
	add(o, leet_letter(c), other, false, at);
	return at + 1;
}

static size_t take_joint(const struct source *in, size_t at, struct odd *o)
{
	o->joints++;
	o->odd_joints += !strchr("-.'", in->text[at]);
	if (in->text[at] == '*') {
		o->star = o->letters.len;
		o->star_at = at;
		o->stars++;
	}
	return at + 1;
}

/* false: not a Latin word, or too long. */
static bool take_apart(const struct source *in, size_t begin, size_t end, struct odd *o)
{
	for (size_t at = begin; at < end;) {
		if (o->letters.len + 2 > LETTERS_MAX)
			return false;
		if (is_small_letter(in->text[at])) {
			at = take_letter(in, at, end, o);
		} else if (in->text[at] & 0x80) {
			size_t next = at;
			char base = base_letter(utf8_next(in->text, end, &next));

			if (!base)
				return false;
			o->plain++;
			o->accents++;
			add(o, base, 0, false, at);
			at = next;
		} else if (leet_letter(in->text[at])) {
			at = take_sign(in, begin, at, end, o);
		} else {
			at = take_joint(in, at, o);
		}
	}
	return true;
}

/* The letters with the choices that are bits of mask. */
static void choose(const struct odd *o, unsigned mask, struct letters *ret)
{
	unsigned bit = 0;

	ret->len = 0;
	for (unsigned i = 0; i < o->letters.len; i++) {
		bool has_choice = o->is_extra[i] || o->other[i];
		bool is_second = has_choice && mask >> bit & 1;

		if (has_choice && bit < CHOICES_MAX)
			bit++;
		else
			is_second = false;
		if (o->is_extra[i] && !is_second)
			continue;
		ret->c[ret->len] = o->other[i] && is_second ? o->other[i] : o->letters.c[i];
		ret->at[ret->len++] = o->letters.at[i];
	}
}

static bool find_word(const struct odd *o, struct letters *ret)
{
	unsigned choices = 0;

	for (unsigned i = 0; i < o->letters.len; i++)
		choices += o->is_extra[i] || o->other[i];
	/* more letters first: killll is kill and not kil */
	for (unsigned mask = 1u << MIN(choices, (unsigned)CHOICES_MAX); mask--;) {
		choose(o, mask, ret);
		if (ret->len >= (o->stretches ? 2 : WORD_MIN) && word_grade(ret->c, ret->len))
			return true;
	}
	choose(o, 0, ret);
	return ret->len >= SURE_LEN && is_word(ret->c, ret->len);
}

/* b*mb: which vowel makes it a word? */
static bool find_starred(const struct odd *o, struct letters *ret)
{
	static const char vowels[] = "aeiou";

	if (o->stars != 1 || o->signs || !o->star || o->letters.len + 1 > LETTERS_MAX ||
	    o->star == o->letters.len)
		return false;
	choose(o, 0, ret);
	if (ret->len != o->letters.len || ret->len + 1 < WORD_MIN + 1)
		return false;
	memmove(ret->c + o->star + 1, ret->c + o->star, ret->len - o->star);
	memmove(ret->at + o->star + 1, ret->at + o->star, (ret->len - o->star) * sizeof(*ret->at));
	ret->at[o->star] = (uint32_t)o->star_at;
	ret->len++;
	for (unsigned i = 0; vowels[i]; i++) {
		ret->c[o->star] = vowels[i];
		if (word_grade(ret->c, ret->len))
			return true;
	}
	return false;
}

/* Are the parts between the punctuation words, as in well-known? */
static bool has_word_parts(const struct source *in, size_t begin, size_t end)
{
	for (size_t at = begin; at < end;) {
		size_t part = at;

		while (at < end && is_small_letter(in->text[at]))
			at++;
		if (at - part >= 2 && !is_word(in->text + part, at - part))
			return false;
		if (at - part == 1 && part > begin) /* e-mail has one in front, k-ill, too */
			return false;
		at++;
	}
	return true;
}

static bool is_beyond_doubt(const struct odd *o)
{
	unsigned len = o->letters.len;

	if (len < SURE_LEN || o->plain * 2 < len || (o->joints && o->odd_joints < 2))
		return false;
	return o->inner_signs >= 2 || o->odd_joints >= 2 || o->accents * 2 > o->plain ||
	       (o->long_stretches && !o->signs && !o->joints);
}

/* What isn't of the word at its end. */
static size_t trim(const struct source *in, size_t begin, size_t end)
{
	while (end > begin && !(in->text[end - 1] & 0x80) && !is_ascii_alnum(in->text[end - 1]) &&
	       in->text[end - 1] != '$')
		end--;
	return end;
}

/* A word of a language that has accents may look like an English one without. */
static bool has_odd_accents(const struct odd *o)
{
	return o->accents >= 2 || (o->accents && o->letters.len >= SURE_LEN);
}

/* 100k is no look. */
static bool has_enough_letters(const struct odd *o)
{
	return o->plain * (o->letters.len >= SURE_LEN ? 4 : 2) >= o->letters.len;
}

/* Undoes [begin, end) as one word; false: it is none, or none that is disguised. */
static bool undo_word(const struct source *in, size_t begin, size_t end, struct letters *ret,
		      bool *ret_has_joints)
{
	struct odd o = { 0 };

	*ret_has_joints = false;
	if (end - begin < WORD_MIN || !take_apart(in, begin, end, &o))
		return false;
	*ret_has_joints = o.joints;
	if (o.joints && !o.signs && !o.odd_joints && has_word_parts(in, begin, end))
		return false;
	if (!o.firm_signs && !o.joints && !o.stretches && !has_odd_accents(&o))
		return false;
	if (o.joints && o.loose_signs)
		return false;
	if (has_enough_letters(&o) && (find_word(&o, ret) || find_starred(&o, ret)))
		return true;
	choose(&o, 0, ret);
	return is_beyond_doubt(&o);
}

static void add_letters(const struct letters *l, struct buffer *out)
{
	for (unsigned i = 0; i < l->len; i++)
		buffer_add(out, l->c[i], l->at[i]);
}

static bool is_joint(char c)
{
	return c && strchr(LEET_JOINTS, c);
}

/* Each part between the punctuation as a word; was one disguised? */
static bool undo_parts(const struct source *in, size_t begin, size_t end, struct buffer *out)
{
	bool has_any = false, has_joints;

	for (size_t at = begin; at < end;) {
		size_t part = at;
		struct letters word;

		while (at < end && !is_joint(in->text[at]))
			at++;
		if (undo_word(in, part, trim(in, part, at), &word, &has_joints)) {
			add_letters(&word, out);
			part = trim(in, part, at);
			has_any = true;
		}
		at += at < end;
		for (size_t i = part; i < at; i++)
			buffer_add(out, in->text[i], i);
	}
	return has_any;
}

bool leet_undo(const struct source *in, size_t begin, size_t *end, struct buffer *out)
{
	size_t last = trim(in, begin, *end), len = out->len;
	struct letters word;
	bool has_joints;

	if (undo_word(in, begin, last, &word, &has_joints))
		add_letters(&word, out);
	else if (!has_joints || !undo_parts(in, begin, last, out))
		out->len = len;
	if (out->len == len)
		return false;
	*end = last;
	return true;
}
