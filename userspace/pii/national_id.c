// SPDX-License-Identifier: Apache-2.0
/*
 * National identifiers that are digits: a table of lengths and groups, each with the arithmetic its
 * country gives it. One in ten or eleven numbers has a right check digit by chance, so a plain
 * number also needs a birthday in it, two check digits, or a word before it.
 */
#include "pii/checksum.h"
#include "pii/number.h"

#define ID_WINDOW 48

static unsigned two(const char *digits)
{
	return (unsigned)(digits[0] - '0') * 10 + (unsigned)(digits[1] - '0');
}

static unsigned digit(char c)
{
	return (unsigned)(c - '0');
}

static bool is_day(unsigned month, unsigned day)
{
	return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Germany: nine or eight different digits in the first ten, one of them two or three times. */
static bool is_steuer_id(const char *d)
{
	unsigned count[10] = { 0 }, repeated = 0;

	for (unsigned i = 0; i < 10; i++)
		count[digit(d[i])]++;
	for (unsigned i = 0; i < 10; i++) {
		if (count[i] > 3)
			return false;
		repeated += count[i] > 1;
	}
	return d[0] != '0' && repeated == 1 && checksum_mod11_10(d, 11);
}

/* France: sex, year, month, department, …; the key is what is missing to 97. */
static bool is_nir(const char *d)
{
	unsigned month = two(d + 3);

	return strchr("123478", d[0]) && ((month >= 1 && month <= 12) || month >= 20) &&
	       97 - checksum_mod97(d, 13) == two(d + 13);
}

/* Poland: the century is in the month. */
static bool is_pesel(const char *d)
{
	static const unsigned char weights[] = { 1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1 };

	return is_day(two(d + 2) % 20, two(d + 4)) && checksum_weigh(d, weights, 11) % 10 == 0;
}

/* Brazil */
static bool is_cpf(const char *d)
{
	static const unsigned char weights[] = { 11, 10, 9, 8, 7, 6, 5, 4, 3, 2 };
	unsigned first = checksum_weigh(d, weights + 1, 9) * 10 % 11 % 10;
	unsigned second = checksum_weigh(d, weights, 10) * 10 % 11 % 10;

	return strspn(d, (const char[]){ d[0], 0 }) < 11 && first == digit(d[9]) &&
	       second == digit(d[10]);
}

/* India */
static bool is_aadhaar(const char *d)
{
	return d[0] >= '2' && checksum_verhoeff(d, 12);
}

/* The Netherlands */
static bool is_bsn(const char *d)
{
	static const unsigned char weights[] = { 9, 8, 7, 6, 5, 4, 3, 2 };

	return (checksum_weigh(d, weights, 8) + 11 - digit(d[8])) % 11 == 0;
}

/* Belgium: a 2 goes before those born since 2000. */
static bool is_rijksregister(const char *d)
{
	char late[10] = "2";

	memcpy(late + 1, d, 9);
	return is_day(two(d + 2), two(d + 4)) && (97 - checksum_mod97(d, 9) == two(d + 9) ||
						  97 - checksum_mod97(late, 10) == two(d + 9));
}

/* Sweden; a coordination number adds 60 to the day. */
static bool is_personnummer(const char *d)
{
	return is_day(two(d + 2), two(d + 4) % 60) && checksum_luhn(d, 10);
}

static bool is_long_personnummer(const char *d)
{
	return is_personnummer(d + 2);
}

/* Denmark gave up its check digit in 2007. */
static bool is_cpr(const char *d)
{
	return is_day(two(d + 2), two(d));
}

/* Norway */
static bool is_fodselsnummer(const char *d)
{
	static const unsigned char first[] = { 3, 7, 6, 1, 8, 9, 4, 5, 2, 1 };
	static const unsigned char second[] = { 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1 };

	return is_day(two(d + 2) % 40, two(d) % 40) && checksum_weigh(d, first, 10) % 11 == 0 &&
	       checksum_weigh(d, second, 11) % 11 == 0;
}

/* Switzerland: an EAN-13 of the country's 756. */
static bool is_ahv(const char *d)
{
	static const unsigned char weights[] = { 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1 };

	return !memcmp(d, "756", 3) && checksum_weigh(d, weights, 13) % 10 == 0;
}

/* South Africa */
static bool is_south_african(const char *d)
{
	return is_day(two(d + 2), two(d + 4)) && d[10] <= '1' && checksum_luhn(d, 13);
}

/* Korea: the check digit is gone since 2020; a birthday and the century's sex remain. */
static bool is_rrn(const char *d)
{
	return is_day(two(d + 2), two(d + 4)) && d[6] >= '1' && d[6] <= '8';
}

/* Turkey */
static bool is_tc_kimlik(const char *d)
{
	unsigned odd = 0, even = 0;

	for (unsigned i = 0; i < 9; i++)
		*(i % 2 ? &even : &odd) += digit(d[i]);
	return d[0] != '0' && (7 * odd + 90 - even) % 10 == digit(d[9]) &&
	       (odd + even + digit(d[9])) % 10 == digit(d[10]);
}

/* Romania */
static bool is_cnp(const char *d)
{
	static const unsigned char weights[] = { 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9 };
	unsigned check = checksum_weigh(d, weights, 12) % 11;

	return d[0] != '0' && is_day(two(d + 3), two(d + 5)) &&
	       (check == 10 ? 1 : check) == digit(d[12]);
}

/* Czechia and Slovakia: women have 50 added to the month, 20 or 70 when a day was full. */
static bool is_rodne_cislo(const char *d)
{
	unsigned month = two(d + 2), rest = 0;

	for (unsigned i = 0; i < 10; i++)
		rest = (rest * 10 + digit(d[i])) % 11;
	month = month > 50 ? month - 50 : month;
	return rest == 0 && is_day(month > 20 ? month - 20 : month, two(d + 4));
}

/* China, the check character a digit. */
static bool is_resident_id(const char *d)
{
	static const unsigned char weights[] = { 7, 9, 10, 5,  8, 4, 2, 1, 6,
						 3, 7, 9,  10, 5, 8, 4, 2, 1 };

	return (two(d + 6) == 19 || two(d + 6) == 20) && is_day(two(d + 10), two(d + 12)) &&
	       checksum_weigh(d, weights, 18) % 11 == 1;
}

/* Argentina: a kind, the number of the document, a check digit. */
static bool is_cuil(const char *d)
{
	static const unsigned char weights[] = { 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1 };

	return strchr("23", d[0]) && strchr("0347", d[1]) &&
	       checksum_weigh(d, weights, 11) % 11 == 0;
}

/* Chile */
static bool is_rut(const char *d)
{
	static const unsigned char weights[] = { 3, 2, 7, 6, 5, 4, 3, 2, 1 };

	return checksum_weigh(d, weights, 9) % 11 == 0;
}

/* Russia's insurance number */
static bool is_snils(const char *d)
{
	static const unsigned char weights[] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };

	return checksum_weigh(d, weights, 9) % 101 % 100 == two(d + 9);
}

