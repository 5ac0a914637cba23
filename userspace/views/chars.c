/* SPDX-License-Identifier: Apache-2.0 */
/* What the codecs ask of single characters, and of what came out. */
#include "views/decode.h"

int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool is_ascii_alnum(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool is_readable(const char *text, size_t len)
{
	size_t bad = 0, plain = 0;

	for (size_t at = 0; at < len;) {
		size_t begin = at;
		uint32_t c = utf8_next(text, len, &at);

		if (c == REPLACEMENT || c == 0x7f || (c < ' ' && (c < '\t' || c > '\r')))
			bad += at - begin;
		else if (c >= 0x80 || c == ' ' || is_ascii_alnum((char)c))
			plain += at - begin;
	}
	return bad * 10 <= len && plain * 2 >= len;
}
