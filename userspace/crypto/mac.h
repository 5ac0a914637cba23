/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC-SHA256 and SHA-256 with contexts that each thread keeps, because OpenSSL 3 spends most of a
 * short message's time on making and fetching them (3.8 us against 0.8). Inside crypto/ only.
 */
#ifndef CRYPTO_MAC_H
#define CRYPTO_MAC_H

#include <stddef.h>
#include <stdint.h>
#include "crypto/crypto.h"

/* What a struct crypto's kept contexts are for; each has a key of its own. */
enum mac_slot { MAC_API_KEY, MAC_VERDICT, MAC_SESSION, MAC_SLOT_COUNT };

struct mac_keys {
	uint64_t serial; /* unlike any other's: contexts are kept per thread and know whose key they
			    hold */
	uint8_t key[MAC_SLOT_COUNT][CRYPTO_MAC_LEN];
};

void mac_keys_number(struct mac_keys *keys);
void mac_kept(const struct mac_keys *keys, enum mac_slot slot, const void *data, size_t len,
	      uint8_t ret[static CRYPTO_MAC_LEN]);
/* For keys that are used once. */
void mac_once(const void *key, size_t key_len, const void *data, size_t len,
	      uint8_t ret[static CRYPTO_MAC_LEN]);

#endif
