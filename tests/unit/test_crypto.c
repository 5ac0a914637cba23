/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published vectors, and values that Python's hmac, hashlib and cryptography computed: the Python
 * firewall's stores must open here, and receipts must verify elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <pthread.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <cmocka.h>
#include "axfw/siphash.h"
#include "base/base.h"
#include "crypto/crypto.h"
#include "crypto/mac.h"

#define MASTER	"0f1e2d3c4b5a69788796a5b4c3d2e1f0-clé-maître"
#define SESSION "session secret"
#define KEY	"axfw_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define PAYLOAD                                                                                    \
	"{\"class\":\"HARM\",\"confidence\":0.5,\"signals\":[\"harm:1\"],\"verdict\":\"block\"}"

static struct crypto *crypto;

static int make(void **state)
{
	return crypto_new(MASTER, SESSION, &crypto);
}

static int unmake(void **state)
{
	crypto_free(&crypto);
	return 0;
}

static void assert_hex(const uint8_t *bytes, size_t len, const char *expected)
{
	char text[2 * 64 + 1];

	assert_true(len <= 64);
	hex_encode(bytes, len, text);
	assert_string_equal(text, expected);
}

/* --- digests --------------------------------------------------------------------------------- */

static void hmac_is_rfc_4231s(void **state)
{
	static const char big[] = "This is a test using a larger than block-size key and a larger "
				  "than block-size data. The key needs to be hashed before being "
				  "used by the HMAC algorithm.";
	uint8_t aa[131], dd[50], cd[50], counting[25], mac[CRYPTO_MAC_LEN];
	uint8_t ob[20];

	memset(aa, 0xaa, sizeof(aa));
	memset(dd, 0xdd, sizeof(dd));
	memset(cd, 0xcd, sizeof(cd));
	memset(ob, 0x0b, sizeof(ob));
	for (size_t i = 0; i < sizeof(counting); i++)
		counting[i] = (uint8_t)(i + 1);
	const struct {
		const void *key;
		size_t key_len;
		const void *data;
		size_t len;
		const char *mac;
	} rows[] = {
		{ ob, 20, "Hi There", 8,
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ "Jefe", 4, "what do ya want for nothing?", 28,
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ aa, 20, dd, 50,
		  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
		{ counting, 25, cd, 50,
		  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
		{ aa, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54,
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
		{ aa, 131, big, sizeof(big) - 1,
		  "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
		{ NULL, 0, NULL, 0,
		  "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		mac_once(rows[i].key, rows[i].key_len, rows[i].data, rows[i].len, mac);
		assert_hex(mac, sizeof(mac), rows[i].mac);
	}
}

static void sha256_is_fips_180s(void **state)
{
	uint8_t digest[CRYPTO_DIGEST_LEN];

	for (int again = 0; again < 2; again++) {
		crypto_sha256("abc", 3, digest);
		assert_hex(digest, sizeof(digest),
			   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
		crypto_sha256("", 0, digest);
		assert_hex(digest, sizeof(digest),
			   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	}
}

static void keys_are_the_python_firewalls(void **state)
{
	uint8_t mac[CRYPTO_MAC_LEN];

	/* Twice and mixed: the thread's kept contexts start afresh and know their key. */
	for (int again = 0; again < 2; again++) {
		crypto_api_key_digest(crypto, KEY, strlen(KEY), mac);
		assert_hex(mac, sizeof(mac),
			   "a82434ffcd8a1832381b47177aae79adef09b9c7c3f18c3ce1c4c093d8c0e050");
		crypto_sign_verdict(crypto, PAYLOAD, strlen(PAYLOAD), mac);
		assert_hex(mac, sizeof(mac),
			   "f0778b83b504ca6b31e9f6108df6b8ae10f31bd0a8cb9efadd9f2dafb8d35b18");
		crypto_session_mac(crypto, "cookie", 6, mac);
		assert_hex(mac, sizeof(mac),
			   "0eed49369ef511b2bf6840e790d39be97288726807fefbaec43132d9d4281386");
	}
	crypto_check_value(crypto, mac);
	assert_hex(mac, sizeof(mac),
		   "39e8604b51c4e70671cb4ffd39eecbd54d71afe999ba8b24afc0a80e4bab319f");
	crypto_admission_key(crypto, mac);
	assert_hex(mac, CRYPTO_SIPHASH_KEY, "e140a5dec91731ebb796749fc453e7d1");
}

static void two_keys_on_one_thread_stay_apart(void **state)
{
	_cleanup_(crypto_free) struct crypto *other = NULL;
	uint8_t a[CRYPTO_MAC_LEN], b[CRYPTO_MAC_LEN], again[CRYPTO_MAC_LEN];

	assert_int_equal(crypto_new(MASTER, "another session secret", &other), 0);
	for (int i = 0; i < 3; i++) {
		crypto_session_mac(crypto, "x", 1, a);
		crypto_session_mac(other, "x", 1, b);
		assert_memory_not_equal(a, b, sizeof(a));
		crypto_session_mac(crypto, "x", 1, again);
		assert_memory_equal(a, again, sizeof(a));
		/* the master key is the same */
		crypto_api_key_digest(crypto, "x", 1, a);
		crypto_api_key_digest(other, "x", 1, b);
		assert_memory_equal(a, b, sizeof(a));
	}
}

static void empty_secrets_are_refused_or_harmless(void **state)
{
	_cleanup_(crypto_free) struct crypto *a = NULL, *b = NULL;
	uint8_t mac[2][CRYPTO_MAC_LEN];

	assert_int_equal(crypto_new("", SESSION, &a), -EINVAL);
	assert_int_equal(crypto_new(NULL, SESSION, &a), -EINVAL);
	assert_int_equal(crypto_new(MASTER, NULL, &a), -EINVAL);
	assert_null(a);
	/* Without a session secret nobody forges a session who hasn't the master key. */
	assert_int_equal(crypto_new(MASTER, "", &a), 0);
	assert_int_equal(crypto_new("another", "", &b), 0);
	crypto_session_mac(a, "x", 1, mac[0]);
	crypto_session_mac(b, "x", 1, mac[1]);
	assert_memory_not_equal(mac[0], mac[1], sizeof(mac[0]));
}

static void *mac_on_a_thread(void *ret)
{
	crypto_api_key_digest(crypto, KEY, strlen(KEY), ret);
	return NULL;
}

static void every_thread_gets_the_same(void **state)
{
	uint8_t mac[4][CRYPTO_MAC_LEN];
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, mac_on_a_thread, mac[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		assert_hex(mac[i], CRYPTO_MAC_LEN,
			   "a82434ffcd8a1832381b47177aae79adef09b9c7c3f18c3ce1c4c093d8c0e050");
	}
}

/* --- SipHash --------------------------------------------------------------------------------- */

static void siphash_is_the_references(void **state)
{
	/* vectors_sip128 of the reference implementation: key 00..0f, message 00..(len - 1) */
	static const char *const expected[] = {
		"a3817f04ba25a8e66df67214c7550293",
		"da87c1d86b99af44347659119b22fc45",
		"8177228da4a45dc7fca38bdef60affe4",
		"9c70b60c5267a94e5f33b6b02985ed51",
	};
	uint8_t key[16], message[4];
	struct axfw_key_hash hash;

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (uint32_t len = 0; len < ARRAY_SIZE(expected); len++) {
		axfw_siphash128(axfw_load64(key), axfw_load64(key + 8), message, len, &hash);
		assert_hex(hash.bytes, sizeof(hash.bytes), expected[len]);
	}
}

static void openssl_siphash(const uint8_t key[static 16], const uint8_t *data, size_t len,
			    uint8_t ret[static 16])
{
	size_t size = 16;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

	assert_int_equal(EVP_MAC_init(ctx, key, 16, params), 1);
	assert_int_equal(EVP_MAC_update(ctx, data, len), 1);
	assert_int_equal(EVP_MAC_final(ctx, ret, &size, 16), 1);
	assert_int_equal(size, 16);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

static void siphash_is_openssls_for_every_length(void **state)
{
	uint8_t key[CRYPTO_SIPHASH_KEY], text[256], expected[16];
	struct axfw_key_hash hash;

	crypto_admission_key(crypto, key);
	assert_int_equal(crypto_random(text, sizeof(text)), 0);
	for (size_t len = 0; len < sizeof(text); len++) {
		openssl_siphash(key, text, len, expected);
		crypto_api_key_hash(crypto, (const char *)text, len, &hash);
		assert_memory_equal(hash.bytes, expected, sizeof(expected));
	}
}

/* --- receipts -------------------------------------------------------------------------------- */

static void ed25519_is_rfc_8032s(void **state)
{
	static const struct {
		const char *public, *message;
		size_t len;
		const char *signature;
	} rows[] = {
		{ "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "", 0,
		  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
		  "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
		{ "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "\x72", 1,
		  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
		  "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
		{ "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "\xaf\x82", 2,
		  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
		  "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
	};
	uint8_t public[CRYPTO_ED25519_PUBLIC_LEN], signature[CRYPTO_ED25519_SIGNATURE_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(hex_decode(rows[i].public, sizeof(public), public), 0);
		assert_int_equal(hex_decode(rows[i].signature, sizeof(signature), signature), 0);
		assert_int_equal(
			crypto_verify_receipt(public, rows[i].message, rows[i].len, signature), 0);
		signature[i] ^= 1;
		assert_int_equal(
			crypto_verify_receipt(public, rows[i].message, rows[i].len, signature),
			-EBADMSG);
	}
}

static void receipts_verify_and_tampering_shows(void **state)
{
	uint8_t public[CRYPTO_ED25519_PUBLIC_LEN], signature[CRYPTO_ED25519_SIGNATURE_LEN];
	char payload[] = PAYLOAD, id[17];

	crypto_receipt_public_key(crypto, public);
	assert_hex(public, sizeof(public),
		   "2b6219fe70f822e12a7b98a250d982b1453bee133111703385064f82383c55d4");
	crypto_receipt_key_id(crypto, id);
	assert_string_equal(id, "4be06a6db5661708");
	assert_int_equal(crypto_sign_receipt(crypto, payload, strlen(payload), signature), 0);
	assert_hex(signature, sizeof(signature),
		   "55a47f230cb1ebc95324b66595df97938fc61527018243e757c8db751aa6100a"
		   "94141ee9336f045e9fdfa05897ddc03521b5df5df80b4550e31599bb7440f403");
	assert_int_equal(crypto_verify_receipt(public, payload, strlen(payload), signature), 0);
	for (size_t i = 0; i < strlen(PAYLOAD); i++) {
		payload[i] ^= 1;
		assert_int_equal(crypto_verify_receipt(public, payload, strlen(PAYLOAD), signature),
				 -EBADMSG);
		payload[i] ^= 1;
	}
	public[0] ^= 1;
	assert_int_not_equal(crypto_verify_receipt(public, payload, strlen(PAYLOAD), signature), 0);
}

/* --- sealing --------------------------------------------------------------------------------- */

static void sealed_values_open_and_tampering_shows(void **state)
{
	static const char plain[] = "axfw_secret shown once";
	uint8_t sealed[sizeof(plain) + CRYPTO_SEAL_OVERHEAD], again[sizeof(sealed)];
	char opened[sizeof(plain)];

	assert_int_equal(crypto_seal(crypto, "flash", "row 1", plain, sizeof(plain), sealed), 0);
	assert_int_equal(crypto_seal(crypto, "flash", "row 1", plain, sizeof(plain), again), 0);
	assert_memory_not_equal(sealed, again, sizeof(sealed)); /* a nonce of its own */
	assert_int_equal(
		crypto_open(crypto, "flash", "row 1", sealed, sizeof(sealed), (uint8_t *)opened),
		0);
	assert_string_equal(opened, plain);
	for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(crypto_open(crypto, "flash", "row 1", sealed, sizeof(sealed),
					     (uint8_t *)opened),
				 -EBADMSG);
		assert_int_equal(opened[0], 0);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < sizeof(sealed); len++)
		assert_int_equal(
			crypto_open(crypto, "flash", "row 1", sealed, len, (uint8_t *)opened),
			-EBADMSG);
}

static void sealed_values_belong_where_they_were_sealed(void **state)
{
	_cleanup_(crypto_free) struct crypto *other = NULL;
	uint8_t sealed[1 + CRYPTO_SEAL_OVERHEAD], opened;

	assert_int_equal(crypto_new("another master key", SESSION, &other), 0);
	assert_int_equal(crypto_seal(crypto, "flash", "row 1", "x", 1, sealed), 0);
	assert_int_equal(crypto_open(crypto, "flash", "row 2", sealed, sizeof(sealed), &opened),
			 -EBADMSG);
	assert_int_equal(crypto_open(crypto, "texts", "row 1", sealed, sizeof(sealed), &opened),
			 -EBADMSG);
	assert_int_equal(crypto_open(other, "flash", "row 1", sealed, sizeof(sealed), &opened),
			 -EBADMSG);
}

static void nothing_can_be_sealed_too(void **state)
{
	uint8_t sealed[CRYPTO_SEAL_OVERHEAD], opened;

	assert_int_equal(crypto_seal(crypto, "flash", "", NULL, 0, sealed), 0);
	assert_int_equal(crypto_open(crypto, "flash", "", sealed, sizeof(sealed), &opened), 0);
	sealed[0] ^= 1;
	assert_int_equal(crypto_open(crypto, "flash", "", sealed, sizeof(sealed), &opened),
			 -EBADMSG);
}

/* --- passwords ------------------------------------------------------------------------------- */

static void stored_passwords_verify(void **state)
{
	static const struct {
		const char *password, *stored;
		int expected;
	} rows[] = {
		/* RFC 7914, 11: the first 32 bytes of both */
		{ "passwd",
		  "pbkdf2$1$73616c74$"
		  "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc",
		  1 },
		{ "Password",
		  "pbkdf2$80000$4e61436c$"
		  "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56",
		  1 },
		/* RFC 6070's first with SHA-256, as commonly published */
		{ "password",
		  "pbkdf2$1$73616c74$"
		  "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b",
		  1 },
		/* hashlib.pbkdf2_hmac() */
		{ "correct horse battery staple",
		  "pbkdf2$200000$000102030405060708090a0b0c0d0e0f$"
		  "45fea9d79f583c568d79d99c35c95c34f9603a5fbd4f8dd36adf6453724b79c8",
		  1 },
		{ "pässwörd 🔑",
		  "pbkdf2$200000$6465666768696a6b6c6d6e6f70717273$"
		  "da38fdf603f93d2d4160e2236351676572d4c6aa509daaada60bd6c33bf8f27d",
		  1 },
		{ "Passwd",
		  "pbkdf2$1$73616c74$"
		  "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc",
		  0 },
		/* the reference implementation's test.c */
		{ "password",
		  "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
		  "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		  1 },
		{ "password",
		  "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ"
		  "$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		  1 },
		{ "differentpassword",
		  "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ"
		  "$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		  0 },
		/* what we don't know or wouldn't compute */
		{ "x", "", -EINVAL },
		{ "x", "plaintext", -EINVAL },
		{ "x", "pbkdf2$", -EINVAL },
		{ "x", "pbkdf2$1$73616c74", -EINVAL },
		{ "x", "pbkdf2$0$73616c74$00", -EINVAL },
		{ "x",
		  "pbkdf2$-1$73616c74$"
		  "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc",
		  -EINVAL },
		{ "x",
		  "pbkdf2$99999999999999999999$73616c74$"
		  "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc",
		  -EINVAL },
		{ "x",
		  "pbkdf2$10000001$73616c74$"
		  "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc",
		  -EINVAL },
		{ "x",
		  "pbkdf2$1$73616c7$"
		  "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc",
		  -EINVAL },
		{ "x",
		  "pbkdf2$1$zz616c74$"
		  "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc",
		  -EINVAL },
		{ "x", "pbkdf2$1$73616c74$55ac", -EINVAL },
		{ "x", "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$AAAA", -EINVAL },
		{ "x", "$argon2id$v=19$m=256,t=4000000,p=1$c29tZXNhbHQ$AAAA", -EINVAL },
		{ "x", "$argon2id$v=19$m=256,t=2,p=200$c29tZXNhbHQ$AAAA", -EINVAL },
		{ "x", "$argon2id$v=19$m=256,t=2,p=1$", -EINVAL },
		{ "x", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$AAAA", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = crypto_password_verify(rows[i].password, rows[i].stored);

		if (r != rows[i].expected)
			fail_msg("%s against %s: %d", rows[i].password, rows[i].stored, r);
	}
}

static void new_passwords_verify(void **state)
{
	static const enum crypto_password_scheme schemes[] = { CRYPTO_PBKDF2, CRYPTO_ARGON2ID };
	static const char *const starts[] = { "pbkdf2$200000$", "$argon2id$v=19$m=19456,t=2,p=1$" };
	char stored[CRYPTO_PASSWORD_TEXT_LEN], again[CRYPTO_PASSWORD_TEXT_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		assert_int_equal(crypto_password_hash(schemes[i], "pässword", stored), 0);
		assert_int_equal(crypto_password_hash(schemes[i], "pässword", again), 0);
		assert_memory_equal(stored, starts[i], strlen(starts[i]));
		assert_string_not_equal(stored, again);
		assert_int_equal(crypto_password_verify("pässword", stored), 1);
		assert_int_equal(crypto_password_verify("passwort", stored), 0);
		assert_int_equal(crypto_password_verify("", stored), 0);
	}
	assert_int_equal(strlen("pbkdf2$200000$") + 32 + 1 + 64,
			 (crypto_password_hash(CRYPTO_PBKDF2, "x", stored), strlen(stored)));
}

/* --- codes ----------------------------------------------------------------------------------- */

static void api_keys_look_like_the_contracts(void **state)
{
	char key[CRYPTO_API_KEY_LEN + 1], other[CRYPTO_API_KEY_LEN + 1];
	uint8_t bytes[32];

	assert_int_equal(crypto_api_key_new(key), 0);
	assert_int_equal(crypto_api_key_new(other), 0);
	assert_int_equal(strlen(key), 48);
	assert_memory_equal(key, "axfw_", 5);
	assert_int_equal(base64url_decode(key + 5, 43, bytes, sizeof(bytes)), 32);
	assert_string_not_equal(key, other);
}

static void recovery_codes_look_like_the_contracts(void **state)
{
	char code[CRYPTO_RECOVERY_CODE_LEN + 1], other[CRYPTO_RECOVERY_CODE_LEN + 1];

	assert_int_equal(crypto_recovery_code_new(code), 0);
	assert_int_equal(crypto_recovery_code_new(other), 0);
	assert_string_not_equal(code, other);
	assert_int_equal(strlen(code), 32);
	for (size_t i = 0; i < 32; i++) {
		if (i % 5 == 4)
			assert_int_equal(code[i], '-');
		else
			assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", code[i]));
	}
	/* 130 digits for 128 bits: the last holds three of them and two zeros */
	assert_non_null(strchr("AEIMQUY4", code[31]));
}

static void recovery_codes_are_read_as_people_type_them(void **state)
{
	static const char stored[] =
		"pbkdf2$200000$101112131415161718191a1b1c1d1e1f$"
		"8b6f184ba8ae12ab9b961432da0bb68a444ef72991903749d5687326ef08fbb4";
	static const struct {
		const char *typed, *normal;
	} rows[] = {
		{ "abcd efgh-ijkl mnop qrst uvwx 23", "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-23" },
		{ "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-23", "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-23" },
		{ "abcdefghijklmnopqrstuvwx23", "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-23" },
		{ " a.b,c_d ", "ABCD" },
		{ "abcd-", "ABCD" },
		{ "abcde", "ABCD-E" },
		{ "\xff\xc3\xa9\x01", "" },
		{ "", "" },
	};
	char normal[80];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		crypto_recovery_code_normalise(rows[i].typed, normal,
					       2 * strlen(rows[i].typed) + 1);
		assert_string_equal(normal, rows[i].normal);
	}
	crypto_recovery_code_normalise(rows[0].typed, normal, sizeof(normal));
	assert_int_equal(crypto_password_verify(normal, stored), 1);
	/* cut, never written past the end */
	memset(normal, '?', sizeof(normal));
	crypto_recovery_code_normalise("abcdefgh", normal, 6);
	assert_string_equal(normal, "ABCD");
	assert_int_equal(normal[6], '?');
}

static void equality_is_of_every_byte(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	assert_true(crypto_equal(a, b, sizeof(a)));
	for (size_t i = 0; i < sizeof(a); i++) {
		b[i] = 0x80;
		assert_false(crypto_equal(a, b, sizeof(a)));
		b[i] = 0;
	}
	assert_true(crypto_equal(a, b, 0));
}

static void random_fills_every_byte(void **state)
{
	uint8_t bytes[1000], seen[1000] = { 0 };

	for (int round = 0; round < 8; round++) {
		memset(bytes, 0, sizeof(bytes));
		assert_int_equal(crypto_random(bytes, sizeof(bytes)), 0);
		for (size_t i = 0; i < sizeof(bytes); i++)
			seen[i] |= bytes[i];
	}
	for (size_t i = 0; i < sizeof(seen); i++)
		assert_int_not_equal(seen[i], 0); /* by chance: 1 in 2^54 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hmac_is_rfc_4231s),
		cmocka_unit_test(sha256_is_fips_180s),
		cmocka_unit_test(keys_are_the_python_firewalls),
		cmocka_unit_test(two_keys_on_one_thread_stay_apart),
		cmocka_unit_test(empty_secrets_are_refused_or_harmless),
		cmocka_unit_test(every_thread_gets_the_same),
		cmocka_unit_test(siphash_is_the_references),
		cmocka_unit_test(siphash_is_openssls_for_every_length),
		cmocka_unit_test(ed25519_is_rfc_8032s),
		cmocka_unit_test(receipts_verify_and_tampering_shows),
		cmocka_unit_test(sealed_values_open_and_tampering_shows),
		cmocka_unit_test(sealed_values_belong_where_they_were_sealed),
		cmocka_unit_test(nothing_can_be_sealed_too),
		cmocka_unit_test(stored_passwords_verify),
		cmocka_unit_test(new_passwords_verify),
		cmocka_unit_test(api_keys_look_like_the_contracts),
		cmocka_unit_test(recovery_codes_look_like_the_contracts),
		cmocka_unit_test(recovery_codes_are_read_as_people_type_them),
		cmocka_unit_test(equality_is_of_every_byte),
		cmocka_unit_test(random_fills_every_byte),
	};

	return cmocka_run_group_tests_name("crypto", tests, make, unmake);
}
