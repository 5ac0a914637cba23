/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* SQLite counts its memory under a lock that all connections share; nobody reads the count. Only
 * possible before anything else is asked of it. */
__attribute__((constructor)) static void configure(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* What the operating system said, where SQLite only says that it said something. */
static int system_error(sqlite3 *db)
{
	int e = db ? sqlite3_system_errno(db) : 0;

	return e > 0 ? -e : -EIO;
}

int sql_error(sqlite3 *db, int code)
{
	static const struct {
		int code, error;
	} known[] = {
		{ SQLITE_OK, 0 },
		{ SQLITE_ROW, 0 },
		{ SQLITE_DONE, 0 },
		{ SQLITE_FULL, -ENOSPC },
		{ SQLITE_READONLY, -EROFS },
		{ SQLITE_BUSY, -EBUSY },
		{ SQLITE_LOCKED, -EBUSY },
		{ SQLITE_NOMEM, -ENOMEM },
		{ SQLITE_CONSTRAINT, -EEXIST },
		{ SQLITE_CORRUPT, -EUCLEAN },
		{ SQLITE_NOTADB, -EUCLEAN },
		{ SQLITE_PERM, -EACCES },
		{ SQLITE_TOOBIG, -E2BIG },
		/* no such table or column: a file that isn't what its name says */
		{ SQLITE_ERROR, -EPROTO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].code == (code & 0xff))
			return known[i].error;
	return system_error(db);
}

/* SQLite would create the file with mode 0644 less the umask; its -wal and -shm inherit the mode.
 * The descriptor is closed before SQLite opens the file: closing one later would drop SQLite's
 * locks. */
static int create_private(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : 0;
}

int sql_open(const char *path, bool create, sqlite3 **ret)
{
	sqlite3 *db = NULL;
	struct stat st;
	int r = 0;

	if (stat(path, &st) < 0)
		r = create && errno == ENOENT ? create_private(path) : -errno;
	if (r < 0)
		return r;
	r = sql_error(db, sqlite3_open_v2(path, &db,
					  SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
						  SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
					  NULL));
	if (r < 0) {
		r = db ? sql_error(db, sqlite3_errcode(db)) : r;
		sqlite3_close(db);
		return r;
	}
	sqlite3_busy_timeout(db, SQL_BUSY_MS);
	*ret = db;
	return 0;
}

int sql_open_alone(const char *path, sqlite3 **ret)
{
	_cleanup_(sql_closep) sqlite3 *db = NULL;
	int r = sql_open(path, false, &db);

	if (r < 0)
		return r;
	sqlite3_busy_timeout(db, 0);
	/* The mode takes effect with the first read. */
	r = sql_exec(db, "PRAGMA locking_mode = EXCLUSIVE; SELECT 1 FROM sqlite_master");
	if (r < 0)
		return r;
	*ret = TAKE_PTR(db);
	return 0;
}

int sql_exec(sqlite3 *db, const char *sql)
{
	return sql_error(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static int bind_blob(sqlite3_stmt *q, int i, const void *data, size_t len)
{
	return data ? sqlite3_bind_blob64(q, i, data, len, SQLITE_STATIC) : sqlite3_bind_null(q, i);
}

static int bind_all(sqlite3_stmt *q, const char *types, va_list args)
{
	int code = SQLITE_OK;

	for (int i = 1; types[i - 1] && code == SQLITE_OK; i++) {
		const void *data;

		switch (types[i - 1]) {
		case 't':
			code = sqlite3_bind_text(q, i, va_arg(args, const char *), -1,
						 SQLITE_STATIC);
			break;
		case 'i':
			code = sqlite3_bind_int64(q, i, va_arg(args, int64_t));
			break;
		case 'u':
			code = sqlite3_bind_int64(q, i, va_arg(args, unsigned));
			break;
		case 'd':
			code = sqlite3_bind_double(q, i, va_arg(args, double));
			break;
		case 'b':
			data = va_arg(args, const void *);
			code = bind_blob(q, i, data, va_arg(args, size_t));
			break;
		default:
			code = SQLITE_MISUSE;
		}
	}
	return sql_error(sqlite3_db_handle(q), code);
}

int sql_bind(sqlite3_stmt *q, const char *types, ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = bind_all(q, types, args);
	va_end(args);
	return r;
}

static int prepare(sqlite3 *db, sqlite3_stmt **ret, const char *sql, const char *types,
		   va_list args)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = sql_error(db, sqlite3_prepare_v2(db, sql, -1, &q, NULL));

	if (r < 0)
		return r;
	r = bind_all(q, types, args);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(q);
	return 0;
}

int sql_prepare(sqlite3 *db, sqlite3_stmt **ret, const char *sql, const char *types, ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = prepare(db, ret, sql, types, args);
	va_end(args);
	return r;
}

int sql_step(sqlite3_stmt *q)
{
	int code = sqlite3_step(q);

	return code == SQLITE_ROW ? 1 : sql_error(sqlite3_db_handle(q), code);
}

int sql_run(sqlite3_stmt *q)
{
	int r;

	do
		r = sql_step(q);
	while (r > 0);
	sqlite3_reset(q);
	return r;
}

int sql_do_args(sqlite3 *db, const char *sql, const char *types, va_list args)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = prepare(db, &q, sql, types, args);

	return r < 0 ? r : sql_run(q);
}

int sql_do(sqlite3 *db, const char *sql, const char *types, ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = sql_do_args(db, sql, types, args);
	va_end(args);
	return r;
}

int sql_number(sqlite3 *db, const char *sql, int64_t *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = sql_prepare(db, &q, sql, "");

	if (r < 0)
		return r;
	r = sql_step(q);
	if (r > 0 && sqlite3_column_type(q, 0) != SQLITE_NULL)
		*ret = sqlite3_column_int64(q, 0);
	return MIN(r, 0);
}

int sql_add_column(sqlite3 *db, const char *table, const char *column)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	char sql[128];
	int r = sql_prepare(db, &q, "SELECT 1 FROM pragma_table_info(?) WHERE name = ?", "tt",
			    table, column);

	if (r < 0)
		return r;
	r = sql_step(q);
	if (r != 0)
		return MIN(r, 0);
	snprintf(sql, sizeof(sql), "ALTER TABLE %s ADD COLUMN %s TEXT", table, column);
	return sql_exec(db, sql);
}

void sql_copy_text(sqlite3_stmt *q, int column, char *ret, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(q, column);
	size_t len = text ? strnlen(text, size - 1) : 0;

	if (len)
		memcpy(ret, text, len);
	ret[len] = '\0';
}

bool sql_copy_blob(sqlite3_stmt *q, int column, void *ret, size_t len)
{
	const void *data = sqlite3_column_blob(q, column);

	if (!data || (size_t)sqlite3_column_bytes(q, column) != len)
		return false;
	memcpy(ret, data, len);
	return true;
}

int sql_begin(sqlite3 *db, sqlite3 **ret_open)
{
	int r = sql_exec(db, "BEGIN IMMEDIATE");

	if (r < 0)
		return r;
	*ret_open = db;
	return 0;
}

int sql_commit(sqlite3 **open)
{
	int r = sql_exec(*open, "COMMIT");

	if (r < 0)
		return r; /* still open: the caller's cleanup rolls back */
	*open = NULL;
	return 0;
}

void sql_rollbackp(sqlite3 **open)
{
	/* An error may have rolled back already; then there is nothing left to undo. */
	if (*open && !sqlite3_get_autocommit(*open))
		sqlite3_exec(*open, "ROLLBACK", NULL, NULL, NULL);
}
