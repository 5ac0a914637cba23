/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authenticated encryption of what is stored: AES-256-GCM with a random nonce, a key per purpose. A
 * random 96-bit nonce is safe for 2^32 messages under one key (NIST SP 800-38D, 8.3): sessions and
 * flashes of a store don't get there. `bound` keeps a sealed value from being moved to another row.
 */
#include "crypto/keys.h"

#include <limits.h>
#include <string.h>

#define NONCE_LEN 12
#define TAG_LEN	  16
_Static_assert(CRYPTO_SEAL_OVERHEAD == NONCE_LEN + TAG_LEN, "nonce | ciphertext | tag");

/* A cipher context ready for the text, `bound` already authenticated. */
static int begin(const struct crypto *c, const char *purpose, const char *bound, size_t len,
		 const uint8_t nonce[static NONCE_LEN], bool seal, EVP_CIPHER_CTX **ret)
{
	_cleanup_(cipher_ctx_freep) EVP_CIPHER_CTX *ctx = NULL;
	uint8_t key[CRYPTO_MAC_LEN];
	int n, r;

	if (!purpose || !bound || len > INT_MAX - CRYPTO_SEAL_OVERHEAD || strlen(bound) > INT_MAX)
		return -EINVAL;
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return -ENOMEM;
	mac_once(c->seal_key, sizeof(c->seal_key), purpose, strlen(purpose), key);
	r = from_openssl(
		EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, seal) == 1 &&
		EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)bound, (int)strlen(bound)) == 1);
	wipe(key, sizeof(key));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(ctx);
	return 0;
}

int crypto_seal(const struct crypto *c, const char *purpose, const char *bound, const void *plain,
		size_t len, uint8_t *ret_sealed)
{
	_cleanup_(cipher_ctx_freep) EVP_CIPHER_CTX *ctx = NULL;
	uint8_t nonce[NONCE_LEN], *text = ret_sealed + NONCE_LEN;
	int n = 0, rest = 0, r;

	r = crypto_random(nonce, sizeof(nonce));
	if (r < 0)
		return r;
	r = begin(c, purpose, bound, len, nonce, true, &ctx);
	if (r < 0)
		return r;
	memcpy(ret_sealed, nonce, sizeof(nonce));
	return from_openssl(
		(!len || EVP_CipherUpdate(ctx, text, &n, plain, (int)len) == 1) &&
		EVP_CipherFinal_ex(ctx, text + n, &rest) == 1 && (size_t)n + (size_t)rest == len &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, text + len) == 1);
}

int crypto_open(const struct crypto *c, const char *purpose, const char *bound, const void *sealed,
		size_t len, uint8_t *ret_plain)
{
	_cleanup_(cipher_ctx_freep) EVP_CIPHER_CTX *ctx = NULL;
	const uint8_t *text = (const uint8_t *)sealed + NONCE_LEN;
	size_t text_len = len - CRYPTO_SEAL_OVERHEAD;
	uint8_t tag[TAG_LEN];
	int n = 0, rest = 0, r;

	if (len < CRYPTO_SEAL_OVERHEAD)
		return -EBADMSG;
	r = begin(c, purpose, bound, text_len, sealed, false, &ctx);
	if (r < 0)
		return r;
	memcpy(tag, text + text_len, sizeof(tag));
	r = from_openssl(
		(!text_len || EVP_CipherUpdate(ctx, ret_plain, &n, text, (int)text_len) == 1) &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
		EVP_CipherFinal_ex(ctx, ret_plain + n, &rest) == 1);
	if (r < 0) {
		/* Nobody may use what wasn't authenticated. */
		wipe(ret_plain, text_len);
		return -EBADMSG;
	}
	return 0;
}
