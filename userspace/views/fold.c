/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a stretch of text into characters: NFKC, without what can't be seen. Characters that are
 * smuggled past a reader, but not past a model, become readable: tag characters (U+E0020…) are the
 * ASCII they stand for, and so are variation selectors that carry bytes. A pile of combining marks
 * on a letter is torn down: no language puts more than MARKS_MAX on a Latin, Greek or Cyrillic
 * letter.
 *
 * A cluster is a character and the marks after it; it is what composition looks at. The work on one
 * is bounded, because the marks that it keeps are.
 */
#include <errno.h>
#include <string.h>
#include <utf8proc.h>
#include "views/internal.h"

#define MARKS_MAX	  2  /* Vietnamese has two */
#define MARKS_MAX_OTHER	  6  /* vowels, tones and viramas of other scripts */
#define EXPANDED_MAX	  20 /* U+FDFA becomes 18 characters */
#define EXPANSIONS	  8  /* remembered at a time */
#define TAG_FIRST	  0xe0020
#define TAG_LAST	  0xe007e
#define SELECTOR_FIRST	  0xe0110
#define SELECTOR_LAST	  0xe016e
#define SELECTOR_BASE	  0xe00f0
#define TAG_BASE	  0xe0000
#define APOSTROPHE_LETTER 0x2bc
#define BRAILLE_BLANK	  0x2800 /* the last that plain_form() knows */

/* What a character becomes by NFKC. */
struct expansion {
	uint32_t c;	/* 0: none */
	uint32_t whole; /* one character; or 0, and then these: */
	utf8proc_int32_t to[EXPANDED_MAX];
	utf8proc_ssize_t count;
	size_t bytes;
};

struct fold {
	struct runes *out;
	size_t cluster; /* its first character in out */
	bool stripped;	/* this cluster had too many marks: it gets none */
	bool in_tags;
	size_t bytes; /* of the view so far, at most */
	struct expansion expansions[EXPANSIONS];
};

static int push(struct fold *f, uint32_t c, uint8_t category, uint32_t at)
{
	struct runes *out = f->out;

	if (out->count == out->size) {
		size_t size = MAX(2 * out->size, (size_t)1 << 10);
		struct rune *items = reallocarray(out->items, size, sizeof(*items));

		if (!items)
			return -ENOMEM;
		out->items = items;
		out->size = size;
	}
	out->items[out->count++] = (struct rune){ c, at, category };
	f->bytes += utf8_len(c);
	return 0;
}

static bool is_mark(uint32_t c, const utf8proc_property_t *p)
{
	return p->category >= UTF8PROC_CATEGORY_MN && p->category <= UTF8PROC_CATEGORY_ME;
}

/* Vowels and final consonants of Hangul compose like marks with the syllable in front. */
static bool is_jamo_tail(uint32_t c)
{
	return c > 0x1160 && c <= 0x11ff;
}

static bool is_jamo_head(uint32_t c)
{
	return (c >= 0x1100 && c < 0x1160) || (c >= 0xac00 && c < 0xd7a4);
}

/* Is c of a script whose letters have few marks? */
static bool is_plain_script(uint32_t c)
{
	return c < 0x590 || (c >= 0x1c80 && c < 0x2c00);
}

/* Canonical order: marks of one kind stay in order, and nothing passes a mark of class 0. */
static void sort_marks(utf8proc_int32_t *c, utf8proc_ssize_t count)
{
	for (utf8proc_ssize_t i = 1; i < count; i++) {
		utf8proc_int32_t mark = c[i];
		utf8proc_propval_t rank = utf8proc_get_property(mark)->combining_class;
		utf8proc_ssize_t k = i;

		for (; rank && k && utf8proc_get_property(c[k - 1])->combining_class > rank; k--)
			c[k] = c[k - 1];
		c[k] = mark;
	}
}

