// SPDX-License-Identifier: Apache-2.0
/* What the types are called, how grave they are, and the text without them: one table. */
#include <assert.h>
#include <errno.h>
#include "pii/pii.h"
#include "pii/words.h"

/* One's address on the web is no secret; a machine's is for those who run it; what reaches a person
 * is confidential; what lets somebody else act or pay as that person is restricted. */
static const struct {
	const char *name;
	const char *mark;
	enum pii_level level;
} types[PII_TYPE_COUNT] = {
	[PII_EMAIL] = { "email", "[EMAIL]", PII_CONFIDENTIAL },
	[PII_PHONE] = { "phone", "[PHONE]", PII_CONFIDENTIAL },
	[PII_CARD] = { "card", "[CARD]", PII_RESTRICTED },
	[PII_IBAN] = { "iban", "[IBAN]", PII_RESTRICTED },
	[PII_SSN] = { "ssn", "[SSN]", PII_RESTRICTED },
	[PII_NATIONAL_ID] = { "national_id", "[ID]", PII_RESTRICTED },
	[PII_IP] = { "ip", "[IP]", PII_INTERNAL },
	[PII_URL] = { "url", "[URL]", PII_INTERNAL },
	[PII_SECRET] = { "secret", "[SECRET]", PII_RESTRICTED },
	[PII_ADDRESS] = { "address", "[ADDRESS]", PII_CONFIDENTIAL },
};

static const char *const levels[PII_LEVEL_COUNT] = { "public", "internal", "confidential",
						     "restricted" };

const char *pii_type_name(enum pii_type t)
{
	assert(t < PII_TYPE_COUNT);
	return types[t].name;
}

const char *pii_level_name(enum pii_level l)
{
	assert(l < PII_LEVEL_COUNT);
	return levels[l];
}

int pii_detector_new(const char *cache_dir, struct pii_detector **ret)
{
	struct pii_detector *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	words_fill(&d->words);
	*ret = d;
	return 0;
}

void pii_detector_free(struct pii_detector **d)
{
	free(*d);
	*d = NULL;
}

enum pii_level pii_level(const struct pii_span *spans, size_t count)
{
	enum pii_level gravest = PII_PUBLIC;

	for (size_t i = 0; i < count; i++)
		gravest = MAX(gravest, types[spans[i].type].level);
	return gravest;
}

int pii_redact(const char *text, size_t len, const struct pii_span *spans, size_t count,
	       struct text *ret)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		assert(spans[i].begin >= at && spans[i].end <= len);
		text_add_n(ret, text + at, spans[i].begin - at);
		text_add(ret, types[spans[i].type].mark);
		at = spans[i].end;
	}
	text_add_n(ret, text + at, len - at);
	return text_failed(ret) ? -ENOMEM : 0;
}
