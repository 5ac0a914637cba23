/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's deny list. What the penalty box holds isn't here: it is over in minutes. */
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

int store_each_denial(struct store *s, void (*each)(void *arg, const struct store_denial *denial),
		      void *arg)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	struct store_denial denial;
	int r = sql_prepare(s->registry, &q,
			    "SELECT address, bits, created_us, until_us, reason FROM axfw_denials",
			    "");

	if (r < 0)
		return r;
	while ((r = sql_step(q)) > 0) {
		if (read_denial(q, &denial))
			each(arg, &denial);
	}
	return r;
}
