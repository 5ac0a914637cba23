// SPDX-License-Identifier: Apache-2.0
/* What kind of byte each is: the table that the one pass over every text asks. */
#include "pii/scan.h"

#define DIGIT  (BYTE_DIGIT | BYTE_TOKEN | BYTE_ANCHOR | BYTE_HEX | BYTE_LOCAL)
#define LETTER (BYTE_TOKEN | BYTE_LOCAL)

/* clang-format off */
const uint8_t byte_kinds[256] = {
	['0' ... '9'] = DIGIT,
	['A' ... 'F'] = LETTER | BYTE_UPPER | BYTE_HEX,
	['G' ... 'Z'] = LETTER | BYTE_UPPER,
	['a' ... 'f'] = LETTER | BYTE_LOWER | BYTE_HEX,
	['g' ... 'z'] = LETTER | BYTE_LOWER,
	['_'] = BYTE_TOKEN | BYTE_LOCAL,
	['-'] = BYTE_TOKEN | BYTE_LOCAL | BYTE_BETWEEN,
	[' '] = BYTE_BETWEEN, ['/'] = BYTE_BETWEEN, ['('] = BYTE_BETWEEN, [')'] = BYTE_BETWEEN,
	['+'] = BYTE_LOCAL,
	['='] = BYTE_ANCHOR,
	['.'] = BYTE_ANCHOR | BYTE_LOCAL | BYTE_BETWEEN,
	['@'] = BYTE_ANCHOR,
	[':'] = BYTE_ANCHOR,
	['%'] = BYTE_LOCAL, ['\''] = BYTE_LOCAL, ['&'] = BYTE_LOCAL, ['~'] = BYTE_LOCAL,
	['!'] = BYTE_LOCAL, ['#'] = BYTE_LOCAL, ['$'] = BYTE_LOCAL, ['*'] = BYTE_LOCAL,
	/* Latin with accents, Greek, Cyrillic: letters of names. Not what CJK begins with, which
	 * is written without blanks around an address. */
	[0x80 ... 0xbf] = BYTE_LOCAL,
	[0xc3 ... 0xd3] = BYTE_LOCAL,
};
/* clang-format on */
