/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tenant's own database. The first four tables are the Python firewall's, column for column and
 * in its order (it inserts into usage_records by position); ours have the prefix axfw_. Whatever
 * else is in the file stays untouched.
 *
 * Writing without a storm of fsyncs: the file is in WAL mode with synchronous=NORMAL, so a commit
 * only appends to the log. SQLite syncs when it moves a log back into its database, and by default
 * does that whenever a file is closed; with 128 files open of 10,000, that would be two fsyncs per
 * tenant and drain. So closing leaves the log where it is. That is safe: a log is part of the
 * database for whoever opens it next, Python included, and after a power cut a log is cut at its
 * last whole commit, never read torn. What such a cut may take is the seconds that the kernel
 * hadn't written yet, which is what --durability=process says;
 * --durability=power syncs the file system before the journal forgets its copy. Logs go back in
 * bulk (tidy.c), or here once they are long.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "store/internal.h"

#define FRAME_HEADER_BYTES 24
#define WAL_HEADER_BYTES   32
#define PAGE_BYTES	   4096
/* A log this long is put back by the connection that wrote it: 4 MiB, SQLite's own default. */
#define CHECKPOINT_FRAMES 1000
/* KiB of pages kept per cached file: what an insert touches, not a whole index. */
#define CACHED_PAGES "PRAGMA cache_size = -256"

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS api_keys (key_id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL,"
	" secret TEXT UNIQUE NOT NULL, name TEXT NOT NULL, created_at TEXT NOT NULL,"
	" revoked_at TEXT, secret_hash TEXT);"
	"CREATE TABLE IF NOT EXISTS usage_records (record_id TEXT PRIMARY KEY,"
	" tenant_id TEXT NOT NULL, api_key_id TEXT NOT NULL, endpoint TEXT NOT NULL,"
	" verdict TEXT NOT NULL, intent_class TEXT NOT NULL, confidence REAL NOT NULL,"
	" latency_ms REAL NOT NULL, timestamp TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS decisions (decision_id TEXT PRIMARY KEY, tenant_id TEXT NOT "
	"NULL,"
	" api_key_id TEXT, endpoint TEXT, verdict TEXT, intent_class TEXT, confidence REAL,"
	" latency_ms REAL, input_text TEXT, output_text TEXT, pattern_matched TEXT,"
	" constitutional_block INTEGER, ftc_reportable INTEGER, manifest_id TEXT, signature TEXT,"
	" timestamp TEXT);"
	"CREATE TABLE IF NOT EXISTS tenant_policy (id INTEGER PRIMARY KEY, body TEXT NOT NULL,"
	" version INTEGER NOT NULL, updated_at TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS axfw_key_hashes (key_id TEXT PRIMARY KEY, hash BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS axfw_usage_totals (month INTEGER PRIMARY KEY,"
	" calls INTEGER NOT NULL, blocked INTEGER NOT NULL, latency_ms REAL NOT NULL,"
	" counted_to INTEGER NOT NULL);";

void tenant_path(const struct store *s, const struct tenant_entry *t, const char *suffix,
		 char ret[static PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/%s.db%s", s->dir, t->id, suffix);
}

/* --- stamps ------------------------------------------------------------------------------------
 */

static bool stat_file(struct store *s, const struct tenant_entry *t, const char *suffix,
		      struct stat *ret)
{
	char name[UUID_TEXT_LEN + sizeof(".db-wal")];

	snprintf(name, sizeof(name), "%s.db%s", t->id, suffix);
	return fstatat(s->dir_fd, name, ret, 0) == 0;
}

static int64_t mtime_ns(const struct stat *st)
{
	return st->st_mtim.tv_sec * (int64_t)NS_PER_S + st->st_mtim.tv_nsec;
}

void tenant_stamp(struct store *s, const struct tenant_entry *t, struct file_stamp *ret)
{
	struct stat st;

	*ret = (struct file_stamp){ 0 };
	if (stat_file(s, t, "", &st)) {
		ret->mtime_ns = mtime_ns(&st);
		ret->size = st.st_size;
		ret->inode = (int64_t)st.st_ino;
	}
	if (stat_file(s, t, "-wal", &st) && st.st_size) {
		ret->wal_mtime_ns = mtime_ns(&st);
		ret->wal_size = st.st_size;
		ret->wal_inode = (int64_t)st.st_ino;
	}
}

bool stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
	return !memcmp(a, b, sizeof(*a)); /* six words, no padding */
}

/* If the files were as the registry knows them before this process wrote, they are still known.
 * Else somebody else has been here: the old stamp stays, and the next start looks inside. */
void tenant_written(struct store *s, struct tenant_entry *t, bool vouched)
{
	struct file_stamp stamp;

	if (!vouched)
		return;
	tenant_stamp(s, t, &stamp);
	t->unsaved = t->unsaved || !stamp_equal(&stamp, &t->stamp);
	t->stamp = stamp;
}

uint32_t stamp_wal_frames(const struct file_stamp *stamp)
{
	if (stamp->wal_size <= WAL_HEADER_BYTES)
		return 0;
	return (uint32_t)((stamp->wal_size - WAL_HEADER_BYTES) / (PAGE_BYTES + FRAME_HEADER_BYTES));
}

/* --- opening -----------------------------------------------------------------------------------
 */

static int remember_frames(void *arg, sqlite3 *db, const char *name _unused_, int frames)
{
	struct tenant_file *f = arg;
	int log_frames = 0, done = 0;

	f->wal_frames = (uint32_t)frames;
	if (frames < CHECKPOINT_FRAMES)
		return SQLITE_OK;
	/* Two fsyncs; a reader elsewhere may keep it from finishing, then the next commit tries
	 * again. */
	if (sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &log_frames, &done) ==
		    SQLITE_OK &&
	    done == log_frames)
		f->wal_frames = 0;
	return SQLITE_OK;
}

