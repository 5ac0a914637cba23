/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's EVP_EncodeBlock knows only padded base64 with '+' and '/', and its decoder accepts
 * white space and doesn't say how long the result is: for tokens that must have one spelling, these
 * few lines.
 */
#include "base/hex.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static const char digits[] = "0123456789abcdef";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void hex_encode(const uint8_t *bytes, size_t len, char *ret)
{
	for (size_t i = 0; i < len; i++) {
		*ret++ = digits[bytes[i] >> 4];
		*ret++ = digits[bytes[i] & 15];
	}
	*ret = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -EINVAL;
}

int hex_decode(const char *text, size_t len, uint8_t *ret)
{
	for (size_t i = 0; i < len; i++) {
		int high = hex_value(text[2 * i]);
		int low = high < 0 ? high : hex_value(text[2 * i + 1]);

		if (low < 0)
			return -EINVAL;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return text[2 * len] ? -EINVAL : 0;
}

void base64url_encode(const uint8_t *bytes, size_t len, char *ret)
{
	unsigned bits = 0, held = 0;

	for (size_t i = 0; i < len; i++) {
		held = held << 8 | bytes[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*ret++ = alphabet[held >> (bits - 6) & 63];
	}
	if (bits)
		*ret++ = alphabet[held << (6 - bits) & 63];
	*ret = '\0';
}

int base64url_decode(const char *text, size_t text_len, uint8_t *ret, size_t size)
{
	unsigned bits = 0, held = 0;
	size_t len = 0;

	for (size_t i = 0; i < text_len; i++) {
		const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;

		if (!at)
			return -EINVAL;
		held = held << 6 | (unsigned)(at - alphabet);
		bits += 6;
		if (bits < 8)
			continue;
		if (len == size)
			return -ENOSPC;
		bits -= 8;
		ret[len++] = (uint8_t)(held >> bits);
	}
	/* Left-over bits must be zero and fewer than a character: one spelling per value. */
	if (bits >= 6 || (held & ((1U << bits) - 1)))
		return -EINVAL;
	return (int)len;
}

void uuid_format(const uint8_t b[static 16], char ret[static UUID_TEXT_LEN])
{
	static const uint8_t group[] = { 4, 2, 2, 2, 6 };
	size_t at = 0;

	for (size_t g = 0; g < sizeof(group); at += group[g++]) {
		hex_encode(b + at, group[g], ret);
		ret += (size_t)group[g] * 2;
		*ret++ = '-';
	}
	ret[-1] = '\0';
}

int uuid_parse(const char *text, uint8_t ret[static 16])
{
	char plain[33];
	size_t n = 0;

	if (strlen(text) != UUID_TEXT_LEN - 1)
		return -EINVAL;
	for (size_t i = 0; i < UUID_TEXT_LEN - 1; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-')
				return -EINVAL;
			continue;
		}
		plain[n++] = text[i];
	}
	plain[n] = '\0';
	return hex_decode(plain, 16, ret);
}

int uuid_random(uint8_t ret[static 16])
{
	if (getrandom(ret, 16, 0) != 16)
		return -EIO;
	ret[6] = (uint8_t)((ret[6] & 0x0f) | 0x40);
	ret[8] = (uint8_t)((ret[8] & 0x3f) | 0x80);
	return 0;
}
