/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical views of a text: what a reader, or a language model, makes of it, whatever disguise it
 * came in. The first is always the normal one; the others are there only if there is something in
 * them, and hold only the places where there is: each with the words around it, one below the
 * other. Deterministic, knows no rules. Linear time.
 */
#ifndef VIEWS_H
#define VIEWS_H

#include <stddef.h>
#include <stdint.h>

enum view_kind {
	/* NFKC, case folded; without what can't be seen; letters that look Latin in Latin words are
	 * Latin; typographic quotes and dashes are ASCII's; a run of white space is one ' ', or one
	 * '\n' if there is a line break in it, and there is none at either end. */
	VIEW_NORMAL,
	VIEW_UNDISGUISED, /* h4ck, k i l l, k-i-l-l, killll, b*mb*er and the like undone */
	VIEW_BASE64,	  /* these decoded, then normalised */
	VIEW_HEX,
	VIEW_PERCENT,
	VIEW_ENTITIES,
	VIEW_ROT13,
	VIEW_REVERSED, /* without the words around */
	VIEW_KIND_COUNT
};

const char *view_kind_name(enum view_kind k); /* "normal", "base64", … */

#define VIEWS_MAX 8

struct view {
	enum view_kind kind;
	const char *text; /* valid UTF-8, not terminated, may hold NUL */
	size_t len;
	/* len + 1 entries: byte i came from byte origin[i] of the original; non-decreasing but for
	 * REVERSED */
	const uint32_t *origin;
};

struct views; /* memory of one thread, reused by each text */

#define VIEWS_TEXT_MAX                                                                             \
	(256u << 20) /* bytes: offsets have 32 bits, and a view has at most twice it */

int views_new(struct views **ret);
void views_free(struct views **v);
/* Any bytes (a run of what isn't UTF-8 counts as one U+FFFD). Views live until the next call.
 * Linear time, at most 4 × len + constant bytes of views. -ENOMEM; -E2BIG: VIEWS_TEXT_MAX. */
int views_make(struct views *v, const char *text, size_t len, const struct view **ret,
	       size_t *ret_count);
/* The bytes of the original that [begin, end) of a view came from. */
void view_span(const struct view *v, size_t begin, size_t end, uint32_t *ret_begin,
	       uint32_t *ret_end);

#endif
