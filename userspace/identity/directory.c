/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables: tenants by number and by e-mail, keys by hash and, for keys of an older store that
 * were not used since, by digest. Lock-free to read (liburcu's resizable hash table). A key is in
 * the hash table before it leaves the digest table, so that a reader who looks in both, hash table
 * last, always finds it.
 */
#include <errno.h>
#include "identity/internal.h"

/* Buckets at start; the tables grow by themselves. Enough for 10,000 tenants without a chain. */
#define BUCKETS_START 16384

static int match_number(struct cds_lfht_node *node, const void *key)
{
	return caa_container_of(node, struct tenant, by_number)->number == *(const uint32_t *)key;
}

static int match_email(struct cds_lfht_node *node, const void *key)
{
	return strcmp(caa_container_of(node, struct tenant, by_email)->email, key) == 0;
}

static int match_hash(struct cds_lfht_node *node, const void *key)
{
	return memcmp(&caa_container_of(node, struct api_key, by_hash)->hash, key,
		      sizeof(struct axfw_key_hash)) == 0;
}

static int match_digest(struct cds_lfht_node *node, const void *key)
{
	return memcmp(caa_container_of(node, struct unhashed_key, node)->digest, key,
		      CRYPTO_MAC_LEN) == 0;
}

/* What is already a keyed hash needs no second one. */
static unsigned long first_word(const void *hash)
{
	unsigned long word;

	memcpy(&word, hash, sizeof(word));
	return word;
}

unsigned long directory_hash_bytes(const struct identity *i, const void *data, size_t len)
{
	struct axfw_key_hash hash;

	crypto_api_key_hash(i->crypto, data, len, &hash);
	return first_word(&hash);
}

/* Numbers are ours and dense: Fibonacci hashing spreads them. */
unsigned long directory_hash_number(uint32_t number)
{
	return number * 0x9E3779B97F4A7C15UL;
}

struct tenant *directory_find(struct identity *i, uint32_t number)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	cds_lfht_lookup(i->tenants_by_number, directory_hash_number(number), match_number, &number,
			&iter);
	node = cds_lfht_iter_get_node(&iter);
	return node ? caa_container_of(node, struct tenant, by_number) : NULL;
}

const struct tenant *identity_find_tenant(struct identity *i, uint32_t number)
{
	return directory_find(i, number);
}

const struct tenant *identity_find_email(struct identity *i, const char *email)
{
	char normal[STORE_EMAIL_MAX + 1];
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	if (email_normalise(email, normal) < 0)
		return NULL;
	cds_lfht_lookup(i->tenants_by_email, directory_hash_bytes(i, normal, strlen(normal)),
			match_email, normal, &iter);
	node = cds_lfht_iter_get_node(&iter);
	return node ? caa_container_of(node, struct tenant, by_email) : NULL;
}

/* For operators, once in a while: not worth an index. */
const struct tenant *identity_find_id(struct identity *i, const char *id)
{
	struct cds_lfht_iter iter;
	struct tenant *t;

	cds_lfht_for_each_entry(i->tenants_by_number, &iter, t, by_number)
	{
		if (!strcmp(t->id, id))
			return t;
	}
	return NULL;
}

struct api_key *directory_find_hash(struct identity *i, const struct axfw_key_hash *hash)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	cds_lfht_lookup(i->keys_by_hash, first_word(hash), match_hash, hash, &iter);
	node = cds_lfht_iter_get_node(&iter);
	return node ? caa_container_of(node, struct api_key, by_hash) : NULL;
}

struct api_key *directory_find_digest(struct identity *i, const uint8_t digest[CRYPTO_MAC_LEN])
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	cds_lfht_lookup(i->keys_by_digest, first_word(digest), match_digest, digest, &iter);
	node = cds_lfht_iter_get_node(&iter);
	return node ? caa_container_of(node, struct unhashed_key, node)->key : NULL;
}

int directory_add_tenant(struct identity *i, const struct store_tenant *row)
{
	size_t len = strlen(row->email);
	struct tenant *t = calloc(1, sizeof(*t) + len + 1);

	if (!t)
		return -ENOMEM;
	t->number = row->number;
	t->tier = tier_find(row->tier);
	t->created_us = row->created_us;
	atomic_init(&t->usage[row->usage_month & 1],
		    (uint64_t)row->usage_month << 40 | row->used_in_month);
	atomic_init(&t->has_policy, row->has_policy);
	memcpy(t->id, row->id, sizeof(t->id));
	memcpy(t->email, row->email, len + 1);

	ENTER();
	cds_lfht_add(i->tenants_by_email, directory_hash_bytes(i, t->email, len), &t->by_email);
	cds_lfht_add(i->tenants_by_number, directory_hash_number(t->number), &t->by_number);
	atomic_fetch_add(&i->tenant_count, 1);
	return 0;
}

