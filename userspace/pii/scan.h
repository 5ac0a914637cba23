/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verifiers share: the text being looked through, what kind of byte is where, and the
 * words around a candidate. A verifier gets the place of an anchor ('@', "://", the first digit of
 * a number) and says whether there is a value around it, and where exactly. Each reads a bounded
 * number of bytes, or bytes that no other call of it reads, so the whole pass is linear.
 */
#ifndef PII_SCAN_H
#define PII_SCAN_H

#include <stdbool.h>
#include <string.h>
#include "pii/pii.h"
#include "pii/words.h"

struct scan {
	const struct pii_detector *detector;
	const uint8_t *text;
	size_t len;
	/* Up to where a verifier has read, when it needs not start again before. */
	size_t url_end, host_end, ipv6_end, pem_end, token_end;
};

enum {
	BYTE_DIGIT = 1,
	BYTE_UPPER = 2,
	BYTE_LOWER = 4,
	BYTE_TOKEN = 8,	  /* a letter, digit, '_' or '-' */
	BYTE_ANCHOR = 16, /* a digit, '@', ':', '=', '.' */
	BYTE_HEX = 32,
	BYTE_LOCAL = 64,    /* in an e-mail address before the '@' */
	BYTE_BETWEEN = 128, /* between the groups of a number: ' ', '-', '.', '/', '(', ')' */
};
extern const uint8_t byte_kinds[256];

static inline bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_letter(uint8_t c)
{
	return byte_kinds[c] & (BYTE_UPPER | BYTE_LOWER);
}

static inline bool is_alnum(uint8_t c)
{
	return byte_kinds[c] & (BYTE_UPPER | BYTE_LOWER | BYTE_DIGIT);
}

static inline bool is_hex(uint8_t c)
{
	return byte_kinds[c] & BYTE_HEX;
}

static inline uint8_t to_lower(uint8_t c)
{
	return byte_kinds[c] & BYTE_UPPER ? c | 0x20 : c;
}

static inline uint8_t to_upper(uint8_t c)
{
	return byte_kinds[c] & BYTE_LOWER ? c & ~0x20 : c;
}

/* The byte at a place, or 0 outside of the text. */
static inline uint8_t byte_at(const struct scan *s, size_t at)
{
	return at < s->len ? s->text[at] : 0;
}

static inline uint8_t byte_before(const struct scan *s, size_t at)
{
	return at > 0 && at <= s->len ? s->text[at - 1] : 0;
}

/* Does the text go on with these bytes there? */
static inline bool text_has(const struct scan *s, size_t at, const char *what, size_t len)
{
	return at <= s->len && s->len - at >= len && !memcmp(s->text + at, what, len);
}

/* May a number, an identifier or an address begin, or end, at this place? */
static inline bool is_edge_before(const struct scan *s, size_t at)
{
	uint8_t c = byte_before(s, at);

	return !is_alnum(c) && c != '_';
}

static inline bool is_edge_after(const struct scan *s, size_t at)
{
	uint8_t c = byte_at(s, at);

	return !is_alnum(c) && c != '_';
}

static inline void span_set(struct pii_span *ret, enum pii_type type, size_t begin, size_t end)
{
	ret->type = type;
	ret->begin = (uint32_t)begin;
	ret->end = (uint32_t)end;
}

/* Each: is there one around this place? */
bool email_at(const struct scan *s, size_t at, struct pii_span *ret); /* the '@' */
bool url_at(struct scan *s, size_t colon, struct pii_span *ret);
bool host_at(struct scan *s, size_t dot, struct pii_span *ret); /* www.…, a bare domain */
bool ipv6_at(struct scan *s, size_t colon, struct pii_span *ret);
bool token_at(struct scan *s, size_t begin, struct pii_span *ret);
bool assigned_at(const struct scan *s, size_t sign, struct pii_span *ret);  /* the ':' or '=' */
bool said_at(const struct scan *s, size_t digit, struct pii_span *ret);	    /* "password is …" */
bool street_at(const struct scan *s, size_t digit, struct pii_span *ret);   /* a house number */
bool number_at(const struct scan *s, size_t digit, struct pii_span *ret);   /* its first digit */
bool lettered_at(const struct scan *s, size_t digit, struct pii_span *ret); /* letters before it */

#endif
