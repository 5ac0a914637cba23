/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Written by hand into one buffer: this is the body of nearly every answer, its shape is fixed, and
 * nothing in it needs escaping (class names, signals and ids are ours and printable ASCII).
 */
#include "api/guard_answer.h"

#include <errno.h>
#include <stdio.h>
#include "guard/receipt.h"

/* As Python's json prints a number rounded to four digits: 5500 is 0.55, 3000 is 0.3. */
static void add_confidence(struct text *t, unsigned e4)
{
	char digits[16];
	int len = snprintf(digits, sizeof(digits), "%u.%04u", e4 / 10000, e4 % 10000);

	while (digits[len - 1] == '0' && digits[len - 2] != '.')
		len--;
	text_add_n(t, digits, (size_t)len);
}

/* In characters, not bytes: text[begin:end] in Python is the place. */
static void add_explanation(struct text *t, const struct guard_decision *d)
{
	text_add(t, ",\"explanation\":[");
	for (unsigned i = 0; i < d->explanation.count; i++) {
		const struct guard_reason *r = &d->explanation.reasons[i];

		text_addf(t, "%s{\"begin\":%zu,\"end\":%zu,\"why\":\"%s\"", i ? "," : "",
			  text_characters(d->request.text, r->begin),
			  text_characters(d->request.text, r->end), r->why);
		if (r->view)
			text_addf(t, ",\"view\":\"%s\"", r->view);
		text_add(t, "}");
	}
	text_add(t, "]");
}

static void add_verdict(struct text *t, const struct guard_decision *d, const char *signature,
			const char *decision_id)
{
	const struct guard_verdict *v = &d->verdict;

	text_add(t, v->block ? "{\"verdict\":\"block\"" : "{\"verdict\":\"allow\"");
	if (v->is_shadow)
		text_addf(t, ",\"shadow_verdict\":\"%s\"", v->shadow_block ? "block" : "allow");
	text_add(t, ",\"intent\":{\"class\":\"");
	text_add(t, guard_class_name(v->intent_class));
	text_add(t, "\",\"confidence\":");
	add_confidence(t, v->confidence_e4);
	text_add(t, ",\"signals\":[");
	for (unsigned i = 0; i < v->signal_count; i++) {
		text_add(t, i ? ",\"" : "\"");
		text_add(t, v->signals[i]);
		text_add(t, "\"");
	}
	text_add(t, "],\"signature\":\"");
	text_add(t, signature);
	text_add(t, "\"");
	if (d->wishes.explanation)
		add_explanation(t, d);
	text_add(t, "},\"decision_id\":\"");
	text_add(t, decision_id);
	text_add(t, "\"");
}

/* Any characters may be in it. */
static int add_redacted(struct text *t, const struct text *redacted)
{
	_cleanup_(json_decrefp)
		json_t *string = json_stringn(redacted->data ? redacted->data : "", redacted->len);
	_cleanup_(freep) char *json = string ? json_text(string) : NULL;

	if (!json)
		return -ENOMEM;
	text_add(t, ",\"redacted\":");
	text_add(t, json);
	return 0;
}

static int add_pii(struct text *t, const struct guard_decision *d)
{
	if (!d->wishes.pii)
		return 0;
	text_add(t, ",\"pii\":");
	guard_pii_canonical(&d->pii, t);
	return d->wishes.redaction ? add_redacted(t, &d->redacted) : 0;
}

/* The canonical form is the payload as it is signed, so whoever verifies needs no rule but ours. */
static int add_receipt(struct text *t, const struct crypto *c, const struct text *canonical)
{
	uint8_t signature[CRYPTO_ED25519_SIGNATURE_LEN];
	char encoded[BASE64URL_LEN(sizeof(signature)) + 1], kid[17];
	int r = crypto_sign_receipt(c, canonical->data, canonical->len, signature);

	if (r < 0)
		return r;
	base64url_encode(signature, sizeof(signature), encoded);
	crypto_receipt_key_id(c, kid);
	text_add(t, ",\"receipt\":{\"payload\":");
	text_add_n(t, canonical->data, canonical->len);
	text_addf(t, ",\"alg\":\"Ed25519\",\"kid\":\"%s\",\"signature\":\"%s\"}", kid, encoded);
	return 0;
}

int guard_answer(const struct services *s, const struct guard_decision *d, struct text *ret)
{
	_cleanup_(text_free) struct text canonical = { 0 };
	char id[UUID_TEXT_LEN], signature[2 * CRYPTO_MAC_LEN + 1];
	uint8_t mac[CRYPTO_MAC_LEN];
	struct guard_receipt receipt = {
		.manifest_id = guard_manifest_id(s->guard),
		.engine_version = guard_engine_version(s->guard),
		.decision_id = id,
		.tenant = d->tenant,
		.policy_version = d->policy_version,
		.time_us = d->time_us,
		.request = &d->request,
		.pii = d->wishes.pii ? &d->pii : NULL,
		.verdict = &d->verdict,
	};
	int r;

	uuid_format(d->id, id);
	crypto_sha256(d->request.text, d->request.len, receipt.text_sha256);
	r = guard_receipt_canonical(&receipt, &canonical);
	if (r < 0)
		return r;
	crypto_sign_verdict(s->crypto, canonical.data, canonical.len, mac);
	hex_encode(mac, sizeof(mac), signature);
	add_verdict(ret, d, signature, id);
	r = add_pii(ret, d);
	if (r >= 0 && d->wishes.receipt)
		r = add_receipt(ret, s->crypto, &canonical);
	text_add(ret, "}");
	return text_failed(ret) ? -ENOMEM : r;
}