/* The health service's in England */
static bool is_nhs(const char *d)
{
	static const unsigned char weights[] = { 10, 9, 8, 7, 6, 5, 4, 3, 2, 1 };

	return checksum_weigh(d, weights, 10) % 11 == 0;
}

/* Australia */
static bool is_tfn(const char *d)
{
	static const unsigned char weights[] = { 1, 4, 3, 7, 5, 8, 6, 9, 10 };

	return checksum_weigh(d, weights, 9) % 11 == 0;
}

/* Canada and Israel */
static bool is_luhn_nine(const char *d)
{
	return checksum_luhn(d, 9);
}

/* Portugal */
static bool is_nif(const char *d)
{
	static const unsigned char weights[] = { 9, 8, 7, 6, 5, 4, 3, 2 };
	unsigned rest = checksum_weigh(d, weights, 8) % 11;

	return (rest < 2 ? 0 : 11 - rest) == digit(d[8]);
}

/* Japan */
static bool is_my_number(const char *d)
{
	static const unsigned char weights[] = { 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2 };
	unsigned rest = checksum_weigh(d, weights, 11) % 11;

	return (rest < 2 ? 0 : 11 - rest) == digit(d[11]);
}

/* Croatia */
static bool is_oib(const char *d)
{
	return checksum_mod11_10(d, 11);
}

