/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's events on their way to whoever asked for them, and how many of them there are. The
 * program reports one decision in config.event_sample; once a second that number is set anew, so
 * that about half of what was asked for arrives: room for a burst before the program's own budget
 * per CPU leaves some out. What a sampled event stands for is written in it, those left out
 * included, so no count is wrong meanwhile.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include "kernel/internal.h"

#define ADAPT_MS 1000
/* The program's budget is of each kind of event: without a sample there are still traces, and
 * sources for the penalty box. */
#define EVENTS_MIN 100
#define SAMPLE_MAX (1u << 24) /* one in 16 million: more than a second's packets of a fast NIC */

int events_on_record(void *arg, void *data, size_t size)
{
	struct kernel *k = arg;
	const struct axfw_event *e = data;

	if (size < sizeof(*e))
		return 0;
	atomic_fetch_add(&k->events.seen, 1);
	if (e->kind == AXFW_EVENT_SAMPLED) {
		k->events.sampled++;
		k->events.decisions += e->weight;
	}
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
	uint64_t elapsed_ms = (now_ns - e->adapted_ns) / NS_PER_MS;
	uint32_t sample = __atomic_load_n(&k->config->event_sample, __ATOMIC_RELAXED);

	if (!e->per_second || elapsed_ms < ADAPT_MS)
		return;
	if (e->adapted_ns) {
		sample = events_next_sample(sample, e->sampled * 1000 / elapsed_ms,
					    e->decisions * 1000 / elapsed_ms, e->per_second);
		__atomic_store_n(&k->config->event_sample, sample, __ATOMIC_RELAXED);
	}
	e->decisions = e->sampled = 0;
	e->adapted_ns = now_ns;
}

void events_configure(struct kernel *k, uint32_t per_second)
{
	k->events.per_second = per_second;
	k->config->events_per_second = MAX(per_second, EVENTS_MIN);
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
