/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.db: the Python firewall's tenants and signup_attempts, and our own tables beside them.
 * What ours say about a tenant (axfw_tenants, axfw_keys) is an index of its file, valid while the
 * file's stamp is the one saved with it; it can be lost and is then made again.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "store/internal.h"

static const char python_tables[] =
	"CREATE TABLE IF NOT EXISTS tenants (tenant_id TEXT PRIMARY KEY, email TEXT UNIQUE NOT "
	"NULL,"
	" pw_hash TEXT NOT NULL, tier TEXT NOT NULL, created_at TEXT NOT NULL,"
	" stripe_customer_id TEXT, stripe_subscription_id TEXT, recovery_hash TEXT);"
	"CREATE TABLE IF NOT EXISTS signup_attempts (ip TEXT NOT NULL, ts TEXT NOT NULL);";

/* AUTOINCREMENT: a number that the journal or a kernel map may still hold is never given out again.
 */
static const char own_tables[] =
	"CREATE TABLE IF NOT EXISTS axfw_meta (name TEXT PRIMARY KEY, value BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS axfw_tenants (number INTEGER PRIMARY KEY AUTOINCREMENT,"
	" tenant_id TEXT UNIQUE NOT NULL, usage_month INTEGER NOT NULL DEFAULT 0,"
	" used_in_month INTEGER NOT NULL DEFAULT 0, has_policy INTEGER NOT NULL DEFAULT 0,"
	" mtime_ns INTEGER, size INTEGER, inode INTEGER,"
	" wal_mtime_ns INTEGER, wal_size INTEGER, wal_inode INTEGER);"
	"CREATE TABLE IF NOT EXISTS axfw_keys (number INTEGER PRIMARY KEY AUTOINCREMENT,"
	" tenant INTEGER NOT NULL, key_id TEXT NOT NULL, name TEXT NOT NULL,"
	" created_us INTEGER NOT NULL, revoked_us INTEGER NOT NULL, digest BLOB NOT NULL,"
	" hash BLOB, UNIQUE (tenant, key_id));"
	"CREATE TABLE IF NOT EXISTS axfw_sessions (id BLOB PRIMARY KEY, tenant INTEGER NOT NULL,"
	" created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, flash BLOB) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS axfw_sessions_by_tenant ON axfw_sessions (tenant);"
	"CREATE TABLE IF NOT EXISTS axfw_held_usage (id BLOB PRIMARY KEY, tenant INTEGER NOT NULL,"
	" record BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS axfw_denials (address BLOB NOT NULL, bits INTEGER NOT NULL,"
	" created_us INTEGER NOT NULL, until_us INTEGER NOT NULL, reason TEXT NOT NULL,"
	" PRIMARY KEY (address, bits)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS axfw_boxed (address BLOB NOT NULL, bits INTEGER NOT NULL,"
	" created_us INTEGER NOT NULL, until_us INTEGER NOT NULL,"
	" PRIMARY KEY (address, bits)) WITHOUT ROWID;";

/* Tenants that the Python firewall added get a number; what it deleted goes. */
static const char align_tenants[] =
	"INSERT INTO axfw_tenants (tenant_id) SELECT tenant_id FROM tenants"
	" WHERE tenant_id NOT IN (SELECT tenant_id FROM axfw_tenants) ORDER BY created_at;"
	"DELETE FROM axfw_tenants WHERE tenant_id NOT IN (SELECT tenant_id FROM tenants);"
	"DELETE FROM axfw_keys WHERE tenant NOT IN (SELECT number FROM axfw_tenants);"
	"DELETE FROM axfw_sessions WHERE tenant NOT IN (SELECT number FROM axfw_tenants);";

/* --- who wrote it ------------------------------------------------------------------------------
 */

static int get_meta(struct store *s, const char *name, void *ret, size_t len)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = sql_prepare(s->registry, &q, "SELECT value FROM axfw_meta WHERE name = ?", "t",
			    name);

	if (r == -EPROTO)
		return -ENOENT; /* no such table: never ours */
	if (r < 0)
		return r;
	r = sql_step(q);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sql_copy_blob(q, 0, ret, len) ? 0 : -EUCLEAN;
}

