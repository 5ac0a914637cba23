/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every route that judges texts does before and after: quota, rate and policy, then charge and
 * record. False or NULL: an answer stands (or the request comes back later, see guard_find_policy).
 */
#ifndef API_GUARD_GATE_H
#define API_GUARD_GATE_H

#include "exchange/exchange.h"

/* By quota and rate: the rate counts requests, whatever they hold. */
bool guard_may_call(struct exchange *x);
/* No verdict without a record. */
bool guard_can_record(struct exchange *x);
/* The tenant's policy, compiled on the worker pool when it has to be; then the request comes
 * back. */
bool guard_find_policy(struct exchange *x, const struct guard_policy **ret);
/* The quota counts texts: all of them, or 429 and none. */
bool guard_charge(struct exchange *x, size_t texts);

/* One text's verdict, for the journal. */
struct guard_record {
	const char *endpoint;
	const struct guard_verdict *verdict;
	uint8_t id[16];
	uint64_t elapsed_ns;
};

/* Writes what was charged into the journal. When that fails in the middle, what isn't in it is
 * given back; what is stays charged. */
bool guard_record(struct exchange *x, const struct guard_record *records, size_t count);

#endif
