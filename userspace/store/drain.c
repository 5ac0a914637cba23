/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving records from the journal into tenants' files. Opening a tenant's file costs as much as 100
 * rows (250 us), so with many tenants the drain is cheap only if it comes rarely and brings much:
 * it groups a pass by tenant and waits, between passes, twenty times as long as the last one took.
 * A quiet node is drained every second, a busy one every half a minute or whenever a quarter of the
 * journal is full; so whatever was recorded is in its file well within a minute of the load's end.
 *
 * Each chunk of rows is one transaction with the totals that count it, and an id that is already
 * there is ignored and not counted: a chunk may be repeated at will. Positions in the journal move
 * only after every file of the pass is committed.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <endian.h>
#include <time.h>
#include "store/internal.h"

/* Bounds what a pass maps and sorts: 64 MiB of records and 16 MiB of pointers. */
#define PASS_RECORDS_MAX (1u << 20)
/* Rows in one transaction: how long (about 10 ms) another user of that tenant's file waits. */
#define CHUNK_ROWS	  4096
#define AGE_MIN_NS	  (1 * NS_PER_S)
#define AGE_MAX_NS	  (30 * NS_PER_S)
#define DUTY		  20 /* a pass may take one part in this many of the time */
#define POLL_S		  1  /* appending wakes nobody */
#define TIDY_AFTER_IDLE_S 5
#define TIDY_PAUSE_NS	  (60 * NS_PER_S)
#define TIDY_FILES_MAX	  512 /* at once: under a second */
#define TIDY_LONG_MIN	  128 /* so many long logs are worth two syncs of the file system */

struct pass {
	const struct journal_record **merged; /* in order of time */
	const struct journal_record **sorted; /* the same, by tenant */
	size_t count;
	uint32_t *first; /* per tenant number: where its records start in sorted; one more than
			    tenants */
	uint32_t tenants_end;
	uint32_t tenant_count;	     /* how many have records */
	struct tenant_state *states; /* of the tenants that were written */
	size_t state_count;
};

static void pass_free(struct pass *p)
{
	free(p->merged);
	free(p->sorted);
	free(p->first);
	free(p->states);
}

/* --- collecting --------------------------------------------------------------------------------
 */

/* Fixes what the pass covers. Under the lock: readers of the tail go by these bounds. */
static size_t bound_pass(struct journal *j)
{
	size_t total = 0;
	bool all = true;

	for (unsigned i = 0; i < j->slot_count; i++) {
		struct segment *segment = j->slots[i].oldest;

		for (; segment; segment = atomic_load(&segment->next)) {
			uint32_t used = atomic_load_explicit(&segment->used, memory_order_acquire);
			size_t room = PASS_RECORDS_MAX - total;
			uint32_t take = (uint32_t)MIN((size_t)(used - segment->drained), room);

			all = all && segment->drained + take == used;
			segment->pass_to = segment->drained + take;
			total += take;
		}
	}
	j->pass_covers_all = all;
	return total;
}

/* An unfinished pass keeps its bounds, so that what its tenants have committed is skipped. */
static size_t open_pass(struct journal *j)
{
	size_t total = 0;

	pthread_mutex_lock(&j->lock);
	j->hurry = false;
	if (!j->pass_open) {
		j->pass_ticket = j->tickets;
		total = bound_pass(j);
		j->pass_open = total > 0;
		j->pass += total > 0;
	} else {
		for (unsigned i = 0; i < j->slot_count; i++)
			for (struct segment *g = j->slots[i].oldest; g; g = atomic_load(&g->next))
				total += g->pass_to - g->drained;
	}
	pthread_mutex_unlock(&j->lock);
	return total;
}

struct cursor {
	struct segment *segment;
	uint32_t at;
};

