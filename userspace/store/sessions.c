/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions and signup attempts. Both are committed lazily: after a power cut a user logs in again,
 * or has an attempt more. Ending a session is the exception: it must not come back.
 */
#include <errno.h>
#include <string.h>
#include "store/internal.h"

int store_put_session(struct store *s, const struct store_session *session)
{
	return registry_write(s, COMMIT_LAZY,
			      "INSERT OR REPLACE INTO axfw_sessions"
			      " (id, tenant, created_us, expires_us, flash) VALUES (?, ?, ?, ?, ?)",
			      "buiib", session->id, sizeof(session->id), session->tenant,
			      session->created_us, session->expires_us, session->flash,
			      session->flash_len);
}

int store_delete_session(struct store *s, const uint8_t id[static 16])
{
	return registry_write(s, COMMIT_DURABLE, "DELETE FROM axfw_sessions WHERE id = ?", "b", id,
			      (size_t)16);
}

int store_delete_sessions(struct store *s, uint32_t tenant, const uint8_t *except)
{
	return registry_write(s, COMMIT_DURABLE,
			      "DELETE FROM axfw_sessions WHERE tenant = ? AND id IS NOT ?", "ub",
			      tenant, except, (size_t)16);
}

static void read_session(sqlite3_stmt *q, struct store_session *ret)
{
	*ret = (struct store_session){
		.tenant = (uint32_t)sqlite3_column_int64(q, 1),
		.created_us = (uint64_t)sqlite3_column_int64(q, 2),
		.expires_us = (uint64_t)sqlite3_column_int64(q, 3),
		/* borrowed for the call: SQLite's */
		.flash = (uint8_t *)sqlite3_column_blob(q, 4),
		.flash_len = (size_t)sqlite3_column_bytes(q, 4),
	};
}

int store_each_session(struct store *s,
		       void (*each)(void *arg, const struct store_session *session), void *arg)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = NULL;
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	struct store_session session;
	int r = registry_write(s, COMMIT_LAZY, "DELETE FROM axfw_sessions WHERE expires_us <= ?",
			       "i", clock_wall_us());

	if (r < 0)
		return r;
	locked = mutex_lock(&s->registry_lock);
	r = sql_prepare(s->registry, &q,
			"SELECT id, tenant, created_us, expires_us, flash FROM axfw_sessions", "");
	if (r < 0)
		return r;
	while ((r = sql_step(q)) > 0) {
		read_session(q, &session);
		if (sql_copy_blob(q, 0, session.id, sizeof(session.id)))
			each(arg, &session);
	}
	return r;
}

/* --- signup attempts: the Python firewall's table, times as naive ISO text ---------------------
 */

int store_each_signup_attempt(struct store *s, uint64_t since_us,
			      void (*each)(void *arg, const char *client, uint64_t at_us),
			      void *arg)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	char since[CLOCK_ISO_LEN];
	int r;

	clock_format_iso(since_us, since);
	r = sql_prepare(s->registry, &q,
			"SELECT ip, ts FROM signup_attempts WHERE ts >= ? ORDER BY ts", "t", since);
	if (r < 0)
		return r;
	while ((r = sql_step(q)) > 0) {
		const char *client = (const char *)sqlite3_column_text(q, 0);
		const char *at = (const char *)sqlite3_column_text(q, 1);
		uint64_t at_us;

		if (client && at && clock_parse_iso(at, &at_us) == 0)
			each(arg, client, at_us);
	}
	return r;
}

int store_add_signup_attempt(struct store *s, const char *client, uint64_t at_us)
{
	char at[CLOCK_ISO_LEN];

	clock_format_iso(at_us, at);
	return registry_write(s, COMMIT_LAZY, "INSERT INTO signup_attempts (ip, ts) VALUES (?, ?)",
			      "tt", client, at);
}

int store_forget_signup_attempts(struct store *s, uint64_t before_us)
{
	char before[CLOCK_ISO_LEN];

	clock_format_iso(before_us, before);
	return registry_write(s, COMMIT_LAZY, "DELETE FROM signup_attempts WHERE ts < ?", "t",
			      before);
}
