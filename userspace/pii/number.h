/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of digits as people group them: "+49 (0)30 1234-567" is one number of four groups. It is
 * taken apart once; the verifiers judge digits and shape.
 */
#ifndef PII_NUMBER_H
#define PII_NUMBER_H

#include "pii/scan.h"

#define NUMBER_GROUPS_MAX  7  /* a French insurance number, a number from abroad with "(0)" */
#define NUMBER_SINGLES_MAX 4  /* groups of one digit: more are a list of digits */
#define NUMBER_DIGITS_MAX  24 /* a card has at most 19; more digits are something else */

struct group {
	uint32_t begin, end;
	char separator; /* before it: ' ', '-', '.', '/', '(', ')'; the first's is 0 */
	bool tight;	/* the separator is one character */
	uint8_t total;	/* digits up to its end */
};

struct number {
	size_t begin;	    /* with '+' or '(' */
	bool plus, bracket; /* before the first digit */
	bool dash;	    /* behind a dash, a dot or a slash that ties it to something */
	uint8_t count;
	struct group groups[NUMBER_GROUPS_MAX];
	char digits[NUMBER_DIGITS_MAX + 1];
	char shape[NUMBER_GROUPS_MAX + 1]; /* lengths of the groups: '1' to '9', 'a' is ten */
};

/* The number that begins with this digit, in any case; false: too short for all but an address. */
bool number_parse(const struct scan *s, size_t digit, struct number *ret);
/* Is the number over after this group: no letter, no decimals, no dash to another digit? */
bool number_ends_after(const struct scan *s, const struct number *n, unsigned groups);

static inline unsigned group_len(const struct number *n, unsigned i)
{
	return n->groups[i].end - n->groups[i].begin;
}

/* The same separator between them ('?' when they differ, 0 when
 * there is but one). */
char number_separator(const struct number *n, unsigned groups);

/* Each looks at the number's first groups, the longest first. */
bool ipv4_in(const struct scan *s, const struct number *n, struct pii_span *ret);
bool card_in(const struct scan *s, const struct number *n, struct pii_span *ret);
bool ssn_in(const struct scan *s, const struct number *n, struct pii_span *ret);
bool national_id_in(const struct scan *s, const struct number *n, struct pii_span *ret);
/* cued: only if words say that it is one */
bool phone_in(const struct scan *s, const struct number *n, bool cued, struct pii_span *ret);

#endif
