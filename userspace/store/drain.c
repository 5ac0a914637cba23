/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving records from the journal into tenants' files. Opening a tenant's file costs as much as 100
 * rows (200 us), so with many tenants the drain is cheap only if it comes rarely and brings much:
 * it groups a pass by tenant and waits, between passes, twenty times as long as the last one took.
 * A quiet node is drained every second, a busy one every 40 seconds or whenever a quarter of the
 * journal is full, and at once when nothing is appended any more.
 *
 * On a busy node a pass is light: it visits the tenants that have many rows and carries the others
 * over (carry.c), for two minutes at most. As soon as less arrives, a pass covers what was carried
 * as well. Whatever was recorded is therefore in its file well within a minute of the load's end.
 *
 * Positions in the journal move only after every file of the pass is committed and every copy made.
 */
#include <errno.h>
#include <time.h>
#include "store/internal.h"
#include "store/pass.h"

#define AGE_MIN_NS (1 * NS_PER_S)
#define AGE_MAX_NS (40 * NS_PER_S)
#define DUTY	   20 /* a pass may take one part in this many of the time */
#define POLL_S	   1  /* appending wakes nobody */
/* A load that goes on: who has few rows now will have more. At this rate 10,000 visits in 40 s
 * would be most of what the drain does. */
#define BUSY_PER_S 3000
/* How long, while it does, anybody who looks into a file may miss what was carried over. */
#define CARRIED_AGE_MAX_NS (120 * NS_PER_S)
#define TIDY_AFTER_IDLE_S  5
#define TIDY_PAUSE_NS	   (60 * NS_PER_S)
#define TIDY_FILES_MAX	   512 /* at once: under a second */
#define TIDY_LONG_MIN	   128 /* so many long logs are worth two syncs of the file system */

/* Damage to one tenant's file must not stop everybody else's records. */
static bool is_damage(int r)
{
	return r == -EUCLEAN || r == -EPROTO;
}

static int write_tenant(struct store *s, struct pass *p, uint32_t tenant)
{
	const struct journal_record **records = p->sorted + p->first[tenant];
	size_t count = p->first[tenant + 1] - p->first[tenant];
	struct tenant_entry *t = count ? index_tenant(s, tenant) : NULL;
	int r;

	if (!t)
		return 0;
	r = drain_tenant(s, s->journal.pass, tenant, p->tenant_count > TENANT_FILES_MAX, records,
			 count);
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
		if ((!next && i + 1 < j->slot_count) ||
		    segment->drained < atomic_load(&segment->used))
			break;
		journal_delete_segment(j, segment);
	}
	slot->oldest = segment;
}

static void finish_pass(struct journal *j, struct pass *p)
{
	pthread_mutex_lock(&j->lock);
	for (unsigned i = 0; i < j->slot_count; i++)
		finish_slot(j, i);
	carry_finish(j, p);
	j->pass_open = false;
	if (j->pass_covers_all)
		j->served = j->pass_ticket;
	pthread_cond_broadcast(&j->done);
	pthread_mutex_unlock(&j->lock);
}

static void report_failure(struct journal *j, int r)
{
	/* Somebody who sits on one tenant's file delays records, and loses none: while the journal
	 * has room for more, calls are served. */
	if (r != -EBUSY)
		atomic_store(&j->drain_failed, true);
	pthread_mutex_lock(&j->lock);
	j->last_error = r;
	j->failures++;
	pthread_cond_broadcast(&j->done);
	pthread_mutex_unlock(&j->lock);
}

/* Those to be carried over, or the others. */
static int write_tenants(struct store *s, struct pass *p, bool carried)
{
	int r = 0, first_error = 0;

	/* One tenant's busy file shouldn't delay the others; a full disk delays all. */
	for (uint32_t t = 0; t < p->tenants_end && r != -ENOSPC; t++) {
		if (carry_wants(p, t) != carried)
			continue;
		r = write_tenant(s, p, t);
		if (r < 0 && !first_error)
			first_error = r;
	}
	return first_error;
}

static int write_pass(struct store *s, struct pass *p)
{
	int r = write_tenants(s, p, false);

	/* Copying saves work; where it fails there is that work to do. */
	if (r == 0 && carry_over(s, p) < 0)
		r = write_tenants(s, p, true);
	if (r < 0)
		return r;
	/* Commits in the logs and copies in the journal aren't synced one by one: under
	 * --durability=power they are here, all at once, before the journal forgets its own. */
	if (s->journal.sync && syncfs(s->dir_fd) < 0)
		return -errno;
	return registry_save_states(s, p->states, p->state_count);
}

