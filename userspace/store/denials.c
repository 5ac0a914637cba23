/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's deny list, and who is in the penalty box, which a restart doesn't let out. */
#include <string.h>
#include "store/internal.h"

int store_put_denial(struct store *s, const struct store_denial *denial)
{
	return registry_write(
		s, COMMIT_DURABLE,
		"INSERT OR REPLACE INTO axfw_denials"
		" (address, bits, created_us, until_us, reason) VALUES (?, ?, ?, ?, ?)",
		"buiit", denial->prefix.address.bytes, sizeof(denial->prefix.address.bytes),
		denial->prefix.len, denial->created_us, denial->until_us, denial->reason);
}

int store_delete_denial(struct store *s, const struct prefix *prefix)
{
	return registry_write(s, COMMIT_DURABLE,
			      "DELETE FROM axfw_denials WHERE address = ? AND bits = ?", "bu",
			      prefix->address.bytes, sizeof(prefix->address.bytes), prefix->len);
}

/* false: not a row of ours. */
static bool read_denial(sqlite3_stmt *q, struct store_denial *ret)
{
	struct address address;
	int64_t bits = sqlite3_column_int64(q, 1);
	const char *reason = (const char *)sqlite3_column_text(q, 4);

	if (!sql_copy_blob(q, 0, address.bytes, sizeof(address.bytes)) || bits < 0 || bits > 128)
		return false;
	*ret = (struct store_denial){
		.prefix = prefix_of(&address, (unsigned)bits),
		.created_us = (uint64_t)sqlite3_column_int64(q, 2),
		.until_us = (uint64_t)sqlite3_column_int64(q, 3),
		.reason = reason ? reason : "",
	};
	return true;
}

static int each_row(struct store *s, const char *sql,
		    void (*each)(void *arg, const struct store_denial *denial), void *arg)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	struct store_denial denial;
	int r = sql_prepare(s->registry, &q, sql, "");

	if (r < 0)
		return r;
	while ((r = sql_step(q)) > 0) {
		if (read_denial(q, &denial))
			each(arg, &denial);
	}
	return r;
}

int store_each_denial(struct store *s, void (*each)(void *arg, const struct store_denial *denial),
		      void *arg)
{
	return each_row(s, "SELECT address, bits, created_us, until_us, reason FROM axfw_denials",
			each, arg);
}

/* --- the penalty box ------------------------------------------------------------------------- */

int store_each_boxed(struct store *s, void (*each)(void *arg, const struct store_denial *denial),
		     void *arg)
{
	return each_row(s, "SELECT address, bits, created_us, until_us, '' FROM axfw_boxed", each,
			arg);
}

static int insert_boxed(sqlite3_stmt *q, const struct store_denial *denial)
{
	int r = sql_bind(q, "buii", denial->prefix.address.bytes,
			 sizeof(denial->prefix.address.bytes), denial->prefix.len,
			 denial->created_us, denial->until_us);

	return r < 0 ? r : sql_run(q);
}

int store_put_boxed(struct store *s, const struct store_denial *denials, size_t count,
		    uint64_t now_us)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = registry_begin(s, COMMIT_LAZY, &open);

	if (r < 0)
		return r;
	r = sql_do(s->registry, "DELETE FROM axfw_boxed WHERE until_us <= ?", "i", now_us);
	if (r == 0)
		r = sql_prepare(s->registry, &q,
				"INSERT OR REPLACE INTO axfw_boxed"
				" (address, bits, created_us, until_us) VALUES (?, ?, ?, ?)",
				"");
	for (size_t i = 0; r == 0 && i < count; i++)
		r = insert_boxed(q, &denials[i]);
	return r < 0 ? r : sql_commit(&open);
}

int store_delete_boxed(struct store *s, const struct prefix *prefix)
{
	return registry_write(s, COMMIT_DURABLE,
			      "DELETE FROM axfw_boxed WHERE address = ? AND bits = ?", "bu",
			      prefix->address.bytes, sizeof(prefix->address.bytes), prefix->len);
}