/* Thailand */
static bool is_thai(const char *d)
{
	static const unsigned char weights[] = { 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2 };

	return (11 - checksum_weigh(d, weights, 12) % 11) % 10 == digit(d[12]);
}

static const struct {
	char shape[NUMBER_GROUPS_MAX + 1];  /* as in struct number */
	char separators[NUMBER_GROUPS_MAX]; /* between the groups, one for each place */
	bool cued;			    /* only after a word that says it */
	bool (*is_valid)(const char *digits);
} shapes[] = {
	{ "b", "", false, is_steuer_id },
	{ "2333", "   ", false, is_steuer_id },
	{ "f", "", false, is_nir },
	{ "1222332", "      ", false, is_nir },
	{ "d2", " ", false, is_nir },
	{ "b", "", false, is_pesel },
	{ "b", "", false, is_cpf },
	{ "3332", "..-", false, is_cpf },
	{ "444", "  ", false, is_aadhaar },
	{ "444", "--", false, is_aadhaar },
	{ "c", "", true, is_aadhaar },
	{ "9", "", true, is_bsn },
	{ "22232", "..-.", false, is_rijksregister },
	{ "b", "", true, is_rijksregister },
	{ "64", "-", false, is_personnummer },
	{ "84", "-", false, is_long_personnummer },
	{ "64", "-", true, is_cpr },
	{ "b", "", false, is_fodselsnummer },
	{ "65", " ", false, is_fodselsnummer },
	{ "d", "", false, is_ahv },
	{ "3442", "...", false, is_ahv },
	{ "d", "", false, is_south_african },
	{ "67", "-", false, is_rrn },
	{ "b", "", false, is_tc_kimlik },
	{ "d", "", false, is_cnp },
	{ "64", "/", false, is_rodne_cislo },
	{ "i", "", false, is_resident_id },
	{ "281", "--", false, is_cuil },
	{ "2331", "..-", false, is_rut },
	{ "3332", "-- ", false, is_snils },
	{ "334", "  ", true, is_nhs },
	{ "333", "  ", true, is_luhn_nine },
	{ "333", "--", true, is_luhn_nine },
	{ "9", "", true, is_luhn_nine },
	{ "333", "  ", true, is_tfn },
	{ "9", "", true, is_tfn },
	{ "9", "", true, is_nif },
	{ "444", "  ", true, is_my_number },
	{ "c", "", true, is_my_number },
	{ "b", "", true, is_oib },
	{ "14521", "----", false, is_thai },
	{ "d", "", true, is_thai },
};

/* How many groups the shape has, if the number begins with it. */
static unsigned has_shape(const struct number *n, const char *shape, const char *separators)
{
	unsigned i;

	for (i = 0; shape[i]; i++) {
		if (n->shape[i] != shape[i])
			return 0;
		if (i && (n->groups[i].separator != separators[i - 1] || !n->groups[i].tight))
			return 0;
	}
	return i;
}

bool national_id_in(const struct scan *s, const struct number *n, struct pii_span *ret)
{
	int cued = -1; /* not looked for yet */

	if (n->plus || n->bracket || n->dash)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		unsigned groups = shapes[i].shape[0] != n->shape[0]
					  ? 0
					  : has_shape(n, shapes[i].shape, shapes[i].separators);

		if (!groups || !number_ends_after(s, n, groups) || !shapes[i].is_valid(n->digits))
			continue;
		if (shapes[i].cued && cued < 0)
			cued = (words_before(s, n->begin, ID_WINDOW, WORD_ID | WORD_NUMBER) &
				WORD_ID) != 0;
		if (shapes[i].cued && !cued)
			continue;
		span_set(ret, PII_NATIONAL_ID, n->groups[0].begin, n->groups[groups - 1].end);
		return true;
	}
	return false;
}