static int check_version(struct store *s, char *error, size_t size)
{
	uint32_t version;
	int r = get_meta(s, "schema_version", &version, sizeof(version));

	if (r == -ENOENT)
		return 0;
	if (r == 0 && version > META_SCHEMA_VERSION) {
		snprintf(error, size, "%s was written by a newer axfwd (schema %u, we know %u)",
			 s->dir, version, META_SCHEMA_VERSION);
		return -EPROTO;
	}
	return r;
}

static int check_master_key(struct store *s, char *error, size_t size)
{
	uint8_t stored[CRYPTO_MAC_LEN], ours[CRYPTO_MAC_LEN];
	int r = get_meta(s, "master_key_check", stored, sizeof(stored));

	if (r == -ENOENT)
		return 0; /* adopted in registry_prepare() */
	if (r < 0)
		return r;
	crypto_check_value(s->crypto, ours);
	if (crypto_equal(stored, ours, sizeof(ours)))
		return 0;
	snprintf(error, size,
		 "%s was written under another master key: set AXIOM_MASTER_KEY to the one it was "
		 "made with",
		 s->dir);
	return -EKEYREJECTED;
}

int registry_open(struct store *s, char *error, size_t size)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/registry.db", s->dir);
	r = sql_open(path, true, &s->registry);
	if (r < 0)
		return r;
	/* Overwrites what is deleted: a session's flash holds a secret, if a sealed one. */
	r = sql_exec(s->registry, "PRAGMA secure_delete = ON");
	if (r < 0)
		return r;
	r = check_version(s, error, size);
	return r < 0 ? r : check_master_key(s, error, size);
}

int store_finalize(struct store *s)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	int r = registry_begin(s, COMMIT_DURABLE, &open);

	if (r == 0)
		r = sql_do(s->registry,
			   "INSERT OR REPLACE INTO axfw_meta (name, value) VALUES ('final', x'01')",
			   "");
	return r < 0 ? r : sql_commit(&open);
}

int store_is_final(struct store *s)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	uint8_t value;
	int r = get_meta(s, "final", &value, sizeof(value));

	return r == -ENOENT ? 0 : r < 0 ? r : value == 1;
}

/* --- tables ------------------------------------------------------------------------------------
 */

