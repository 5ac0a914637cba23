/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carrying over: under load, tenants with few rows in a pass stay in the journal. A visit to a file
 * costs as much as 100 rows and copying a record 50 ns, so their records are copied to segments
 * that belong to no thread, and the pass can free its own. What has gathered there is written in
 * one pass, a tenant's rows together: the tiering of a log-structured merge tree (O'Neil et al.,
 * 1996), with tenants' files for its lower level. Of 10,000 tenants asked by Zipf's law a pass of a
 * million rows then visits the first thousand, who have three quarters of the rows.
 *
 * A carried record keeps its id. The copies are the journal's only when the pass is finished, and
 * its own segments go after that: a process that dies in between leaves both, and the next start
 * writes one row, as after every repetition.
 */
#include <errno.h>
#include "store/internal.h"
#include "store/pass.h"

/* As many rows as a visit costs: with more, the visit isn't what the pass takes its time for. */
#define VISIT_WORTH_ROWS 100

static size_t rows_of(const struct pass *p, uint32_t tenant)
{
	return p->first[tenant + 1] - p->first[tenant];
}

bool carry_wants(const struct pass *p, uint32_t tenant)
{
	return rows_of(p, tenant) < p->carry_below;
}

void carry_plan(struct store *s, struct pass *p)
{
	size_t cold = 0;

	/* Files that stay open cost no visit. */
	if (!s->journal.pass_light || p->tenant_count <= TENANT_FILES_MAX)
		return;
	for (uint32_t t = 0; t < p->tenants_end; t++)
		cold += rows_of(p, t) < VISIT_WORTH_ROWS ? rows_of(p, t) : 0;
	if (s->journal.carried + cold <= journal_share(&s->journal))
		p->carry_below = VISIT_WORTH_ROWS;
}

/* The chain's last segment with room, or a new one behind it. */
static int segment_with_room(struct store *s, struct pass *p, struct segment **last)
{
	struct segment *next = NULL;
	int r;

	if (*last && atomic_load(&(*last)->used) < SEGMENT_RECORDS)
		return 0;
	r = journal_new_segment(s, &next);
	if (r < 0)
		return r;
	if (*last) {
		segment_forget_pages(*last);
		atomic_store(&(*last)->next, next);
	} else {
		p->carried = next;
	}
	*last = next;
	return 0;
}

static void append(struct segment *segment, const struct journal_record *record)
{
	uint32_t used = atomic_load_explicit(&segment->used, memory_order_relaxed);

	segment->records[used] = *record;
	segment_seal_record(segment, &segment->records[used]);
	atomic_store_explicit(&segment->used, used + 1, memory_order_release);
	if (!segment->oldest_us || record->at_us < segment->oldest_us)
		segment->oldest_us = record->at_us;
}

static int copy_records(struct store *s, struct pass *p)
{
	struct segment *last = NULL;

	for (uint32_t t = 0; t < p->tenants_end; t++) {
		if (!carry_wants(p, t))
			continue;
		for (size_t i = p->first[t]; i < p->first[t + 1]; i++) {
			int r = segment_with_room(s, p, &last);

			if (r < 0)
				return r;
			append(last, p->sorted[i]);
		}
	}
	if (last)
		segment_forget_pages(last);
	return 0;
}

int carry_over(struct store *s, struct pass *p)
{
	int r = copy_records(s, p);

	if (r < 0)
		carry_undo(p);
	return r;
}

/* Copies of half of them are no use. */
void carry_undo(struct pass *p)
{
	struct segment *next;

	for (; p->carried; p->carried = next) {
		next = atomic_load(&p->carried->next);
		journal_delete_segment(p->journal, p->carried);
	}
}

void carry_finish(struct journal *j, struct pass *p)
{
	struct journal_slot *slot = &j->slots[j->slot_count - 1];
	_Atomic(struct segment *) *end = NULL;
	struct segment *segment;

	for (segment = slot->oldest; segment; segment = atomic_load(&segment->next))
		end = &segment->next;
	if (end)
		atomic_store(end, p->carried);
	else
		slot->oldest = p->carried;
	p->carried = NULL;
	j->carried = 0;
	for (segment = slot->oldest; segment; segment = atomic_load(&segment->next))
		j->carried += atomic_load(&segment->used) - segment->drained;
	if (!j->carried)
		j->carried_since_ns = 0;
	else if (!j->carried_since_ns)
		j->carried_since_ns = clock_monotonic_ns();
}
