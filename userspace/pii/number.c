// SPDX-License-Identifier: Apache-2.0
/*
 * Takes numbers apart and asks what they are. The order is the one in which shapes leave less
 * doubt; words before the number go before that ("phone: …" before a check digit that one number in
 * ten has by chance).
 */
#include "pii/number.h"

#define SEPARATOR_MAX 3	 /* bytes between groups: ") -" */
#define DIGITS_MIN    6	 /* of the shortest number that means anything */
#define CUE_WINDOW    48 /* bytes before a number in which a word may say what it is */
#define OTHER_WINDOW  24 /* in which one says that it is no telephone number, whatever its shape */
#define AFTER_WINDOW  28 /* and behind it: "-Office", "is my mobile" */

/* Bytes of a blank or a hyphen that word processors put into numbers; *ret: what it stands for. */
static size_t typographic(const struct scan *s, size_t at, char *ret)
{
	if (text_has(s, at, "\xc2\xa0", 2)) { /* no-break space */
		*ret = ' ';
		return 2;
	}
	if (!text_has(s, at, "\xe2\x80", 2))
		return 0;
	switch (byte_at(s, at + 2)) {
	case 0xaf: /* narrow no-break space */
	case 0x89: /* thin space */
		*ret = ' ';
		return 3;
	case 0x90: /* hyphen */
	case 0x91: /* non-breaking hyphen */
	case 0x93: /* en dash */
		*ret = '-';
		return 3;
	default:
		return 0;
	}
}

/* A blank says least about a number's groups, a bracket most. */
static unsigned strength(uint8_t separator)
{
	switch (separator) {
	case ' ':
		return 0;
	case '/':
		return 1;
	case '.':
		return 2;
	case '-':
		return 3;
	default:
		return 4;
	}
}

/* The separator at this place; what it is goes by its strongest character. Bytes, or 0. */
static size_t separator_at(const struct scan *s, size_t at, char *ret)
{
	uint8_t c = byte_at(s, at), strongest = c;
	size_t len = 0;

	if (c >= 0x80)
		return typographic(s, at, ret);
	for (; len < SEPARATOR_MAX && byte_kinds[c] & BYTE_BETWEEN; c = byte_at(s, at + len)) {
		/* The dots of an ellipsis, the dashes of a dash */
		if (len && c == s->text[at + len - 1])
			return 0;
		if (strength(c) > strength(strongest))
			strongest = c;
		len++;
	}
	if (len)
		*ret = (char)strongest;
	return len;
}

static void number_begin(const struct scan *s, size_t digit, struct number *ret)
{
	uint8_t c = byte_before(s, digit);

	ret->begin = digit;
	ret->plus = ret->bracket = false;
	if (c == '(') {
		ret->bracket = true;
		c = byte_before(s, --ret->begin);
	}
	if (c == '+') {
		ret->plus = true;
		c = byte_before(s, --ret->begin);
	}
	ret->dash = is_digit(byte_before(s, ret->begin - (ret->begin > 0))) && c &&
		    strchr("-./,:", c);
}

bool number_parse(const struct scan *s, size_t digit, struct number *ret)
{
	size_t at = digit, total = 0, step = 0;
	unsigned singles = 0;
	char separator = 0;

	number_begin(s, digit, ret);
	ret->count = 0;
	while (ret->count < NUMBER_GROUPS_MAX && singles <= NUMBER_SINGLES_MAX) {
		struct group *g = &ret->groups[ret->count];
		size_t begin = at;

		while (is_digit(byte_at(s, at)) && total < NUMBER_DIGITS_MAX)
			ret->digits[total++] = (char)s->text[at++];
		if (at == begin || is_digit(byte_at(s, at)))
			break;
		g->begin = (uint32_t)begin;
		g->end = (uint32_t)at;
		g->separator = separator;
		g->tight = step == 1;
		g->total = (uint8_t)total;
		ret->shape[ret->count++] = "0123456789abcdefghijklmnopq"[at - begin];
		singles += at - begin == 1;
		step = separator_at(s, at, &separator);
		if (!step)
			break;
		at += step;
	}
	ret->digits[total] = 0;
	ret->shape[ret->count] = 0;
	/* A bracket around the whole isn't the number's. */
	if (ret->bracket && !ret->plus && !(ret->count > 1 && ret->groups[1].separator == ')')) {
		ret->bracket = false;
		ret->begin = digit;
	}
	return ret->count > 0 && ret->groups[ret->count - 1].total >= DIGITS_MIN;
}

bool number_ends_after(const struct scan *s, const struct number *n, unsigned groups)
{
	size_t end = n->groups[groups - 1].end;
	uint8_t c = byte_at(s, end);

	if (is_alnum(c) || c == '_')
		return false;
	return !(c && strchr(".,:/-", c) && is_digit(byte_at(s, end + 1)));
}

char number_separator(const struct number *n, unsigned groups)
{
	char separator = groups > 1 ? n->groups[1].separator : 0;

	for (unsigned i = 1; i < groups; i++) {
		if (n->groups[i].separator != separator || !n->groups[i].tight)
			return '?';
	}
	return separator;
}

bool number_at(const struct scan *s, size_t digit, struct pii_span *ret)
{
	struct number n;
	uint32_t cue;

	if (!is_edge_before(s, digit))
		return false;
	/* The shortest address has four digits. */
	if (!number_parse(s, digit, &n))
		return ipv4_in(s, &n, ret);
	if (ipv4_in(s, &n, ret))
		return true;
	cue = words_before(s, n.begin, CUE_WINDOW,
			   WORD_PHONE | WORD_NUMBER | WORD_CARD | WORD_SSN | WORD_ID);
	if (!(cue & ~(uint32_t)WORD_NUMBER))
		cue |= words_after(s, n.groups[n.count - 1].end, AFTER_WINDOW, WORD_AFTER,
				   WORD_PHONE);
	if (cue & (WORD_PHONE | WORD_AFTER) && phone_in(s, &n, true, ret))
		return true;
	return card_in(s, &n, ret) || ssn_in(s, &n, ret) || national_id_in(s, &n, ret) ||
	       (!words_before(s, n.begin, OTHER_WINDOW, WORD_NUMBER | WORD_ID) &&
		phone_in(s, &n, false, ret));
}
