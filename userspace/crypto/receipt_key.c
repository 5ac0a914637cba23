/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 (RFC 8032) over a receipt's canonical JSON, for those who have no master key. OpenSSL 3.0
 * takes 97 us for one, so receipts are signed on request only.
 */
#include "crypto/keys.h"

#include <string.h>
#include <openssl/err.h>

int from_openssl(bool good)
{
	if (good)
		return 0;
	ERR_clear_error();
	return -EIO;
}

int crypto_sign_receipt(const struct crypto *c, const void *canonical, size_t len,
			uint8_t ret[static CRYPTO_ED25519_SIGNATURE_LEN])
{
	_cleanup_(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[CRYPTO_ED25519_SIGNATURE_LEN];
	size_t signature_len = sizeof(signature);
	int r;

	if (!ctx)
		return -ENOMEM;
	r = from_openssl(EVP_DigestSignInit(ctx, NULL, NULL, NULL, c->receipt_key) == 1 &&
			 EVP_DigestSign(ctx, signature, &signature_len, canonical, len) == 1);
	if (r < 0)
		return r;
	memcpy(ret, signature, sizeof(signature));
	return 0;
}

void crypto_receipt_public_key(const struct crypto *c,
			       uint8_t ret[static CRYPTO_ED25519_PUBLIC_LEN])
{
	memcpy(ret, c->receipt_public, CRYPTO_ED25519_PUBLIC_LEN);
}

void crypto_receipt_key_id(const struct crypto *c, char ret[static 17])
{
	memcpy(ret, c->receipt_key_id, sizeof(c->receipt_key_id));
}

int crypto_verify_receipt(const uint8_t public_key[static CRYPTO_ED25519_PUBLIC_LEN],
			  const void *canonical, size_t len,
			  const uint8_t signature[static CRYPTO_ED25519_SIGNATURE_LEN])
{
	_cleanup_(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	_cleanup_(pkey_freep) EVP_PKEY *key = EVP_PKEY_new_raw_public_key(
		EVP_PKEY_ED25519, NULL, public_key, CRYPTO_ED25519_PUBLIC_LEN);
	int r;

	if (!ctx)
		return -ENOMEM;
	r = from_openssl(key && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1);
	if (r < 0)
		return key ? r : -EINVAL;
	r = from_openssl(EVP_DigestVerify(ctx, signature, CRYPTO_ED25519_SIGNATURE_LEN, canonical,
					  len) == 1);
	return r < 0 ? -EBADMSG : 0;
}
