/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master key is used here once, at start: what stays in memory is what was derived from it, a
 * key per purpose, so that no use of one says anything about another. Salts that begin with axiom-
 * are the Python firewall's and must not change while a store made by it exists; ours begin with
 * axfw-.
 */
#include "crypto/crypto.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "axfw/siphash.h"
#include "base/base.h"
#include "crypto/keys.h"

#define RANDOM_CHUNK 256 /* getrandom(2) gives this much at once, uninterrupted */

/* HMAC-SHA256(key = salt, message = secret), both as they are written. */
static void derive(const char *salt, const char *secret, uint8_t ret[static CRYPTO_MAC_LEN])
{
	mac_once(salt, strlen(salt), secret, strlen(secret), ret);
}

/* Under a key from the master key too: in development the session secret may be empty, which must
 * not make sessions forgeable. */
static void derive_session_key(const char *master_key, const char *session_secret,
			       uint8_t ret[static CRYPTO_MAC_LEN])
{
	uint8_t salt[CRYPTO_MAC_LEN];

	derive("axfw-session-v1", master_key, salt);
	mac_once(salt, sizeof(salt), session_secret, strlen(session_secret), ret);
	wipe(salt, sizeof(salt));
}

static void derive_admission_key(const char *master_key, uint8_t ret[static CRYPTO_SIPHASH_KEY])
{
	uint8_t key[CRYPTO_MAC_LEN];

	derive("axfw-admission-v1", master_key, key);
	memcpy(ret, key, CRYPTO_SIPHASH_KEY);
	wipe(key, sizeof(key));
}

static int derive_receipt_key(const char *master_key, struct crypto *c)
{
	uint8_t seed[CRYPTO_MAC_LEN], digest[CRYPTO_DIGEST_LEN];
	size_t len = sizeof(c->receipt_public);
	int r;

	derive("axfw-receipt-ed25519-v1", master_key, seed);
	c->receipt_key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	wipe(seed, sizeof(seed));
	r = from_openssl(c->receipt_key &&
			 EVP_PKEY_get_raw_public_key(c->receipt_key, c->receipt_public, &len));
	if (r < 0)
		return r;
	crypto_sha256(c->receipt_public, sizeof(c->receipt_public), digest);
	hex_encode(digest, (sizeof(c->receipt_key_id) - 1) / 2, c->receipt_key_id);
	return 0;
}

int crypto_new(const char *master_key, const char *session_secret, struct crypto **ret)
{
	_cleanup_(crypto_free) struct crypto *c = NULL;
	int r;

	if (!master_key || !*master_key || !session_secret)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	mac_keys_number(&c->macs);
	derive("axiom-firewall-api-key-pepper", master_key, c->macs.key[MAC_API_KEY]);
	derive("axiom-firewall-v1", master_key, c->macs.key[MAC_VERDICT]);
	derive_session_key(master_key, session_secret, c->macs.key[MAC_SESSION]);
	derive("axfw-seal-v1", master_key, c->seal_key);
	derive("axfw-check-v1", master_key, c->check_value);
	derive_admission_key(master_key, c->admission_key);
	r = derive_receipt_key(master_key, c);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

void crypto_free(struct crypto **c)
{
	if (!*c)
		return;
	EVP_PKEY_free((*c)->receipt_key);
	wipe(*c, sizeof(**c));
	free(*c);
	*c = NULL;
}

int crypto_random(void *ret, size_t len)
{
	uint8_t *at = ret;

	while (len) {
		ssize_t n = getrandom(at, MIN(len, RANDOM_CHUNK), 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return !CRYPTO_memcmp(a, b, len);
}

void crypto_api_key_digest(const struct crypto *c, const char *key, size_t len,
			   uint8_t ret[static CRYPTO_MAC_LEN])
{
	mac_kept(&c->macs, MAC_API_KEY, key, len, ret);
}

void crypto_api_key_hash(const struct crypto *c, const char *key, size_t len,
			 struct axfw_key_hash *ret)
{
	axfw_siphash128(axfw_load64(c->admission_key), axfw_load64(c->admission_key + 8),
			(const uint8_t *)key, (uint32_t)len, ret);
}

void crypto_sign_verdict(const struct crypto *c, const void *canonical, size_t len,
			 uint8_t ret[static CRYPTO_MAC_LEN])
{
	mac_kept(&c->macs, MAC_VERDICT, canonical, len, ret);
}

void crypto_session_mac(const struct crypto *c, const void *data, size_t len,
			uint8_t ret[static CRYPTO_MAC_LEN])
{
	mac_kept(&c->macs, MAC_SESSION, data, len, ret);
}

void crypto_admission_key(const struct crypto *c, uint8_t ret[static CRYPTO_SIPHASH_KEY])
{
	memcpy(ret, c->admission_key, CRYPTO_SIPHASH_KEY);
}

void crypto_check_value(const struct crypto *c, uint8_t ret[static CRYPTO_MAC_LEN])
{
	memcpy(ret, c->check_value, CRYPTO_MAC_LEN);
}