/* Composes what the cluster ended up with. */
static void end_cluster(struct fold *f)
{
	utf8proc_int32_t c[EXPANDED_MAX + MARKS_MAX_OTHER];
	size_t count = f->out->count - f->cluster;
	struct rune *items;
	utf8proc_ssize_t n;

	if (count < 2)
		return;
	items = f->out->items + f->cluster;
	n = utf8proc_decompose_char((utf8proc_int32_t)items[0].c, c, EXPANDED_MAX,
				    UTF8PROC_DECOMPOSE, &(int){ 0 });
	for (size_t i = 1; i < count; i++)
		c[n++] = (utf8proc_int32_t)items[i].c;
	sort_marks(c, n);
	n = utf8proc_normalize_utf32(c, n, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
	/* A mark that no letter of such a script has a form with: decoration. */
	if (is_plain_script(items[0].c))
		n = 1;
	n = MIN(n, (utf8proc_ssize_t)count);
	for (utf8proc_ssize_t i = 0; i < n; i++)
		items[i] = (struct rune){ (uint32_t)c[i], items[0].at,
					  (uint8_t)utf8proc_category(c[i]) };
	f->out->count = f->cluster + (size_t)n;
}

static int push_starter(struct fold *f, uint32_t c, uint8_t category, uint32_t at)
{
	end_cluster(f);
	f->cluster = f->out->count;
	f->stripped = false;
	return push(f, c, category, at);
}

static int push_mark(struct fold *f, uint32_t c, const utf8proc_property_t *p, uint32_t at)
{
	size_t count = f->out->count - f->cluster;
	uint32_t base;

	if (!count || f->stripped || p->category == UTF8PROC_CATEGORY_ME)
		return 0;
	base = f->out->items[f->cluster].c;
	if (base <= ' ')
		return 0; /* on nothing */
	if (is_plain_script(base) && count > MARKS_MAX) {
		f->out->count = f->cluster + 1;
		f->stripped = true;
		return 0;
	}
	return count > MARKS_MAX_OTHER ? 0 : push(f, c, (uint8_t)p->category, at);
}

/* Typographic punctuation as ASCII has it, and blanks. */
static uint32_t plain_form(uint32_t c, const utf8proc_property_t *p)
{
	static const struct {
		uint32_t first, last;
		char plain;
	} forms[] = {
		{ 0x85, 0x85, '\n' },
		{ 0xab, 0xab, '"' },
		{ 0xb4, 0xb4, '\'' },
		{ 0xbb, 0xbb, '"' },
		{ APOSTROPHE_LETTER, APOSTROPHE_LETTER, '\'' },
		{ 0x2010, 0x2015, '-' },
		{ 0x2018, 0x201b, '\'' },
		{ 0x201c, 0x201f, '"' },
		{ 0x2028, 0x2029, '\n' },
		{ 0x2032, 0x2032, '\'' },
		{ 0x2033, 0x2033, '"' },
		{ 0x2044, 0x2044, '/' },
		{ 0x2212, 0x2212, '-' },
		{ 0x2215, 0x2215, '/' },
		{ 0x2223, 0x2223, '|' },
		{ BRAILLE_BLANK, BRAILLE_BLANK, ' ' },
	};

	if (p->category == UTF8PROC_CATEGORY_ZS)
		return ' ';
	if (c > BRAILLE_BLANK || (p->category < UTF8PROC_CATEGORY_PC && c != APOSTROPHE_LETTER))
		return c;
	for (unsigned i = 0; i < ARRAY_SIZE(forms) && forms[i].first <= c; i++) {
		if (c <= forms[i].last)
			return (uint32_t)forms[i].plain;
	}
	return c;
}

static bool has_jamo_head(const struct fold *f)
{
	return f->out->count && is_jamo_head(f->out->items[f->cluster].c);
}

static int push_any(struct fold *f, uint32_t c, uint32_t at)
{
	const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)c);

	c = plain_form(c, p);
	if (is_mark(c, p) || (is_jamo_tail(c) && has_jamo_head(f)))
		return push_mark(f, c, p, at);
	return push_starter(f, c, (uint8_t)p->category, at);
}

