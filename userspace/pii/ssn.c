// SPDX-License-Identifier: Apache-2.0
/* US social security numbers by the rules of their issuer: no area 000, 666 or 900 and up (those
 * are taxpayer numbers, national identifiers to us), no group 00, no serial 0000. */
#include "pii/number.h"

#define SSN_DIGITS 9
#define SSN_WINDOW 48

static unsigned value(const char *digits, unsigned len)
{
	unsigned v = 0;

	for (unsigned i = 0; i < len; i++)
		v = v * 10 + (unsigned)(digits[i] - '0');
	return v;
}

/* Groups of a taxpayer number (ITIN) that are given out. */
static bool is_itin_group(unsigned group)
{
	return (group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
	       (group >= 90 && group <= 92) || (group >= 94 && group <= 99);
}

bool ssn_in(const struct scan *s, const struct number *n, struct pii_span *ret)
{
	unsigned groups = n->count >= 3 && n->groups[2].total == SSN_DIGITS ? 3 : 1;
	unsigned area = value(n->digits, 3), group = value(n->digits + 3, 2);
	char separator = number_separator(n, groups);

	if (n->plus || n->bracket || n->dash || n->groups[groups - 1].total != SSN_DIGITS ||
	    !number_ends_after(s, n, groups))
		return false;
	if (groups == 3 &&
	    (group_len(n, 0) != 3 || group_len(n, 1) != 2 || !strchr("- .", separator)))
		return false;
	/* Nine digits, or nine with dots, are many things. */
	if (separator != '-' && separator != ' ' &&
	    !(words_before(s, n->begin, SSN_WINDOW, WORD_SSN | WORD_NUMBER | WORD_PHONE) &
	      WORD_SSN))
		return false;
	if (area == 0 || area == 666 || group == 0 || value(n->digits + 5, 4) == 0)
		return false;
	if (area >= 900 && !is_itin_group(group))
		return false;
	span_set(ret, area >= 900 ? PII_NATIONAL_ID : PII_SSN, n->groups[0].begin,
		 n->groups[groups - 1].end);
	return true;
}
