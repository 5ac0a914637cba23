/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters of what userspace did. Each epoll thread has its own block, on its own cache lines;
 * worker threads add to the block of the request they run, so additions are atomic but never
 * contended for long. Sums are made when somebody reads.
 */
#include <stdatomic.h>
#include <string.h>
#include "api/metrics.h"

/* Upper bounds of the latency histogram, in ns: dense around the microseconds an evaluation takes.
 */
static const uint64_t bucket_ns[METRICS_BUCKETS] = {
	25000,	 50000,	  100000,   250000,   500000,	 1000000,
	2500000, 5000000, 10000000, 50000000, 250000000, 1000000000,
};

struct slot {
	_Atomic uint64_t statuses[METRICS_STATUS_COUNT];
	_Atomic uint64_t verdicts[2][GUARD_CLASS_COUNT];
	_Atomic uint64_t refusals[METRICS_REFUSAL_COUNT];
	_Atomic uint64_t buckets[METRICS_BUCKETS + 1]; /* the last: slower than all */
	_Atomic uint64_t sum_ns;
} __attribute__((aligned(64)));

struct metrics {
	unsigned count;
	struct slot slots[];
};

int metrics_new(unsigned slots, struct metrics **ret)
{
	struct metrics *m = NULL;
	size_t size = sizeof(*m) + slots * sizeof(struct slot);
	int r = posix_memalign((void **)&m, _Alignof(struct metrics), size);

	if (r)
		return -r;
	memset(m, 0, size);
	m->count = slots;
	*ret = m;
	return 0;
}

void metrics_free(struct metrics **m)
{
	free(*m);
	*m = NULL;
}

uint64_t metrics_bucket_ns(unsigned bucket)
{
	return bucket_ns[bucket];
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void metrics_count_request(struct metrics *m, unsigned slot, unsigned status)
{
	if (status < METRICS_STATUS_COUNT)
		add(&m->slots[slot].statuses[status], 1);
}

void metrics_count_verdict(struct metrics *m, unsigned slot, const struct guard_verdict *v,
			   uint64_t elapsed_ns)
{
	struct slot *s = &m->slots[slot];
	unsigned bucket = 0;

	while (bucket < METRICS_BUCKETS && elapsed_ns > bucket_ns[bucket])
		bucket++;
	add(&s->verdicts[v->block][v->intent_class], 1);
	add(&s->buckets[bucket], 1);
	add(&s->sum_ns, elapsed_ns);
}

void metrics_count_refusal(struct metrics *m, unsigned slot, enum metrics_refusal why)
{
	add(&m->slots[slot].refusals[why], 1);
}

static void add_all(uint64_t *to, const _Atomic uint64_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] += atomic_load_explicit(&from[i], memory_order_relaxed);
}

void metrics_sum(const struct metrics *m, struct metrics_totals *ret)
{
	*ret = (struct metrics_totals){ 0 };
	for (unsigned i = 0; i < m->count; i++) {
		const struct slot *s = &m->slots[i];

		add_all(ret->statuses, s->statuses, METRICS_STATUS_COUNT);
		add_all(ret->verdicts[0], s->verdicts[0], GUARD_CLASS_COUNT);
		add_all(ret->verdicts[1], s->verdicts[1], GUARD_CLASS_COUNT);
		add_all(ret->refusals, s->refusals, METRICS_REFUSAL_COUNT);
		add_all(ret->buckets, s->buckets, METRICS_BUCKETS + 1);
		add_all(&ret->sum_ns, &s->sum_ns, 1);
	}
}

json_t *metrics_describe_requests(const struct metrics *m)
{
	struct metrics_totals totals;
	json_t *refusals = json_object();
	uint64_t verdicts[2] = { 0 };

	metrics_sum(m, &totals);
	for (int c = 0; c < GUARD_CLASS_COUNT; c++) {
		verdicts[0] += totals.verdicts[0][c];
		verdicts[1] += totals.verdicts[1][c];
	}
	for (int i = 0; i < METRICS_REFUSAL_COUNT; i++)
		json_object_set_new(refusals, metrics_refusal_name((enum metrics_refusal)i),
				    json_integer((json_int_t)totals.refusals[i]));
	return json_pack("{s:{s:I, s:I}, s:o}", "verdicts", "allow", (json_int_t)verdicts[0],
			 "block", (json_int_t)verdicts[1], "refusals", refusals);
}
