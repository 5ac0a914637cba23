/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two windows of sketches: one fills while the one before it is full, and who asks sees both. So a
 * rate is of the last ten to thirty seconds, and what was an hour ago weighs nothing.
 */
#include "traffic/traffic.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include "axfw/reason.h"
#include "traffic/sketch.h"

#define OWN_ADAPT_MS   1000
#define OWN_ONE_IN_MAX 65536 /* more requests a second than userspace answers */
#define WINDOW_NS      (10 * NS_PER_S)

struct window {
	uint64_t began_ns;
	struct sketch sketches[TRAFFIC_KINDS];
};

struct traffic {
	pthread_mutex_t lock;
	uint64_t next; /* number of the next event */
	struct window windows[2];
	unsigned filling;		 /* which of them */
	_Atomic uint32_t own_per_second; /* 0: the kernel reports */
	_Atomic uint32_t own_one_in;
	uint64_t own_since_ns, own_weight; /* of the sample's last second */
	uint64_t since_ns; /* the other one's start; the filling one's own if it is empty */
	struct axfw_event events[TRAFFIC_EVENTS_MAX];
};

int traffic_new(struct traffic **ret)
{
	struct traffic *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	t->next = 1;
	t->since_ns = t->windows[0].began_ns = clock_monotonic_ns();
	*ret = t;
	return 0;
}

void traffic_free(struct traffic **t)
{
	if (*t)
		pthread_mutex_destroy(&(*t)->lock);
	free(*t);
	*t = NULL;
}

static void begin_window(struct window *w, uint64_t now_ns)
{
	w->began_ns = now_ns;
	for (int kind = 0; kind < TRAFFIC_KINDS; kind++)
		w->sketches[kind].count = 0;
}

/* Under the lock. */
static void turn_windows(struct traffic *t, uint64_t now_ns)
{
	struct window *filling = &t->windows[t->filling], *other = &t->windows[!t->filling];
	uint64_t age_ns = now_ns - filling->began_ns;

	if (age_ns < WINDOW_NS)
		return;
	t->since_ns = filling->began_ns;
	if (age_ns >= 2 * WINDOW_NS) {
		begin_window(filling, now_ns);
		t->since_ns = now_ns - WINDOW_NS; /* in which nothing was seen */
	}
	begin_window(other, now_ns);
	t->filling = !t->filling;
}

static bool is_refused(uint8_t reason)
{
	static const uint8_t actions[AXFW_REASON_COUNT] = {
#define X(name, action, text) [AXFW_REASON_##name] = AXFW_ACTION_##action,
		AXFW_REASONS(X)
#undef X
	};

	return reason < AXFW_REASON_COUNT &&
	       (actions[reason] == AXFW_ACTION_ANSWER || actions[reason] == AXFW_ACTION_DROP);
}

static bool is_zero(const uint8_t id[static 16])
{
	static const uint8_t zero[16];

	return !memcmp(id, zero, sizeof(zero));
}

static void weigh(struct window *w, const struct axfw_event *e)
{
	bool refused = is_refused(e->reason);
	struct address client;

	memcpy(client.bytes, e->client, sizeof(client.bytes));
	client = address_client(&client);
	sketch_add(&w->sketches[TRAFFIC_SOURCES], client.bytes, e->weight, refused, e->reason);
	if (!is_zero(e->key.bytes))
		sketch_add(&w->sketches[TRAFFIC_KEYS], e->key.bytes, e->weight, refused, e->reason);
}

void traffic_see(struct traffic *t, const struct axfw_event *event, uint64_t monotonic_ns)
{
	pthread_mutex_lock(&t->lock);
	t->events[t->next++ % TRAFFIC_EVENTS_MAX] = *event;
	turn_windows(t, monotonic_ns);
	if (event->kind == AXFW_EVENT_SAMPLED)
		weigh(&t->windows[t->filling], event);
	pthread_mutex_unlock(&t->lock);
}

void traffic_take_own(struct traffic *t, uint32_t per_second)
{
	if (atomic_exchange(&t->own_per_second, per_second) != per_second)
		atomic_store(&t->own_one_in, 1);
}

