/* SPDX-License-Identifier: Apache-2.0 */
/* axfw verify has to say no whenever anything in an answer isn't what the node signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "crypto/crypto.h"
#include "../../tools/axfw/receipt.h"

#define TEXT "What is the weather today?"

struct fixture {
	struct crypto *crypto;
	json_t *keys;
	json_t *answer; /* as the guard API gives it, with a receipt */
};

static json_t *published_keys(const struct crypto *c)
{
	uint8_t public_key[CRYPTO_ED25519_PUBLIC_LEN];
	char kid[17], x[BASE64URL_LEN(sizeof(public_key)) + 1];

	crypto_receipt_public_key(c, public_key);
	crypto_receipt_key_id(c, kid);
	base64url_encode(public_key, sizeof(public_key), x);
	return json_pack("{s:[{s:s, s:s, s:s, s:s}]}", "keys", "kid", kid, "kty", "OKP", "crv",
			 "Ed25519", "x", x);
}

static json_t *make_payload(void)
{
	char sha256[2 * CRYPTO_DIGEST_LEN + 1];
	uint8_t digest[CRYPTO_DIGEST_LEN];

	crypto_sha256(TEXT, strlen(TEXT), digest);
	hex_encode(digest, sizeof(digest), sha256);
	return json_pack("{s:s, s:s, s:f, s:[], s:s, s:s, s:s}", "verdict", "allow", "class",
			 "INFORM", "confidence", 0.55, "signals", "text_sha256", sha256, "tenant",
			 "grün", "decision_id", "0197-1");
}

static json_t *make_receipt(const struct crypto *c)
{
	json_t *payload = make_payload();
	_cleanup_(freep) char *canonical = json_canonical(payload);
	uint8_t signature[CRYPTO_ED25519_SIGNATURE_LEN];
	char kid[17], text[BASE64URL_LEN(sizeof(signature)) + 1];

	assert_int_equal(crypto_sign_receipt(c, canonical, strlen(canonical), signature), 0);
	base64url_encode(signature, sizeof(signature), text);
	crypto_receipt_key_id(c, kid);
	return json_pack("{s:o, s:s, s:s, s:s}", "payload", payload, "alg", "Ed25519", "kid", kid,
			 "signature", text);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(crypto_new("a master key that is long enough to be one",
				    "a session secret that is long enough, too", &f->crypto),
			 0);
	f->keys = published_keys(f->crypto);
	f->answer = json_pack("{s:s, s:{s:s, s:f, s:[], s:s}, s:s, s:o}", "verdict", "allow",
			      "intent", "class", "INFORM", "confidence", 0.55, "signals",
			      "signature", "hmac", "decision_id", "0197-1", "receipt",
			      make_receipt(f->crypto));
	assert_non_null(f->keys);
	assert_non_null(f->answer);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	json_decref(f->keys);
	json_decref(f->answer);
	crypto_free(&f->crypto);
	free(f);
	return 0;
}

static bool is_genuine(const json_t *document, const json_t *keys, const char *text)
{
	struct receipt_findings findings;

	assert_int_equal(receipt_examine(document, keys, text, text ? strlen(text) : 0, &findings),
			 0);
	return findings.genuine;
}

static void test_genuine(void **state)
{
	struct fixture *f = *state;

	assert_true(is_genuine(f->answer, f->keys, NULL));
	assert_true(is_genuine(f->answer, f->keys, TEXT));
	assert_true(is_genuine(json_object_get(f->answer, "receipt"), f->keys, TEXT));
}

/* What travels as text and back is still what was signed, however it is spaced. */
static void test_survives_a_round_trip(void **state)
{
	struct fixture *f = *state;
	_cleanup_(freep) char *text = json_dumps(f->answer, JSON_INDENT(4));
	_cleanup_(json_decrefp) json_t *again = json_loads(text, 0, NULL);

	assert_true(is_genuine(again, f->keys, TEXT));
}