static void free_key(struct rcu_head *head)
{
	free(caa_container_of(head, struct api_key, rcu));
}

static void free_unhashed(struct rcu_head *head)
{
	free(caa_container_of(head, struct unhashed_key, rcu));
}

void directory_index_hash(struct identity *i, struct api_key *k)
{
	cds_lfht_add(i->keys_by_hash, first_word(&k->hash), &k->by_hash);
}

void directory_drop_digest(struct identity *i, struct api_key *k)
{
	struct unhashed_key *u = TAKE_PTR(k->unhashed);

	cds_lfht_del(i->keys_by_digest, &u->node);
	urcu_bp_call_rcu(&u->rcu, free_unhashed);
}

void directory_count_hashed(struct identity *i)
{
	if (atomic_fetch_sub(&i->unhashed_count, 1) == 1 && i->watcher.complete_changed)
		i->watcher.complete_changed(i->watcher.arg, true);
}

static void remove_key(struct identity *i, struct api_key *k)
{
	struct api_key **at = &k->tenant->keys;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	if (k->unhashed) {
		directory_drop_digest(i, k);
	} else {
		cds_lfht_del(i->keys_by_hash, &k->by_hash);
		if (i->watcher.key_forgotten)
			i->watcher.key_forgotten(i->watcher.arg, &k->hash);
	}
	urcu_bp_call_rcu(&k->rcu, free_key);
}

/* Whoever creates and revokes in a loop must not fill memory and the kernel's map. */
static void forget_oldest_revoked(struct identity *i, struct tenant *t)
{
	struct api_key *oldest = NULL;

	for (struct api_key *k = t->keys; k; k = k->next) {
		if (!k->revoked_us || k->is_learnt)
			continue;
		if (!oldest || k->revoked_us <= oldest->revoked_us)
			oldest = k;
	}
	if (!oldest)
		return;
	t->revoked_keys--;
	remove_key(i, oldest);
}

static void count_revoked(struct identity *i, struct tenant *t)
{
	if (++t->revoked_keys > IDENTITY_REVOKED_MAX)
		forget_oldest_revoked(i, t);
}

int directory_retire_key(struct identity *i, struct api_key *k, uint64_t revoked_us)
{
	int r = 0;

	atomic_store(&k->revoked_us, revoked_us);
	k->tenant->active_keys--;
	atomic_fetch_sub(&i->active_key_count, 1);
	if (k->unhashed)
		directory_count_hashed(i);
	else
		r = key_announce(i, k);
	count_revoked(i, k->tenant);
	return r;
}

static int remember_digest(struct identity *i, struct api_key *k, const uint8_t *digest)
{
	struct unhashed_key *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->key = k;
	memcpy(u->digest, digest, sizeof(u->digest));
	k->unhashed = u;
	cds_lfht_add(i->keys_by_digest, first_word(digest), &u->node);
	return 0;
}

int directory_add_key(struct identity *i, const struct store_key *row, struct api_key **ret)
{
	_cleanup_(freep) struct api_key *k = NULL;
	struct tenant *t = directory_find(i, row->tenant);
	size_t len = strlen(row->name);
	int r;

	if (!t)
		return -ENOENT;
	k = calloc(1, sizeof(*k) + len + 1);
	if (!k)
		return -ENOMEM;
	k->tenant = t;
	k->number = row->number;
	k->created_us = row->created_us;
	k->hash = row->hash;
	atomic_init(&k->revoked_us, row->revoked_us);
	memcpy(k->id, row->id, sizeof(k->id));
	memcpy(k->name, row->name, len + 1);
	if (row->has_hash) {
		directory_index_hash(i, k);
	} else {
		r = remember_digest(i, k, row->digest);
		if (r < 0)
			return r;
	}
	k->next = t->keys;
	t->keys = k;
	if (row->revoked_us) {
		*ret = TAKE_PTR(k);
		count_revoked(i, t);
		return 0;
	}
	t->active_keys++;
	atomic_fetch_add(&i->active_key_count, 1);
	if (!row->has_hash)
		atomic_fetch_add(&i->unhashed_count, 1);
	*ret = TAKE_PTR(k);
	return 0;
}

