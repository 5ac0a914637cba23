// SPDX-License-Identifier: Apache-2.0
/*
 * Telephone numbers. With a country code in front, or in a shape that only they have, they are
 * believed as they stand; the short and the plain ones only if a word before them says so, because
 * dates, prices, orders and versions look the same.
 */
#include "pii/number.h"

#define E164_MIN	    8 /* digits with the country code */
#define E164_MAX	    15
#define NATIONAL_MIN	    7
#define NATIONAL_MAX	    12
#define NATIONAL_GROUPS_MAX 5
#define GROUPS_MAX	    7
#define EXTENSION_MAX	    6

/* Country codes of the ITU (E.164) and the digits that a number with one has at most: what follows
 * is another number. Codes that begin with other digits have three, and up to fifteen in all. */
static const struct {
	char code[3];
	uint8_t max;
} country_codes[] = {
	{ "1", 11 },  { "7", 11 },  { "20", 12 }, { "27", 11 }, { "30", 12 }, { "31", 11 },
	{ "32", 11 }, { "33", 11 }, { "34", 11 }, { "36", 11 }, { "39", 13 }, { "40", 11 },
	{ "41", 11 }, { "43", 14 }, { "44", 12 }, { "45", 10 }, { "46", 12 }, { "47", 10 },
	{ "48", 11 }, { "49", 14 }, { "51", 11 }, { "52", 13 }, { "53", 10 }, { "54", 13 },
	{ "55", 13 }, { "56", 11 }, { "57", 12 }, { "58", 12 }, { "60", 12 }, { "61", 12 },
	{ "62", 14 }, { "63", 12 }, { "64", 12 }, { "65", 10 }, { "66", 11 }, { "81", 12 },
	{ "82", 12 }, { "84", 12 }, { "86", 13 }, { "90", 12 }, { "91", 12 }, { "92", 12 },
	{ "93", 11 }, { "94", 11 }, { "95", 12 }, { "98", 12 }, { "21", 15 }, { "22", 15 },
	{ "23", 15 }, { "24", 15 }, { "25", 15 }, { "26", 15 }, { "29", 15 }, { "35", 15 },
	{ "37", 15 }, { "38", 15 }, { "42", 15 }, { "50", 15 }, { "59", 15 }, { "67", 15 },
	{ "68", 15 }, { "69", 15 }, { "80", 15 }, { "85", 15 }, { "87", 15 }, { "88", 15 },
	{ "96", 15 }, { "97", 15 }, { "99", 15 },
};

/* The most digits of a number that begins with a country's code; 0: no such country. */
static unsigned international_max(const char *digits)
{
	for (size_t i = 0; i < ARRAY_SIZE(country_codes); i++) {
		if (!strncmp(country_codes[i].code, digits, strlen(country_codes[i].code)))
			return country_codes[i].max;
	}
	return 0;
}

/* "x4587", "ext. 12": the end of the extension behind a number, or the number's own end. */
static size_t extension_end(const struct scan *s, size_t end)
{
	static const char *const words[] = { "x", "ext.", "ext", "extension", "Ext.", "Ext", "#" };
	size_t at = end + (byte_at(s, end) == ',');

	at += byte_at(s, at) == ' ';
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t digit = at + strlen(words[i]), last;

		if (!text_has(s, at, words[i], strlen(words[i])))
			continue;
		digit += byte_at(s, digit) == ' ';
		for (last = digit; is_digit(byte_at(s, last)); last++)
			;
		if (last > digit && last - digit <= EXTENSION_MAX && is_edge_after(s, last))
			return last;
	}
	return end;
}

static bool is_year(const char *digits)
{
	return (digits[0] == '1' && digits[1] == '9') || (digits[0] == '2' && digits[1] == '0');
}

/* 01.02.2003, 2003-02-01, what of a time comes behind; 2019-2020 */
static bool is_date(const struct number *n)
{
	unsigned a, b, c;

	if (n->count == 2 && group_len(n, 0) == 4 && group_len(n, 1) == 4)
		return is_year(n->digits) && is_year(n->digits + 4);
	if (n->count < 3)
		return false;
	a = group_len(n, 0), b = group_len(n, 1), c = group_len(n, 2);
	if (n->groups[1].separator != n->groups[2].separator || b > 2)
		return false;
	if (a == 4 && c <= 2)
		return is_year(n->digits);
	return a <= 2 && c == 4 && is_year(n->digits + a + b);
}

static bool is_three_three_four(const struct number *n, unsigned groups)
{
	return groups == 3 && !strncmp(n->shape, "334", groups);
}

/* The North American plan: area and exchange begin with 2 to 9. */
static bool is_nanp(const struct number *n, unsigned groups)
{
	if (groups == 4 && !strncmp(n->shape, "1334", groups))
		return n->digits[0] == '1' && n->digits[1] >= '2' && n->digits[4] >= '2';
	return is_three_three_four(n, groups) && n->digits[0] >= '2' && n->digits[3] >= '2';
}

