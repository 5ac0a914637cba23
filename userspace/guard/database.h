/* SPDX-License-Identifier: Apache-2.0 */
/* The stock rules as one Vectorscan database, compiled once. Inside guard/ only. */
#ifndef GUARD_DATABASE_H
#define GUARD_DATABASE_H

#include <hs.h>
#include "base/base.h"
#include "crypto/crypto.h"
#include "guard/rules.h"

DEFINE_CLEANUP(hs_database_t *, database_freep, hs_free_database)

/*
 * Loads the database of these rules from cache_dir, or compiles it and tries to leave it there.
 * cache_dir may be NULL or "". rules_digest is the SHA-256 of the rule file. The ids of the
 * expressions are the indices of their rules. -EINVAL: a rule doesn't compile; which, and why, is
 * in error.
 */
int database_open(const char *cache_dir, const struct rules *rules,
		  const uint8_t rules_digest[static CRYPTO_DIGEST_LEN], hs_database_t **ret,
		  char *error, size_t error_size);

/* Is there a file that database_open() would look into? */
bool database_is_cached(const char *cache_dir,
			const uint8_t rules_digest[static CRYPTO_DIGEST_LEN]);

/* Vectorscan's errors as ours. */
int from_hs(hs_error_t r);

#endif
