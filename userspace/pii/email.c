// SPDX-License-Identifier: Apache-2.0
/* E-mail addresses around an '@': what mail systems give people, not all that RFC 5322 allows. */
#include "pii/scan.h"

#define LOCAL_MAX  64  /* RFC 5321, 4.5.3.1.1 */
#define DOMAIN_MAX 253 /* RFC 1035, as text */
#define TLD_MIN	   2
#define TLD_MAX	   24 /* the longest there is; "xn--…" aside */

/* Length of the letter of a name that ends before this place: accents, Greek and Cyrillic are two
 * bytes; 0: none. */
static size_t name_letter_before(const struct scan *s, size_t at)
{
	uint8_t c = byte_before(s, at);

	if (c < 0x80)
		return byte_kinds[c] & BYTE_LOCAL;
	if (c > 0xbf || at < 2)
		return 0;
	c = s->text[at - 2];
	return c >= 0xc3 && c <= 0xd3 ? 2 : 0;
}

static size_t local_begin(const struct scan *s, size_t at)
{
	size_t begin = at, step;

	while (at - begin < LOCAL_MAX && (step = name_letter_before(s, begin)) > 0)
		begin -= step > 2 ? 1 : step;
	/* What stands before a name: quotes, markup, the dots of a sentence. */
	while (begin < at && s->text[begin] < 0x80 && !is_alnum(s->text[begin]) &&
	       s->text[begin] != '_')
		begin++;
	return begin;
}

static bool is_domain_byte(uint8_t c)
{
	return is_alnum(c) || c == '-' || c == '.';
}

/* Names of pictures with their density look like addresses: "logo@2x.png". */
static bool is_file(const uint8_t *tld, size_t len)
{
	static const char *const endings[] = { "png", "jpg", "jpeg", "gif",  "svg", "webp",
					       "css", "js",  "ts",   "json", "html" };

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		if (strlen(endings[i]) == len && !memcmp(endings[i], tld, len))
			return true;
	}
	return false;
}

/* The end of the domain that begins here, or 0: labels, dots between them, a top level of letters.
 */
static size_t domain_end(const struct scan *s, size_t begin)
{
	size_t end = begin, label, dots = 0;

	while (end - begin < DOMAIN_MAX && is_domain_byte(byte_at(s, end)))
		end++;
	while (end > begin && !is_alnum(s->text[end - 1]))
		end--;
	label = end;
	while (label > begin && s->text[label - 1] != '.') {
		label--;
		if (!is_letter(s->text[label]) && !text_has(s, label, "-", 1) &&
		    !is_digit(s->text[label]))
			return 0;
	}
	for (size_t i = begin; i < end; i++) {
		if (s->text[i] == '.' && (i == begin || s->text[i - 1] == '.'))
			return 0;
		dots += s->text[i] == '.';
	}
	if (!dots || end - label < TLD_MIN || end - label > TLD_MAX ||
	    is_file(s->text + label, end - label))
		return 0;
	for (size_t i = label; i < end; i++) {
		if (!is_letter(s->text[i]) && !text_has(s, label, "xn--", 4))
			return 0;
	}
	return end;
}

/* joe@[192.0.2.1] (RFC 5321, 4.1.3) */
static size_t literal_end(const struct scan *s, size_t begin)
{
	size_t end = begin + 1, dots = 0;

	while (end - begin < DOMAIN_MAX &&
	       (is_hex(byte_at(s, end)) || byte_at(s, end) == '.' || byte_at(s, end) == ':'))
		dots += byte_at(s, end++) != '.' ? 0 : 1;
	return dots == 3 && byte_at(s, end) == ']' ? end + 1 : 0;
}

bool email_at(const struct scan *s, size_t at, struct pii_span *ret)
{
	size_t begin = local_begin(s, at);
	size_t end;

	if (begin == at || s->text[at - 1] == '.')
		return false;
	end = byte_at(s, at + 1) == '[' ? literal_end(s, at + 1) : domain_end(s, at + 1);
	if (!end)
		return false;
	/* git@host:path is a place in a repository */
	if (at - begin == 3 && text_has(s, begin, "git", 3) && byte_at(s, end) == ':')
		return false;
	span_set(ret, PII_EMAIL, begin, end);
	return true;
}
