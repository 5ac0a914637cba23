/* SPDX-License-Identifier: Apache-2.0 */
/* Words that say what the number after them is. */
#ifndef PII_WORDS_H
#define PII_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include "base/base.h"

enum {
	WORD_PHONE = 1 << 0,   /* a telephone number follows: "call", "fax" */
	WORD_NUMBER = 1 << 1,  /* some other number follows: "order", "page" */
	WORD_CARD = 1 << 2,    /* a payment card's */
	WORD_SSN = 1 << 3,     /* a US social security number's */
	WORD_ID = 1 << 4,      /* a passport's, a driving licence's, a national identifier */
	WORD_VERSION = 1 << 5, /* a version's */
	WORD_SECRET = 1 << 6,  /* a password, a key */
	WORD_AFTER = 1 << 7,   /* says "telephone" behind the number, too: "office", "mobile" */
	WORD_STREET = 1 << 8,  /* comes behind a street's name: "Street", "Avenue" */
	WORD_STREET_BEFORE = 1 << 9, /* before it: "rue", "via" */
	WORD_PLACE = 1 << 10, /* a part of an address with a number behind it: "Suite", "Apt" */
	WORD_IP = 1 << 11,
	WORD_PASSWORD = 1 << 13,
	WORD_CAPITAL = 1 << 14, /* only when it begins with a capital: "Via", "Place" */
	WORD_FILLER = 1 << 16,	/* between a number and the word that says what it is: \"is my\" */
	WORD_BOX = 1 << 15,	/* a post box's number follows */
	WORD_PAPERS = 1 << 12,	/* a passport, a licence */
};

#define WORD_MAX 24 /* bytes of the longest word in the table */

/* Open addressing over the words of words.c. */
#define WORDS_SLOTS 2048 /* a power of two, more than twice the number of words */
struct words {
	struct {
		const char *word;
		uint32_t len;
		uint32_t kinds;
	} slots[WORDS_SLOTS];
};

struct pii_detector {
	struct words words;
};

void words_fill(struct words *w);
/* The kinds of a word; ASCII letters in any case; 0: not in the table. */
uint32_t words_kinds(const struct words *w, const uint8_t *word, size_t len);

struct scan;
/* Which of these kinds the nearest word has, within `window` bytes before a place, that is of any
 * of them. */
uint32_t words_before(const struct scan *s, size_t at, size_t window, uint32_t kinds);
/* The same for the first word behind it; behind words like "is my" also the later kinds. */
uint32_t words_after(const struct scan *s, size_t at, size_t window, uint32_t kinds,
		     uint32_t later);

#endif
