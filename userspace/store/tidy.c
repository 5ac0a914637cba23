/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting logs back into their databases, many at once. SQLite's way is two fsyncs per file: the
 * log before the database is touched, the database before the log is dropped. The same order holds
 * for a thousand files with two syncs of the whole file system:
 *
 *   sync; copy every log into its database, keeping the log; sync; close every database for good.
 *
 * A power cut after the first sync finds logs that can be copied again; after the second, databases
 * that don't need theirs. A log that somebody has appended to in between isn't dropped, its turn
 * comes again.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include "store/internal.h"

struct tidy {
	struct store *s;
	struct tidy_file {
		uint32_t number;
		bool copied, vouched;
		struct file_stamp copied_at;
	} * files;
	size_t count;
};

static int open_unsynced(struct store *s, const struct tenant_entry *t,
			 int (*open_file)(const char *path, sqlite3 **ret), sqlite3 **ret)
{
	_cleanup_(sql_closep) sqlite3 *db = NULL;
	char path[PATH_MAX];
	int r;

	tenant_path(s, t, "", path);
	r = open_file(path, &db);
	if (r < 0)
		return r;
	r = sql_exec(db, "PRAGMA synchronous = OFF");
	if (r < 0)
		return r;
	*ret = TAKE_PTR(db);
	return 0;
}

static int sql_open_shared(const char *path, sqlite3 **ret)
{
	return sql_open(path, false, ret);
}

static int copy_log(struct store *s, const struct tenant_entry *t, struct tidy_file *file)
{
	_cleanup_(sql_closep) sqlite3 *db = NULL;
	int frames = 0, done = -1;
	int r = open_unsynced(s, t, sql_open_alone, &db);

	if (r < 0)
		return r;
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	r = sql_error(
		db, sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &done));
	file->copied = r == 0 && frames == done;
	return r;
}

static int copy_one(void *arg, size_t i)
{
	struct tidy *all = arg;
	struct tidy_file *file = &all->files[i];
	struct tenant_entry *t = index_tenant(all->s, file->number);
	struct file_stamp before;

	pthread_mutex_lock(&t->lock);
	if (!t->file) {
		tenant_stamp(all->s, t, &before);
		file->vouched = stamp_equal(&before, &t->stamp);
		/* One file's trouble is its own: it stays as it is. */
		(void)copy_log(all->s, t, file);
		tenant_written(all->s, t, file->vouched);
		tenant_stamp(all->s, t, &file->copied_at);
	}
	pthread_mutex_unlock(&t->lock);
	return 0;
}

static void drop_log(struct store *s, struct tenant_entry *t, const struct tidy_file *file)
{
	_cleanup_(sql_closep) sqlite3 *db = NULL;
	struct file_stamp now;

	tenant_stamp(s, t, &now);
	if (t->file || !stamp_equal(&now, &file->copied_at))
		return;
	/* With shared memory this time, or its file would stay. Reading opens the log, so closing
	 * drops both. */
	if (open_unsynced(s, t, sql_open_shared, &db) < 0 ||
	    sql_exec(db, "SELECT 1 FROM sqlite_master") < 0)
		return;
	sqlite3_close(TAKE_PTR(db));
	tenant_set_log(s, t, 0);
	tenant_written(s, t, file->vouched);
}

static int drop_one(void *arg, size_t i)
{
	struct tidy *all = arg;
	struct tidy_file *file = &all->files[i];
	struct tenant_entry *t = index_tenant(all->s, file->number);

	if (!file->copied)
		return 0;
	pthread_mutex_lock(&t->lock);
	drop_log(all->s, t, file);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

static int choose(struct tidy *all, uint32_t min_frames, size_t max)
{
	uint32_t end = index_tenants_end(all->s);

	all->files = calloc(MIN(max, (size_t)end) + 1, sizeof(*all->files));
	if (!all->files)
		return -ENOMEM;
	for (uint32_t number = 0; number < end && all->count < max; number++) {
		struct tenant_entry *t = index_tenant(all->s, number);

		if (!t)
			continue;
		pthread_mutex_lock(&t->lock);
		if (!t->file && t->wal_frames >= min_frames)
			all->files[all->count++].number = number;
		pthread_mutex_unlock(&t->lock);
	}
	return 0;
}

static void tidy_free(struct tidy *all)
{
	free(all->files);
}

int tidy_logs(struct store *s, uint32_t min_frames, size_t max, unsigned threads)
{
	_cleanup_(tidy_free) struct tidy all = { .s = s };
	int r = choose(&all, min_frames, max);

	if (r < 0 || !all.count)
		return r;
	if (syncfs(s->dir_fd) < 0)
		return -errno;
	run_parallel(threads, all.count, copy_one, &all, NULL, NULL);
	if (syncfs(s->dir_fd) < 0)
		return -errno;
	run_parallel(threads, all.count, drop_one, &all, NULL, NULL);
	return registry_save_unsaved(s);
}
