/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store's files share. Locks, in the order in which they are taken:
 *   tenant_entry.lock  a tenant's file and everything in its entry
 *   journal.lock       what has been drained: positions, segments being freed, the pass
 *   registry_lock      the registry's connection
 *   files_lock         the list of open files (a victim's lock is only tried under it)
 *   index_lock         the arrays of tenants and keys (entries are never freed before the store is)
 * Nothing calls out while holding one, except the store_each_*() walks, which say so.
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/base.h"
#include "store/journal.h"
#include "store/sql.h"
#include "store/store.h"

/* Tenant files open at once: 3 descriptors and about 140 KiB each, so some 18 MiB. */
#define TENANT_FILES_MAX 128

/*
 * What stat() says of a tenant's database and its write-ahead log. Kept in the registry: as long as
 * the files look like this, what the registry says about the tenant (keys, counts, policy) is true,
 * and a start needn't open them. An empty -wal counts as none.
 */
struct file_stamp {
	int64_t mtime_ns, size, inode;
	int64_t wal_mtime_ns, wal_size, wal_inode;
};

struct tenant_file {
	sqlite3 *db;
	sqlite3_stmt *insert, *total, *newest_row;
	int64_t counted_to; /* the highest rowid of usage_records that axfw_usage_totals includes */
	uint32_t month;	    /* the newest that was counted, and its calls */
	uint64_t month_calls;
	uint32_t wal_frames; /* in the log, not yet in the database */
	bool new_log;	     /* nothing is in it yet */
	bool alone;	     /* opened for a moment, nobody else can: not among the cached */
	bool vouched;	     /* was as the registry knows it when it was opened */
};

struct tenant_entry {
	uint32_t number;
	char id[UUID_TEXT_LEN];
	pthread_mutex_t lock;
	/* all below: under the lock */
	struct tenant_file *file;	    /* NULL: closed */
	struct tenant_entry *newer, *older; /* list of open files; under files_lock */
	uint32_t usage_month;
	uint64_t used_in_month;
	bool has_policy;
	struct file_stamp stamp;
	bool unsaved;	     /* the registry has yet to hear of the above */
	uint32_t wal_frames; /* left behind in -wal when the file was closed */
	uint64_t pass;	     /* the last drain that wrote here, and ... */
	uint8_t pass_to[16]; /* ... the highest record id it has committed */
};

struct key_entry {
	uint32_t tenant;
	char id[UUID_TEXT_LEN];
};

struct store {
	char *dir;
	int dir_fd;
	int lock_fd;
	const struct crypto *crypto;
	enum durability durability;

	sqlite3 *registry;
	pthread_mutex_t registry_lock;

	pthread_mutex_t index_lock;
	struct tenant_entry **tenants; /* by number; NULL: no such tenant */
	size_t tenants_size;
	struct key_entry *keys; /* by number; tenant 0: no such key */
	size_t keys_size;

	pthread_mutex_t files_lock;
	struct tenant_entry *newest, *oldest;
	unsigned files_open;
	_Atomic unsigned logs_left,
		logs_long; /* closed files with something, with much in their log */

	struct journal journal;
};

#define META_SCHEMA_VERSION 1U

/* A log this long costs more to recover at every opening (3 us a frame) than the opening itself. */
#define TIDY_LONG_FRAMES 64

/* _cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&m); */
static inline pthread_mutex_t *mutex_lock(pthread_mutex_t *m)
{
	pthread_mutex_lock(m);
	return m;
}

static inline void mutex_unlockp(pthread_mutex_t **m)
{
	if (*m)
		pthread_mutex_unlock(*m);
}

/* --- directory.c: the directory and who owns it ---------------------------------------------- */
int directory_open(struct store *s, const struct store_options *o, char *error, size_t size);
/* Is it still there, and can be written? By writing what doesn't change. */
int directory_probe(const struct store *s);

/* --- registry.c ------------------------------------------------------------------------------ */
/* Refuses a store of another master key or a newer schema before anything is changed. */
int registry_open(struct store *s, char *error, size_t size);
/* Tables, and numbers for tenants that the Python firewall added. */
int registry_prepare(struct store *s);
/* Fills the index from what the registry remembers. */
int registry_load(struct store *s);
void registry_close(struct store *s);
/* Call with registry_lock held. Durable commits reach the disk before they return (a revocation
 * must not be undone by a power cut); lazy ones survive a kill, which is all that a session or a
 * cached count needs. */
enum commit { COMMIT_DURABLE, COMMIT_LAZY };
int registry_begin(struct store *s, enum commit how, sqlite3 **ret_open);
/* Takes registry_lock: one statement, as sql_do(), in a transaction of its own. */
int registry_write(struct store *s, enum commit how, const char *sql, const char *types, ...);
/* What a tenant's file was found to hold: saved together with the stamp that vouches for it. */
struct tenant_state {
	uint32_t number;
	uint32_t usage_month;
	uint64_t used_in_month;
	bool has_policy;
	struct file_stamp stamp;
};
/* The tenant's lock is held. It counts as saved from here on. */
struct tenant_state tenant_state_take(struct tenant_entry *t);
int registry_save_states(struct store *s, const struct tenant_state *states, size_t count);
int registry_save_unsaved(struct store *s);
int registry_save_states_locked(struct store *s, const struct tenant_state *states, size_t count);

/* --- index.c: numbers to names, in memory ---------------------------------------------------- */
/* NULL: no such tenant. */
struct tenant_entry *index_tenant(struct store *s, uint32_t number);
struct tenant_entry *tenant_entry_new(uint32_t number, const char *id);
void tenant_entry_free(struct tenant_entry *t);
DEFINE_CLEANUP(struct tenant_entry *, tenant_entry_freep, tenant_entry_free)
int index_add_tenant(struct store *s, struct tenant_entry *t); /* takes t on success */
int index_add_key(struct store *s, uint32_t number, uint32_t tenant, const char *id);
/* false: no such key. */
bool index_key(struct store *s, uint32_t number, struct key_entry *ret);
uint32_t index_tenants_end(struct store *s); /* one more than the highest number */
void index_free(struct store *s);

/* --- keys.c ---------------------------------------------------------------------------------- */
/* Brings an older api_keys table up to date. */
int keys_prepare_file(sqlite3 *file);
/* Makes the registry's index of a tenant's keys equal to the file's. has_hashes: it has our tables.
 */
int keys_reindex(struct store *s, uint32_t tenant, sqlite3 *file, bool has_hashes);
/* Plaintext-era keys: digests the secret and overwrites it. Returns how many there were. */
int keys_migrate(struct store *s, sqlite3 *file, bool new_log);
int keys_load(struct store *s);

/* --- tenant_file.c --------------------------------------------------------------------------- */
void tenant_path(const struct store *s, const struct tenant_entry *t, const char *suffix,
		 char ret[static PATH_MAX]);
/* An empty file with its tables, on the disk when this returns. */
int tenant_file_create(struct store *s, const struct tenant_entry *t);
/* Creates what is missing of the file and its schema. */
int tenant_file_open(struct store *s, struct tenant_entry *t, struct tenant_file **ret);
/* As sql_open_alone(): of an existing file, with -EBUSY while anybody else has it open. */
int tenant_file_open_alone(struct store *s, struct tenant_entry *t, struct tenant_file **ret);
/* Leaves the log where it is unless it holds nothing: no fsync. */
void tenant_file_close(struct store *s, struct tenant_entry *t, struct tenant_file **file);
/* A transaction whose commit needn't reach the disk by itself. */
int tenant_begin(struct tenant_file *f, sqlite3 **ret_open);
int tenant_relax(struct tenant_file *f); /* back to that after PRAGMA synchronous = FULL */
/* After a commit: renews the stamp. */
void tenant_written(struct store *s, struct tenant_entry *t, bool vouched);
void tenant_set_log(struct store *s, struct tenant_entry *t, uint32_t frames);
void tenant_stamp(struct store *s, const struct tenant_entry *t, struct file_stamp *ret);
bool stamp_equal(const struct file_stamp *a, const struct file_stamp *b);
uint32_t stamp_wal_frames(const struct file_stamp *stamp);

bool tenant_id_is_safe(const char *id);

/* --- files.c: at most TENANT_FILES_MAX of them open ------------------------------------------ */
/* Locks the tenant and opens its file if it isn't. -ENOENT: no such tenant. */
int tenant_acquire(struct store *s, uint32_t number, struct tenant_entry **ret);
void tenant_release(struct tenant_entry **t); /* for _cleanup_ */
/* The same for one visit, the file being closed by files_close_one(): a third cheaper than to open
 * it for everybody, and it doesn't drive out those that are used again. */
int tenant_acquire_alone(struct store *s, uint32_t number, struct tenant_entry **ret);
void files_close_all(struct store *s);
/* Closes the tenant's file; its lock is held. */
void files_close_one(struct store *s, struct tenant_entry *t);

/* --- usage.c: counts without a scan of history ------------------------------------------------ */
int usage_load(struct tenant_file *f); /* -EPROTO: not our tables yet */
/* Counts rows that somebody else wrote; in a transaction. */
int usage_catch_up(struct tenant_file *f);
int usage_add(struct tenant_file *f, uint32_t month, uint64_t calls, uint64_t blocked,
	      double latency_ms, int64_t counted_to);
/* The newest month and its calls, of a file without our tables. */
int usage_newest_month(sqlite3 *db, uint32_t *ret_month, uint64_t *ret_calls);

/* --- held.c: records whose tenant's file is damaged ------------------------------------------ */
int held_put(struct store *s, const struct journal_record *const *records, size_t count);
int held_retry(struct store *s); /* at start: somebody may have mended the file */

/* --- takeover.c: what changed since last time ------------------------------------------------ */
int takeover(struct store *s, const struct store_options *o);

/* --- tidy.c: logs back into their databases -------------------------------------------------- */
/* For up to `max` closed files whose log has at least min_frames. Returns how many, or -errno. */
int tidy_logs(struct store *s, uint32_t min_frames, size_t max, unsigned threads);

/* --- parallel.c ------------------------------------------------------------------------------ */
/* One per core, but no more than the disk and the registry's lock have use for. */
unsigned parallel_threads(void);
/* Runs work(arg, i) for every i < count on `threads` threads, this one among them, until one fails.
 * progress (may be NULL) is called on the calling thread. */
int run_parallel(unsigned threads, size_t count, int (*work)(void *arg, size_t i), void *arg,
		 void (*progress)(void *arg, uint64_t done, uint64_t total), void *progress_arg);

#endif
