// SPDX-License-Identifier: Apache-2.0
/* Payment cards: an issuer's range with one of its lengths, Luhn's check digit, and groups as cards
 * have them. A word that says "card" stands in for the range. */
#include "pii/checksum.h"
#include "pii/number.h"

#define CARD_MIN    12
#define CARD_MAX    19
#define CARD_WINDOW 40

#define LEN(n)	       (1u << (n))
#define LENS(from, to) ((LEN((to) + 1) - 1) & ~(LEN(from) - 1))

/* First six digits; ISO/IEC 7812 ranges as the networks publish them. */
static const struct {
	uint32_t from, to;
	uint32_t lens;
} issuers[] = {
	{ 60400, 60499, LENS(12, 19) },		    /* Maestro, old */
	{ 180000, 180099, LEN(15) },		    /* JCB, old */
	{ 213100, 213199, LEN(15) },		    /* JCB, old */
	{ 220000, 220499, LENS(16, 19) },	    /* Mir */
	{ 222100, 272099, LEN(16) },		    /* Mastercard */
	{ 300000, 305999, LEN(14) | LENS(16, 19) }, /* Diners Club */
	{ 309500, 309599, LEN(14) | LENS(16, 19) }, /* Diners Club */
	{ 340000, 349999, LEN(15) },		    /* American Express */
	{ 350000, 359999, LENS(16, 19) },	    /* JCB, with what surrounds its 3528 to 3589 */
	{ 360000, 369999, LENS(14, 19) },	    /* Diners Club */
	{ 370000, 379999, LEN(15) },		    /* American Express */
	{ 380000, 399999, LEN(14) | LENS(16, 19) }, /* Diners Club */
	{ 400000, 499999, LEN(13) | LEN(16) | LEN(19) }, /* Visa */
	{ 500000, 509999, LENS(12, 19) },		 /* Maestro, Elo, Verve */
	{ 510000, 559999, LEN(16) },			 /* Mastercard */
	{ 560000, 589999, LENS(12, 19) },		 /* Maestro */
	{ 600000, 609999, LENS(16, 19) },		 /* Discover, RuPay */
	{ 620000, 629999, LENS(16, 19) },		 /* UnionPay */
	{ 630400, 630499, LENS(12, 19) },		 /* Maestro */
	{ 636000, 636999, LENS(16, 19) },		 /* InterPayment, Elo */
	{ 639000, 639099, LENS(12, 19) },		 /* Maestro */
	{ 644000, 659999, LENS(16, 19) },		 /* Discover, RuPay */
	{ 670000, 679999, LENS(12, 19) },		 /* Maestro */
	{ 810000, 829999, LENS(16, 19) },		 /* RuPay, UnionPay */
	{ 979200, 979299, LEN(16) },			 /* Troy */
};

static bool is_issued(const char *digits, unsigned len)
{
	uint32_t head = 0;

	for (unsigned i = 0; i < 6; i++)
		head = head * 10 + (uint32_t)(digits[i] - '0');
	for (size_t i = 0; i < ARRAY_SIZE(issuers); i++) {
		if (head >= issuers[i].from && head <= issuers[i].to && issuers[i].lens & LEN(len))
			return true;
	}
	return false;
}

/* One group, fours, or 4-6-5 and 4-6-4 as American Express and Diners Club emboss them. */
static bool is_card_shape(const struct number *n, unsigned groups)
{
	char separator = number_separator(n, groups);

	if (groups == 1)
		return true;
	if (groups < 3 || (separator != ' ' && separator != '-' && separator != '.') ||
	    group_len(n, 0) != 4)
		return false;
	if (groups == 3)
		return group_len(n, 1) == 6 && (group_len(n, 2) == 5 || group_len(n, 2) == 4);
	for (unsigned i = 1; i + 1 < groups; i++) {
		if (group_len(n, i) != 4)
			return false;
	}
	return group_len(n, groups - 1) <= 4;
}

bool card_in(const struct scan *s, const struct number *n, struct pii_span *ret)
{
	if (n->plus || n->dash)
		return false;
	for (unsigned groups = MIN(n->count, 5); groups > 0; groups--) {
		unsigned len = n->groups[groups - 1].total;

		if (len < CARD_MIN)
			return false;
		if (len > CARD_MAX || !is_card_shape(n, groups) ||
		    !number_ends_after(s, n, groups) || !checksum_luhn(n->digits, len))
			continue;
		if (!is_issued(n->digits, len) &&
		    !words_before(s, n->begin, CARD_WINDOW, WORD_CARD))
			continue;
		span_set(ret, PII_CARD, n->groups[0].begin, n->groups[groups - 1].end);
		return true;
	}
	return false;
}
