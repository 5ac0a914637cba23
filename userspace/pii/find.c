// SPDX-License-Identifier: Apache-2.0
/*
 * One pass over the bytes: nearly all of them only pass through a table. Anchors stop it ('@', ':',
 * '=', a dot in a name, the first digit of a number, the tenth byte of a long token), and a
 * verifier looks around. Vectorscan would find the same anchors, and then the verifiers would still
 * have to look; for 200 bytes its call alone costs more than this pass.
 *
 * Where two finds overlap the longer one stays, the graver one of two as long; a secret makes the
 * URL around it a secret.
 */
#include <errno.h>
#include "pii/scan.h"

struct pii_scratch {
	struct pii_span *spans; /* owned */
	size_t count, size;
};

#define SPANS_FIRST 64 /* more than an ordinary text has; doubled when a text has more */

#define TOKEN_MIN 10 /* bytes of the shortest token worth a look: "-----BEGIN" */

int pii_scratch_new(struct pii_scratch **ret)
{
	_cleanup_(pii_scratch_free) struct pii_scratch *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->spans = calloc(SPANS_FIRST, sizeof(*s->spans));
	if (!s->spans)
		return -ENOMEM;
	s->size = SPANS_FIRST;
	*ret = TAKE_PTR(s);
	return 0;
}

void pii_scratch_free(struct pii_scratch **s)
{
	if (!*s)
		return;
	free((*s)->spans);
	free(*s);
	*s = NULL;
}

/* Which of two finds over the same bytes says more about them. */
static const uint8_t rank[PII_TYPE_COUNT] = {
	[PII_SECRET] = 9, [PII_CARD] = 8,  [PII_IBAN] = 7, [PII_SSN] = 6, [PII_NATIONAL_ID] = 5,
	[PII_EMAIL] = 4,  [PII_PHONE] = 3, [PII_URL] = 2,  [PII_IP] = 1,  [PII_ADDRESS] = 0,
};

static bool is_better(const struct pii_span *a, const struct pii_span *b)
{
	uint32_t a_len = a->end - a->begin, b_len = b->end - b->begin;

	return a_len != b_len ? a_len > b_len : rank[a->type] > rank[b->type];
}

/* A link with a password or a key in it is of no use without it, and tells where it fits. */
static bool is_secret_link(const struct pii_span *a, const struct pii_span *b)
{
	return (a->type == PII_SECRET && b->type == PII_URL) ||
	       (a->type == PII_URL && b->type == PII_SECRET);
}

static int spans_add(struct pii_scratch *s, struct pii_span found)
{
	while (s->count > 0 && s->spans[s->count - 1].end > found.begin) {
		const struct pii_span *last = &s->spans[s->count - 1];

		if (is_secret_link(last, &found)) {
			found.type = PII_SECRET;
			found.begin = MIN(found.begin, last->begin);
			found.end = MAX(found.end, last->end);
		} else if (!is_better(&found, last)) {
			return 0;
		}
		s->count--;
	}
	if (s->count == s->size) {
		struct pii_span *more = reallocarray(s->spans, s->size, 2 * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->spans = more;
		s->size *= 2;
	}
	s->spans[s->count++] = found;
	return 0;
}

/* Looks around the anchor at this place. */
static bool anchor_at(struct scan *s, size_t at, struct pii_span *ret)
{
	switch (s->text[at]) {
	case '@':
		return email_at(s, at, ret);
	case ':':
		return url_at(s, at, ret) || ipv6_at(s, at, ret) || assigned_at(s, at, ret);
	case '=':
		return assigned_at(s, at, ret);
	case '.':
		return host_at(s, at, ret);
	default:
		if (is_digit(byte_before(s, at)))
			return false;
		if (is_letter(byte_before(s, at)))
			return lettered_at(s, at, ret) || said_at(s, at, ret);
		return number_at(s, at, ret) || lettered_at(s, at, ret) || said_at(s, at, ret) ||
		       street_at(s, at, ret);
	}
}

/* One token, then the anchor at this place. Where the pass goes on, or -errno: over what was found,
 * but never over a link, which may hold a secret. */
static ssize_t look_at(struct scan *s, struct pii_scratch *scratch, size_t at, size_t token)
{
	size_t next = at + 1;
	struct pii_span found;
	bool good;
	int r;

	good = byte_kinds[s->text[at]] & BYTE_ANCHOR && anchor_at(s, at, &found);
	if (good) {
		r = spans_add(scratch, found);
		if (r < 0)
			return r;
		if (found.type != PII_URL)
			next = MAX(next, found.end);
	}
	/* A jump would pass the byte at which a token is looked at. */
	if ((token == TOKEN_MIN || (good && token && token < TOKEN_MIN)) &&
	    token_at(s, at + 1 - token, &found)) {
		r = spans_add(scratch, found);
		if (r < 0)
			return r;
		next = MAX(next, found.end);
	}
	return (ssize_t)next;
}

static int find_all(struct scan *s, struct pii_scratch *scratch)
{
	size_t token = 0; /* bytes of the token up to this byte */

	for (size_t i = 0; i < s->len;) {
		uint8_t kinds = byte_kinds[s->text[i]];
		ssize_t next;

		token = kinds & BYTE_TOKEN ? token + 1 : 0;
		if (__builtin_expect(!(kinds & BYTE_ANCHOR) && token != TOKEN_MIN, 1)) {
			i++;
			continue;
		}
		next = look_at(s, scratch, i, token);
		if (next < 0)
			return (int)next;
		if ((size_t)next > i + 1)
			token = 0;
		i = (size_t)next;
	}
	return 0;
}

int pii_find(const struct pii_detector *d, struct pii_scratch *scratch, const char *text,
	     size_t len, const struct pii_span **ret, size_t *ret_count)
{
	struct scan s = { .detector = d, .text = (const uint8_t *)text, .len = len };
	int r;

	if (len > PII_TEXT_MAX)
		return -E2BIG;
	scratch->count = 0;
	r = find_all(&s, scratch);
	if (r < 0)
		return r;
	*ret = scratch->spans;
	*ret_count = scratch->count;
	return 0;
}
