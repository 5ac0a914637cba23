/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list, its place in the store, and its copy in the kernel. What an operator orders goes to the
 * store first, then into memory, then into the kernel: a daemon that dies in between has lost
 * nothing, and its successor finishes what it began.
 */
#include "denials/denials.h"

#include <errno.h>
#include <string.h>
#include "denials/internal.h"

static void unlockp(pthread_mutex_t **lock)
{
	pthread_mutex_unlock(*lock);
}

/* Holds d->change to the end of the block. */
#define HOLD_CHANGE(d)                                                                             \
	_cleanup_(unlockp)                                                                         \
		_unused_ pthread_mutex_t *held_ = (pthread_mutex_lock(&(d)->change), &(d)->change)

uint64_t denials_boot_ns(uint64_t until_us)
{
	uint64_t wall_us = clock_wall_us(), boot_ns = clock_boot_ns();

	if (!until_us)
		return UINT64_MAX;
	return until_us > wall_us ? boot_ns + (until_us - wall_us) * 1000 : boot_ns;
}

static uint64_t wall_us(uint64_t boot_ns)
{
	uint64_t now_ns = clock_boot_ns();

	return clock_wall_us() + (boot_ns > now_ns ? (boot_ns - now_ns) / 1000 : 0);
}

/* --- the kernel's copy ----------------------------------------------------------------------- */

static struct axfw_prefix kernel_prefix(const struct prefix *p)
{
	struct axfw_prefix out = { .bits = p->len };

	memcpy(out.address, p->address.bytes, sizeof(out.address));
	return out;
}

static int put_in_kernel(struct denials *d, struct entry *e)
{
	const struct axfw_prefix key = kernel_prefix(&e->prefix);
	struct axfw_denial denial = { 0 }, now;
	enum axfw_denial_cause cause = e->cause;

	if (e->in_kernel && kernel_find_denial(d->options.kernel, &key, &now) == 0)
		denial.packets = now.packets;
	denial.until_ns = list_end(&d->list, &e->prefix, &cause);
	denial.cause = cause;
	return kernel_put_denial(d->options.kernel, &key, &denial);
}

/* The prefix may be listed for both causes; they are neighbours and one entry in the kernel. */
static void mark(struct denials *d, const struct prefix *p, bool in_kernel)
{
	for (int cause = AXFW_DENIED_BY_OPERATOR; cause <= AXFW_DENIED_BY_PENALTY; cause++) {
		struct entry *e = list_find(&d->list, p, cause);

		if (!e || e->in_kernel == in_kernel)
			continue;
		e->in_kernel = in_kernel;
		if (in_kernel)
			atomic_fetch_sub(&d->not_in_kernel, 1);
		else
			atomic_fetch_add(&d->not_in_kernel, 1);
	}
}

static void sync_prefix(struct denials *d, const struct prefix *p)
{
	struct entry *e = list_find_any(&d->list, p);
	const struct axfw_prefix key = kernel_prefix(p);

	if (e)
		mark(d, p, put_in_kernel(d, e) == 0);
	else if (kernel_drop_denial(d->options.kernel, &key) < 0)
		d->stale = true;
}

/* An entry lasts as long as the longest of those that cover it, so a change of one is a change of
 * all below it. */
static void sync_below(struct denials *d, const struct prefix *p)
{
	const struct prefix changed = *p;
	size_t count;
	struct entry *below;

	sync_prefix(d, &changed);
	below = list_under(&d->list, &changed, &count);
	for (size_t i = 0; i < count; i++)
		if (below[i].prefix.len != changed.len)
			sync_prefix(d, &below[i].prefix);
}

void denials_resync(struct denials *d)
{
	_cleanup_(freep) struct axfw_prefix *kept = NULL;
	bool stale = d->stale;

	for (size_t i = 0; i < d->list.count && atomic_load(&d->not_in_kernel); i++)
		if (!d->list.entries[i].in_kernel)
			sync_prefix(d, &d->list.entries[i].prefix);
	if (!stale)
		return;
	kept = calloc(d->list.count + 1, sizeof(*kept));
	for (size_t i = 0; kept && i < d->list.count; i++)
		kept[i] = kernel_prefix(&d->list.entries[i].prefix);
	d->stale = !kept ||
		   kernel_keep_denials(d->options.kernel, kept, (unsigned)d->list.count) < 0;
}

