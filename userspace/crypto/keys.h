/* SPDX-License-Identifier: Apache-2.0 */
/* What crypto's files share: the derived keys, and OpenSSL's way of saying no. */
#ifndef CRYPTO_KEYS_H
#define CRYPTO_KEYS_H

#include <errno.h>
#include <stdbool.h>
#include <openssl/evp.h>
#include "base/base.h"
#include "crypto/crypto.h"
#include "crypto/mac.h"

struct crypto {
	struct mac_keys macs;
	uint8_t seal_key[CRYPTO_MAC_LEN]; /* purposes' keys come from this one */
	uint8_t check_value[CRYPTO_MAC_LEN];
	uint8_t admission_key[CRYPTO_SIPHASH_KEY];
	EVP_PKEY *receipt_key;
	uint8_t receipt_public[CRYPTO_ED25519_PUBLIC_LEN];
	char receipt_key_id[17];
};

/* The one place where OpenSSL's errors become ours. Its error queue is per thread: left full, it
 * would tell somebody else's story later. */
int from_openssl(bool good);

DEFINE_CLEANUP(EVP_MD_CTX *, md_ctx_freep, EVP_MD_CTX_free)
DEFINE_CLEANUP(EVP_CIPHER_CTX *, cipher_ctx_freep, EVP_CIPHER_CTX_free)
DEFINE_CLEANUP(EVP_PKEY *, pkey_freep, EVP_PKEY_free)

#endif
