// SPDX-License-Identifier: Apache-2.0
/* Identifiers with letters before their first digit: how many letters says which they may be. */
#include "pii/iban.h"

#define LETTERS_MAX 6 /* an Italian tax code begins with six */

bool lettered_at(const struct scan *s, size_t digit, struct pii_span *ret)
{
	size_t begin = digit;

	while (digit - begin <= LETTERS_MAX && is_letter(byte_before(s, begin)))
		begin--;
	switch (digit - begin) {
	case 2:
		return iban_at(s, begin, ret);
	default:
		return false;
	}
}