int denials_put_entry(struct denials *d, struct entry *e)
{
	const struct entry *old = list_find(&d->list, &e->prefix, e->cause);
	const struct entry *same = list_find_any(&d->list, &e->prefix);
	const struct prefix p = e->prefix;
	bool is_new = !old;
	int r;

	e->in_kernel = same && same->in_kernel;
	pthread_rwlock_wrlock(&d->lock);
	r = list_put(&d->list, e);
	atomic_store(&d->count, d->list.count);
	pthread_rwlock_unlock(&d->lock);
	if (r < 0)
		return r;
	if (is_new && !e->in_kernel)
		atomic_fetch_add(&d->not_in_kernel, 1);
	sync_below(d, &p);
	return 0;
}

void denials_set_end(struct denials *d, size_t position, uint64_t until_ns)
{
	pthread_rwlock_wrlock(&d->lock);
	d->list.entries[position].until_ns = until_ns;
	pthread_rwlock_unlock(&d->lock);
	sync_below(d, &d->list.entries[position].prefix);
}

void denials_take_entry(struct denials *d, const struct prefix *prefix,
			enum axfw_denial_cause cause)
{
	const struct entry *e = list_find(&d->list, prefix, cause);
	const struct prefix p = *prefix; /* it may be the entry's own */

	if (!e)
		return;
	if (!e->in_kernel)
		atomic_fetch_sub(&d->not_in_kernel, 1);
	pthread_rwlock_wrlock(&d->lock);
	list_remove(&d->list, &p, cause);
	atomic_store(&d->count, d->list.count);
	pthread_rwlock_unlock(&d->lock);
	sync_below(d, &p);
}

/* --- the operator's list --------------------------------------------------------------------- */