/* Under the lock: once a second, so that about as many as are wanted come next. */
static void adapt_own(struct traffic *t, uint32_t weight, uint64_t now_ns)
{
	uint32_t wanted = atomic_load(&t->own_per_second);
	uint64_t elapsed_ms = (now_ns - t->own_since_ns) / NS_PER_MS;

	t->own_weight += weight;
	if (elapsed_ms < OWN_ADAPT_MS || !wanted)
		return;
	atomic_store(&t->own_one_in,
		     (uint32_t)MIN(t->own_weight * 1000 / elapsed_ms / wanted + 1, OWN_ONE_IN_MAX));
	t->own_weight = 0;
	t->own_since_ns = now_ns;
}

void traffic_offer(struct traffic *t, const struct address *client, const struct axfw_key_hash *key,
		   uint8_t reason, uint64_t monotonic_ns)
{
	static _Thread_local uint32_t left, weight = 1;
	struct axfw_event e = { .kind = AXFW_EVENT_SAMPLED, .reason = reason };

	if (!t || !atomic_load_explicit(&t->own_per_second, memory_order_relaxed))
		return;
	if (left) {
		left--;
		return;
	}
	e.at_ns = clock_boot_ns();
	e.weight = weight; /* it stands for those that were passed over since the last */
	e.key = *key;
	memcpy(e.client, client->bytes, sizeof(e.client));
	traffic_see(t, &e, monotonic_ns);
	pthread_mutex_lock(&t->lock);
	adapt_own(t, weight, monotonic_ns);
	pthread_mutex_unlock(&t->lock);
	weight = atomic_load_explicit(&t->own_one_in, memory_order_relaxed);
	left = weight - 1;
}

unsigned traffic_read(struct traffic *t, uint64_t since, struct traffic_event *ret, unsigned max,
		      uint64_t *ret_next, uint64_t *ret_lost)
{
	uint64_t oldest;
	unsigned n = 0;

	pthread_mutex_lock(&t->lock);
	oldest = t->next > TRAFFIC_EVENTS_MAX ? t->next - TRAFFIC_EVENTS_MAX : 1;
	*ret_lost = since && since < oldest ? oldest - since : 0;
	if (since > t->next)
		since = t->next; /* of an earlier daemon's numbers: from now on */
	since = MAX(since, oldest);
	for (; n < max && since + n < t->next; n++) {
		ret[n].number = since + n;
		ret[n].event = t->events[(since + n) % TRAFFIC_EVENTS_MAX];
	}
	*ret_next = since + n;
	pthread_mutex_unlock(&t->lock);
	return n;
}

static int by_weight(const void *a, const void *b)
{
	const struct traffic_heavy *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight < y->weight ? 1 : -1;
	return memcmp(x->id, y->id, sizeof(x->id));
}

/* Under the lock: both windows as one. */
static unsigned merge(const struct traffic *t, enum traffic_kind kind,
		      struct traffic_heavy ret[static 2 * SKETCH_SIZE])
{
	const struct sketch *now = &t->windows[t->filling].sketches[kind];
	const struct sketch *before = &t->windows[!t->filling].sketches[kind];
	unsigned n = now->count;

	memcpy(ret, now->heavy, n * sizeof(*ret));
	for (unsigned i = 0; i < now->count; i++) {
		const struct traffic_heavy *h = sketch_find(before, ret[i].id);

		if (!h)
			continue;
		ret[i].weight += h->weight;
		ret[i].refused += h->refused;
		ret[i].error += h->error;
	}
	for (unsigned i = 0; i < before->count; i++)
		if (!sketch_find(now, before->heavy[i].id))
			ret[n++] = before->heavy[i];
	return n;
}

unsigned traffic_top(struct traffic *t, enum traffic_kind kind, uint64_t monotonic_ns,
		     struct traffic_heavy *ret, unsigned max, double *ret_seconds)
{
	struct traffic_heavy all[2 * SKETCH_SIZE];
	unsigned count;

	pthread_mutex_lock(&t->lock);
	turn_windows(t, monotonic_ns);
	count = merge(t, kind, all);
	*ret_seconds = (double)(monotonic_ns - t->since_ns) / NS_PER_S;
	pthread_mutex_unlock(&t->lock);
	qsort(all, count, sizeof(*all), by_weight);
	count = MIN(count, max);
	memcpy(ret, all, count * sizeof(*ret));
	return count;
}
