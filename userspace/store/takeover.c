/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At start: which tenants' files aren't as the registry knows them? Two stat() calls answer that
 * for a tenant (3 us); only files that differ are opened: all of an old directory's, and those that
 * the Python firewall, or a daemon that was killed, wrote to last. A file that needs no change
 * isn't written to: our tables are made when there is something to put into them.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include "store/internal.h"

struct takeover {
	struct store *s;
	uint32_t *numbers; /* of the tenants to look at */
	size_t count;
};

static int has_policy(sqlite3 *db, bool *ret)
{
	int64_t rows = 0;
	int r = sql_number(db, "SELECT count(*) FROM (SELECT 1 FROM tenant_policy LIMIT 1)", &rows);

	if (r == 0)
		*ret = rows > 0;
	return r == -EPROTO ? 0 : r; /* an older file without that table */
}

/* Behind: somebody else has inserted rows since we last counted. */
static int read_totals(sqlite3 *db, struct tenant_entry *t, bool *ret_behind)
{
	struct tenant_file f = { .db = db };
	int64_t newest = 0;
	int r = usage_load(&f);

	if (r == 0)
		r = sql_number(db, "SELECT max(rowid) FROM usage_records", &newest);
	if (r < 0)
		return r;
	t->usage_month = f.month;
	t->used_in_month = f.month_calls;
	*ret_behind = f.counted_to != newest;
	return 0;
}

static int catch_up(struct store *s, struct tenant_entry *t)
{
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	int r = tenant_file_open(s, t, &t->file);

	if (r < 0)
		return r;
	r = tenant_begin(t->file, &open);
	if (r == 0)
		r = usage_catch_up(t->file);
	if (r == 0)
		r = sql_commit(&open);
	sql_rollbackp(&open);
	open = NULL; /* its connection goes with the file */
	t->usage_month = t->file->month;
	t->used_in_month = t->file->month_calls;
	tenant_file_close(s, t, &t->file);
	return r;
}

static int read_tables(struct store *s, struct tenant_entry *t, sqlite3 *db, bool *ret_behind)
{
	int64_t ours = 0;
	int r = sql_number(
		db, "SELECT count(*) FROM sqlite_master WHERE name = 'axfw_usage_totals'", &ours);

	if (r == 0)
		r = keys_reindex(s, t->number, db, ours);
	if (r == 0)
		r = has_policy(db, &t->has_policy);
	if (r == 0)
		r = ours ? read_totals(db, t, ret_behind)
			 : usage_newest_month(db, &t->usage_month, &t->used_in_month);
	return r == -EPROTO ? 0 : r; /* an older file lacks a table: then there is nothing in it */
}

static int read_file(struct store *s, struct tenant_entry *t, bool *ret_behind, bool *ret_log)
{
	_cleanup_(sql_closep) sqlite3 *db = NULL;
	struct file_stamp before;
	char path[PATH_MAX];
	int r;

	tenant_path(s, t, "", path);
	tenant_stamp(s, t, &before);
	r = sql_open_alone(path, &db);
	if (r == -EBUSY)
		r = sql_open(path, false, &db); /* somebody is looking at it */
	if (r < 0)
		return r;
	r = keys_migrate(s, db, before.wal_size == 0);
	*ret_log = r > 0 || before.wal_size > 0;
	/* Without a log closing is free, and leaves none; with one it would cost two fsyncs. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, *ret_log, NULL);
	if (r < 0 && r != -EPROTO)
		return r;
	return read_tables(s, t, db, ret_behind);
}

static int look_inside(void *arg, size_t i)
{
	struct takeover *all = arg;
	struct store *s = all->s;
	struct tenant_entry *t = index_tenant(s, all->numbers[i]);
	bool behind = false, log = false;
	int r = read_file(s, t, &behind, &log);

	if (r == -ENOENT)
		return 0; /* nothing yet: made when it is needed */
	if (r == 0 && behind)
		r = catch_up(s, t);
	if (r == -EUCLEAN)
		return 0; /* one damaged file stops its tenant, not the node: looked at again next
			     time */
	if (r < 0)
		return r;
	tenant_stamp(s, t, &t->stamp);
	t->unsaved = true;
	tenant_set_log(s, t, log ? MAX(stamp_wal_frames(&t->stamp), 1u) : 0);
	return 0;
}

static int find_changed(struct takeover *all)
{
	uint32_t end = index_tenants_end(all->s);

	all->numbers = calloc(end + 1ul, sizeof(*all->numbers));
	if (!all->numbers)
		return -ENOMEM;
	for (uint32_t number = 0; number < end; number++) {
		struct tenant_entry *t = index_tenant(all->s, number);
		struct file_stamp stamp;

		if (!t)
			continue;
		tenant_stamp(all->s, t, &stamp);
		if (!stamp_equal(&stamp, &t->stamp))
			all->numbers[all->count++] = number;
	}
	return 0;
}

static void takeover_free(struct takeover *all)
{
	free(all->numbers);
}

int takeover(struct store *s, const struct store_options *o)
{
	_cleanup_(takeover_free) struct takeover all = { .s = s };
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	int r = find_changed(&all);

	if (r < 0 || !all.count)
		return r;
	/* One transaction for the keys of all files: nobody else uses the registry yet. */
	r = registry_begin(s, COMMIT_LAZY, &open);
	if (r < 0)
		return r;
	r = run_parallel(parallel_threads(), all.count, look_inside, &all, o->progress, o->arg);
	if (r < 0)
		return r;
	r = sql_commit(&open);
	return r < 0 ? r : registry_save_unsaved(s);
}
