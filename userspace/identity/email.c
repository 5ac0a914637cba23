/* SPDX-License-Identifier: Apache-2.0 */
/*
 * E-mail addresses as names of accounts: trimmed and lower-cased the way the Python firewall did,
 * so that its accounts are found, and for new ones a sane syntax. Not RFC 5322's whole grammar:
 * quoted local parts and comments are nobody's address and only help those who want to confuse. No
 * mail is sent to prove it.
 */
#include <errno.h>
#include <utf8proc.h>
#include "identity/internal.h"

#define LOCAL_MAX     64 /* RFC 5321, 4.5.3.1.1 */
#define LABEL_MAX     63 /* RFC 1035, 2.3.4 */
#define UTF8_CHAR_MAX 4

int email_normalise(const char *text, char ret[static STORE_EMAIL_MAX + 1])
{
	_cleanup_(freep) char *copy = strdup(text);
	char out[STORE_EMAIL_MAX + UTF8_CHAR_MAX + 1];
	const utf8proc_uint8_t *in;
	size_t len = 0;

	if (!copy)
		return -ENOMEM;
	in = (const utf8proc_uint8_t *)text_trim(copy);
	while (*in) {
		utf8proc_int32_t point;
		utf8proc_ssize_t n = utf8proc_iterate(in, -1, &point);

		if (n < 0)
			return -EINVAL;
		in += n;
		len += (size_t)utf8proc_encode_char(utf8proc_tolower(point),
						    (utf8proc_uint8_t *)out + len);
		if (len > STORE_EMAIL_MAX)
			return -EINVAL;
	}
	out[len] = '\0';
	memcpy(ret, out, len + 1);
	return 0;
}

static bool is_local_char(unsigned char c)
{
	return c > ' ' && c != 0x7f && !strchr("@\"(),:;<>[\\]", c);
}

static bool is_local_sane(const char *s, size_t len)
{
	if (!len || len > LOCAL_MAX || s[0] == '.' || s[len - 1] == '.')
		return false;
	for (size_t n = 0; n < len; n++)
		if (!is_local_char((unsigned char)s[n]) || (s[n] == '.' && s[n + 1] == '.'))
			return false;
	return true;
}

static bool is_label_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c >= 0x80;
}

static bool is_label_sane(const char *s, size_t len)
{
	if (!len || len > LABEL_MAX || s[0] == '-' || s[len - 1] == '-')
		return false;
	for (size_t n = 0; n < len; n++)
		if (!is_label_char((unsigned char)s[n]))
			return false;
	return true;
}

bool email_is_sane(const char *normalised)
{
	const char *at = strchr(normalised, '@'), *label, *end;

	if (!at || !is_local_sane(normalised, (size_t)(at - normalised)))
		return false;
	for (label = at + 1;; label = end + 1) {
		end = strchrnul(label, '.');
		if (!is_label_sane(label, (size_t)(end - label)))
			return false;
		if (!*end)
			return true;
	}
}
