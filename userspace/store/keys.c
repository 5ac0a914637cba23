/* SPDX-License-Identifier: Apache-2.0 */
/*
 * API keys. The tenant's file has the truth: api_keys, and beside it axfw_key_hashes with what the
 * kernel looks keys up by. The registry's axfw_keys is an index of all of them, so that a start
 * opens no file. Both are changed under the tenant's lock, the file first; a crash in between
 * leaves a file whose stamp the registry doesn't know, which the next start reads.
 */
#include <errno.h>
#include <string.h>
#include "store/internal.h"

/* --- reading -----------------------------------------------------------------------------------
 */

#define SELECT_KEY                                                                                 \
	"SELECT number, tenant, key_id, name, created_us, revoked_us, digest, hash FROM "          \
	"axfw_keys "

static bool read_key(sqlite3_stmt *q, struct store_key *ret)
{
	*ret = (struct store_key){
		.number = (uint32_t)sqlite3_column_int64(q, 0),
		.tenant = (uint32_t)sqlite3_column_int64(q, 1),
		.created_us = (uint64_t)sqlite3_column_int64(q, 4),
		.revoked_us = (uint64_t)sqlite3_column_int64(q, 5),
	};
	sql_copy_text(q, 2, ret->id, sizeof(ret->id));
	sql_copy_text(q, 3, ret->name, sizeof(ret->name));
	ret->has_hash = sql_copy_blob(q, 7, ret->hash.bytes, sizeof(ret->hash.bytes));
	return sql_copy_blob(q, 6, ret->digest, sizeof(ret->digest));
}

int store_each_key(struct store *s, void (*each)(void *arg, const struct store_key *key), void *arg)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	struct store_key key;
	int r = sql_prepare(s->registry, &q, SELECT_KEY "ORDER BY number", "");

	if (r < 0)
		return r;
	while ((r = sql_step(q)) > 0)
		if (read_key(q, &key))
			each(arg, &key);
	return r;
}

int keys_load(struct store *s)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = sql_prepare(s->registry, &q, "SELECT number, tenant, key_id FROM axfw_keys", "");

	if (r < 0)
		return r;
	while ((r = sql_step(q)) > 0) {
		r = index_add_key(s, (uint32_t)sqlite3_column_int64(q, 0),
				  (uint32_t)sqlite3_column_int64(q, 1),
				  (const char *)sqlite3_column_text(q, 2));
		if (r < 0)
			return r;
	}
	return r;
}

/* --- older files -------------------------------------------------------------------------------
 */

int keys_prepare_file(sqlite3 *file)
{
	int r = sql_add_column(file, "api_keys", "secret_hash");

	if (r < 0)
		return r;
	return sql_exec(file, "CREATE UNIQUE INDEX IF NOT EXISTS idx_api_keys_secret_hash"
			      " ON api_keys (secret_hash) WHERE secret_hash IS NOT NULL");
}

static int digest_row(struct store *s, sqlite3_stmt *from, sqlite3_stmt *to)
{
	const char *secret = (const char *)sqlite3_column_text(from, 1);
	uint8_t digest[CRYPTO_MAC_LEN];
	char text[2 * CRYPTO_MAC_LEN + 1];
	int r;

	crypto_api_key_digest(s->crypto, secret, strlen(secret), digest);
	hex_encode(digest, sizeof(digest), text);
	r = sql_bind(to, "it", sqlite3_column_int64(from, 0), text);
	return r < 0 ? r : sql_run(to);
}

static int digest_rows(struct store *s, sqlite3 *file)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *from = NULL, *to = NULL;
	int r = keys_prepare_file(file);

	if (r < 0)
		return r;
	/* Ordered, and so read to the end before the first row is changed. */
	r = sql_prepare(file, &from,
			"SELECT rowid, secret FROM api_keys WHERE secret GLOB 'axfw_*'"
			" ORDER BY +created_at",
			"");
	if (r < 0)
		return r;
	r = sql_prepare(file, &to,
			"UPDATE api_keys SET secret = 'hashed:' || key_id, secret_hash = ?2"
			" WHERE rowid = ?1",
			"");
	while (r == 0 && (r = sql_step(from)) > 0)
		r = digest_row(s, from, to);
	return r;
}

/*
 * Overwrites what is replaced, not only unlinks it. Two steps go without an fsync. The switch to a
 * log changes two bytes of the file's first sector, which a power cut leaves old or new. The header
 * of a new log is synced only to keep it from being read with frames of an older one; where there
 * was none, there are none.
 */
static int prepare_migration(sqlite3 *file, bool new_log)
{
	int r = sql_exec(file, "PRAGMA secure_delete = ON; PRAGMA synchronous = OFF;"
			       "PRAGMA journal_mode = WAL");

	return r < 0 || new_log ? r : sql_exec(file, "PRAGMA synchronous = NORMAL");
}

