// SPDX-License-Identifier: Apache-2.0
/*
 * Identifiers with letters in them. Where the letters stand and how many says which they may be;
 * most end with a letter that is computed from the rest. And what a word before it calls a passport
 * or a licence: those have no check digit that all countries share.
 */
#include "pii/checksum.h"
#include "pii/iban.h"

#define LETTERS_MAX   6	 /* an Italian tax code begins with six */
#define PAPERS_MIN    6	 /* characters of a passport's number */
#define PAPERS_MAX    16 /* of a driving licence's */
#define PAPERS_DIGITS 5
#define PAPERS_WINDOW 40

/* Does the text have this shape here? 9 stands for a digit, A for a letter, a for one that doesn't
 * count, other bytes for themselves; blanks between groups may be left out. What counts goes to
 * ret. Its end, or 0. */
static size_t shape_end(const struct scan *s, size_t at, const char *shape, char *ret)
{
	for (; *shape; shape++) {
		uint8_t c = to_upper(byte_at(s, at));

		if (*shape == ' ' && c != ' ')
			continue;
		if (*shape == '9'		     ? !is_digit(c)
		    : *shape == 'A' || *shape == 'a' ? !is_letter(c)
						     : c != (uint8_t)*shape)
			return 0;
		if (is_alnum(c) && *shape != 'a')
			*ret++ = (char)c;
		at++;
	}
	*ret = 0;
	return is_edge_after(s, at) ? at : 0;
}

/* Spain: the letter of a number modulo 23; X, Y, Z of a foreigner stand for 0, 1, 2. */
static bool is_dni(const char *id)
{
	unsigned number = id[0] >= 'X' ? (unsigned)(id[0] - 'X') : (unsigned)(id[0] - '0');

	for (unsigned i = 1; i < 8; i++)
		number = number * 10 + (unsigned)(id[i] - '0');
	return (id[0] <= '9' || id[0] >= 'X') && id[8] == "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23];
}

/* United Kingdom: prefixes that were never given out. */
static bool is_nino(const char *id)
{
	static const char *const never[] = { "BG", "GB", "KN", "NK", "NT", "TN", "ZZ" };

	if (strchr("DFIQUV", id[0]) || strchr("DFIOQUV", id[1]) || id[8] > 'D')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		if (!memcmp(id, never[i], 2))
			return false;
	}
	return true;
}

/* Italy: characters in odd places count by a table, those in even places by themselves. */
static bool is_codice_fiscale(const char *id)
{
	static const unsigned char odd[] = { 1,	 0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
					     20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23 };
	unsigned sum = 0;

	for (unsigned i = 0; i < 15; i++) {
		unsigned value = is_digit((uint8_t)id[i]) ? (unsigned)(id[i] - '0')
							  : (unsigned)(id[i] - 'A');

		sum += i % 2 ? value : odd[value];
	}
	return id[15] == (char)('A' + sum % 26);
}

/* Mexico */
static bool is_curp(const char *id)
{
	static const char order[] = "0123456789ABCDEFGHIJKLMN?OPQRSTUVWXYZ";
	unsigned sum = 0;

	for (unsigned i = 0; i < 17; i++)
		sum += (unsigned)(strchr(order, id[i]) - order) * (18 - i);
	return strchr("HMX", id[10]) && (10 - sum % 10) % 10 == (unsigned)(id[17] - '0');
}

/* Singapore; T and G are of those since 2000. M's table is not published. */
static bool is_nric(const char *id)
{
	static const unsigned char weights[] = { 2, 7, 6, 5, 4, 3, 2 };
	unsigned sum = checksum_weigh(id + 1, weights, 7);

	switch (id[0]) {
	case 'S':
		return id[8] == "JZIHGFEDCBA"[sum % 11];
	case 'T':
		return id[8] == "JZIHGFEDCBA"[(sum + 4) % 11];
	case 'F':
		return id[8] == "XWUTRQPNMLK"[sum % 11];
	case 'G':
		return id[8] == "XWUTRQPNMLK"[(sum + 4) % 11];
	default:
		return false;
	}
}

/* Taiwan: the letter is two digits. */
static bool is_taiwanese(const char *id)
{
	static const unsigned char codes[] = { 10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21,
					       22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33 };
	static const unsigned char weights[] = { 8, 7, 6, 5, 4, 3, 2, 1, 1 };
	unsigned code = codes[id[0] - 'A'];

	return (id[1] == '1' || id[1] == '2') &&
	       (code / 10 + code % 10 * 9 + checksum_weigh(id + 1, weights, 9)) % 10 == 0;
}

/* Finland: the character of the date and number modulo 31. */
static bool is_hetu(const char *id)
{
	unsigned number = 0, day, month;

	for (unsigned i = 0; i < 9; i++)
		number = number * 10 + (unsigned)(id[i] - '0');
	day = number / 10000000, month = number / 100000 % 100;
	return day >= 1 && day <= 31 && month >= 1 && month <= 12 &&
	       id[9] == "0123456789ABCDEFHJKLMNPRSTUVWXY"[number % 31];
}

