/* SPDX-License-Identifier: Apache-2.0 */
/* What one pass of the drain covers: the journal's records, in order of time and by tenant. */
#ifndef STORE_PASS_H
#define STORE_PASS_H

#include <stddef.h>
#include <stdint.h>
#include "store/segment.h"

struct store;
struct tenant_state;

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

/* Opens a pass over what is there now, or takes up the one that is open. Returns how many records
 * it covers. */
size_t pass_open(struct store *s);
/* Reads and sorts them. The caller's *ret is zero; free it also after a failure. */
int pass_collect(struct store *s, size_t total, struct pass *ret);
void pass_free(struct pass *p);

#endif
