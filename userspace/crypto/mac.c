/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A MAC that couldn't be computed must never be mistaken for one that could: an all-zero session
 * MAC would open every account. These functions return nothing, so they end the process where
 * OpenSSL fails, which with fixed algorithms and lengths only happens when a thread's first
 * contexts find no memory.
 */
#include "crypto/mac.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include "base/base.h"

/* Fetched once: an implicit fetch per call takes a lock. They live as long as the process. */
static EVP_MAC *hmac;
static EVP_MD *sha256;
static pthread_key_t at_thread_exit;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

struct thread_contexts {
	EVP_MD_CTX *digest;
	EVP_MAC_CTX *mac[MAC_SLOT_COUNT];
	uint64_t serial[MAC_SLOT_COUNT]; /* whose key mac[] holds; 0: none */
};
static _Thread_local struct thread_contexts *contexts;

static void require(bool good)
{
	if (good)
		return;
	log_error("OpenSSL can't compute a digest: out of memory, or a broken installation");
	abort();
}

static void free_contexts(void *arg)
{
	struct thread_contexts *c = arg;

	EVP_MD_CTX_free(c->digest);
	for (size_t i = 0; i < MAC_SLOT_COUNT; i++)
		EVP_MAC_CTX_free(c->mac[i]);
	free(c);
	contexts = NULL;
}

static void fetch(void)
{
	hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	sha256 = EVP_MD_fetch(NULL, OSSL_DIGEST_NAME_SHA2_256, NULL);
	require(hmac && sha256 && !pthread_key_create(&at_thread_exit, free_contexts));
}

static struct thread_contexts *this_thread(void)
{
	if (contexts)
		return contexts;
	pthread_once(&fetched, fetch);
	contexts = calloc(1, sizeof(*contexts));
	require(contexts && !pthread_setspecific(at_thread_exit, contexts));
	contexts->digest = EVP_MD_CTX_new();
	require(contexts->digest);
	return contexts;
}

static EVP_MAC_CTX *mac_new(const void *key, size_t key_len)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac);

	require(ctx && EVP_MAC_init(ctx, key, key_len, params));
	return ctx;
}

static void mac_finish(EVP_MAC_CTX *ctx, const void *data, size_t len,
		       uint8_t ret[static CRYPTO_MAC_LEN])
{
	size_t written = 0;

	require(EVP_MAC_update(ctx, data, len) &&
		EVP_MAC_final(ctx, ret, &written, CRYPTO_MAC_LEN) && written == CRYPTO_MAC_LEN);
}

void mac_keys_number(struct mac_keys *keys)
{
	static atomic_uint_fast64_t last;

	keys->serial = ++last;
}

void mac_kept(const struct mac_keys *keys, enum mac_slot slot, const void *data, size_t len,
	      uint8_t ret[static CRYPTO_MAC_LEN])
{
	struct thread_contexts *t = this_thread();

	if (t->serial[slot] == keys->serial) {
		require(EVP_MAC_init(t->mac[slot], NULL, 0, NULL)); /* the same key again */
	} else {
		EVP_MAC_CTX_free(t->mac[slot]);
		t->mac[slot] = mac_new(keys->key[slot], CRYPTO_MAC_LEN);
		t->serial[slot] = keys->serial;
	}
	mac_finish(t->mac[slot], data, len, ret);
}

void mac_once(const void *key, size_t key_len, const void *data, size_t len,
	      uint8_t ret[static CRYPTO_MAC_LEN])
{
	EVP_MAC_CTX *ctx;

	(void)this_thread(); /* has fetched the algorithm */
	/* OpenSSL takes a NULL key for "the one before". */
	ctx = mac_new(key_len ? key : "", key_len);
	mac_finish(ctx, data, len, ret);
	EVP_MAC_CTX_free(ctx);
}

void crypto_sha256(const void *data, size_t len, uint8_t ret[static CRYPTO_DIGEST_LEN])
{
	EVP_MD_CTX *ctx = this_thread()->digest;

	require(EVP_DigestInit_ex2(ctx, sha256, NULL) && EVP_DigestUpdate(ctx, data, len) &&
		EVP_DigestFinal_ex(ctx, ret, NULL));
}
