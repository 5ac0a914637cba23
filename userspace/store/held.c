/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records whose tenant's file is damaged. They were promised, so they can't be dropped; left in the
 * journal they would fill it and stop everybody. They wait in the registry and are tried again at
 * every start.
 */
#include <errno.h>
#include <string.h>
#include "store/internal.h"

/* At once: a tenant with more is finished by the starts that follow. */
#define HELD_MAX 100000

int held_put(struct store *s, const struct journal_record *const *records, size_t count)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = registry_begin(s, COMMIT_DURABLE, &open);

	if (r < 0)
		return r;
	r = sql_prepare(s->registry, &q,
			"INSERT OR IGNORE INTO axfw_held_usage (id, tenant, record)"
			" VALUES (?, ?, ?)",
			"");
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = sql_bind(q, "bub", records[i]->id, sizeof(records[i]->id), records[i]->tenant,
			     records[i], sizeof(*records[i]));
		if (r == 0)
			r = sql_run(q);
	}
	return r < 0 ? r : sql_commit(&open);
}

struct held {
	struct journal_record *records;
	const struct journal_record **pointers;
	size_t count;
};

static void held_free(struct held *h)
{
	free(h->records);
	free(h->pointers);
}

static int read_held(struct store *s, struct held *h)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int64_t count = 0;
	int r = sql_number(s->registry, "SELECT count(*) FROM axfw_held_usage", &count);

	count = MIN(count, (int64_t)HELD_MAX);
	if (r < 0 || !count)
		return r;
	h->records = calloc((size_t)count, sizeof(*h->records));
	h->pointers = calloc((size_t)count, sizeof(*h->pointers));
	if (!h->records || !h->pointers)
		return -ENOMEM;
	r = sql_prepare(s->registry, &q,
			"SELECT record FROM axfw_held_usage ORDER BY tenant, id LIMIT ?", "i",
			count);
	if (r < 0)
		return r;
	while ((r = sql_step(q)) > 0) {
		struct journal_record *record = &h->records[h->count];

		if (sql_copy_blob(q, 0, record, sizeof(*record)))
			h->pointers[h->count++] = record;
	}
	return r;
}

/* What still fails stays for the next start. */
static int retry_tenant(struct store *s, const struct journal_record **records, size_t count)
{
	uint32_t tenant = records[0]->tenant;

	if (drain_tenant(s, PASS_NONE, tenant, false, records, count) < 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		int r = registry_write(s, COMMIT_LAZY, "DELETE FROM axfw_held_usage WHERE id = ?",
				       "b", records[i]->id, sizeof(records[i]->id));

		if (r < 0)
			return r;
	}
	return 0;
}

int held_retry(struct store *s)
{
	_cleanup_(held_free) struct held h = { 0 };
	int r = read_held(s, &h);

	for (size_t i = 0, end; r == 0 && i < h.count; i = end) {
		for (end = i; end < h.count && h.records[end].tenant == h.records[i].tenant; end++)
			;
		r = retry_tenant(s, h.pointers + i, end - i);
	}
	return r;
}