static void file_free(struct tenant_file *f)
{
	sqlite3_finalize(f->insert);
	sqlite3_finalize(f->total);
	sqlite3_finalize(f->newest_row);
	sqlite3_close(f->db);
	free(f);
}

DEFINE_CLEANUP(struct tenant_file *, file_freep, file_free)

int tenant_relax(struct tenant_file *f)
{
	f->new_log = false;
	return sql_exec(f->db, "PRAGMA synchronous = NORMAL");
}

/*
 * Even with synchronous=NORMAL, SQLite syncs the header of a log that it starts, and the directory
 * if the file is new: so that frames of an earlier log can't be read with a new header. A log that
 * didn't exist has no earlier frames: its first transaction goes without, which spares two fsyncs
 * per tenant of a drain. From the second on, a log may be started over, and needs them.
 */
int tenant_begin(struct tenant_file *f, sqlite3 **ret_open)
{
	int r = f->new_log && f->wal_frames ? tenant_relax(f) : 0;

	return r < 0 ? r : sql_begin(f->db, ret_open);
}

static int make_tables(sqlite3 *db)
{
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	int r = sql_begin(db, &open);

	if (r < 0)
		return r;
	r = sql_exec(db, schema);
	if (r < 0)
		return r;
	r = keys_prepare_file(db);
	return r < 0 ? r : sql_commit(&open);
}

static int sync_file(struct store *s, const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fdatasync(fd) < 0 || fsync(s->dir_fd) < 0 ? -errno : 0;
}

/*
 * Made without syncing, then synced once, and closed without a log. It must be on the disk before
 * its first key is: SQLite drops a log, synced or not, whose database is empty.
 */
int tenant_file_create(struct store *s, const struct tenant_entry *t)
{
	_cleanup_(sql_closep) sqlite3 *db = NULL;
	char path[PATH_MAX];
	int r;

	tenant_path(s, t, "", path);
	r = sql_open(path, true, &db);
	if (r < 0)
		return r;
	r = sql_exec(db, "PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL");
	if (r < 0)
		return r;
	r = make_tables(db);
	if (r < 0)
		return r;
	sqlite3_close(TAKE_PTR(db));
	return sync_file(s, path);
}

