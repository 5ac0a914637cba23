/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store with many tenants, made through the store's own functions and therefore as the daemon
 * would find it. One password hash for all: hashing ten thousand takes a quarter of an hour and
 * nobody logs in. Tier team: no call is ever refused for its quota.
 */
#include <errno.h>
#include <string.h>
#include "bench.h"
#include "crypto/crypto.h"
#include "store/store.h"

#define PROGRESS_EVERY 1000

static int add_tenant(struct store *store, const struct crypto *crypto, const char *password_hash,
		      unsigned number, FILE *keys)
{
	char email[64], secret[CRYPTO_API_KEY_LEN + 1];
	uint8_t digest[CRYPTO_MAC_LEN];
	struct axfw_key_hash hash;
	struct store_tenant tenant;
	struct store_key key;
	int r;

	snprintf(email, sizeof(email), "tenant-%u@bench.example", number);
	r = store_add_tenant(store, email, password_hash, password_hash, "team", &tenant);
	if (r >= 0)
		r = crypto_api_key_new(secret);
	if (r < 0)
		return r;
	crypto_api_key_digest(crypto, secret, CRYPTO_API_KEY_LEN, digest);
	crypto_api_key_hash(crypto, secret, CRYPTO_API_KEY_LEN, &hash);
	r = store_add_key(store, tenant.number, "bench", digest, &hash, &key);
	if (r < 0)
		return r;
	return fprintf(keys, "%s\n", secret) < 0 ? -EIO : 0;
}

static int add_tenants(struct store *store, const struct crypto *crypto, unsigned count, FILE *keys)
{
	char password_hash[CRYPTO_PASSWORD_TEXT_LEN];
	int r = crypto_password_hash(CRYPTO_PBKDF2, "a password of the bench", password_hash);

	for (unsigned i = 0; r >= 0 && i < count; i++) {
		r = add_tenant(store, crypto, password_hash, i, keys);
		if ((i + 1) % PROGRESS_EVERY == 0)
			fprintf(stderr, "  %u of %u tenants\n", i + 1, count);
	}
	return r;
}

int bench_populate(int argc, char **argv)
{
	const struct store_options options = {
		.dir = bench_option(argc, argv, "--dir", "tenants"),
		.writers = 1,
	};
	unsigned count = (unsigned)bench_number(argc, argv, "--tenants", 1);
	const char *master = getenv("AXIOM_MASTER_KEY");
	_cleanup_(crypto_free) struct crypto *crypto = NULL;
	_cleanup_(store_close) struct store *store = NULL;
	uint64_t began = clock_monotonic_ns();
	char error[256];
	FILE *keys;
	int r;

	if (!master)
		return bench_fail(-EINVAL, "AXIOM_MASTER_KEY");
	r = crypto_new(master, "", &crypto);
	if (r < 0)
		return bench_fail(r, "AXIOM_MASTER_KEY");
	r = store_open(&options, crypto, &store, error, sizeof(error));
	if (r < 0)
		return bench_fail(r, error);
	keys = fopen(bench_option(argc, argv, "--keys", "keys"), "we");
	if (!keys)
		return bench_fail(-errno, "--keys");
	r = add_tenants(store, crypto, count, keys);
	if (fclose(keys) == EOF && r >= 0)
		r = -errno;
	if (r < 0)
		return bench_fail(r, "the store");
	return bench_print(json_pack("{s:i, s:f}", "tenants", (int)count, "seconds",
				     (double)(clock_monotonic_ns() - began) / NS_PER_S));
}