static const struct journal_record *cursor_peek(struct cursor *c)
{
	while (c->segment) {
		if (c->at < c->segment->pass_to) {
			const struct journal_record *r = &c->segment->records[c->at];

			if (segment_record_is_whole(c->segment, r))
				return r;
			c->at++; /* what a process died in, or the unwritten end of its segment */
			continue;
		}
		c->segment = atomic_load(&c->segment->next);
		c->at = c->segment ? c->segment->drained : 0;
	}
	return NULL;
}

static uint64_t record_time(const struct journal_record *r)
{
	uint64_t head;

	memcpy(&head, r->id, sizeof(head));
	return be64toh(head);
}

/* Merges the slots by time: rows then arrive at the right-hand edge of every index. */
static int merge(struct journal *j, struct pass *p)
{
	_cleanup_(freep) struct cursor *cursors = calloc(j->slot_count, sizeof(*cursors));

	if (!cursors)
		return -ENOMEM;
	for (unsigned i = 0; i < j->slot_count; i++) {
		cursors[i].segment = j->slots[i].oldest;
		cursors[i].at = cursors[i].segment ? cursors[i].segment->drained : 0;
	}
	for (;;) {
		const struct journal_record *best = NULL;
		struct cursor *from = NULL;

		for (unsigned i = 0; i < j->slot_count; i++) {
			const struct journal_record *r = cursor_peek(&cursors[i]);

			if (r && (!best || record_time(r) < record_time(best))) {
				best = r;
				from = &cursors[i];
			}
		}
		if (!best)
			return 0;
		from->at++;
		p->merged[p->count++] = best;
	}
}

/* A counting sort by tenant, which keeps the order of time. Tenants that are gone fall out. */
static void sort_by_tenant(struct pass *p)
{
	size_t total = 0;

	for (size_t i = 0; i < p->count; i++)
		if (p->merged[i]->tenant < p->tenants_end)
			p->first[p->merged[i]->tenant]++;
	for (uint32_t t = 0; t <= p->tenants_end; t++) {
		uint32_t count = p->first[t];

		p->tenant_count += count > 0;
		p->first[t] = (uint32_t)total;
		total += count;
	}
	for (size_t i = 0; i < p->count; i++)
		if (p->merged[i]->tenant < p->tenants_end)
			p->sorted[p->first[p->merged[i]->tenant]++] = p->merged[i];
	/* Each first[t] has moved to the start of t + 1: move them back. */
	memmove(p->first + 1, p->first, p->tenants_end * sizeof(*p->first));
	p->first[0] = 0;
}

static int collect(struct store *s, struct pass *p, size_t total)
{
	int r;

	p->tenants_end = index_tenants_end(s);
	p->merged = calloc(total, sizeof(*p->merged));
	p->sorted = calloc(total, sizeof(*p->sorted));
	p->first = calloc(p->tenants_end + 1ul, sizeof(*p->first));
	p->states = calloc(p->tenants_end + 1ul, sizeof(*p->states));
	if (!p->merged || !p->sorted || !p->first || !p->states)
		return -ENOMEM;
	r = merge(&s->journal, p);
	if (r < 0)
		return r;
	sort_by_tenant(p);
	return 0;
}

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

	if (t->pass != pass)
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

