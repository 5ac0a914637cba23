/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown to a person once: API keys and recovery codes. */
#include "crypto/crypto.h"

#include <string.h>
#include "base/base.h"
#include "crypto/keys.h"

#define API_KEY_PREFIX	"axfw_"
#define API_KEY_RANDOM	32
#define RECOVERY_RANDOM 16
#define RECOVERY_DIGITS 26 /* base32 of them, unpadded */
#define RECOVERY_GROUP	4
_Static_assert(sizeof(API_KEY_PREFIX) - 1 + BASE64URL_LEN(API_KEY_RANDOM) == CRYPTO_API_KEY_LEN,
	       "axfw_ and 43 characters");
_Static_assert(RECOVERY_DIGITS + (RECOVERY_DIGITS - 1) / RECOVERY_GROUP == CRYPTO_RECOVERY_CODE_LEN,
	       "six groups of four and one of two");

int crypto_api_key_new(char ret[static CRYPTO_API_KEY_LEN + 1])
{
	uint8_t bytes[API_KEY_RANDOM];
	int r = crypto_random(bytes, sizeof(bytes));

	if (r < 0)
		return r;
	memcpy(ret, API_KEY_PREFIX, sizeof(API_KEY_PREFIX) - 1);
	base64url_encode(bytes, sizeof(bytes), ret + sizeof(API_KEY_PREFIX) - 1);
	wipe(bytes, sizeof(bytes));
	return 0;
}

/* RFC 4648's base32 without padding. */
static void base32_encode(const uint8_t *bytes, size_t len, char *ret)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	unsigned held = 0, bits = 0;

	for (size_t i = 0; i < len; i++) {
		held = held << 8 | bytes[i];
		for (bits += 8; bits >= 5; bits -= 5)
			*ret++ = alphabet[held >> (bits - 5) & 31];
	}
	if (bits)
		*ret++ = alphabet[held << (5 - bits) & 31];
	*ret = '\0';
}

int crypto_recovery_code_new(char ret[static CRYPTO_RECOVERY_CODE_LEN + 1])
{
	uint8_t bytes[RECOVERY_RANDOM];
	char digits[RECOVERY_DIGITS + 1];
	int r = crypto_random(bytes, sizeof(bytes));

	if (r < 0)
		return r;
	base32_encode(bytes, sizeof(bytes), digits);
	crypto_recovery_code_normalise(digits, ret, CRYPTO_RECOVERY_CODE_LEN + 1);
	wipe(bytes, sizeof(bytes));
	wipe(digits, sizeof(digits));
	return 0;
}

/* Upper-cased when a digit or an ASCII letter, else 0. */
static char code_character(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : 0;
}

void crypto_recovery_code_normalise(const char *text, char *ret, size_t size)
{
	size_t kept = 0, at = 0;

	if (!size)
		return;
	for (; *text; text++) {
		char c = code_character(*text);
		bool dash = kept && kept % RECOVERY_GROUP == 0;

		if (!c)
			continue;
		if (at + dash + 1 >= size)
			break;
		if (dash)
			ret[at++] = '-';
		ret[at++] = c;
		kept++;
	}
	ret[at] = '\0';
}
