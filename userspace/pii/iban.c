// SPDX-License-Identifier: Apache-2.0
/* ISO 13616: a country, two check digits, and as many characters as that country's have. The length
 * is what says where an account ends in "… 5432 1 and then". */
#include "pii/iban.h"

#define IBAN_MAX 34
#define GROUP	 4 /* characters between blanks or dashes */

/* SWIFT's registry of IBAN formats. */
static const struct {
	char country[3];
	uint8_t len;
} countries[] = {
	{ "AD", 24 }, { "AE", 23 }, { "AL", 28 }, { "AT", 20 }, { "AZ", 28 }, { "BA", 20 },
	{ "BE", 16 }, { "BG", 22 }, { "BH", 22 }, { "BI", 27 }, { "BR", 29 }, { "BY", 28 },
	{ "CH", 21 }, { "CR", 22 }, { "CY", 28 }, { "CZ", 24 }, { "DE", 22 }, { "DJ", 27 },
	{ "DK", 18 }, { "DO", 28 }, { "EE", 20 }, { "EG", 29 }, { "ES", 24 }, { "FI", 18 },
	{ "FK", 18 }, { "FO", 18 }, { "FR", 27 }, { "GB", 22 }, { "GE", 22 }, { "GI", 23 },
	{ "GL", 18 }, { "GR", 27 }, { "GT", 28 }, { "HR", 21 }, { "HU", 28 }, { "IE", 22 },
	{ "IL", 23 }, { "IQ", 23 }, { "IS", 26 }, { "IT", 27 }, { "JO", 30 }, { "KW", 30 },
	{ "KZ", 20 }, { "LB", 28 }, { "LC", 32 }, { "LI", 21 }, { "LT", 20 }, { "LU", 20 },
	{ "LV", 21 }, { "LY", 25 }, { "MC", 27 }, { "MD", 24 }, { "ME", 22 }, { "MK", 19 },
	{ "MN", 20 }, { "MR", 27 }, { "MT", 31 }, { "MU", 30 }, { "NI", 28 }, { "NL", 18 },
	{ "NO", 15 }, { "OM", 23 }, { "PK", 24 }, { "PL", 28 }, { "PS", 29 }, { "PT", 25 },
	{ "QA", 29 }, { "RO", 24 }, { "RS", 22 }, { "RU", 33 }, { "SA", 24 }, { "SC", 31 },
	{ "SD", 18 }, { "SE", 24 }, { "SI", 19 }, { "SK", 24 }, { "SM", 27 }, { "SO", 23 },
	{ "ST", 25 }, { "SV", 28 }, { "TL", 23 }, { "TN", 24 }, { "TR", 26 }, { "UA", 29 },
	{ "VA", 22 }, { "VG", 24 }, { "XK", 20 }, { "YE", 30 },
};

static unsigned country_len(uint8_t a, uint8_t b)
{
	for (size_t i = 0; i < ARRAY_SIZE(countries); i++) {
		if ((uint8_t)countries[i].country[0] == a && (uint8_t)countries[i].country[1] == b)
			return countries[i].len;
	}
	return 0;
}

static unsigned remainder_of(const uint8_t *account, unsigned len)
{
	unsigned rest = 0;

	for (unsigned i = 0; i < len; i++) {
		uint8_t c = account[(i + 4) % len];

		rest = is_digit(c) ? rest * 10 + (c - '0') : rest * 100 + (c - 'A' + 10);
		rest %= 97;
	}
	return rest;
}

bool iban_at(const struct scan *s, size_t begin, struct pii_span *ret)
{
	unsigned len = country_len(to_upper(byte_at(s, begin)), to_upper(byte_at(s, begin + 1)));
	uint8_t account[IBAN_MAX] = { 0 }, separator = 0;
	size_t at = begin;

	for (unsigned i = 0; i < len; i++) {
		uint8_t c = byte_at(s, at);

		if (i && i % GROUP == 0 && (c == ' ' || c == '-') &&
		    (i == GROUP || c == separator)) {
			separator = c;
			c = byte_at(s, ++at);
		}
		if (!is_alnum(c))
			return false;
		account[i] = to_upper(c);
		at++;
	}
	if (!len || !is_digit(account[2]) || !is_digit(account[3]) || !is_edge_before(s, begin) ||
	    !is_edge_after(s, at) || remainder_of(account, len) != 1)
		return false;
	span_set(ret, PII_IBAN, begin, at);
	return true;
}
