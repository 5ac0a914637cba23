/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 in and out. Reading never fails: overlong forms, surrogates, what is beyond U+10FFFF and
 * cut sequences are invalid bytes, and a run of invalid bytes is one U+FFFD, so that no text grows
 * to more than twice its size by being broken.
 */
#include "views/internal.h"

/* What a first byte says: how many bytes follow, and the range of the first of these. */
struct lead {
	uint8_t more, low, high;
};

static struct lead lead_of(uint8_t b)
{
	if (b >= 0xc2 && b <= 0xdf)
		return (struct lead){ 1, 0x80, 0xbf };
	if (b >= 0xe0 && b <= 0xef)
		return (struct lead){ 2, b == 0xe0 ? 0xa0 : 0x80, b == 0xed ? 0x9f : 0xbf };
	if (b >= 0xf0 && b <= 0xf4)
		return (struct lead){ 3, b == 0xf0 ? 0x90 : 0x80, b == 0xf4 ? 0x8f : 0xbf };
	return (struct lead){ 0 };
}

/* How many bytes the character at s has, 0: it isn't one. */
static unsigned read_one(const uint8_t *s, size_t len, uint32_t *ret)
{
	struct lead l;

	if (s[0] < 0x80) {
		*ret = s[0];
		return 1;
	}
	l = lead_of(s[0]);
	if (!l.more || l.more >= len || s[1] < l.low || s[1] > l.high)
		return 0;
	*ret = (s[0] & (0x3fu >> l.more)) << 6 | (s[1] & 0x3f);
	for (unsigned i = 2; i <= l.more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*ret = *ret << 6 | (s[i] & 0x3f);
	}
	return l.more + 1u;
}

uint32_t utf8_next(const char *text, size_t len, size_t *at)
{
	const uint8_t *s = (const uint8_t *)text;
	uint32_t c;
	unsigned n = read_one(s + *at, len - *at, &c);

	if (n) {
		*at += n;
		return c;
	}
	do
		++*at;
	while (*at < len && s[*at] >= 0x80 && !read_one(s + *at, len - *at, &c));
	return REPLACEMENT;
}

unsigned utf8_len(uint32_t c)
{
	return 1 + (c >= 0x80) + (c >= 0x800) + (c >= 0x10000);
}

unsigned utf8_write(uint32_t c, char ret[static UTF8_LEN_MAX])
{
	static const uint8_t leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	unsigned n = utf8_len(c);

	for (unsigned i = n - 1; i; i--) {
		ret[i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	ret[0] = (char)(leads[n] | c);
	return n;
}
