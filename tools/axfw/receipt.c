/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receipt is a payload, the id of a key and an Ed25519 signature over the payload's canonical
 * JSON. The answer around it repeats what the payload says; somebody may have changed the one and
 * not the other, so both are compared.
 */
#include "receipt.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "crypto/crypto.h"

static const char *string_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void _printf_(4, 5)
	note(struct receipt_findings *f, const char *name, bool ok, const char *format, ...)
{
	struct receipt_check *check = &f->checks[f->count++];
	va_list args;

	check->name = name;
	check->ok = ok;
	va_start(args, format);
	vsnprintf(check->found, sizeof(check->found), format, args);
	va_end(args);
	f->genuine &= ok;
}

static const json_t *find_key(const json_t *keys, const char *id)
{
	const json_t *list = json_object_get(keys, "keys"), *key;
	size_t i;

	json_array_foreach (list, i, key) {
		const char *kid = string_of(key, "kid");

		if (kid && !strcmp(kid, id))
			return key;
	}
	return NULL;
}

/* Exactly len bytes of base64url. */
static bool decode(const char *text, uint8_t *ret, size_t len)
{
	return text && strlen(text) == BASE64URL_LEN(len) &&
	       base64url_decode(text, strlen(text), ret, len) == (int)len;
}

static bool read_public_key(const json_t *key, uint8_t ret[static CRYPTO_ED25519_PUBLIC_LEN])
{
	const char *curve = string_of(key, "crv");

	return curve && !strcmp(curve, "Ed25519") &&
	       decode(string_of(key, "x"), ret, CRYPTO_ED25519_PUBLIC_LEN);
}

static void check_signature(struct receipt_findings *f, const json_t *receipt, const json_t *keys)
{
	const char *id = string_of(receipt, "kid");
	const json_t *key = id ? find_key(keys, id) : NULL;
	_cleanup_(freep) char *canonical = json_canonical(f->payload);
	uint8_t signature[CRYPTO_ED25519_SIGNATURE_LEN], public_key[CRYPTO_ED25519_PUBLIC_LEN];

	if (!key)
		note(f, "signature", false,
		     "key '%.32s' isn't among the published ones: another node's receipt?",
		     id ? id : "");
	else if (!read_public_key(key, public_key))
		note(f, "signature", false, "key '%.32s' isn't an Ed25519 key", id);
	else if (!decode(string_of(receipt, "signature"), signature, sizeof(signature)))
		note(f, "signature", false, "isn't 64 bytes of base64url");
	else if (!canonical)
		note(f, "signature", false, "the payload has no canonical form");
	else if (crypto_verify_receipt(public_key, canonical, strlen(canonical), signature) < 0)
		note(f, "signature", false, "doesn't fit: the payload isn't what was signed");
	else
		note(f, "signature", true, "Ed25519 by key %.32s", id);
}

/* A member beside the receipt that the payload repeats; what isn't there can't contradict. */
static void check_equal(struct receipt_findings *f, const char *name, const json_t *beside,
			const json_t *signed_value)
{
	if (!beside || json_equal(beside, signed_value))
		return;
	note(f, name, false, "differs from the signed %s: the answer was changed", name);
}

static void check_answer(struct receipt_findings *f, const json_t *answer)
{
	static const char *const of_intent[] = { "class", "confidence", "signals" };
	static const char *const of_answer[] = { "verdict", "decision_id", "shadow_verdict",
						 "pii" };
	const json_t *intent = json_object_get(answer, "intent");
	unsigned before = f->count;

	for (size_t i = 0; i < ARRAY_SIZE(of_answer); i++)
		check_equal(f, of_answer[i], json_object_get(answer, of_answer[i]),
			    json_object_get(f->payload, of_answer[i]));
	for (size_t i = 0; i < ARRAY_SIZE(of_intent); i++)
		check_equal(f, of_intent[i], json_object_get(intent, of_intent[i]),
			    json_object_get(f->payload, of_intent[i]));
	if (f->count == before)
		note(f, "answer", true, "says what was signed");
}

static void check_text(struct receipt_findings *f, const char *text, size_t len)
{
	const char *claimed = string_of(f->payload, "text_sha256");
	char digest[2 * CRYPTO_DIGEST_LEN + 1];
	uint8_t bytes[CRYPTO_DIGEST_LEN];

	crypto_sha256(text, len, bytes);
	hex_encode(bytes, sizeof(bytes), digest);
	if (claimed && !strcmp(claimed, digest))
		note(f, "text", true, "is the one that was judged");
	else
		note(f, "text", false, "isn't the one that was judged (its SHA-256 is %.16s…)",
		     digest);
}

int receipt_examine(const json_t *document, const json_t *keys, const char *text, size_t text_len,
		    struct receipt_findings *ret)
{
	const json_t *inner = json_object_get(document, "receipt");
	const json_t *receipt = inner ? inner : document;
	struct receipt_findings f = { .genuine = true };

	f.payload = json_object_get(receipt, "payload");
	if (!json_is_object(f.payload))
		return -EINVAL;
	check_signature(&f, receipt, keys);
	if (inner)
		check_answer(&f, document);
	if (text)
		check_text(&f, text, text_len);
	*ret = f;
	return 0;
}