static int write_chunk(struct store *s, uint32_t tenant, bool visit,
		       const struct journal_record *const *records, size_t count)
{
	_cleanup_(tenant_release) struct tenant_entry *t = NULL;
	uint64_t pass = s->journal.pass;
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

/* Damage to one tenant's file must not stop everybody else's records. */
static bool is_damage(int r)
{
	return r == -EUCLEAN || r == -EPROTO;
}

int drain_tenant(struct store *s, uint32_t tenant, bool visit,
		 const struct journal_record **records, size_t count)
{
	order_by_id(records, count);
	for (size_t i = 0; i < count; i += CHUNK_ROWS) {
		int r = write_chunk(s, tenant, visit && count <= CHUNK_ROWS, records + i,
				    MIN(count - i, (size_t)CHUNK_ROWS));

		if (r == -ENOENT && !index_tenant(s, tenant))
			return 0; /* deleted meanwhile, its usage with it */
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_tenant(struct store *s, struct pass *p, uint32_t tenant)
{
	const struct journal_record **records = p->sorted + p->first[tenant];
	size_t count = p->first[tenant + 1] - p->first[tenant];
	struct tenant_entry *t = count ? index_tenant(s, tenant) : NULL;
	int r;

	if (!t)
		return 0;
	r = drain_tenant(s, tenant, p->tenant_count > TENANT_FILES_MAX, records, count);
	if (is_damage(r))
		return held_put(s, records, count);
	if (r < 0)
		return r;
	pthread_mutex_lock(&t->lock);
	p->states[p->state_count++] = tenant_state_take(t);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

/* --- finishing ---------------------------------------------------------------------------------
 */

static void finish_slot(struct journal *j, unsigned i)
{
	struct journal_slot *slot = &j->slots[i];
	struct segment *next, *segment;

	for (segment = slot->oldest; segment; segment = atomic_load(&segment->next))
		segment_set_drained(segment, segment->pass_to);
	for (segment = slot->oldest; segment; segment = next) {
		next = atomic_load_explicit(&segment->next, memory_order_acquire);
		/* The one its thread still appends to stays; the last slot has no thread. */
		if ((!next && i + 1 < j->slot_count) || segment->drained < SEGMENT_RECORDS)
			break;
		segment_unlink(j->dir_fd, segment->id);
		segment_free(&segment);
		atomic_fetch_sub(&j->bytes, SEGMENT_BYTES);
	}
	slot->oldest = segment;
}

static void finish_pass(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	for (unsigned i = 0; i < j->slot_count; i++)
		finish_slot(j, i);
	j->pass_open = false;
	if (j->pass_covers_all)
		j->served = j->pass_ticket;
	pthread_cond_broadcast(&j->done);
	pthread_mutex_unlock(&j->lock);
}

static void report_failure(struct journal *j, int r)
{
	atomic_store(&j->drain_failed, true);
	pthread_mutex_lock(&j->lock);
	j->last_error = r;
	j->failures++;
	pthread_cond_broadcast(&j->done);
	pthread_mutex_unlock(&j->lock);
}

static int write_pass(struct store *s, struct pass *p)
{
	int r = 0, first_error = 0;

	/* One tenant's busy file shouldn't delay the others; a full disk delays all. */
	for (uint32_t t = 0; t < p->tenants_end && r != -ENOSPC; t++) {
		r = write_tenant(s, p, t);
		if (r < 0 && !first_error)
			first_error = r;
	}
	if (first_error)
		return first_error;
	/* Commits in the logs aren't synced one by one: under --durability=power they are here, all
	 * at once, before the journal forgets its copy. */
	if (s->journal.sync && syncfs(s->dir_fd) < 0)
		return -errno;
	return registry_save_states(s, p->states, p->state_count);
}

int64_t drain_pass(struct store *s)
{
	_cleanup_(pass_free) struct pass p = { 0 };
	uint64_t start = clock_monotonic_ns();
	size_t total = open_pass(&s->journal);
	int r = total ? collect(s, &p, total) : 0;

	if (r == 0 && total)
		r = write_pass(s, &p);
	if (r < 0) {
		report_failure(&s->journal, r);
		return r;
	}
	finish_pass(&s->journal);
	if (total) {
		atomic_store(&s->journal.drain_failed, false);
		s->journal.last_pass_ns = clock_monotonic_ns() - start;
	}
	return (int64_t)total;
}

/* --- the thread --------------------------------------------------------------------------------
 */

void store_journal_state(struct store *s, struct store_journal_state *ret)
{
	struct journal *j = &s->journal;

	*ret = (struct store_journal_state){ .bytes = atomic_load(&j->bytes) };
	pthread_mutex_lock(&j->lock);
	for (unsigned i = 0; i < j->slot_count; i++)
		for (struct segment *g = j->slots[i].oldest; g; g = atomic_load(&g->next)) {
			uint32_t used = atomic_load_explicit(&g->used, memory_order_acquire);
			uint64_t at = used > g->drained ? g->records[g->drained].at_us : 0;

			ret->records_pending += used - g->drained;
			if (at && (!ret->oldest_pending_us || at < ret->oldest_pending_us))
				ret->oldest_pending_us = at;
		}
	pthread_mutex_unlock(&j->lock);
}

/* pending: how many records there were at the last look, and are now. */
static bool is_due(struct store *s, uint64_t *pending)
{
	struct journal *j = &s->journal;
	uint64_t patience = MIN(MAX(j->last_pass_ns * DUTY, AGE_MIN_NS), AGE_MAX_NS);
	struct store_journal_state state;
	bool asked;

	pthread_mutex_lock(&j->lock);
	asked = j->hurry || j->tickets > j->served || j->pass_open;
	pthread_mutex_unlock(&j->lock);
	if (asked)
		return true;
	store_journal_state(s, &state);
	/* Nothing came since: the load is over, and this costs nobody anything. */
	asked = state.records_pending && state.records_pending == *pending;
	*pending = state.records_pending;
	return asked ||
	       (state.records_pending &&
		(state.records_pending * sizeof(struct journal_record) >= j->bytes_max / 4 ||
		 (clock_wall_us() - state.oldest_pending_us) * 1000 >= patience));
}

static void sleep_a_while(struct journal *j, bool failed)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += POLL_S;
	pthread_mutex_lock(&j->lock);
	/* After a failure nothing but time helps: waiters are told of it, not allowed to spin. */
	if (failed || (!j->hurry && j->tickets == j->served))
		pthread_cond_timedwait(&j->wake, &j->lock, &until);
	pthread_mutex_unlock(&j->lock);
}

/*
 * Logs are put back when there is nothing better to do, or when too many have grown long. A failure
 * is no loss: they stay where they are. Without progress (somebody has the files open) it isn't
 * tried again for a while: each try syncs the file system twice.
 */
static void maybe_tidy(struct store *s, unsigned idle_s, uint64_t *not_before_ns)
{
	bool many = atomic_load(&s->logs_long) >= TIDY_LONG_MIN;
	unsigned before = atomic_load(&s->logs_left);

	if (clock_monotonic_ns() < *not_before_ns ||
	    (!many && (idle_s < TIDY_AFTER_IDLE_S || !before)))
		return;
	if (tidy_logs(s, many ? TIDY_LONG_FRAMES : 1, TIDY_FILES_MAX, 1) < 0 ||
	    atomic_load(&s->logs_left) >= before)
		*not_before_ns = clock_monotonic_ns() + TIDY_PAUSE_NS;
}

void *drain_run(void *arg)
{
	struct store *s = arg;
	struct journal *j = &s->journal;
	unsigned idle_s = 0;
	uint64_t pending = 0, tidy_not_before_ns = 0;

	while (!atomic_load(&j->stop)) {
		bool due = is_due(s, &pending);
		bool failed = due && drain_pass(s) < 0;

		idle_s = due ? 0 : idle_s + POLL_S;
		maybe_tidy(s, idle_s, &tidy_not_before_ns);
		if (!atomic_load(&j->stop))
			sleep_a_while(j, failed);
	}
	return NULL;
}

int store_drain(struct store *s)
{
	struct journal *j = &s->journal;
	uint64_t ticket, failures;
	int r;

	pthread_mutex_lock(&j->lock);
	ticket = ++j->tickets;
	failures = j->failures;
	pthread_cond_signal(&j->wake);
	while (j->served < ticket && j->failures == failures)
		pthread_cond_wait(&j->done, &j->lock);
	r = j->served >= ticket ? 0 : j->last_error;
	pthread_mutex_unlock(&j->lock);
	return r;
}