/* National shapes that little else has, by how they begin. */
static const struct {
	const char *shape;  /* as in struct number */
	const char *begins; /* one of these digits first */
	const char *second; /* one of these second; "" any */
} national_shapes[] = {
	{ "55", "6789", "" },		     /* India, mobile */
	{ "344", "1", "3456789" },	     /* China, mobile */
	{ "254", "123456789", "123456789" }, /* Brazil, mobile */
	{ "13322", "8", "3489" },	     /* Russia */
	{ "1334", "8", "0" },		     /* Russia, free */
	{ "433", "1", "38" },		     /* Australia, free */
};

static bool is_national_shape(const struct number *n, unsigned groups)
{
	for (size_t i = 0; i < ARRAY_SIZE(national_shapes); i++) {
		const char *shape = national_shapes[i].shape, *second = national_shapes[i].second;

		if (shape[0] == n->shape[0] && !strncmp(shape, n->shape, groups) &&
		    !shape[groups] && strchr(national_shapes[i].begins, n->digits[0]) &&
		    (!*second || strchr(second, n->digits[1])))
			return true;
	}
	return false;
}

/* A trunk prefix 0 and groups: most of Europe, South Africa, Australia, Japan, Turkey. */
static bool is_trunk(const struct number *n, unsigned groups)
{
	unsigned len = n->groups[groups - 1].total;

	if (n->digits[0] != '0' || n->digits[1] == '0' || groups < 2 || len < 9 || len > 12 ||
	    group_len(n, 0) < 2 || group_len(n, 0) > 5)
		return false;
	for (unsigned i = 1; i < groups; i++) {
		if (group_len(n, i) < 2 || group_len(n, i) > 8)
			return false;
	}
	return true;
}

/* (020) 7946 0958 */
static bool is_bracketed(const struct number *n, unsigned groups)
{
	unsigned len = n->groups[groups - 1].total;

	return n->bracket && groups >= 2 && n->groups[1].separator == ')' && len >= 8 &&
	       len <= 12 && group_len(n, 0) >= 2 && group_len(n, 0) <= 5 && group_len(n, 1) >= 2 &&
	       !(group_len(n, 0) == 4 && is_year(n->digits));
}

/* With '+' or 00 before the country's code; "(0)" is dialled at home only. */
static bool is_international(const struct number *n, unsigned groups)
{
	unsigned len = n->groups[groups - 1].total, prefix = n->plus ? 0 : 2;
	unsigned max,
		trunk = groups > 2 && group_len(n, 1) == 1 && n->digits[group_len(n, 0)] == '0';

	if (!n->plus && (groups < 3 || n->digits[0] != '0' || n->digits[1] != '0'))
		return false;
	max = international_max(n->digits + prefix);
	if (max && groups == 1) /* in one piece nothing else can have been swallowed */
		max = E164_MAX;
	return len >= E164_MIN + prefix && len <= max + prefix + trunk;
}

/* What a word before it makes believable. */
static bool is_cued(const struct number *n, unsigned groups)
{
	unsigned len = n->groups[groups - 1].total, singles = 0;

	if (len < NATIONAL_MIN || len > NATIONAL_MAX + (n->digits[0] == '0' ? 2 : 0) || groups > 6)
		return false;
	for (unsigned i = 1; i < groups; i++)
		singles += group_len(n, i) == 1;
	return singles <= 1;
}

static bool is_phone(const struct number *n, unsigned groups, bool cued)
{
	char separator = groups > 1 ? n->groups[1].separator : 0;

	if (is_international(n, groups))
		return true;
	if (n->plus)
		return false;
	if (cued)
		return is_cued(n, groups);
	return groups > 1 && groups <= NATIONAL_GROUPS_MAX && separator != '/' &&
	       (is_nanp(n, groups) || is_trunk(n, groups) || is_bracketed(n, groups) ||
		is_national_shape(n, groups));
}

bool phone_in(const struct scan *s, const struct number *n, bool cued, struct pii_span *ret)
{
	if (n->dash || !is_edge_before(s, n->begin) || is_date(n))
		return false;
	for (unsigned groups = MIN(n->count, GROUPS_MAX); groups > 0; groups--) {
		size_t end = n->groups[groups - 1].end, extended;

		if (n->groups[groups - 1].total < NATIONAL_MIN)
			return false;
		extended = extension_end(s, end);
		if (!is_phone(n, groups,
			      cued || (extended > end && is_three_three_four(n, groups))))
			continue;
		if (extended == end && !number_ends_after(s, n, groups))
			continue;
		span_set(ret, PII_PHONE, n->begin, extended);
		return true;
	}
	return false;
}
