/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts without a scan of history: axfw_usage_totals has a row per month, written in the
 * transaction that inserts the rows it counts. counted_to is the highest rowid that any of them
 * includes; rows above it were inserted by the Python firewall, and are counted when they are first
 * met.
 */
#include <errno.h>
#include <string.h>
#include "store/internal.h"

/* clock_month() of a naive ISO timestamp. */
#define SQL_MONTH "(substr(timestamp, 1, 4) * 12 + substr(timestamp, 6, 2) - 1)"

int usage_load(struct tenant_file *f)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = sql_prepare(f->db, &q,
			    "SELECT month, calls, counted_to FROM axfw_usage_totals ORDER BY month",
			    "");

	if (r < 0)
		return r;
	f->counted_to = 0;
	f->month = 0;
	f->month_calls = 0;
	while ((r = sql_step(q)) > 0) {
		f->month = (uint32_t)sqlite3_column_int64(q, 0);
		f->month_calls = (uint64_t)sqlite3_column_int64(q, 1);
		f->counted_to = MAX(f->counted_to, sqlite3_column_int64(q, 2));
	}
	return r;
}

static int newest_row(struct tenant_file *f, int64_t *ret)
{
	int r = f->newest_row ? 0
			      : sql_prepare(f->db, &f->newest_row,
					    "SELECT max(rowid) FROM usage_records", "");

	if (r < 0)
		return r;
	r = sql_step(f->newest_row);
	if (r > 0)
		*ret = sqlite3_column_int64(f->newest_row, 0); /* null, no rows: 0 */
	sqlite3_reset(f->newest_row);
	return MIN(r, 0);
}

int usage_catch_up(struct tenant_file *f)
{
	int64_t newest = 0;
	int r = newest_row(f, &newest);

	if (r < 0 || newest == f->counted_to)
		return r;
	if (newest < f->counted_to) {
		/* Somebody deleted rows: what was counted can't be told from what is left. */
		f->counted_to = 0;
		r = sql_exec(f->db, "DELETE FROM axfw_usage_totals");
		if (r < 0)
			return r;
	}
	r = sql_do(
		f->db,
		"INSERT INTO axfw_usage_totals (month, calls, blocked, latency_ms, counted_to)"
		" SELECT " SQL_MONTH ", count(*), sum(verdict = 'block'), sum(latency_ms), ?2"
		" FROM usage_records WHERE rowid > ?1 AND rowid <= ?2 GROUP BY 1"
		" ON CONFLICT (month) DO UPDATE SET calls = calls + excluded.calls,"
		" blocked = blocked + excluded.blocked,"
		" latency_ms = latency_ms + excluded.latency_ms, counted_to = excluded.counted_to",
		"ii", f->counted_to, newest);
	return r < 0 ? r : usage_load(f);
}

static int prepare_total(struct tenant_file *f)
{
	if (f->total)
		return 0;
	return sql_prepare(f->db, &f->total,
			   "INSERT INTO axfw_usage_totals"
			   " (month, calls, blocked, latency_ms, counted_to) VALUES (?, ?, ?, ?, ?)"
			   " ON CONFLICT (month) DO UPDATE SET calls = calls + excluded.calls,"
			   " blocked = blocked + excluded.blocked,"
			   " latency_ms = latency_ms + excluded.latency_ms,"
			   " counted_to = excluded.counted_to",
			   "");
}

int usage_add(struct tenant_file *f, uint32_t month, uint64_t calls, uint64_t blocked,
	      double latency_ms, int64_t counted_to)
{
	int r = prepare_total(f);

	if (r == 0)
		r = sql_bind(f->total, "uiidi", month, calls, blocked, latency_ms, counted_to);
	if (r == 0)
		r = sql_run(f->total);
	if (r < 0)
		return r;
	f->counted_to = counted_to;
	if (month > f->month) {
		f->month = month;
		f->month_calls = 0;
	}
	f->month_calls += month == f->month ? calls : 0;
	return 0;
}

int usage_newest_month(sqlite3 *db, uint32_t *ret_month, uint64_t *ret_calls)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = sql_prepare(db, &q,
			    "SELECT " SQL_MONTH ", count(*) FROM usage_records"
			    " GROUP BY 1 ORDER BY 1 DESC LIMIT 1",
			    "");

	if (r < 0)
		return r;
	r = sql_step(q);
	if (r < 0)
		return r;
	*ret_month = r ? (uint32_t)sqlite3_column_int64(q, 0) : 0;
	*ret_calls = r ? (uint64_t)sqlite3_column_int64(q, 1) : 0;
	return 0;
}

/* --- the summary -------------------------------------------------------------------------------
 */

struct sum {
	uint64_t calls, blocked;
	double latency_ms;
};

static int sum_file(struct tenant_file *f, struct sum *sum)
{
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	_cleanup_(sql_finalizep) sqlite3_stmt *q = NULL;
	int r = tenant_begin(f, &open);

	if (r < 0)
		return r;
	r = usage_catch_up(f);
	if (r < 0)
		return r;
	r = sql_prepare(f->db, &q,
			"SELECT sum(calls), sum(blocked), sum(latency_ms) FROM axfw_usage_totals",
			"");
	if (r < 0)
		return r;
	r = sql_step(q);
	if (r < 0)
		return r;
	sum->calls = (uint64_t)sqlite3_column_int64(q, 0);
	sum->blocked = (uint64_t)sqlite3_column_int64(q, 1);
	sum->latency_ms = sqlite3_column_double(q, 2);
	sqlite3_reset(q);
	return sql_commit(&open);
}

static void add_record(const struct tenant_entry *t, const struct segment *segment, uint32_t at,
		       bool in_this_pass, struct sum *sum)
{
	const struct journal_record *r = &segment->records[at];

	if (r->tenant != t->number || !segment_record_is_whole(segment, r))
		return;
	if (in_this_pass && at < segment->pass_to &&
	    memcmp(r->id, t->pass_to, sizeof(t->pass_to)) <= 0)
		return; /* the open pass has written it already */
	sum->calls++;
	sum->blocked += r->verdict == JOURNAL_VERDICT_BLOCK;
	sum->latency_ms += (double)r->latency_ms;
}

/* The tenant's lock is held, so no record of its can move from the journal to its file meanwhile.
 */
static void sum_journal(struct store *s, const struct tenant_entry *t, struct sum *sum)
{
	struct journal *j = &s->journal;
	bool in_this_pass;

	pthread_mutex_lock(&j->lock);
	in_this_pass = j->pass_open && t->pass == j->pass;
	for (unsigned i = 0; i < j->slot_count; i++)
		for (struct segment *g = j->slots[i].oldest; g; g = atomic_load(&g->next)) {
			uint32_t used = atomic_load_explicit(&g->used, memory_order_acquire);

			for (uint32_t at = g->drained; at < used; at++)
				add_record(t, g, at, in_this_pass, sum);
		}
	pthread_mutex_unlock(&j->lock);
}

int store_usage_summary(struct store *s, uint32_t tenant, struct store_usage_summary *ret)
{
	_cleanup_(tenant_release) struct tenant_entry *t = NULL;
	struct sum sum = { 0 };
	int r = tenant_acquire(s, tenant, &t);

	if (r < 0)
		return r;
	r = sum_file(t->file, &sum);
	if (r < 0)
		return r;
	sum_journal(s, t, &sum);
	*ret = (struct store_usage_summary){
		.calls = sum.calls,
		.blocked = sum.blocked,
		.latency_ms_mean = sum.calls ? sum.latency_ms / (double)sum.calls : 0,
	};
	return 0;
}
