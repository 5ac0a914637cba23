/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Personal data and secrets in a text: where they are, how grave they are, and the text without
 * them. What is found is checked (check digits, ranges, lengths, the words before it), because a
 * false find costs the user a piece of an honest text.
 *
 * Threads: a detector is immutable and anybody's; a scratch belongs to one thread. Linear time.
 */
#ifndef PII_H
#define PII_H

#include <stddef.h>
#include <stdint.h>
#include "base/base.h"

enum pii_type {
	PII_EMAIL,
	PII_PHONE,
	PII_CARD,
	PII_IBAN,
	PII_SSN,
	PII_NATIONAL_ID,
	PII_IP,
	PII_URL,
	PII_SECRET,
	PII_ADDRESS,
	PII_TYPE_COUNT
};

/* Who would be harmed by the text in the wrong hands: docs/pii.md has the table. */
enum pii_level { PII_PUBLIC, PII_INTERNAL, PII_CONFIDENTIAL, PII_RESTRICTED, PII_LEVEL_COUNT };

struct pii_span {
	enum pii_type type;
	uint32_t begin, end; /* bytes of the text */
};

#define PII_TEXT_MAX UINT32_MAX /* what a span's offsets can say */

struct pii_detector;
struct pii_scratch;

const char *pii_type_name(enum pii_type t);   /* "email" */
const char *pii_level_name(enum pii_level l); /* "confidential" */

/* cache_dir: where compiled tables may be kept; none of today's takes long enough to be. -ENOMEM */
int pii_detector_new(const char *cache_dir, struct pii_detector **ret);
void pii_detector_free(struct pii_detector **d); /* no-op on NULL; *d is NULL afterwards */
int pii_scratch_new(struct pii_scratch **ret);	 /* -ENOMEM */
void pii_scratch_free(struct pii_scratch **s);

/* Any bytes. *ret is sorted, its spans don't overlap; it is the scratch's and lives until its next
 * call. -ENOMEM; -E2BIG: longer than PII_TEXT_MAX. */
int pii_find(const struct pii_detector *d, struct pii_scratch *s, const char *text, size_t len,
	     const struct pii_span **ret, size_t *ret_count);

/* The gravest of these spans; PII_PUBLIC when there are none. */
enum pii_level pii_level(const struct pii_span *spans, size_t count);

/* Appends the text with a mark in each span's place: [EMAIL], [PHONE], [CARD], [IBAN], [SSN], [ID],
 * [IP], [URL], [SECRET], [ADDRESS]. -ENOMEM. */
int pii_redact(const char *text, size_t len, const struct pii_span *spans, size_t count,
	       struct text *ret);

#endif