int keys_migrate(struct store *s, sqlite3 *file, bool new_log)
{
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	int64_t plaintext = 0;
	int r = sql_number(file, "SELECT count(*) FROM api_keys WHERE secret GLOB 'axfw_*'",
			   &plaintext);

	if (r < 0 || !plaintext)
		return r;
	r = prepare_migration(file, new_log);
	if (r < 0)
		return r;
	r = sql_begin(file, &open);
	if (r < 0)
		return r;
	r = digest_rows(s, file);
	if (r < 0)
		return r;
	r = sql_commit(&open);
	return r < 0 ? r : (int)plaintext;
}

/* --- the index ---------------------------------------------------------------------------------
 */

static uint64_t parse_time(sqlite3_stmt *q, int column, uint64_t otherwise)
{
	const char *text = (const char *)sqlite3_column_text(q, column);
	uint64_t us = 0;

	if (!text)
		return 0;
	return clock_parse_iso(text, &us) == 0 && us ? us : otherwise;
}

static int index_row(struct store *s, uint32_t tenant, sqlite3_stmt *from, sqlite3_stmt *to)
{
	const char *digest_text = (const char *)sqlite3_column_text(from, 4);
	uint8_t digest[CRYPTO_MAC_LEN];
	const char *id = (const char *)sqlite3_column_text(from, 0);
	const char *name = (const char *)sqlite3_column_text(from, 1);
	int r;

	if (!id || strlen(id) >= UUID_TEXT_LEN || !digest_text ||
	    strlen(digest_text) != 2 * sizeof(digest) ||
	    hex_decode(digest_text, sizeof(digest), digest) < 0)
		return 0; /* nothing could ever authenticate as it */
	/* A revocation whose time can't be read is still one. */
	r = sql_bind(to, "uttiibb", tenant, id, name ? name : "", parse_time(from, 2, 0),
		     parse_time(from, 3, 1), digest, sizeof(digest), sqlite3_column_blob(from, 5),
		     (size_t)sqlite3_column_bytes(from, 5));
	if (r < 0)
		return r;
	r = sql_step(to);
	if (r > 0)
		r = index_add_key(s, (uint32_t)sqlite3_column_int64(to, 0), tenant, id);
	sqlite3_reset(to);
	return r;
}

int keys_reindex(struct store *s, uint32_t tenant, sqlite3 *file, bool has_hashes)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_finalizep) sqlite3_stmt *from = NULL, *to = NULL;
	int r = sql_prepare(
		file, &from,
		has_hashes ? "SELECT key_id, name, created_at, revoked_at, secret_hash, hash"
			     " FROM api_keys LEFT JOIN axfw_key_hashes USING (key_id)"
			     " ORDER BY created_at"
			   : "SELECT key_id, name, created_at, revoked_at, secret_hash, NULL"
			     " FROM api_keys ORDER BY created_at",
		"");

	if (r < 0)
		return r == -EPROTO ? 0 : r; /* no such table or column: no key was ever made */
	r = sql_prepare(s->registry, &to,
			"INSERT INTO axfw_keys"
			" (tenant, key_id, name, created_us, revoked_us, digest, hash)"
			" VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, key_id) DO UPDATE SET"
			" name = excluded.name, revoked_us = excluded.revoked_us,"
			" digest = excluded.digest, hash = coalesce(excluded.hash, hash)"
			" RETURNING number",
			"");
	while (r == 0 && (r = sql_step(from)) > 0)
		r = index_row(s, tenant, from, to);
	return r;
}

/* --- changing ----------------------------------------------------------------------------------
 */

/* Cuts at STORE_NAME_MAX bytes, never inside a character. */
static void copy_name(const char *name, char ret[static STORE_NAME_MAX + 1])
{
	size_t len = strnlen(name, STORE_NAME_MAX + 1);

	if (len > STORE_NAME_MAX)
		for (len = STORE_NAME_MAX; len && ((unsigned char)name[len] & 0xc0) == 0x80; len--)
			;
	memcpy(ret, name, len);
	ret[len] = '\0';
}

/* A transaction over both files, the tenant's lock being held: commits the tenant's, then the
 * registry's. */
struct change {
	struct store *s;
	struct tenant_entry *t;
	pthread_mutex_t *registry_locked;
	sqlite3 *in_file, *in_registry;
};

static void change_end(struct change *c)
{
	sql_rollbackp(&c->in_file);
	sql_rollbackp(&c->in_registry);
	if (c->registry_locked)
		pthread_mutex_unlock(c->registry_locked);
	/* The drain's commits on this connection needn't reach the disk one by one. */
	if (c->t && c->t->file)
		tenant_relax(c->t->file);
	tenant_release(&c->t);
}

static int change_begin(struct change *c, struct store *s, uint32_t tenant)
{
	int r = tenant_acquire(s, tenant, &c->t);

	if (r < 0)
		return r;
	c->s = s;
	c->registry_locked = mutex_lock(&s->registry_lock);
	r = registry_begin(s, COMMIT_DURABLE, &c->in_registry);
	if (r < 0)
		return r;
	r = sql_exec(c->t->file->db, "PRAGMA synchronous = FULL");
	return r < 0 ? r : sql_begin(c->t->file->db, &c->in_file);
}

