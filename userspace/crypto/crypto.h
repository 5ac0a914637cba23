/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys derived from the master key, and everything computed with them. The struct is immutable
 * after crypto_new(), so any thread may use it; MAC contexts are kept per thread (a kept EVP_MAC
 * context costs 0.8 us, a one-shot 3.8). Derivations are the Python firewall's: HMAC-SHA256(salt,
 * master as UTF-8), so that a store written by it opens under the same master key. OpenSSL's errors
 * become -EIO in one place; -ENOMEM where it says so.
 */
#ifndef CRYPTO_H
#define CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "axfw/abi.h"

#define CRYPTO_MAC_LEN		     32 /* HMAC-SHA256 */
#define CRYPTO_DIGEST_LEN	     32 /* SHA-256 */
#define CRYPTO_SIPHASH_KEY	     16
#define CRYPTO_ED25519_PUBLIC_LEN    32
#define CRYPTO_ED25519_SIGNATURE_LEN 64

struct crypto;

int crypto_new(const char *master_key, const char *session_secret, struct crypto **ret);
void crypto_free(struct crypto **c); /* wipes the keys */

int crypto_random(void *ret, size_t len);
bool crypto_equal(const void *a, const void *b, size_t len); /* constant time */
void crypto_sha256(const void *data, size_t len, uint8_t ret[static CRYPTO_DIGEST_LEN]);

/* API keys: the peppered digest that is stored, and the hash that the kernel looks up. */
void crypto_api_key_digest(const struct crypto *c, const char *key, size_t len,
			   uint8_t ret[static CRYPTO_MAC_LEN]);
void crypto_api_key_hash(const struct crypto *c, const char *key, size_t len,
			 struct axfw_key_hash *ret);
/* The SipHash key itself, for the BPF program. */
void crypto_admission_key(const struct crypto *c, uint8_t ret[static CRYPTO_SIPHASH_KEY]);

/* Verdicts: HMAC-SHA256 over canonical JSON (salt axiom-firewall-v1), and the receipt's signature
 * that anybody can verify. */
void crypto_sign_verdict(const struct crypto *c, const void *canonical, size_t len,
			 uint8_t ret[static CRYPTO_MAC_LEN]);
int crypto_sign_receipt(const struct crypto *c, const void *canonical, size_t len,
			uint8_t ret[static CRYPTO_ED25519_SIGNATURE_LEN]);
void crypto_receipt_public_key(const struct crypto *c,
			       uint8_t ret[static CRYPTO_ED25519_PUBLIC_LEN]);
/* First 16 hex digits of the SHA-256 of the public key, with a NUL: "kid". */
void crypto_receipt_key_id(const struct crypto *c, char ret[static 17]);
/* Needs no struct crypto: what axfw verify calls. 0, -EBADMSG (wrong signature), -EINVAL. */
int crypto_verify_receipt(const uint8_t public_key[static CRYPTO_ED25519_PUBLIC_LEN],
			  const void *canonical, size_t len,
			  const uint8_t signature[static CRYPTO_ED25519_SIGNATURE_LEN]);

/* Session cookies: HMAC under the session secret. */
void crypto_session_mac(const struct crypto *c, const void *data, size_t len,
			uint8_t ret[static CRYPTO_MAC_LEN]);

/* A value stored beside the data that only the same master key reproduces. */
void crypto_check_value(const struct crypto *c, uint8_t ret[static CRYPTO_MAC_LEN]);

/* AES-256-GCM under a key derived with `purpose`: nonce (12) | ciphertext | tag (16). `bound` is
 * authenticated with it (say, the row's id). open: -EBADMSG when anything was changed. */
#define CRYPTO_SEAL_OVERHEAD 28
int crypto_seal(const struct crypto *c, const char *purpose, const char *bound, const void *plain,
		size_t len, uint8_t *ret_sealed);
int crypto_open(const struct crypto *c, const char *purpose, const char *bound, const void *sealed,
		size_t len, uint8_t *ret_plain);

/* Passwords and recovery codes: the stored text says how it was made (pbkdf2$… or Argon2id's
 * $argon2id$…). Slow on purpose (80 ms): worker pool only. */
#define CRYPTO_PASSWORD_TEXT_LEN 256
enum crypto_password_scheme { CRYPTO_PBKDF2, CRYPTO_ARGON2ID };
int crypto_password_hash(enum crypto_password_scheme scheme, const char *password,
			 char ret[static CRYPTO_PASSWORD_TEXT_LEN]);
/* 1 right, 0 wrong, -EINVAL a stored text we don't know. */
int crypto_password_verify(const char *password, const char *stored);
/* How was it made? CRYPTO_PBKDF2 for what nobody knows, too. */
enum crypto_password_scheme crypto_password_scheme_of(const char *stored);
/* The work of verifying against what crypto_password_hash() makes now, for accounts that don't
 * exist: 0 or -errno. */
int crypto_password_pretend(enum crypto_password_scheme scheme, const char *password);

/* A new API key: "axfw_" and 43 base64url characters of 32 random bytes, with a NUL. */
#define CRYPTO_API_KEY_LEN 48
int crypto_api_key_new(char ret[static CRYPTO_API_KEY_LEN + 1]);
/* A new recovery code: 26 base32 characters, dash-joined in fours ("ABCD-…-YZ"), with a NUL. */
#define CRYPTO_RECOVERY_CODE_LEN 32
int crypto_recovery_code_new(char ret[static CRYPTO_RECOVERY_CODE_LEN + 1]);
/* Upper-cases, drops what is neither letter nor digit, joins in fours by '-'; size >= 2 * strlen
 * + 1. */
void crypto_recovery_code_normalise(const char *text, char *ret, size_t size);

#endif
