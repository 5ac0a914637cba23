/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts: rows of the registry's tenants table, each with a file. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "store/internal.h"

#define SELECT_TENANT                                                                              \
	"SELECT a.number, t.tenant_id, t.email, t.tier, t.created_at, t.pw_hash"                   \
	" FROM axfw_tenants a JOIN tenants t ON t.tenant_id = a.tenant_id "

static void read_tenant(sqlite3_stmt *q, struct store_tenant *ret)
{
	char created[64];

	*ret = (struct store_tenant){ .number = (uint32_t)sqlite3_column_int64(q, 0) };
	sql_copy_text(q, 1, ret->id, sizeof(ret->id));
	sql_copy_text(q, 2, ret->email, sizeof(ret->email));
	sql_copy_text(q, 3, ret->tier, sizeof(ret->tier));
	sql_copy_text(q, 4, created, sizeof(created));
	/* A time that can't be read stays 0: it is only shown. */
	(void)clock_parse_iso(created, &ret->created_us);
}

/* false: the registry names a tenant that the index refused (an id that is no file name). */
static bool add_counts(struct store *s, struct store_tenant *tenant)
{
	struct tenant_entry *t = index_tenant(s, tenant->number);

	if (!t)
		return false;
	pthread_mutex_lock(&t->lock);
	tenant->usage_month = t->usage_month;
	tenant->used_in_month = t->used_in_month;
	tenant->has_policy = t->has_policy;
	pthread_mutex_unlock(&t->lock);
	return true;
}

struct tenant_list {
	struct store_tenant *items;
	size_t count, size;
};

static void list_free(struct tenant_list *list)
{
	free(list->items);
}

static int read_all(struct store *s, struct tenant_list *list)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = sql_prepare(s->registry, &q, SELECT_TENANT "ORDER BY a.number", "");

	if (r < 0)
		return r;
	while ((r = sql_step(q)) > 0) {
		if (list->count == list->size) {
			size_t size = MAX(list->size * 2, (size_t)256);
			void *bigger = reallocarray(list->items, size, sizeof(*list->items));

			if (!bigger)
				return -ENOMEM;
			list->items = bigger;
			list->size = size;
		}
		read_tenant(q, &list->items[list->count++]);
	}
	return r;
}

/* Reads first and calls afterwards: a tenant's lock may not be taken under the registry's. */
int store_each_tenant(struct store *s, void (*each)(void *arg, const struct store_tenant *tenant),
		      void *arg)
{
	_cleanup_(list_free) struct tenant_list list = { 0 };
	int r = read_all(s, &list);

	for (size_t i = 0; r == 0 && i < list.count; i++)
		if (add_counts(s, &list.items[i]))
			each(arg, &list.items[i]);
	return r;
}

static int find_row(struct store *s, const char *email, struct store_tenant *ret,
		    char ret_password_hash[static CRYPTO_PASSWORD_TEXT_LEN])
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = sql_prepare(s->registry, &q, SELECT_TENANT "WHERE t.email = ?", "t", email);

	if (r < 0)
		return r;
	r = sql_step(q);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	read_tenant(q, ret);
	sql_copy_text(q, 5, ret_password_hash, CRYPTO_PASSWORD_TEXT_LEN);
	return 0;
}

int store_find_login(struct store *s, const char *email, struct store_tenant *ret,
		     char ret_password_hash[static CRYPTO_PASSWORD_TEXT_LEN])
{
	struct store_tenant found;
	char hash[CRYPTO_PASSWORD_TEXT_LEN];
	int r = find_row(s, email, &found, hash);

	if (r < 0)
		return r;
	if (!add_counts(s, &found))
		return -ENOENT;
	*ret = found;
	memcpy(ret_password_hash, hash, sizeof(hash));
	return 0;
}

/* --- adding ------------------------------------------------------------------------------------
 */

static int make_file(struct store *s, struct tenant_entry *t)
{
	int r = tenant_file_create(s, t);

	if (r == 0)
		tenant_stamp(s, t, &t->stamp);
	return r;
}

static void remove_file(struct store *s, const struct tenant_entry *t)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		tenant_path(s, t, suffixes[i], path);
		(void)unlink(path); /* some of them may never have been there */
	}
}