static int prepare_insert(struct tenant_file *f, const struct tenant_entry *t)
{
	int r = sql_prepare(f->db, &f->insert,
			    "INSERT OR IGNORE INTO usage_records (record_id, api_key_id, endpoint,"
			    " verdict, intent_class, confidence, latency_ms, timestamp, tenant_id)"
			    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			    "");

	if (r < 0)
		return r;
	/* The last parameter is the same for every row; sql_bind() fills those before it. */
	return sql_error(f->db, sqlite3_bind_text(f->insert, 9, t->id, -1, SQLITE_STATIC));
}

/* Most files have our tables: trying costs nothing, asking first costs 20 us. */
static int load_or_create(struct tenant_file *f)
{
	int r = usage_load(f);

	if (r != -EPROTO)
		return r;
	r = make_tables(f->db);
	return r < 0 ? r : usage_load(f);
}

/*
 * An old file in rollback mode changes two bytes of its first sector: after a power cut they are
 * old or new, and both are right.
 */
static int set_modes(sqlite3 *db, const struct file_stamp *stamp)
{
	int r;

	/* Only a file in WAL mode has a log with something in it. */
	if (stamp->wal_size)
		return sql_exec(db, "PRAGMA synchronous = NORMAL");
	r = sql_exec(db, "PRAGMA synchronous = OFF");
	return r < 0 ? r : sql_exec(db, "PRAGMA journal_mode = WAL");
}

static int set_up(struct store *s, struct tenant_entry *t, struct tenant_file *f)
{
	struct file_stamp stamp;
	int r;

	sqlite3_db_config(f->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	tenant_stamp(s, t, &stamp);
	f->vouched = stamp_equal(&stamp, &t->stamp);
	f->wal_frames = stamp_wal_frames(&stamp);
	f->new_log = !stamp.wal_size;
	r = set_modes(f->db, &stamp);
	if (r < 0)
		return r;
	sqlite3_wal_hook(f->db, remember_frames, f); /* replaces SQLite's own checkpointing */
	r = load_or_create(f);
	if (r < 0)
		return r;
	tenant_written(s, t, f->vouched); /* tables may have been made */
	return prepare_insert(f, t);
}

static int open_file(struct store *s, struct tenant_entry *t, bool alone, struct tenant_file **ret)
{
	_cleanup_(file_freep) struct tenant_file *f = calloc(1, sizeof(*f));
	char path[PATH_MAX];
	int r;

	if (!f)
		return -ENOMEM;
	f->alone = alone;
	tenant_path(s, t, "", path);
	r = alone ? sql_open_alone(path, &f->db) : sql_open(path, false, &f->db);
	if (r == 0 && !alone)
		r = sql_exec(f->db, CACHED_PAGES);
	if (r < 0)
		return r;
	r = set_up(s, t, f);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(f);
	return 0;
}

/* A file that has gone missing is made anew, as the Python firewall would. */
int tenant_file_open(struct store *s, struct tenant_entry *t, struct tenant_file **ret)
{
	struct file_stamp stamp;
	int r;

	tenant_stamp(s, t, &stamp);
	r = stamp.size ? 0 : tenant_file_create(s, t);
	return r < 0 ? r : open_file(s, t, false, ret);
}

int tenant_file_open_alone(struct store *s, struct tenant_entry *t, struct tenant_file **ret)
{
	return open_file(s, t, true, ret);
}

/* Counts a closed file's log among those that tidy.c looks for. */
void tenant_set_log(struct store *s, struct tenant_entry *t, uint32_t frames)
{
	atomic_fetch_add(&s->logs_left, !!frames - !!t->wal_frames);
	atomic_fetch_add(&s->logs_long,
			 (frames >= TIDY_LONG_FRAMES) - (t->wal_frames >= TIDY_LONG_FRAMES));
	t->wal_frames = frames;
}

void tenant_file_close(struct store *s, struct tenant_entry *t, struct tenant_file **file)
{
	struct tenant_file *f = TAKE_PTR(*file);
	uint32_t frames;
	bool vouched;

	if (!f)
		return;
	frames = f->wal_frames;
	vouched = f->vouched;
	/* Nothing to put back and nothing to sync: closing may then remove the log, as it should.
	 */
	if (!frames)
		sqlite3_db_config(f->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	file_free(f);
	tenant_set_log(s, t, frames);
	tenant_written(s, t, vouched); /* closing may have removed the log */
}
