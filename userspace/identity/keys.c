/* SPDX-License-Identifier: Apache-2.0 */
/* A tenant's API keys: made, revoked, listed. Store first, memory next, the kernel last, then the
 * answer. */
#include <errno.h>
#include "identity/internal.h"

static bool has_control_character(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return true;
	return false;
}

static int check_name(char *trimmed, const char **ret)
{
	if (!text_is_utf8(trimmed, strlen(trimmed)) || has_control_character(trimmed))
		return -EINVAL;
	if (strlen(trimmed) > STORE_NAME_MAX)
		return -ENAMETOOLONG;
	*ret = *trimmed ? trimmed : "unnamed";
	return 0;
}

static void describe(const struct api_key *k, struct key_info *ret)
{
	*ret = (struct key_info){
		.created_us = k->created_us,
		.revoked_us = atomic_load(&k->revoked_us),
	};
	memcpy(ret->id, k->id, sizeof(ret->id));
	/* The store cuts names at this length. */
	memcpy(ret->name, k->name, MIN(strlen(k->name), sizeof(ret->name) - 1));
}

bool identity_describe_key(struct identity *i, const struct axfw_key_hash *hash,
			   struct key_info *ret, uint32_t *ret_tenant)
{
	const struct api_key *k;

	ENTER();
	k = directory_find_hash(i, hash);
	if (!k)
		return false;
	describe(k, ret);
	*ret_tenant = k->tenant->number;
	return true;
}

/* Refuses the key beyond the limit; `adding` are keys on their way to the store. */
static int reserve_key(struct identity *i, uint32_t tenant)
{
	struct tenant *t;

	HOLD(&i->announce);
	ENTER();
	t = directory_find(i, tenant);
	if (!t)
		return -ENOENT;
	if (t->active_keys + t->adding_keys >= IDENTITY_KEYS_MAX)
		return -E2BIG;
	t->adding_keys++;
	return 0;
}

static int install_key(struct identity *i, uint32_t tenant, const struct store_key *row,
		       struct key_info *ret)
{
	struct api_key *k;
	int r = 0;

	HOLD(&i->announce);
	ENTER();
	directory_find(i, tenant)->adding_keys--;
	if (!row)
		return 0;
	r = directory_add_key(i, row, &k);
	if (r < 0)
		return r;
	describe(k, ret);
	/* A failure is the kernel's to retry: until then it passes the key's calls up. */
	(void)key_announce(i, k);
	return 0;
}

static int store_new_key(struct identity *i, uint32_t tenant, const char *name,
			 char secret[static CRYPTO_API_KEY_LEN + 1], struct store_key *ret)
{
	uint8_t digest[CRYPTO_MAC_LEN];
	struct axfw_key_hash hash;
	int r;

	r = crypto_api_key_new(secret);
	if (r < 0)
		return r;
	crypto_api_key_digest(i->crypto, secret, CRYPTO_API_KEY_LEN, digest);
	crypto_api_key_hash(i->crypto, secret, CRYPTO_API_KEY_LEN, &hash);
	if (i->watcher.before_key_added)
		i->watcher.before_key_added(i->watcher.arg);
	return store_add_key(i->store, tenant, name, digest, &hash, ret);
}

int identity_create_key(struct identity *i, uint32_t tenant, const char *name, char *ret_secret,
			struct key_info *ret)
{
	_cleanup_(freep) char *copy = strdup(name);
	char secret[CRYPTO_API_KEY_LEN + 1];
	struct store_key row;
	const char *checked;
	int r, stored;

	if (!copy)
		return -ENOMEM;
	r = check_name(text_trim(copy), &checked);
	if (r < 0)
		return r;
	r = reserve_key(i, tenant);
	if (r < 0)
		return r;
	stored = store_new_key(i, tenant, checked, secret, &row);
	r = install_key(i, tenant, stored < 0 ? NULL : &row, ret);
	if (stored >= 0 && r >= 0)
		memcpy(ret_secret, secret, sizeof(secret));
	wipe(secret, sizeof(secret));
	return stored < 0 ? stored : r;
}

static struct api_key *find_active(struct identity *i, uint32_t tenant, const char *key_id)
{
	struct tenant *t = directory_find(i, tenant);

	if (!t)
		return NULL;
	for (struct api_key *k = t->keys; k; k = k->next)
		if (!k->revoked_us && !strcmp(k->id, key_id))
			return k;
	return NULL;
}

int identity_revoke_key(struct identity *i, uint32_t tenant, const char *key_id)
{
	struct store_key row;
	struct api_key *k;
	int r;

	r = store_revoke_key(i->store, tenant, key_id, &row);
	if (r < 0)
		return r;
	HOLD(&i->announce);
	ENTER();
	k = find_active(i, tenant, key_id);
	if (!k)
		return -ENOENT; /* not ours to judge: its row was added behind our back */
	return directory_retire_key(i, k, row.revoked_us) < 0 ? 1 : 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct key_info *x = a, *y = b;

	if (x->created_us != y->created_us)
		return x->created_us < y->created_us ? 1 : -1;
	return strcmp(x->id, y->id);
}

int identity_list_keys(struct identity *i, uint32_t tenant, bool all, struct key_info **ret,
		       size_t *ret_count)
{
	_cleanup_(freep) struct key_info *list = NULL;
	struct tenant *t;
	size_t count = 0;

	HOLD(&i->announce);
	ENTER();
	t = directory_find(i, tenant);
	if (!t)
		return -ENOENT;
	list = calloc(t->active_keys + t->revoked_keys + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (const struct api_key *k = t->keys; k; k = k->next)
		if (all || !k->revoked_us)
			describe(k, &list[count++]);
	qsort(list, count, sizeof(*list), newest_first);
	*ret = TAKE_PTR(list);
	*ret_count = count;
	return 0;
}