static int insert_tenant(struct store *s, const char *id, const char *email,
			 const char *password_hash, const char *recovery_hash, const char *tier,
			 uint64_t now_us, uint32_t *ret_number)
{
	char created[CLOCK_ISO_LEN];
	int r;

	clock_format_iso(now_us, created);
	r = sql_do(
		s->registry,
		"INSERT INTO tenants (tenant_id, email, pw_hash, tier, created_at, recovery_hash)"
		" VALUES (?, ?, ?, ?, ?, ?)",
		"tttttt", id, email, password_hash, tier, created, recovery_hash);
	if (r < 0)
		return r;
	r = sql_do(s->registry, "INSERT INTO axfw_tenants (tenant_id) VALUES (?)", "t", id);
	if (r == 0)
		*ret_number = (uint32_t)sqlite3_last_insert_rowid(s->registry);
	return r;
}

/* With the file made and the transaction open: the last steps, after which both exist. */
static int save_and_commit(struct store *s, struct tenant_entry *t, sqlite3 **open)
{
	struct tenant_state state = tenant_state_take(t);
	int r = registry_save_states_locked(s, &state, 1);

	return r < 0 ? r : sql_commit(open);
}

/* The row comes first, in a transaction: whoever loses a race for an e-mail never makes a file. */
static int add_tenant(struct store *s, const char *id, const char *email, const char *password_hash,
		      const char *recovery_hash, const char *tier, uint64_t now_us,
		      uint32_t *ret_number)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(tenant_entry_freep) struct tenant_entry *t = NULL;
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	uint32_t number = 0;
	int r = registry_begin(s, COMMIT_DURABLE, &open);

	if (r < 0)
		return r;
	r = insert_tenant(s, id, email, password_hash, recovery_hash, tier, now_us, &number);
	if (r < 0)
		return r;
	t = tenant_entry_new(number, id);
	if (!t)
		return -ENOMEM;
	r = make_file(s, t);
	if (r == 0)
		r = save_and_commit(s, t, &open);
	if (r < 0) {
		remove_file(s, t);
		return r;
	}
	r = index_add_tenant(s, t);
	if (r < 0)
		return r;
	*ret_number = TAKE_PTR(t)->number;
	return 0;
}

int store_add_tenant(struct store *s, const char *email, const char *password_hash,
		     const char *recovery_hash, const char *tier, struct store_tenant *ret)
{
	struct store_tenant new = { .created_us = clock_wall_us() };
	uint8_t id[16];
	int r;

	if (strlen(email) > STORE_EMAIL_MAX || strlen(tier) >= STORE_TIER_MAX)
		return -EINVAL;
	r = uuid_random(id);
	if (r < 0)
		return r;
	uuid_format(id, new.id);
	r = add_tenant(s, new.id, email, password_hash, recovery_hash, tier, new.created_us,
		       &new.number);
	if (r < 0)
		return r;
	snprintf(new.email, sizeof(new.email), "%s", email);
	snprintf(new.tier, sizeof(new.tier), "%s", tier);
	*ret = new;
	return 0;
}

/* --- changing ----------------------------------------------------------------------------------
 */

static int update_tenant(struct store *s, uint32_t tenant, const char *sql, const char *value)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	int r = registry_begin(s, COMMIT_DURABLE, &open);

	if (r < 0)
		return r;
	r = sql_do(s->registry, sql, "tu", value, tenant);
	if (r < 0)
		return r;
	return sqlite3_changes(s->registry) ? sql_commit(&open) : -ENOENT;
}

#define WHERE_NUMBER " WHERE tenant_id = (SELECT tenant_id FROM axfw_tenants WHERE number = ?2)"

int store_set_password(struct store *s, uint32_t tenant, const char *password_hash)
{
	return update_tenant(s, tenant, "UPDATE tenants SET pw_hash = ?1" WHERE_NUMBER,
			     password_hash);
}

int store_set_recovery(struct store *s, uint32_t tenant, const char *recovery_hash)
{
	return update_tenant(s, tenant, "UPDATE tenants SET recovery_hash = ?1" WHERE_NUMBER,
			     recovery_hash);
}

int store_get_policy(struct store *s, uint32_t tenant, char **ret_body, uint32_t *ret_version)
{
	_cleanup_(tenant_release) struct tenant_entry *t = NULL;
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	char *body = NULL;
	int r = tenant_acquire(s, tenant, &t);

	if (r < 0)
		return r;
	r = sql_prepare(t->file->db, &q,
			"SELECT body, version FROM tenant_policy ORDER BY id DESC LIMIT 1", "");
	if (r < 0)
		return r;
	r = sql_step(q);
	if (r < 0)
		return r;
	if (r > 0 && sqlite3_column_type(q, 0) != SQLITE_NULL) {
		body = strdup((const char *)sqlite3_column_text(q, 0));
		if (!body)
			return -ENOMEM;
	}
	*ret_body = body;
	*ret_version = r > 0 ? (uint32_t)sqlite3_column_int64(q, 1) : 0;
	return 0;
}
