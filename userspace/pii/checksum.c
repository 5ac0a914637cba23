// SPDX-License-Identifier: Apache-2.0
/* The arithmetic of check digits that more than one kind of number uses. */
#include "pii/checksum.h"

bool checksum_luhn(const char *digits, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned d = (unsigned)(digits[len - 1 - i] - '0');

		if (i % 2)
			d = d > 4 ? 2 * d - 9 : 2 * d;
		sum += d;
	}
	return sum % 10 == 0;
}

/* The dihedral group D5 and a permutation of order eight (Verhoeff, 1969). */
bool checksum_verhoeff(const char *digits, size_t len)
{
	static const char product[10][11] = { "0123456789", "1234067895", "2340178956",
					      "3401289567", "4012395678", "5987604321",
					      "6598710432", "7659821043", "8765932104",
					      "9876543210" };
	static const char permuted[8][11] = { "0123456789", "1576283094", "5803796142",
					      "8916043527", "9453126870", "4286573901",
					      "2793806415", "7046913258" };
	unsigned c = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned d = (unsigned)(permuted[i % 8][digits[len - 1 - i] - '0'] - '0');

		c = (unsigned)(product[c][d] - '0');
	}
	return c == 0;
}

bool checksum_mod11_10(const char *digits, size_t len)
{
	unsigned p = 10;

	for (size_t i = 0; i + 1 < len; i++) {
		unsigned sum = (p + (unsigned)(digits[i] - '0')) % 10;

		p = 2 * (sum ? sum : 10) % 11;
	}
	return (11 - p) % 10 == (unsigned)(digits[len - 1] - '0');
}

unsigned checksum_weigh(const char *digits, const unsigned char *weights, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += (unsigned)(digits[i] - '0') * weights[i];
	return sum;
}

unsigned checksum_mod97(const char *digits, size_t len)
{
	unsigned rest = 0;

	for (size_t i = 0; i < len; i++)
		rest = (rest * 10 + (unsigned)(digits[i] - '0')) % 97;
	return rest;
}