static bool is_plain_text(const char *s)
{
	size_t len = strnlen(s, DENIALS_REASON_MAX + 1);

	if (len > DENIALS_REASON_MAX || !text_is_utf8(s, len))
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static bool holds_loopback(const struct prefix *p)
{
	static const char *const texts[] = { "127.0.0.0/8", "::1" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct prefix loopback;

		if (prefix_parse(texts[i], &loopback) == 0 &&
		    (prefix_covers(p, &loopback) || prefix_covers(&loopback, p)))
			return true;
	}
	return false;
}

static bool holds_proxy(const struct denials *d, const struct prefix *p)
{
	const struct prefix_list *proxies = d->options.proxies;

	for (size_t i = 0; proxies && i < proxies->count; i++)
		if (prefix_covers(p, &proxies->items[i]) || prefix_covers(&proxies->items[i], p))
			return true;
	return false;
}

static int judge(const struct denials *d, const struct denial *denial, bool force)
{
	bool is_there = list_find(&d->list, &denial->prefix, AXFW_DENIED_BY_OPERATOR);

	if (!is_plain_text(denial->reason))
		return -EINVAL;
	if (denial->until_us && denial->until_us <= clock_wall_us())
		return -ETIME;
	if (!force && (holds_loopback(&denial->prefix) || holds_proxy(d, &denial->prefix)))
		return -EPERM;
	if (!is_there && d->list.by_cause[AXFW_DENIED_BY_OPERATOR] >= DENIALS_OPERATOR_MAX)
		return -ENOSPC;
	return 0;
}

static struct entry entry_of(const struct denial *denial)
{
	return (struct entry){
		.prefix = denial->prefix,
		.cause = AXFW_DENIED_BY_OPERATOR,
		.created_us = denial->created_us,
		.until_us = denial->until_us,
		.until_ns = denials_boot_ns(denial->until_us),
		.reason = strdup(denial->reason),
	};
}

static void describe(struct denials *d, const struct entry *e, struct denial *ret)
{
	const struct axfw_prefix key = kernel_prefix(&e->prefix);
	struct axfw_denial in_kernel = { 0 };

	*ret = (struct denial){
		.prefix = e->prefix,
		.cause = e->cause,
		.created_us = e->created_us,
		.until_us = e->until_us,
		.in_kernel = e->in_kernel &&
			     kernel_find_denial(d->options.kernel, &key, &in_kernel) == 0,
	};
	if (ret->in_kernel)
		ret->packets = in_kernel.packets;
	if (e->cause == AXFW_DENIED_BY_PENALTY)
		ret->until_us = wall_us(e->until_ns);
	if (e->reason)
		snprintf(ret->reason, sizeof(ret->reason), "%s", e->reason);
}

static int add(struct denials *d, struct denial *denial)
{
	const struct store_denial row = {
		.prefix = denial->prefix,
		.created_us = denial->created_us,
		.until_us = denial->until_us,
		.reason = denial->reason,
	};
	struct entry e = entry_of(denial);
	int r = e.reason ? store_put_denial(d->options.store, &row) : -ENOMEM;

	if (r >= 0)
		r = denials_put_entry(d, &e);
	free(e.reason);
	return r;
}

int denials_add(struct denials *d, const struct denial *denial, bool force, struct denial *ret)
{
	struct denial new = *denial;
	int r;

	new.created_us = clock_wall_us();
	HOLD_CHANGE(d);
	r = judge(d, &new, force);
	if (r >= 0)
		r = add(d, &new);
	if (r < 0)
		return r;
	describe(d, list_find(&d->list, &new.prefix, AXFW_DENIED_BY_OPERATOR), ret);
	keeper_wake(d); /* it may be the first to end */
	return 0;
}

int denials_remove(struct denials *d, const struct prefix *prefix)
{
	int r;

	HOLD_CHANGE(d);
	if (!list_find_any(&d->list, prefix))
		return -ENOENT;
	r = store_delete_denial(d->options.store, prefix);
	if (r >= 0 && list_find(&d->list, prefix, AXFW_DENIED_BY_PENALTY))
		r = store_delete_boxed(d->options.store, prefix);
	if (r < 0)
		return r;
	denials_take_entry(d, prefix, AXFW_DENIED_BY_OPERATOR);
	denials_take_entry(d, prefix, AXFW_DENIED_BY_PENALTY);
	return 0;
}

int denials_list(struct denials *d, struct denial **ret, size_t *ret_count)
{
	struct denial *list;

	HOLD_CHANGE(d);
	list = calloc(d->list.count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < d->list.count; i++)
		describe(d, &d->list.entries[i], &list[i]);
	*ret = list;
	*ret_count = d->list.count;
	return 0;
}

bool denials_cover(struct denials *d, const struct address *peer)
{
	bool denied;

	if (!d || !atomic_load_explicit(&d->count, memory_order_relaxed))
		return false;
	pthread_rwlock_rdlock(&d->lock);
	denied = list_denies(&d->list, peer, clock_boot_ns());
	pthread_rwlock_unlock(&d->lock);
	return denied;
}

bool denials_refuse(struct denials *d, const struct address *peer)
{
	if (!denials_cover(d, peer))
		return false;
	atomic_fetch_add_explicit(&d->refused, 1, memory_order_relaxed);
	return true;
}

void denials_count(struct denials *d, struct denials_counts *ret)
{
	*ret = (struct denials_counts){ 0 };
	if (!d)
		return;
	pthread_rwlock_rdlock(&d->lock);
	ret->operator_entries = d->list.by_cause[AXFW_DENIED_BY_OPERATOR];
	ret->boxed_entries = d->list.by_cause[AXFW_DENIED_BY_PENALTY];
	pthread_rwlock_unlock(&d->lock);
	ret->boxed = atomic_load(&d->box.boxed);
	ret->spared = atomic_load(&d->box.spared);
	ret->box_full = atomic_load(&d->box.full);
	ret->refused = atomic_load(&d->refused);
	ret->not_in_kernel = atomic_load(&d->not_in_kernel);
}

/* --- start ----------------------------------------------------------------------------------- */

struct loading {
	struct denials *d;
	int r;
};

static void load_one(void *arg, const struct store_denial *row)
{
	struct loading *l = arg;
	struct denial denial = { .prefix = row->prefix,
				 .created_us = row->created_us,
				 .until_us = row->until_us };
	struct entry e;

	if (l->r < 0)
		return;
	snprintf(denial.reason, sizeof(denial.reason), "%s", row->reason);
	e = entry_of(&denial);
	l->r = e.reason ? list_put(&l->d->list, &e) : -ENOMEM;
	free(e.reason);
}

/* Who was in an earlier daemon's box stays there, for as long as it would have been. */
static void box_again(struct loading *l, const struct entry *boxed)
{
	struct denials *d = l->d;
	uint64_t now_ns = clock_boot_ns();
	struct entry e = *boxed;

	e.cause = AXFW_DENIED_BY_PENALTY;
	if (e.until_ns > now_ns && e.until_ns - now_ns <= DENIALS_PENALTY_S * NS_PER_S &&
	    box_may_take(d, &e.prefix) &&
	    d->list.by_cause[AXFW_DENIED_BY_PENALTY] < DENIALS_PENALTY_MAX)
		l->r = list_put(&d->list, &e);
}

static void load_boxed(void *arg, const struct store_denial *row)
{
	const struct entry e = {
		.prefix = row->prefix,
		.created_us = row->created_us,
		.until_ns = denials_boot_ns(row->until_us),
	};
	struct loading *l = arg;

	if (l->r >= 0)
		box_again(l, &e);
}

/* What an earlier daemon left in the kernel: its box may know more than the store, and what it
 * counted of the operator's entries is kept. */
static void adopt_one(void *arg, const struct axfw_prefix *key, const struct axfw_denial *denial)
{
	struct entry e = { .prefix.len = key->bits, .until_ns = denial->until_ns };
	struct loading *l = arg;
	const struct entry *known;

	if (l->r < 0 || key->bits > 128)
		return;
	memcpy(e.prefix.address.bytes, key->address, sizeof(e.prefix.address.bytes));
	known = list_find(&l->d->list, &e.prefix, AXFW_DENIED_BY_PENALTY);
	e.created_us = known ? known->created_us : clock_wall_us();
	e.unsaved = !known;
	if (denial->cause == AXFW_DENIED_BY_PENALTY) {
		l->d->box.unsaved |= e.unsaved;
		box_again(l, &e);
	}
	mark(l->d, &e.prefix, true);
}

static int load(struct denials *d)
{
	struct loading l = { .d = d };
	int r = store_each_denial(d->options.store, load_one, &l);

	if (r >= 0 && l.r >= 0)
		r = store_each_boxed(d->options.store, load_boxed, &l);
	if (r >= 0)
		r = l.r;
	if (r < 0)
		return r;
	/* A list that can't be read is written anew all the same. */
	if (kernel_each_denial(d->options.kernel, adopt_one, &l) < 0 || l.r < 0)
		d->stale = true;
	for (size_t i = 0; i < d->list.count; i++)
		sync_prefix(d, &d->list.entries[i].prefix);
	atomic_store(&d->not_in_kernel, 0);
	for (size_t i = 0; i < d->list.count; i++)
		atomic_fetch_add(&d->not_in_kernel, !d->list.entries[i].in_kernel);
	d->stale = true;
	denials_resync(d);
	atomic_store(&d->count, d->list.count);
	return 0;
}

/* Requests read all the time: a writer that let every one of them go first, as is the default,
 * would wait for minutes. */
static void init_locks(struct denials *d)
{
	pthread_rwlockattr_t attributes;

	pthread_mutex_init(&d->change, NULL);
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&d->lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
}

int denials_open(const struct denials_options *options, struct denials **ret)
{
	_cleanup_(denials_close) struct denials *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->options = *options;
	init_locks(d);
	r = box_open(d);
	if (r >= 0)
		r = load(d);
	if (r >= 0)
		r = keeper_start(d);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

void denials_close(struct denials **denials)
{
	struct denials *d = *denials;

	if (!d)
		return;
	keeper_stop(d);
	box_save(d, true);
	box_close(d);
	list_free(&d->list);
	pthread_rwlock_destroy(&d->lock);
	pthread_mutex_destroy(&d->change);
	free(d);
	*denials = NULL;
}
