/* SPDX-License-Identifier: Apache-2.0 */
/* What one pass of the drain covers: the journal's records, in order of time and by tenant. */
#ifndef STORE_PASS_H
#define STORE_PASS_H

#include <stddef.h>
#include <stdint.h>
#include "store/segment.h"

struct journal;
struct store;
struct tenant_state;

struct pass {
	struct journal *journal;
	const struct journal_record **merged; /* in order of time */
	const struct journal_record **sorted; /* the same, by tenant */
	size_t count;
	uint32_t *first; /* per tenant number: where its records start in sorted; one more than
			    tenants */
	uint32_t tenants_end;
	uint32_t tenant_count;	     /* how many have records */
	struct tenant_state *states; /* of the tenants that were written */
	size_t state_count;
	size_t carry_below;	 /* tenants with fewer records than this are carried over */
	struct segment *carried; /* copies of their records: a chain that isn't the journal's yet */
};

/* Opens a pass over what is there now, or takes up the one that is open. light: without what was
 * carried over, and more may be. Returns how many records it covers. */
size_t pass_open(struct store *s, bool light);
/* Reads and sorts them. The caller's *ret is zero; free it also after a failure. */
int pass_collect(struct store *s, size_t total, struct pass *ret);
void pass_free(struct pass *p);

/* --- carry.c: tenants whose files aren't visited in this pass --------------------------------- */
/* Who? Nobody, unless the pass is light, has more tenants than files may be open, and there is room
 * for what would be carried. */
void carry_plan(struct store *s, struct pass *p);
bool carry_wants(const struct pass *p, uint32_t tenant);
/* Copies their records, or nobody's: then they have to be visited. */
int carry_over(struct store *s, struct pass *p);
void carry_undo(struct pass *p); /* what carry_finish() hasn't taken */
/* Gives the copies to the journal. Under its lock, at the end of the pass. */
void carry_finish(struct journal *j, struct pass *p);

#endif