static void test_another_text(void **state)
{
	struct fixture *f = *state;

	assert_false(is_genuine(f->answer, f->keys, TEXT "\n"));
	assert_false(is_genuine(f->answer, f->keys, ""));
}

static void test_any_change_shows(void **state)
{
	static const struct {
		const char *in[3]; /* members on the way to the changed one */
		const char *value; /* JSON */
	} changes[] = {
		{ { "verdict" }, "\"block\"" },
		{ { "decision_id" }, "\"0197-2\"" },
		{ { "shadow_verdict" }, "\"block\"" },
		{ { "pii" }, "{\"level\":\"public\",\"types\":[]}" },
		{ { "intent", "class" }, "\"HARM\"" },
		{ { "intent", "confidence" }, "0.56" },
		{ { "intent", "signals" }, "[\"harm:1\"]" },
		{ { "receipt", "payload", "verdict" }, "\"block\"" },
		{ { "receipt", "payload", "confidence" }, "0.5500001" },
		{ { "receipt", "payload", "added" }, "null" },
		{ { "receipt", "payload", "tenant" }, "\"grun\"" },
		{ { "receipt", "signature" }, "\"\"" },
		{ { "receipt", "signature" }, "17" },
		{ { "receipt", "kid" }, "\"0000000000000000\"" },
		{ { "receipt", "kid" }, "null" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		_cleanup_(json_decrefp) json_t *changed = json_deep_copy(f->answer);
		json_t *at = changed;
		unsigned depth = 0;

		for (; depth + 1 < 3 && changes[i].in[depth + 1]; depth++)
			at = json_object_get(at, changes[i].in[depth]);
		json_object_set_new(at, changes[i].in[depth],
				    json_loads(changes[i].value, JSON_DECODE_ANY, NULL));
		if (is_genuine(changed, f->keys, NULL))
			fail_msg("change %zu of %s passed", i, changes[i].in[depth]);
	}
}

static void test_a_flipped_signature_bit(void **state)
{
	struct fixture *f = *state;
	json_t *receipt = json_object_get(f->answer, "receipt");
	_cleanup_(freep) char *text =
		strdup(json_string_value(json_object_get(receipt, "signature")));

	text[10] = text[10] == 'A' ? 'B' : 'A';
	json_object_set_new(receipt, "signature", json_string(text));
	assert_false(is_genuine(f->answer, f->keys, NULL));
}

static void test_other_keys(void **state)
{
	struct fixture *f = *state;
	_cleanup_(crypto_free) struct crypto *other = NULL;
	_cleanup_(json_decrefp) json_t *keys = NULL, *odd = json_pack("{s:[i, {}]}", "keys", 1);
	char kid[17];

	assert_int_equal(crypto_new("quite another master key, as long as it", "session", &other),
			 0);
	keys = published_keys(other);
	assert_false(is_genuine(f->answer, keys, NULL));
	/* the same id on another key: somebody else's key under our name */
	crypto_receipt_key_id(f->crypto, kid);
	json_object_set_new(json_array_get(json_object_get(keys, "keys"), 0), "kid",
			    json_string(kid));
	assert_false(is_genuine(f->answer, keys, NULL));
	assert_false(is_genuine(f->answer, odd, NULL));
	assert_false(is_genuine(f->answer, NULL, NULL));
}

static void test_no_receipt(void **state)
{
	static const char *const documents[] = { "{}", "[]", "{\"receipt\":1}",
						 "{\"receipt\":{\"payload\":[]}}",
						 "{\"verdict\":\"allow\"}" };
	struct fixture *f = *state;
	struct receipt_findings findings;

	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		_cleanup_(json_decrefp) json_t *v = json_loads(documents[i], 0, NULL);

		assert_int_equal(receipt_examine(v, f->keys, NULL, 0, &findings), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_genuine, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_survives_a_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_any_change_shows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_flipped_signature_bit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_receipt, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
