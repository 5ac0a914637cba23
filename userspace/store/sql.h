/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite in the shape of the rest of the code: cleanup attributes, -errno, statements that are
 * bound in one line. A connection belongs to one thread at a time (its owner's lock), so all are
 * opened without SQLite's own mutexes.
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sqlite3.h>
#include "base/memory.h"

DEFINE_CLEANUP(sqlite3 *, sql_closep, sqlite3_close)
DEFINE_CLEANUP(sqlite3_stmt *, sql_finalizep, sqlite3_finalize)

/* How long a statement waits for another process (the Python firewall, a sqlite3 shell) to let go.
 */
#define SQL_BUSY_MS 5000

/* SQLite's result, and the system's error behind it, as -errno. The only such place. */
int sql_error(sqlite3 *db, int code);

/* Opens, or creates with mode 0600 when `create`. Missing otherwise: -ENOENT. */
int sql_open(const char *path, bool create, sqlite3 **ret);
/*
 * Opens an existing file for ourselves alone, for a moment: no shared memory and few locks, a third
 * of the cost. -EBUSY, at once, while anybody else has it open.
 */
int sql_open_alone(const char *path, sqlite3 **ret);
int sql_exec(sqlite3 *db, const char *sql);

/*
 * Prepares and binds: one letter of `types` per parameter. t const char * (kept by pointer until
 * the statement is done with), i int64_t or uint64_t, u unsigned or uint32_t, d double, b const
 * void * and size_t (NULL: null).
 */
int sql_prepare(sqlite3 *db, sqlite3_stmt **ret, const char *sql, const char *types, ...);
int sql_bind(sqlite3_stmt *q, const char *types, ...);
int sql_step(sqlite3_stmt *q); /* 1: a row, 0: done, -errno */
int sql_run(sqlite3_stmt *q);  /* to the end, then resets */
/* The two above for a statement that is used once. */
int sql_do(sqlite3 *db, const char *sql, const char *types, ...);
int sql_do_args(sqlite3 *db, const char *sql, const char *types, va_list args);
/* First column of the first row; *ret is untouched (and 0 returned) when there is none or it's
 * null. */
int sql_number(sqlite3 *db, const char *sql, int64_t *ret);

/* Adds a nullable TEXT column unless the table has it. Names are ours, never input. */
int sql_add_column(sqlite3 *db, const char *table, const char *column);

/* Copies a text column, cut at size - 1 bytes; null is "". */
void sql_copy_text(sqlite3_stmt *q, int column, char *ret, size_t size);
/* Copies a blob of exactly len bytes; false (and untouched) for anything else. */
bool sql_copy_blob(sqlite3_stmt *q, int column, void *ret, size_t len);

/* _cleanup_(sql_rollbackp) sqlite3 *open = NULL; rolls back what sql_commit() didn't take. */
int sql_begin(sqlite3 *db, sqlite3 **ret_open);
int sql_commit(sqlite3 **open);
void sql_rollbackp(sqlite3 **open);

#endif
