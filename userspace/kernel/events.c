/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's events on their way to whoever asked for them, and how many of them there are. The
 * program reports one decision in config.event_sample; once a second that number is set anew, so
 * that about half of what was asked for arrives: room for a burst before the program's own budget
 * per CPU cuts it off. What a sampled event stands for is written in it, so a change in between
 * makes no count wrong.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include "kernel/internal.h"

#define ADAPT_MS   1000
#define SAMPLE_MAX (1u << 24) /* one in 16 million: more than a second's packets of a fast NIC */

/* Decisions that nobody samples: they judge no request. */
static bool is_worth_an_event(enum axfw_reason reason)
{
	switch (reason) {
	case AXFW_REASON_OTHER_TRAFFIC:
	case AXFW_REASON_TRUNCATED:
	case AXFW_REASON_BAD_HEADER:
	case AXFW_REASON_FRAGMENT:
	case AXFW_REASON_NO_PAYLOAD:
	case AXFW_REASON_NOT_A_REQUEST:
		return false;
	default:
		return true;
	}
}

static uint64_t count_decisions(struct kernel *k)
{
	struct axfw_counter counters[AXFW_REASON_COUNT];
	uint64_t sum = 0;

	kernel_counters(k, counters);
	for (int i = 0; i < AXFW_REASON_COUNT; i++)
		sum += is_worth_an_event(i) ? counters[i].packets : 0;
	return sum;
}

int events_on_record(void *arg, void *data, size_t size)
{
	struct kernel *k = arg;
	const struct axfw_event *e = data;

	if (size < sizeof(*e))
		return 0;
	atomic_fetch_add(&k->events.seen, 1);
	if (e->kind == AXFW_EVENT_SAMPLED)
		k->events.sampled++;
	pthread_mutex_lock(&k->events.lock);
	if (k->events.fn)
		k->events.fn(k->events.arg, e);
	pthread_mutex_unlock(&k->events.lock);
	return 0;
}

uint32_t events_next_sample(uint32_t now, uint64_t arrived, uint64_t decisions, uint32_t wanted)
{
	uint64_t next = now;

	if (arrived * 10 >= wanted * 9ull) /* the budget may have cut it off */
		next = MAX(2ull * now, decisions / wanted);
	else if (arrived * 4 < wanted)
		next = now * arrived * 2 / wanted;
	return (uint32_t)MIN(MAX(next, 1), SAMPLE_MAX);
}

void events_adapt(struct kernel *k, uint64_t now_ns)
{
	struct events *e = &k->events;
	uint64_t elapsed_ms = (now_ns - e->adapted_ns) / NS_PER_MS, decisions;
	uint32_t sample = __atomic_load_n(&k->config->event_sample, __ATOMIC_RELAXED);

	if (!e->per_second || elapsed_ms < ADAPT_MS)
		return;
	decisions = count_decisions(k);
	if (e->adapted_ns) {
		sample = events_next_sample(sample, e->sampled * 1000 / elapsed_ms,
					    (decisions - e->decisions) * 1000 / elapsed_ms,
					    e->per_second);
		__atomic_store_n(&k->config->event_sample, sample, __ATOMIC_RELAXED);
	}
	e->decisions = decisions;
	e->sampled = 0;
	e->adapted_ns = now_ns;
}

void events_configure(struct kernel *k, uint32_t per_second)
{
	k->events.per_second = per_second;
	k->config->events_per_second = per_second;
	__atomic_store_n(&k->config->event_sample, per_second ? 1 : 0, __ATOMIC_RELEASE);
	/* whoever asked the daemon before us will ask us again */
	__atomic_store_n(&k->config->trace.until_ns, 0, __ATOMIC_RELEASE);
}

void kernel_on_event(struct kernel *k, kernel_event_fn *fn, void *arg)
{
	pthread_mutex_lock(&k->events.lock);
	k->events.fn = fn;
	k->events.arg = arg;
	pthread_mutex_unlock(&k->events.lock);
}

void kernel_trace(struct kernel *k, const struct axfw_trace *trace)
{
	if (!k->loaded)
		return;
	/* The program may be reading: nobody is traced while the filter changes. */
	__atomic_store_n(&k->config->trace.until_ns, 0, __ATOMIC_SEQ_CST);
	memcpy(k->config->trace.client, trace->client, sizeof(trace->client));
	k->config->trace.key = trace->key;
	__atomic_store_n(&k->config->trace.until_ns, trace->until_ns, __ATOMIC_SEQ_CST);
}

uint32_t kernel_event_sample(const struct kernel *k)
{
	return k->loaded ? __atomic_load_n(&k->config->event_sample, __ATOMIC_RELAXED) : 0;
}

uint64_t kernel_events_seen(const struct kernel *k)
{
	return atomic_load(&k->events.seen);
}