static int change_commit(struct change *c)
{
	struct tenant_state state;
	int r = sql_commit(&c->in_file);

	if (r < 0)
		return r;
	tenant_written(c->s, c->t, c->t->file->vouched);
	state = tenant_state_take(c->t);
	r = registry_save_states_locked(c->s, &state, 1);
	return r < 0 ? r : sql_commit(&c->in_registry);
}

static int insert_in_file(struct change *c, const struct store_key *key)
{
	char created[CLOCK_ISO_LEN], digest[2 * CRYPTO_MAC_LEN + 1];
	int r;

	clock_format_iso(key->created_us, created);
	hex_encode(key->digest, sizeof(key->digest), digest);
	r = sql_do(c->in_file,
		   "INSERT INTO api_keys (key_id, tenant_id, secret, name, created_at, secret_hash)"
		   " VALUES (?1, ?2, 'hashed:' || ?1, ?3, ?4, ?5)",
		   "ttttt", key->id, c->t->id, key->name, created, digest);
	if (r < 0)
		return r;
	return sql_do(c->in_file, "INSERT INTO axfw_key_hashes (key_id, hash) VALUES (?, ?)", "tb",
		      key->id, key->hash.bytes, sizeof(key->hash.bytes));
}

static int insert_in_registry(struct change *c, struct store_key *key)
{
	int r = sql_do(c->in_registry,
		       "INSERT INTO axfw_keys"
		       " (tenant, key_id, name, created_us, revoked_us, digest, hash)"
		       " VALUES (?, ?, ?, ?, 0, ?, ?)",
		       "uttibb", key->tenant, key->id, key->name, key->created_us, key->digest,
		       sizeof(key->digest), key->hash.bytes, sizeof(key->hash.bytes));

	if (r == 0)
		key->number = (uint32_t)sqlite3_last_insert_rowid(c->in_registry);
	return r;
}

/* The file has the key and the registry couldn't be told: nobody was given it, so take it back. */
static void take_back(struct change *c, const struct store_key *key)
{
	if (!c->in_file) {
		sql_do(c->t->file->db, "DELETE FROM axfw_key_hashes WHERE key_id = ?", "t",
		       key->id);
		sql_do(c->t->file->db, "DELETE FROM api_keys WHERE key_id = ?", "t", key->id);
	}
}

int store_add_key(struct store *s, uint32_t tenant, const char *name,
		  const uint8_t digest[static CRYPTO_MAC_LEN], const struct axfw_key_hash *hash,
		  struct store_key *ret)
{
	_cleanup_(change_end) struct change c = { 0 };
	struct store_key key = {
		.tenant = tenant, .created_us = clock_wall_us(), .hash = *hash, .has_hash = true
	};
	uint8_t id[16];
	int r = uuid_random(id);

	if (r < 0)
		return r;
	uuid_format(id, key.id);
	copy_name(name, key.name);
	memcpy(key.digest, digest, sizeof(key.digest));
	r = change_begin(&c, s, tenant);
	if (r < 0)
		return r;
	r = insert_in_registry(&c, &key);
	if (r < 0)
		return r;
	r = index_add_key(s, key.number, tenant, key.id);
	if (r < 0)
		return r;
	r = insert_in_file(&c, &key);
	if (r < 0)
		return r;
	r = change_commit(&c);
	if (r < 0) {
		take_back(&c, &key);
		return r;
	}
	*ret = key;
	return 0;
}

static int find_active(struct change *c, const char *key_id, struct store_key *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = sql_prepare(c->in_registry, &q,
			    SELECT_KEY "WHERE tenant = ? AND key_id = ? AND revoked_us = 0", "ut",
			    c->t->number, key_id);

	if (r < 0)
		return r;
	r = sql_step(q);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return read_key(q, ret) ? 0 : -ENOENT;
}

int store_revoke_key(struct store *s, uint32_t tenant, const char *key_id, struct store_key *ret)
{
	_cleanup_(change_end) struct change c = { 0 };
	struct store_key key;
	char now[CLOCK_ISO_LEN];
	int r = change_begin(&c, s, tenant);

	if (r < 0)
		return r;
	r = find_active(&c, key_id, &key);
	if (r < 0)
		return r;
	key.revoked_us = clock_wall_us();
	clock_format_iso(key.revoked_us, now);
	r = sql_do(c.in_file, "UPDATE api_keys SET revoked_at = ? WHERE key_id = ?", "tt", now,
		   key.id);
	if (r < 0)
		return r;
	r = sql_do(c.in_registry, "UPDATE axfw_keys SET revoked_us = ? WHERE number = ?", "iu",
		   key.revoked_us, key.number);
	if (r < 0)
		return r;
	r = change_commit(&c);
	if (r < 0)
		return r;
	*ret = key;
	return 0;
}

/* Into the index alone: opening 10,000 files for what the next use would teach us again isn't worth
 * it. */
int store_set_key_hash(struct store *s, uint32_t number, const struct axfw_key_hash *hash)
{
	struct key_entry key;

	if (!index_key(s, number, &key))
		return -ENOENT;
	return registry_write(s, COMMIT_LAZY, "UPDATE axfw_keys SET hash = ? WHERE number = ?",
			      "bu", hash->bytes, sizeof(hash->bytes), number);
}
