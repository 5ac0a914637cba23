/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of its own per test, a store in it, and SQLite beside the store to see what it wrote.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/base.h"
#include "crypto/crypto.h"
#include "store/store.h"

#define MASTER "a master key for tests, thirty-two bytes and more"

struct fixture {
	char dir[64];
	struct crypto *crypto;
	struct store *store;
	char error[256];
};

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/axfw-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(crypto_new(MASTER, "session", &f->crypto), 0);
	*state = f;
	return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline void remove_directory(const char *path)
{
	nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	store_close(&f->store);
	crypto_free(&f->crypto);
	remove_directory(f->dir);
	free(f);
	return 0;
}

static inline int fixture_open_with(struct fixture *f, unsigned writers, uint64_t journal_max)
{
	struct store_options o = { .dir = f->dir, .writers = writers, .journal_max = journal_max };

	return store_open(&o, f->crypto, &f->store, f->error, sizeof(f->error));
}

static inline void fixture_open(struct fixture *f)
{
	int r = fixture_open_with(f, 2, 0);

	if (r < 0)
		print_error("%s\n", f->error);
	assert_int_equal(r, 0);
}

static inline uint32_t fixture_tenant(struct fixture *f, const char *email)
{
	struct store_tenant t;

	assert_int_equal(store_add_tenant(f->store, email, "pbkdf2$1$aa$bb", "r", "free", &t), 0);
	return t.number;
}

static inline struct store_usage fixture_usage(struct fixture *f, unsigned slot, uint32_t tenant,
					       uint32_t key)
{
	struct store_usage u = { .at_us = clock_wall_us(),
				 .tenant = tenant,
				 .key = key,
				 .endpoint = "/v1/guard/check",
				 .verdict = "allow",
				 .intent_class = "INFORM",
				 .confidence = 0.55f,
				 .latency_ms = 0.25f };

	store_new_record_id(f->store, slot, u.id);
	return u;
}

/* One number out of a file of the directory, seen by another connection. */
static inline int64_t query(const struct fixture *f, const char *name, const char *sql)
{
	char path[PATH_MAX];
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	int64_t n = INT64_MIN;

	snprintf(path, sizeof(path), "%s/%s.db", f->dir, name);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
		print_error("%s: %s\n", sql, sqlite3_errmsg(db));
	else if (sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	else
		n = -sqlite3_errcode(db);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return n;
}

static inline void run_sql(const struct fixture *f, const char *name, const char *sql)
{
	char path[PATH_MAX], *error = NULL;
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/%s.db", f->dir, name);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	sqlite3_close(db);
}

static inline bool file_exists(const struct fixture *f, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return access(path, F_OK) == 0;
}

/* How many names in the directory end so. */
static inline int count_files(const char *path, const char *ending)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int n = 0;

	while (dir && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name), tail = strlen(ending);

		n += len >= tail && !strcmp(entry->d_name + len - tail, ending);
	}
	if (dir)
		closedir(dir);
	return n;
}

static inline void find_tenant_id(struct fixture *f, const char *email, char ret[UUID_TEXT_LEN])
{
	struct store_tenant t;
	char hash[CRYPTO_PASSWORD_TEXT_LEN];

	assert_int_equal(store_find_login(f->store, email, &t, hash), 0);
	memcpy(ret, t.id, sizeof(t.id));
}

static inline struct store_usage_summary fixture_summary(struct fixture *f, uint32_t tenant)
{
	struct store_usage_summary ret = { 0 };

	assert_int_equal(store_usage_summary(f->store, tenant, &ret), 0);
	return ret;
}

static inline void fixture_record(struct fixture *f, unsigned slot, uint32_t tenant, uint32_t key)
{
	struct store_usage u = fixture_usage(f, slot, tenant, key);

	assert_int_equal(store_record_usage(f->store, slot, &u), 0);
}

static inline void see_used(void *arg, const struct store_tenant *t)
{
	uint64_t *used = arg;

	used[t->number] = t->usage_month == clock_month(clock_wall_us()) ? t->used_in_month : 0;
}

static inline uint64_t fixture_used_in_month(struct fixture *f, uint32_t tenant)
{
	uint64_t used[512] = { 0 };

	assert_int_equal(store_each_tenant(f->store, see_used, used), 0);
	return used[tenant];
}

#endif