struct loading {
	struct identity *i;
	int r;
};

static void load_tenant(void *arg, const struct store_tenant *row)
{
	struct loading *l = arg;

	if (l->r == 0)
		l->r = directory_add_tenant(l->i, row);
}

static void load_key(void *arg, const struct store_key *row)
{
	struct loading *l = arg;
	struct api_key *k;
	int r;

	if (l->r < 0)
		return;
	r = directory_add_key(l->i, row, &k);
	/* A key without its tenant (a row somebody deleted by hand) can't be used; it isn't an
	 * error. */
	if (r < 0 && r != -ENOENT)
		l->r = r;
}

static int load_rows(struct identity *i)
{
	struct loading l = { .i = i };
	int r;

	r = store_each_tenant(i->store, load_tenant, &l);
	if (r < 0 || l.r < 0)
		return r < 0 ? r : l.r;
	HOLD(&i->announce);
	ENTER();
	r = store_each_key(i->store, load_key, &l);
	return r < 0 ? r : l.r;
}

static struct cds_lfht *new_table(unsigned long buckets)
{
	return cds_lfht_new_flavor(buckets, 1, 0, CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING,
				   &urcu_bp_flavor, NULL);
}

/* The tables want a power of two. */
static unsigned long buckets_for(unsigned long nodes)
{
	unsigned long buckets = BUCKETS_START;

	while (buckets < nodes)
		buckets *= 2;
	return buckets;
}

int directory_load(struct identity *i)
{
	struct cds_lfht_iter iter;
	struct tenant *t;
	uint64_t now_us = clock_wall_us();
	int r;

	i->tenants_by_number = new_table(BUCKETS_START);
	i->tenants_by_email = new_table(BUCKETS_START);
	i->keys_by_hash = new_table(BUCKETS_START);
	i->keys_by_digest = new_table(1); /* empty for stores of ours */
	i->sessions.by_id = new_table(1024);
	if (!i->tenants_by_number || !i->tenants_by_email || !i->keys_by_hash ||
	    !i->keys_by_digest || !i->sessions.by_id)
		return -ENOMEM;
	r = load_rows(i);
	if (r < 0)
		return r;
	/* The tables grow by themselves only when chains are eight long: a look-up would pay for
	 * that. */
	cds_lfht_resize(i->keys_by_hash, buckets_for(atomic_load(&i->active_key_count)));
	HOLD(&i->announce);
	ENTER();
	cds_lfht_for_each_entry(i->tenants_by_number, &iter, t, by_number)
		quota_announce(i, t, now_us);
	return 0;
}

static void free_tenant(struct rcu_head *head)
{
	struct tenant *t = caa_container_of(head, struct tenant, rcu);

	guard_policy_free(&t->policy);
	free(t->policy_fault);
	free(t);
}

static void remove_keys(struct identity *i, struct tenant *t)
{
	while (t->keys) {
		struct api_key *k = t->keys;

		t->keys = k->next;
		if (k->unhashed)
			directory_drop_digest(i, k);
		else
			cds_lfht_del(i->keys_by_hash, &k->by_hash);
		urcu_bp_call_rcu(&k->rcu, free_key);
	}
}

/* Through call_rcu() although nobody asks any more: the tables' own resizing thread may still walk.
 */
static void remove_tenants(struct identity *i)
{
	struct cds_lfht_iter iter;
	struct tenant *t;

	ENTER();
	cds_lfht_for_each_entry(i->tenants_by_number, &iter, t, by_number)
	{
		cds_lfht_del(i->tenants_by_number, &t->by_number);
		cds_lfht_del(i->tenants_by_email, &t->by_email);
		remove_keys(i, t);
		urcu_bp_call_rcu(&t->rcu, free_tenant);
	}
}

void directory_free(struct identity *i)
{
	struct cds_lfht *tables[] = { i->tenants_by_number, i->tenants_by_email, i->keys_by_hash,
				      i->keys_by_digest, i->sessions.by_id };

	if (i->tenants_by_number && i->tenants_by_email && i->keys_by_hash && i->keys_by_digest)
		remove_tenants(i);
	for (size_t n = 0; n < ARRAY_SIZE(tables); n++)
		if (tables[n])
			cds_lfht_destroy(tables[n], NULL);
}