static int add_later_columns(sqlite3 *db)
{
	static const char *const columns[] = { "stripe_customer_id", "stripe_subscription_id",
					       "recovery_hash" };

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		int r = sql_add_column(db, "tenants", columns[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int put_meta(struct store *s)
{
	uint8_t check[CRYPTO_MAC_LEN];
	uint32_t version = META_SCHEMA_VERSION;

	crypto_check_value(s->crypto, check);
	return sql_do(s->registry,
		      "INSERT OR REPLACE INTO axfw_meta (name, value) VALUES"
		      " ('schema_version', ?), ('master_key_check', ?)",
		      "bb", &version, sizeof(version), check, sizeof(check));
}

int registry_prepare(struct store *s)
{
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	int r = sql_exec(s->registry, "PRAGMA journal_mode = WAL");

	if (r < 0)
		return r;
	r = sql_begin(s->registry, &open);
	if (r < 0)
		return r;
	r = sql_exec(s->registry, python_tables);
	if (r < 0)
		return r;
	r = add_later_columns(s->registry);
	if (r < 0)
		return r;
	r = sql_exec(s->registry, own_tables);
	if (r < 0)
		return r;
	r = put_meta(s);
	if (r < 0)
		return r;
	r = sql_exec(s->registry, align_tenants);
	return r < 0 ? r : sql_commit(&open);
}

/* --- states ------------------------------------------------------------------------------------
 */

/* The id becomes a file name: whatever the registry says, it stays in the directory. */
bool tenant_id_is_safe(const char *id)
{
	size_t len = strnlen(id, UUID_TEXT_LEN);

	if (!len || len >= UUID_TEXT_LEN)
		return false;
	for (; *id; id++)
		if (!isalnum((unsigned char)*id) && *id != '-' && *id != '_')
			return false;
	return true;
}

static int load_tenant(struct store *s, sqlite3_stmt *q)
{
	const char *id = (const char *)sqlite3_column_text(q, 1);
	_cleanup_(tenant_entry_freep) struct tenant_entry *new = NULL;
	struct tenant_entry *t;
	int r;

	if (!id || !tenant_id_is_safe(id))
		return 0;
	new = tenant_entry_new((uint32_t)sqlite3_column_int64(q, 0), id);
	if (!new)
		return -ENOMEM;
	r = index_add_tenant(s, new);
	if (r < 0)
		return r;
	t = TAKE_PTR(new);
	t->usage_month = (uint32_t)sqlite3_column_int64(q, 2);
	t->used_in_month = (uint64_t)sqlite3_column_int64(q, 3);
	t->has_policy = sqlite3_column_int(q, 4);
	t->stamp = (struct file_stamp){
		.mtime_ns = sqlite3_column_int64(q, 5),
		.size = sqlite3_column_int64(q, 6),
		.inode = sqlite3_column_int64(q, 7),
		.wal_mtime_ns = sqlite3_column_int64(q, 8),
		.wal_size = sqlite3_column_int64(q, 9),
		.wal_inode = sqlite3_column_int64(q, 10),
	};
	tenant_set_log(s, t, stamp_wal_frames(&t->stamp));
	return 0;
}

int registry_load(struct store *s)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = sql_prepare(s->registry, &q,
			    "SELECT number, tenant_id, usage_month, used_in_month, has_policy,"
			    " mtime_ns, size, inode, wal_mtime_ns, wal_size, wal_inode"
			    " FROM axfw_tenants",
			    "");

	if (r < 0)
		return r;
	while ((r = sql_step(q)) > 0) {
		r = load_tenant(s, q);
		if (r < 0)
			return r;
	}
	return r;
}

struct tenant_state tenant_state_take(struct tenant_entry *t)
{
	t->unsaved = false;
	return (struct tenant_state){
		.number = t->number,
		.usage_month = t->usage_month,
		.used_in_month = t->used_in_month,
		.has_policy = t->has_policy,
		.stamp = t->stamp,
	};
}

static int save_state(sqlite3_stmt *q, const struct tenant_state *t)
{
	int r = sql_bind(q, "uiuiiiiiiu", t->usage_month, t->used_in_month, t->has_policy,
			 t->stamp.mtime_ns, t->stamp.size, t->stamp.inode, t->stamp.wal_mtime_ns,
			 t->stamp.wal_size, t->stamp.wal_inode, t->number);

	return r < 0 ? r : sql_run(q);
}

int registry_save_states_locked(struct store *s, const struct tenant_state *states, size_t count)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = sql_prepare(s->registry, &q,
			    "UPDATE axfw_tenants SET usage_month = ?, used_in_month = ?,"
			    " has_policy = ?, mtime_ns = ?, size = ?, inode = ?, wal_mtime_ns = ?,"
			    " wal_size = ?, wal_inode = ? WHERE number = ?",
			    "");

	for (size_t i = 0; r == 0 && i < count; i++)
		r = save_state(q, &states[i]);
	return r;
}

int registry_begin(struct store *s, enum commit how, sqlite3 **ret_open)
{
	int r = sql_exec(s->registry, how == COMMIT_DURABLE ? "PRAGMA synchronous = FULL"
							    : "PRAGMA synchronous = NORMAL");

	return r < 0 ? r : sql_begin(s->registry, ret_open);
}

int registry_write(struct store *s, enum commit how, const char *sql, const char *types, ...)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	va_list args;
	int r = registry_begin(s, how, &open);

	if (r < 0)
		return r;
	va_start(args, types);
	r = sql_do_args(s->registry, sql, types, args);
	va_end(args);
	return r < 0 ? r : sql_commit(&open);
}

int registry_save_states(struct store *s, const struct tenant_state *states, size_t count)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	int r;

	if (!count)
		return 0;
	r = registry_begin(s, COMMIT_LAZY, &open);
	if (r < 0)
		return r;
	r = registry_save_states_locked(s, states, count);
	return r < 0 ? r : sql_commit(&open);
}

int registry_save_unsaved(struct store *s)
{
	uint32_t end = index_tenants_end(s);
	_cleanup_(freep) struct tenant_state *states = calloc(end + 1ul, sizeof(*states));
	size_t count = 0;

	if (!states)
		return -ENOMEM;
	for (uint32_t number = 0; number < end; number++) {
		struct tenant_entry *t = index_tenant(s, number);

		if (!t)
			continue;
		pthread_mutex_lock(&t->lock);
		if (t->unsaved)
			states[count++] = tenant_state_take(t);
		pthread_mutex_unlock(&t->lock);
	}
	return registry_save_states(s, states, count);
}

void registry_close(struct store *s)
{
	/* The last to close puts the log back into the database. */
	sqlite3_close(s->registry);
	s->registry = NULL;
}
