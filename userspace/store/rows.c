/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journal records as rows of a tenant's file. Each chunk is one transaction with the totals that
 * count it, and an id that is already there is ignored and not counted: a chunk may be repeated at
 * will.
 */
#include <errno.h>
#include <math.h>
#include <string.h>
#include "store/internal.h"

/* Rows in one transaction: how long (about 10 ms) another user of that tenant's file waits. */
#define CHUNK_ROWS 4096

/* --- writing -----------------------------------------------------------------------------------
 */

/* Consecutive rows mostly share their second, their key and their month: each is worked out once.
 */
struct writer {
	struct store *s;
	struct tenant_entry *t;
	uint32_t key;
	struct key_entry key_entry;
	uint64_t second;
	char time[CLOCK_ISO_LEN];
	uint64_t month_start_us, month_end_us;
	uint32_t month;
	uint64_t calls, blocked;
	double latency_ms;
};

static void set_key(struct writer *w, uint32_t key)
{
	if (w->key == key)
		return;
	w->key = key;
	w->key_entry = (struct key_entry){ 0 }; /* a key that is gone: its rows stay, without it */
	(void)index_key(w->s, key, &w->key_entry);
}

static void set_time(struct writer *w, uint64_t at_us)
{
	uint32_t us = (uint32_t)(at_us % US_PER_S);

	if (w->second != at_us / US_PER_S) {
		w->second = at_us / US_PER_S;
		clock_format_iso(at_us, w->time);
	}
	for (size_t i = CLOCK_ISO_LEN - 2; w->time[i] != '.'; i--, us /= 10)
		w->time[i] = (char)('0' + us % 10);
}

static int flush_totals(struct writer *w)
{
	struct tenant_file *f = w->t->file;
	int r = 0;

	if (w->calls)
		r = usage_add(f, w->month, w->calls, w->blocked, w->latency_ms,
			      sqlite3_last_insert_rowid(f->db));
	w->calls = w->blocked = 0;
	w->latency_ms = 0;
	return r;
}

static int set_month(struct writer *w, uint64_t at_us)
{
	int r;

	if (at_us >= w->month_start_us && at_us < w->month_end_us)
		return 0;
	r = flush_totals(w);
	w->month = clock_month(at_us);
	w->month_start_us = clock_month_start_us(w->month);
	w->month_end_us = clock_month_start_us(w->month + 1);
	return r;
}

/* A float's neighbour of 0.55 is 0.550000011920929: store what was meant. */
static double decimals(float value, double scale)
{
	return round((double)value * scale) / scale;
}

static int write_row(struct writer *w, const struct journal_record *r)
{
	sqlite3_stmt *q = w->t->file->insert;
	char id[UUID_TEXT_LEN];
	int e = set_month(w, r->at_us);

	if (e < 0)
		return e;
	uuid_format(r->id, id);
	set_key(w, r->key);
	set_time(w, r->at_us);
	e = sql_bind(q, "tttttddt", id, w->key_entry.id, journal_endpoint(r->endpoint),
		     journal_verdict(r->verdict), journal_class(r->intent_class),
		     decimals(r->confidence, 1e4), decimals(r->latency_ms, 1e3), w->time);
	if (e < 0)
		return e;
	e = sql_run(q);
	if (e < 0 || !sqlite3_changes(w->t->file->db))
		return e; /* there already: counted when it was written */
	w->calls++;
	w->blocked += r->verdict == JOURNAL_VERDICT_BLOCK;
	w->latency_ms += (double)r->latency_ms;
	return 0;
}

static int write_rows(struct writer *w, const struct journal_record *const *records, size_t count)
{
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	int r = tenant_begin(w->t->file, &open);

	if (r < 0)
		return r;
	r = usage_catch_up(w->t->file);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = write_row(w, records[i]);
	if (r == 0)
		r = flush_totals(w);
	return r < 0 ? r : sql_commit(&open);
}

/* The records of this pass that an earlier try hasn't committed. */
static size_t skip_committed(const struct tenant_entry *t, uint64_t pass,
			     const struct journal_record *const *records, size_t count)
{
	size_t i = 0;

	if (t->pass != pass || pass == PASS_NONE)
		return 0;
	while (i < count && memcmp(records[i]->id, t->pass_to, sizeof(t->pass_to)) <= 0)
		i++;
	return i;
}

/* Few rows for one of many tenants: its file is opened, written and closed. */
static int acquire(struct store *s, uint32_t tenant, bool visit, struct tenant_entry **ret)
{
	return visit ? tenant_acquire_alone(s, tenant, ret) : tenant_acquire(s, tenant, ret);
}

static int write_chunk(struct store *s, uint64_t pass, uint32_t tenant, bool visit,
		       const struct journal_record *const *records, size_t count)
{
	_cleanup_(tenant_release) struct tenant_entry *t = NULL;
	struct writer w = { .s = s };
	size_t skip;
	int r = acquire(s, tenant, visit, &t);

	if (r < 0)
		return r;
	skip = skip_committed(t, pass, records, count);
	w.t = t;
	r = skip == count ? 0 : write_rows(&w, records + skip, count - skip);
	if (r == 0) {
		t->pass = pass;
		memcpy(t->pass_to, records[count - 1]->id, sizeof(t->pass_to));
		t->usage_month = t->file->month;
		t->used_in_month = t->file->month_calls;
		if (!t->file->alone)
			tenant_written(s, t, t->file->vouched);
	}
	/* After a failure what the file remembers of its counts was rolled back. */
	if (r < 0 || t->file->alone)
		files_close_one(s, t);
	return r;
}

static int compare_ids(const void *a, const void *b)
{
	const struct journal_record *const *left = a, *const *right = b;

	return memcmp((*left)->id, (*right)->id, sizeof((*left)->id));
}

static void order_by_id(const struct journal_record **records, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (compare_ids(&records[i - 1], &records[i]) > 0) {
			qsort(records, count, sizeof(*records), compare_ids);
			return;
		}
}

int drain_tenant(struct store *s, uint64_t pass, uint32_t tenant, bool visit,
		 const struct journal_record **records, size_t count)
{
	order_by_id(records, count);
	for (size_t i = 0; i < count; i += CHUNK_ROWS) {
		int r = write_chunk(s, pass, tenant, visit && count <= CHUNK_ROWS, records + i,
				    MIN(count - i, (size_t)CHUNK_ROWS));

		if (r == -ENOENT && !index_tenant(s, tenant))
			return 0; /* deleted meanwhile, its usage with it */
		if (r < 0)
			return r;
	}
	return 0;
}
