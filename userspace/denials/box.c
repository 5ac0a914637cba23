/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The penalty box: who goes in, and who never does. Refusals are counted where they happen, by the
 * kernel and by userspace; whoever reaches the limit is queued and put into the list by the
 * module's thread, which may wait for the kernel. A full queue costs nothing: the source comes
 * again.
 *
 * Nor does a restart let anybody out: the store is told who is in it, soon but not at once, because
 * a flood's sources must not become a flood of transactions.
 */
#include <errno.h>
#include <string.h>
#include "crypto/crypto.h"
#include "denials/internal.h"

#define SAID_MAX 10 /* lines a minute: a flood's sources must not become a flood of lines */
#define SAID_S	 60
/* A daemon that is killed forgets who was boxed within it. */
#define SAVE_NS NS_PER_S

int mixer_new(struct mixer *ret)
{
	return crypto_random(ret->key, sizeof(ret->key));
}

struct prefix box_source(const struct address *client)
{
	const struct address whole = address_client(client);

	return prefix_of(&whole, address_is_v4(client) ? 128 : 64);
}

/* --- who refuses and who is refused: any thread ---------------------------------------------- */

void denials_vouch(struct denials *d, const struct address *client, uint64_t monotonic_ns)
{
	const struct address whole = address_client(client);

	if (d && d->box.standing)
		standing_note(d->box.standing, &whole, monotonic_ns);
}

void denials_count_refusal(struct denials *d, const struct address *client, uint64_t monotonic_ns)
{
	const struct address whole = address_client(client);

	if (d && d->box.refusals && refusals_add(d->box.refusals, &whole, monotonic_ns))
		denials_penalise(d, client);
}

void denials_penalise(struct denials *d, const struct address *client)
{
	struct box *box = &d->box;

	if (!box->standing)
		return;
	pthread_mutex_lock(&box->lock);
	if (box->queued < BOX_QUEUE_MAX)
		box->queue[box->queued++] = *client;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&box->lock);
}

/* --- who goes in: the module's thread -------------------------------------------------------- */

static bool is_proxy(const struct prefix_list *proxies, const struct prefix *source)
{
	if (!proxies)
		return false;
	for (size_t i = 0; i < proxies->count; i++)
		if (prefix_covers(source, &proxies->items[i]) ||
		    prefix_covers(&proxies->items[i], source))
			return true;
	return proxies->any; /* every direct peer is one */
}

bool box_may_take(struct denials *d, const struct prefix *source)
{
	static const struct prefix loopback6 = { .address.bytes = { [15] = 1 }, .len = 128 };

	if (!d->box.standing || address_is_loopback(&source->address) ||
	    prefix_covers(source, &loopback6) || is_proxy(d->options.proxies, source))
		return false;
	return !standing_is_good(d->box.standing, &source->address, clock_monotonic_ns());
}

static void say(struct denials *d, const struct prefix *source)
{
	uint64_t now_s = clock_monotonic_ns() / NS_PER_S;
	struct box *box = &d->box;

	if (now_s - box->said_second_s >= SAID_S) {
		box->said_second_s = now_s;
		box->said = 0;
	}
	if (box->said == SAID_MAX || !d->options.boxed) {
		box->unsaid++;
		return;
	}
	box->said++;
	d->options.boxed(d->options.arg, source, (unsigned)(d->options.penalty_ns / NS_PER_S),
			 box->unsaid);
	box->unsaid = 0;
}

static void put_in(struct denials *d, const struct address *client)
{
	struct entry e = {
		.prefix = box_source(client),
		.cause = AXFW_DENIED_BY_PENALTY,
		.until_ns = clock_boot_ns() + d->options.penalty_ns,
		.created_us = clock_wall_us(),
		.unsaved = true,
	};
	bool is_in = list_find(&d->list, &e.prefix, e.cause);

	if (!box_may_take(d, &e.prefix)) {
		atomic_fetch_add(&d->box.spared, 1);
		return;
	}
	if (!is_in && d->list.by_cause[AXFW_DENIED_BY_PENALTY] >= DENIALS_PENALTY_MAX) {
		atomic_fetch_add(&d->box.full, 1);
		return;
	}
	if (denials_put_entry(d, &e) < 0)
		return; /* without memory it stays outside and comes again */
	d->box.unsaved = true;
	if (is_in)
		return;
	atomic_fetch_add(&d->box.boxed, 1);
	say(d, &e.prefix);
}

void box_take_queue(struct denials *d)
{
	struct address queue[BOX_QUEUE_MAX];
	unsigned count;

	pthread_mutex_lock(&d->box.lock);
	count = d->box.queued;
	memcpy(queue, d->box.queue, count * sizeof(*queue));
	d->box.queued = 0;
	pthread_mutex_unlock(&d->box.lock);
	for (unsigned i = 0; i < count; i++)
		put_in(d, &queue[i]);
}

/* --- over a restart -------------------------------------------------------------------------- */

static size_t list_unsaved(const struct denials *d, struct store_denial *ret)
{
	uint64_t boot_ns = clock_boot_ns(), now_us = clock_wall_us();
	size_t count = 0;

	for (size_t i = 0; i < d->list.count; i++) {
		const struct entry *e = &d->list.entries[i];

		if (!e->unsaved || e->until_ns <= boot_ns)
			continue;
		ret[count++] = (struct store_denial){
			.prefix = e->prefix,
			.created_us = e->created_us,
			.until_us = now_us + (e->until_ns - boot_ns) / 1000,
		};
	}
	return count;
}

void box_save(struct denials *d, bool now)
{
	_cleanup_(freep) struct store_denial *rows = NULL;
	uint64_t now_ns = clock_monotonic_ns();

	if (!d->box.unsaved || (!now && now_ns - d->box.saved_ns < SAVE_NS))
		return;
	d->box.saved_ns = now_ns;
	rows = calloc(d->list.count + 1, sizeof(*rows));
	if (!rows ||
	    store_put_boxed(d->options.store, rows, list_unsaved(d, rows), clock_wall_us()) < 0) {
		log_debug("the penalty box couldn't be stored");
		return; /* tried again, a while later */
	}
	for (size_t i = 0; i < d->list.count; i++)
		d->list.entries[i].unsaved = false;
	d->box.unsaved = false;
}

int box_open(struct denials *d)
{
	const struct axfw_penalty_rule *rule = &d->options.penalty;
	pthread_condattr_t monotonic;
	int r = 0;

	pthread_mutex_init(&d->box.lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&d->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (!rule->refusals)
		return 0;
	r = standing_new(&d->box.standing);
	return r < 0 ? r : refusals_new(rule, &d->box.refusals);
}

void box_close(struct denials *d)
{
	standing_free(&d->box.standing);
	refusals_free(&d->box.refusals);
	pthread_cond_destroy(&d->wake);
	pthread_mutex_destroy(&d->box.lock);
}