/* Ireland */
static bool is_pps(const char *id)
{
	static const unsigned char weights[] = { 8, 7, 6, 5, 4, 3, 2 };
	unsigned sum = checksum_weigh(id, weights, 7);

	if (id[8])
		sum += 9 * (unsigned)(id[8] - 'A' + 1);
	return id[7] == "WABCDEFGHIJKLMNOPQRSTUV"[sum % 23];
}

/* China, the check character an X. */
static bool is_resident_id(const char *id)
{
	static const unsigned char weights[] = {
		7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2
	};

	return checksum_weigh(id, weights, 17) % 11 == 2;
}

static const struct {
	unsigned letters; /* before the first digit */
	const char *shape;
	bool (*is_valid)(const char *id);
} shapes[] = {
	{ 0, "99999999A", is_dni },
	{ 0, "99999999-A", is_dni },
	{ 0, "999999-9999", is_hetu },
	{ 0, "999999-999A", is_hetu },
	{ 0, "999999a999A", is_hetu },
	{ 0, "999999a9999", is_hetu },
	{ 0, "9999999A", is_pps },
	{ 0, "9999999AA", is_pps },
	{ 0, "99999999999999999X", is_resident_id },
	{ 1, "A9999999A", is_dni },
	{ 1, "A9999999A", is_nric },
	{ 1, "A999999999", is_taiwanese },
	{ 2, "AA 99 99 99 A", is_nino },
	{ 4, "AAAA999999AAAAAA99", is_curp },
	{ 4, "AAAA999999AAAAAAA9", is_curp },
	{ 6, "AAAAAA99A99A999A", is_codice_fiscale },
};

/* "57435322K" is a size of memory more often than a person. */
static bool is_quantity(const struct scan *s, size_t begin, size_t end)
{
	uint8_t last = s->text[end - 1];

	return is_digit(s->text[begin]) && is_letter(last) &&
	       (byte_kinds[last] & BYTE_LOWER || strchr("BGKM", last)) &&
	       !words_before(s, begin, PAPERS_WINDOW, WORD_ID);
}

static bool shaped_at(const struct scan *s, size_t begin, unsigned letters, struct pii_span *ret)
{
	char id[32];

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		size_t end = shapes[i].letters == letters ? shape_end(s, begin, shapes[i].shape, id)
							  : 0;

		if (end && shapes[i].is_valid(id) && !is_quantity(s, begin, end)) {
			span_set(ret, PII_NATIONAL_ID, begin, end);
			return true;
		}
	}
	return false;
}

/* What a word calls a passport's or a licence's number. */
static bool papers_at(const struct scan *s, size_t begin, struct pii_span *ret)
{
	size_t end = begin, digits = 0, last = begin;

	while (end - begin <= PAPERS_MAX && (is_alnum(byte_at(s, end)) || byte_at(s, end) == '-')) {
		digits += is_digit(s->text[end]);
		if (s->text[end++] != '-')
			last = end;
	}
	end = last;
	if (digits < PAPERS_DIGITS || end - begin < PAPERS_MIN || end - begin > PAPERS_MAX ||
	    !is_edge_after(s, end) || (byte_at(s, end) == '.' && is_digit(byte_at(s, end + 1))) ||
	    !(words_before(s, begin, PAPERS_WINDOW, WORD_PAPERS | WORD_NUMBER | WORD_PHONE) &
	      WORD_PAPERS))
		return false;
	span_set(ret, PII_NATIONAL_ID, begin, end);
	return true;
}

/* Do so many digits stand before the first letter of any shape? Most numbers are done with here. */
static bool is_shape_head(const struct scan *s, size_t digit)
{
	size_t len = 0;

	while (len <= 17 && is_digit(byte_at(s, digit + len)))
		len++;
	return (len >= 6 && len <= 8) || len == 17;
}

bool lettered_at(const struct scan *s, size_t digit, struct pii_span *ret)
{
	size_t begin = digit;
	unsigned letters;

	/* "AB 12 34 56 C" */
	if (byte_before(s, digit) == ' ' && digit > 2 && is_letter(byte_before(s, digit - 1)) &&
	    is_edge_before(s, digit - 3) && shaped_at(s, digit - 3, 2, ret))
		return true;
	while (digit - begin <= LETTERS_MAX && is_letter(byte_before(s, begin)))
		begin--;
	if (!is_edge_before(s, begin))
		return false;
	letters = (unsigned)(digit - begin);
	if (letters == 0 && !is_shape_head(s, digit))
		return papers_at(s, begin, ret);
	return (letters == 2 && iban_at(s, begin, ret)) || shaped_at(s, begin, letters, ret) ||
	       papers_at(s, begin, ret);
}