/* The composed form, where that is the normal one; or 0. */
static uint32_t composed(uint32_t c, const utf8proc_property_t *p, const struct expansion *e)
{
	utf8proc_int32_t canonical[EXPANDED_MAX];
	utf8proc_ssize_t n;

	if (p->decomp_type || p->comp_exclusion || e->count < 2)
		return 0;
	/* Latin letters with marks are their own (but for one with a long s) */
	if (c < 0x180 || (c >= 0x1e00 && c < 0x1f00 && c != 0x1e9b))
		return c;
	n = utf8proc_decompose_char((utf8proc_int32_t)c, canonical, EXPANDED_MAX,
				    UTF8PROC_DECOMPOSE, &(int){ 0 });
	if (n != e->count || memcmp(canonical, e->to, (size_t)n * sizeof(*canonical)) != 0)
		return 0;
	n = utf8proc_normalize_utf32(canonical, n, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
	return n == 1 ? (uint32_t)canonical[0] : 0;
}

/* What c becomes; remembered, since few different ones make up a text. */
static const struct expansion *expand(struct fold *f, uint32_t c, const utf8proc_property_t *p)
{
	struct expansion *e = &f->expansions[c % ARRAY_SIZE(f->expansions)];

	if (e->c == c)
		return e;
	e->c = c;
	e->count = utf8proc_decompose_char((utf8proc_int32_t)c, e->to, EXPANDED_MAX,
					   UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &(int){ 0 });
	e->whole = composed(c, p, e);
	e->bytes = 0;
	for (utf8proc_ssize_t i = 0; i < e->count; i++)
		e->bytes += utf8_len((uint32_t)e->to[i]);
	return e;
}

static int push_expanded(struct fold *f, uint32_t c, const utf8proc_property_t *p, uint32_t at)
{
	const struct expansion *e;
	int r = 0;

	if (p->decomp_seqindex == UINT16_MAX)
		return push_any(f, c, at);
	e = expand(f, c, p);
	if (e->whole)
		return push_starter(f, e->whole, (uint8_t)p->category, at);
	/* An accent by itself stays in its word; NFKC would put a space there. */
	if ((e->count > 1 && e->to[0] == ' ') ||
	    (e->bytes > utf8_len(c) && f->bytes + e->bytes > normal_len_max(at)))
		return push_starter(f, c, (uint8_t)p->category, at);
	for (utf8proc_ssize_t i = 0; r == 0 && i < e->count; i++)
		r = push_any(f, (uint32_t)e->to[i], at);
	return r;
}

static bool is_invisible(const utf8proc_property_t *p)
{
	return p->ignorable || p->category == UTF8PROC_CATEGORY_CF ||
	       p->category == UTF8PROC_CATEGORY_CC;
}

/* The ASCII that a tag stands for, or a variation selector that carries a byte (all but the first
 * 16 are bytes from 16 on, in order); 0: it is neither. Behind a Chinese character a selector is
 * just that. */
static uint32_t hidden_ascii(const struct fold *f, uint32_t c)
{
	uint32_t before = f->out->count ? f->out->items[f->out->count - 1].c : 0;
	bool is_han = before >= 0x2e80 && !f->in_tags && (before < 0xe000 || before >= 0x20000);

	if (c >= TAG_FIRST && c <= TAG_LAST)
		return c - TAG_BASE;
	return c >= SELECTOR_FIRST && c <= SELECTOR_LAST && !is_han ? c - SELECTOR_BASE : 0;
}

/* Letters that are what they are: most. */
static bool is_settled(uint32_t c, const utf8proc_property_t *p)
{
	return p->category >= UTF8PROC_CATEGORY_LU && p->category <= UTF8PROC_CATEGORY_LO &&
	       p->decomp_seqindex == UINT16_MAX && !p->ignorable && !is_jamo_tail(c) &&
	       c != APOSTROPHE_LETTER;
}

static int push_read(struct fold *f, uint32_t c, uint32_t at)
{
	const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)c);
	uint32_t hidden = hidden_ascii(f, c);
	int r = 0;

	if (!f->in_tags && is_settled(c, p))
		return push_starter(f, c, (uint8_t)p->category, at);

	/* What was hidden stands by itself. */
	if (!hidden == f->in_tags && (hidden || !is_invisible(p))) {
		f->in_tags = hidden;
		r = push_starter(f, ' ', UTF8PROC_CATEGORY_ZS, at);
	}
	if (r < 0)
		return r;
	if (hidden)
		return push_any(f, hidden, at);
	c = plain_form(c, p);
	if (c < 0x80)
		return c < ' ' && (c < '\t' || c > '\r') ? 0 : c == 0x7f ? 0 : push_any(f, c, at);
	if (is_invisible(p))
		return 0;
	return push_expanded(f, c, p, at);
}

int fold_read(struct views *v, const struct source *in, size_t begin, size_t end, size_t written)
{
	struct fold f = { .out = &v->runes, .bytes = written };

	v->runes.count = 0;
	for (size_t at = begin; at < end;) {
		size_t start = at;
		uint32_t c = utf8_next(in->text, end, &at);
		int r = push_read(&f, c, (uint32_t)start);

		if (r < 0)
			return r;
	}
	end_cluster(&f);
	return 0;
}
