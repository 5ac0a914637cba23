/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the text of an API key to its tenant: one keyed hash and one table look-up. A key of an
 * older store is found by its digest once; from then on, here and in the kernel, by its hash, which
 * is written down soon.
 */
#include <errno.h>
#include "identity/internal.h"

#define KEY_PREFIX "axfw_"
/* A write takes a transaction in two files; after a takeover there may be 100,000, and whoever
 * ticks has other things to do. */
#define STORING_MAX_NS (200 * NS_PER_MS)

struct axfw_admission key_admission(const struct api_key *k)
{
	uint64_t until = atomic_load(&k->tenant->exhausted_until_ns);
	uint64_t slowed_until = atomic_load(&k->slowed_until_ns);
	struct axfw_admission admission = {
		.tenant_number = k->tenant->number,
		.key_number = k->number,
		.state = AXFW_ADMITTED,
	};

	if (atomic_load(&k->revoked_us)) {
		admission.state = AXFW_REVOKED;
	} else if (until) {
		admission.state = AXFW_QUOTA_EXHAUSTED;
		admission.deny_until_ns = until;
	} else if (slowed_until > clock_boot_ns()) {
		admission.state = AXFW_RATE_EXCEEDED;
		admission.deny_until_ns = slowed_until;
	}
	return admission;
}

int key_announce(struct identity *i, const struct api_key *k)
{
	struct axfw_admission admission = key_admission(k);

	if (!i->watcher.key_changed)
		return 0;
	return i->watcher.key_changed(i->watcher.arg, &k->hash, &admission);
}

static void learn(struct identity *i, struct api_key *k, const struct axfw_key_hash *hash)
{
	HOLD(&i->announce);
	if (!k->unhashed || atomic_load(&k->revoked_us))
		return; /* another request was first, or it was revoked meanwhile */
	k->hash = *hash;
	directory_index_hash(i, k);
	directory_drop_digest(i, k);
	k->next_learnt = i->learnt;
	k->is_learnt = true;
	i->learnt = k;
	/* A failure is the kernel's to retry: until then it passes the key's calls up. */
	(void)key_announce(i, k);
	directory_count_hashed(i);
}

/* The digest table empties while we look: who isn't in it any more is in the hash table by then. */
static struct api_key *find_unhashed(struct identity *i, const char *key, size_t len,
				     const struct axfw_key_hash *hash)
{
	uint8_t digest[CRYPTO_MAC_LEN];
	struct api_key *k;

	crypto_api_key_digest(i->crypto, key, len, digest);
	k = directory_find_digest(i, digest);
	if (!k)
		return directory_find_hash(i, hash);
	if (!atomic_load(&k->revoked_us))
		learn(i, k, hash);
	return k;
}

int identity_authenticate(struct identity *i, const char *key, size_t len, struct caller *ret)
{
	uint64_t unhashed = atomic_load(&i->unhashed_count); /* before the first look */
	struct api_key *k;

	crypto_api_key_hash(i->crypto, key, len, &ret->hash);
	if (len < strlen(KEY_PREFIX) || memcmp(key, KEY_PREFIX, strlen(KEY_PREFIX)) != 0)
		return -EKEYREJECTED;
	k = directory_find_hash(i, &ret->hash);
	if (!k && unhashed)
		k = find_unhashed(i, key, len, &ret->hash);
	if (!k || atomic_load(&k->revoked_us))
		return -EKEYREJECTED;
	ret->tenant = k->tenant;
	ret->entry = k;
	ret->key = k->number;
	return 0;
}

static void unlist_learnt(struct identity *i, struct api_key *k)
{
	struct api_key **at = &i->learnt;

	HOLD(&i->announce);
	while (*at != k)
		at = &(*at)->next_learnt;
	*at = k->next_learnt;
	k->is_learnt = false;
}

static struct api_key *first_learnt(struct identity *i)
{
	HOLD(&i->announce);
	return i->learnt;
}

void keys_store_learnt(struct identity *i)
{
	uint64_t end_ns = clock_monotonic_ns() + STORING_MAX_NS;
	struct api_key *k;

	/* What isn't written now, for want of time or because it fails, is tried again at the next
	 * tick; until it is on disk the key is merely learnt again after a restart. Listed keys are
	 * not retired. */
	while ((k = first_learnt(i)) && clock_monotonic_ns() < end_ns) {
		int r = store_set_key_hash(i->store, k->number, &k->hash);

		if (r < 0 && r != -ENOENT)
			return;
		unlist_learnt(i, k);
	}
}
