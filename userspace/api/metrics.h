/* SPDX-License-Identifier: Apache-2.0 */
/* The counters' shape, for what shows them. Counting is declared in api.h. */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "api/api.h"

#define METRICS_BUCKETS	     12
#define METRICS_STATUS_COUNT 600 /* HTTP statuses end below */

struct metrics_totals {
	uint64_t statuses[METRICS_STATUS_COUNT];
	uint64_t verdicts[2][GUARD_CLASS_COUNT]; /* allowed, blocked */
	uint64_t refusals[METRICS_REFUSAL_COUNT];
	uint64_t buckets[METRICS_BUCKETS + 1]; /* not cumulative; the last is "slower" */
	uint64_t sum_ns;
};
void metrics_sum(const struct metrics *m, struct metrics_totals *ret);
/* {"verdicts": {"allow", "block"}, "refusals": {…}} */
json_t *metrics_describe_requests(const struct metrics *m);
uint64_t metrics_bucket_ns(unsigned bucket);
/* "key", "quota": the refusal as labels and JSON name it. */
const char *metrics_refusal_name(enum metrics_refusal why);

#endif