int64_t drain_pass(struct store *s, bool light)
{
	_cleanup_(pass_free) struct pass p = { 0 };
	uint64_t start = clock_monotonic_ns();
	size_t total = pass_open(s, light);
	int r = total ? pass_collect(s, total, &p) : 0;

	if (r == 0 && total)
		r = write_pass(s, &p);
	if (r < 0) {
		report_failure(&s->journal, r);
		return r;
	}
	finish_pass(&s->journal, &p);
	if (total) {
		atomic_store(&s->journal.drain_failed, false);
		s->journal.last_pass_ns = clock_monotonic_ns() - start;
	}
	return (int64_t)total;
}

/* --- the thread --------------------------------------------------------------------------------
 */

/* What is in a slot and not yet in files. */
static void look_at_slot(const struct journal_slot *slot, struct store_journal_state *state)
{
	for (struct segment *g = slot->oldest; g; g = atomic_load(&g->next)) {
		uint32_t used = atomic_load_explicit(&g->used, memory_order_acquire);
		uint64_t at;

		if (used == g->drained)
			continue;
		state->records_pending += used - g->drained;
		at = g->oldest_us ? g->oldest_us : g->records[g->drained].at_us;
		if (at && (!state->oldest_pending_us || at < state->oldest_pending_us))
			state->oldest_pending_us = at;
	}
}

void store_journal_state(struct store *s, struct store_journal_state *ret)
{
	struct journal *j = &s->journal;

	*ret = (struct store_journal_state){ .bytes = atomic_load(&j->bytes) };
	pthread_mutex_lock(&j->lock);
	for (unsigned i = 0; i < j->slot_count; i++)
		look_at_slot(&j->slots[i], ret);
	pthread_mutex_unlock(&j->lock);
}

/* LATER: not yet, but there is a load; nobody should do then what can wait for a quiet hour. */
enum due { DUE_NOT, DUE_LATER, DUE_LIGHT, DUE_FULL };

/* seen: how many records there were at the last look, and are now. */
static enum due is_due(struct journal *j, uint64_t *seen)
{
	uint64_t patience = MIN(MAX(j->last_pass_ns * DUTY, AGE_MIN_NS), AGE_MAX_NS);
	uint64_t before = *seen, age, carried_age;
	struct store_journal_state fresh = { 0 };
	bool asked, busy, much;

	pthread_mutex_lock(&j->lock);
	for (unsigned i = 0; i + 1 < j->slot_count; i++)
		look_at_slot(&j->slots[i], &fresh);
	asked = j->hurry || j->tickets > j->served || j->pass_open;
	pthread_mutex_unlock(&j->lock);
	*seen = fresh.records_pending + j->carried;
	/* Nothing came since: the load is over, and a pass costs nobody anything. */
	if (asked || (*seen && *seen == before))
		return DUE_FULL;
	if (!*seen)
		return DUE_NOT;
	age = (clock_wall_us() - fresh.oldest_pending_us) * 1000;
	carried_age = j->carried ? clock_monotonic_ns() - j->carried_since_ns : 0;
	busy = fresh.records_pending * NS_PER_S >= BUSY_PER_S * age;
	much = fresh.records_pending >= journal_share(j);
	if (!much && age < (busy ? AGE_MAX_NS : patience))
		return busy ? DUE_LATER : DUE_NOT;
	/* The last quarter of what may be carried is for what one light pass may add. */
	return busy && j->carried < journal_share(j) / 4 * 3 && carried_age < CARRIED_AGE_MAX_NS
		       ? DUE_LIGHT
		       : DUE_FULL;
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
 * Logs are put back when there is nothing better to do, or when too many have grown long: each
 * costs four times what a visit does, and makes the next one dearer, for it starts a new log. A
 * failure is no loss: they stay where they are. Without progress (somebody has the files open) it
 * isn't tried again for a while: each try syncs the file system twice.
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

/* Appending asks nothing of the file system. That it turned read-only, or that the directory is
 * gone, mustn't wait for the next pass; a node without calls writes nothing. */
static void look_at_directory(struct store *s, bool appended)
{
	atomic_bool *unreachable = &s->journal.unreachable;

	if (appended || atomic_load(unreachable))
		atomic_store(unreachable, directory_probe(s) < 0);
}

void *drain_run(void *arg)
{
	struct store *s = arg;
	struct journal *j = &s->journal;
	unsigned idle_s = 0;
	uint64_t seen = 0, tidy_not_before_ns = 0;

	while (!atomic_load(&j->stop)) {
		enum due due = is_due(j, &seen);
		bool failed;

		look_at_directory(s, seen > 0);
		failed = due >= DUE_LIGHT && drain_pass(s, due == DUE_LIGHT) < 0;
		idle_s = due == DUE_NOT ? idle_s + POLL_S : 0;
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
