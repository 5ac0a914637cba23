/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verdict's signatures cover: everything that was decided, about which text, by which rules.
 * The HMAC (intent.signature) and the Ed25519 signature of a receipt are over the same bytes. Any
 * thread.
 */
#ifndef GUARD_RECEIPT_H
#define GUARD_RECEIPT_H

#include <stdint.h>
#include "base/text.h"
#include "guard/guard.h"

#define GUARD_TEXT_DIGEST_LEN 32 /* SHA-256 */

struct guard_receipt {
	const char *manifest_id; /* guard_manifest_id() */
	const char *engine_version;
	const char *decision_id;
	const char *tenant;
	uint8_t text_sha256[GUARD_TEXT_DIGEST_LEN];
	uint32_t policy_version;	     /* 0: none */
	uint64_t time_us;		     /* wall clock; printed as ISO 8601 in UTC */
	const struct guard_request *request; /* what it was: source */
	const struct guard_verdict *verdict;
	const struct guard_pii *pii; /* NULL: not looked for */
};

/* {"level":"internal","types":["email"]} */
void guard_pii_canonical(const struct guard_pii *pii, struct text *ret);

/* Which rules: the first 16 hex digits of the SHA-256 of the rule file. */
const char *guard_manifest_id(const struct guard *g);

/*
 * Appends the canonical JSON (sorted keys, no spaces, ASCII): equal bytes to what json_canonical()
 * makes of the same members, which are class, confidence, decision_id, engine_version, manifest_id,
 * policy_version, signals, tenant, text_sha256, time and verdict; pii if it was asked for;
 * shadow_verdict if the policy only watches; source ("document", "output") if it wasn't a prompt.
 * It is itself the `payload` member of a receipt. -ENOMEM; -EINVAL: an id isn't printable ASCII.
 */
int guard_receipt_canonical(const struct guard_receipt *r, struct text *ret);

#endif
