/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots are merged by time and then sorted by tenant, so that a tenant's file is opened once and
 * its rows arrive at the right-hand edge of every index. Pointers are sorted, not records: those
 * stay in the journal's mapping.
 *
 * What was carried over is covered by a full pass, ahead of everything else, and left alone by a
 * light one.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include "store/internal.h"
#include "store/pass.h"

/* Bounds what a pass maps and sorts: 64 MiB of records and 16 MiB of pointers. */
#define PASS_RECORDS_MAX (1u << 20)

void pass_free(struct pass *p)
{
	free(p->merged);
	free(p->sorted);
	free(p->first);
	free(p->states);
	carry_undo(p);
}

/* --- collecting --------------------------------------------------------------------------------
 */

/* Fixes what the pass covers. Under the lock: readers of the tail go by these bounds. */
static size_t bound_pass(struct journal *j)
{
	size_t total = 0;
	bool all = true;

	for (unsigned i = j->slot_count; i-- > 0;) {
		struct segment *segment = j->slots[i].oldest;
		bool wanted = i + 1 < j->slot_count || !j->pass_light;

		for (; segment; segment = atomic_load(&segment->next)) {
			uint32_t used = atomic_load_explicit(&segment->used, memory_order_acquire);
			size_t room = wanted ? PASS_RECORDS_MAX - total : 0;
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
size_t pass_open(struct store *s, bool light)
{
	struct journal *j = &s->journal;
	size_t total = 0;

	pthread_mutex_lock(&j->lock);
	j->hurry = false;
	/* Whoever waits, or has waited for a pass that failed, wants everything in the files. */
	j->pass_light = light && !j->pass_open && j->tickets == j->served;
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

	for (size_t i = 0; i < p->count; i++) {
		/* merge() has filled count of them */
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		if (p->merged[i]->tenant < p->tenants_end)
			p->first[p->merged[i]->tenant]++;
	}
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

int pass_collect(struct store *s, size_t total, struct pass *p)
{
	int r;

	p->count = 0;
	p->journal = &s->journal;
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
	carry_plan(s, p);
	return 0;
}
