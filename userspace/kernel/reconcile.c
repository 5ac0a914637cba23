/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing adopted admissions in line with the store, in batches and without a moment in which a
 * key is missing: what is right already is left alone (its hits live on), what differs is replaced,
 * what wasn't put is deleted last.
 *
 * The entries found at the beginning are kept in an array, and their numbers in a hash table: with
 * a million keys that is 60 MB for as long as it takes. Keys are SipHash outputs, so eight bytes of
 * them are as good a table hash as any.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "kernel/internal.h"

struct reconcile {
	struct key_entry *found;
	bool *seen; /* by the number in found[] */
	uint32_t count, capacity;
	uint32_t *table; /* numbers plus one; 0: free. Twice as many as capacity */
	bool failed;
	uint32_t batched;
	struct axfw_key_hash keys[BATCH_MAX];
	struct axfw_admission values[BATCH_MAX];
};

#define CAPACITY_FIRST 1024 /* a power of two, doubled while reading */

void reconcile_free(struct reconcile **r)
{
	if (*r) {
		free((*r)->found);
		free((*r)->seen);
		free((*r)->table);
	}
	free(*r);
	*r = NULL;
}

static uint32_t *find_slot(const struct reconcile *c, const struct axfw_key_hash *hash)
{
	const size_t mask = 2 * (size_t)c->capacity - 1;
	uint64_t at;

	memcpy(&at, hash->bytes, sizeof(at));
	for (at &= mask;; at = (at + 1) & mask)
		if (!c->table[at] || !memcmp(&c->found[c->table[at] - 1].hash, hash, sizeof(*hash)))
			return &c->table[at];
}

/* The number in found[]; -1: it wasn't there. */
static int64_t find_known(const struct reconcile *c, const struct axfw_key_hash *hash)
{
	return (int64_t)*find_slot(c, hash) - 1;
}

static bool grow_array(void **array, size_t count, size_t size)
{
	void *bigger = reallocarray(*array, count, size);

	if (bigger)
		*array = bigger;
	return bigger;
}

static bool grow(struct reconcile *c)
{
	uint32_t capacity = c->capacity ? 2 * c->capacity : CAPACITY_FIRST;

	if (!grow_array((void **)&c->found, capacity, sizeof(*c->found)) ||
	    !grow_array((void **)&c->seen, capacity, sizeof(*c->seen)))
		return false;
	free(c->table);
	c->table = calloc(2 * (size_t)capacity, sizeof(*c->table));
	if (!c->table)
		return false;
	c->capacity = capacity;
	for (uint32_t i = 0; i < c->count; i++)
		*find_slot(c, &c->found[i].hash) = i + 1;
	return true;
}

static void remember(void *arg, const void *keys, const void *values, uint32_t count)
{
	const struct axfw_key_hash *hash = keys;
	const struct axfw_admission *admission = values;
	struct reconcile *c = arg;
	uint32_t *slot;

	for (uint32_t i = 0; i < count && !c->failed; i++) {
		if (c->count == c->capacity && !grow(c)) {
			c->failed = true;
			return;
		}
		slot = find_slot(c, &hash[i]);
		if (!*slot) {
			*slot = ++c->count;
			c->seen[*slot - 1] = false;
		}
		c->found[*slot - 1] = (struct key_entry){ hash[i], admission[i] };
	}
}

static void put_singly(struct kernel *k, const struct reconcile *c, uint32_t from)
{
	struct key_entry entry;
	int r;

	for (uint32_t i = from; i < c->batched; i++) {
		entry = (struct key_entry){ c->keys[i], c->values[i] };
		r = bpf_map_update_elem(k->object.map_fd[MAP_admissions], &entry.hash,
					&entry.admission, BPF_ANY);
		if (r < 0)
			admissions_failed(k, &entry, r);
	}
}

static void flush(struct kernel *k)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = BPF_ANY);
	struct reconcile *c = k->reconcile;
	uint32_t done = c->batched;

	if (!c->batched)
		return;
	while (admissions_want_growth(k))
		admissions_grow(k, true);
	if (bpf_map_update_batch(k->object.map_fd[MAP_admissions], c->keys, c->values, &done,
				 &opts) < 0)
		put_singly(k, c, done < c->batched ? done : 0);
	c->batched = 0;
}

void reconcile_overtake(struct kernel *k, const struct axfw_key_hash *hash)
{
	int64_t at;

	if (!k->reconcile)
		return;
	flush(k); /* what waits is older than what comes now */
	at = find_known(k->reconcile, hash);
	if (at >= 0)
		k->reconcile->seen[at] = true;
}

/* Everything but the hits. */
static bool says_the_same(const struct axfw_admission *a, const struct axfw_admission *b)
{
	return a->state == b->state && a->deny_until_ns == b->deny_until_ns &&
	       a->tenant_number == b->tenant_number && a->key_number == b->key_number;
}

static void reconcile_put(struct kernel *k, const struct axfw_key_hash *hash,
			  const struct axfw_admission *admission)
{
	struct reconcile *c = k->reconcile;
	int64_t at = find_known(c, hash);

	if (at >= 0) {
		c->seen[at] = true;
		if (says_the_same(&c->found[at].admission, admission))
			return;
	} else {
		k->admissions_count++;
	}
	c->keys[c->batched] = *hash;
	c->values[c->batched] = *admission;
	c->values[c->batched].hits = at >= 0 ? c->found[at].admission.hits : 0;
	if (++c->batched == BATCH_MAX)
		flush(k);
}

static void delete_unseen(struct kernel *k)
{
	struct reconcile *c = k->reconcile;
	int r;

	for (uint32_t i = 0; i < c->count; i++) {
		if (c->seen[i])
			continue;
		r = bpf_map_delete_elem(k->object.map_fd[MAP_admissions], &c->found[i].hash);
		if (r < 0 && r != -ENOENT)
			atomic_fetch_add(&k->sync_failures, 1);
		else if (k->admissions_count)
			k->admissions_count--;
	}
}

/* --- what callers see ------------------------------------------------------------------------ */

static int begin(struct kernel *k)
{
	_cleanup_(reconcile_free) struct reconcile *c = calloc(1, sizeof(*c));
	int r;

	if (k->reconcile)
		return -EBUSY;
	if (!c || !grow(c))
		return -ENOMEM;
	r = map_read_all(k->object.map_fd[MAP_admissions], sizeof(struct axfw_key_hash),
			 sizeof(struct axfw_admission), remember, c);
	if (r < 0)
		return r;
	if (c->failed)
		return -ENOMEM;
	k->admissions_count = c->count;
	k->reconcile = TAKE_PTR(c);
	return 0;
}

int kernel_reconcile_begin(struct kernel *k)
{
	int r;

	if (!k->loaded)
		return 0;
	pthread_mutex_lock(&k->sync_lock);
	r = begin(k);
	if (r < 0 && r != -EBUSY && k->waiting)
		take_over(k); /* there won't be an end to wait for; nothing is complete */
	pthread_mutex_unlock(&k->sync_lock);
	return r;
}

int kernel_reconcile_put(struct kernel *k, const struct axfw_key_hash *hash,
			 const struct axfw_admission *admission)
{
	int r = 0;

	if (!k->loaded)
		return 0;
	pthread_mutex_lock(&k->sync_lock);
	if (k->reconcile)
		reconcile_put(k, hash, admission);
	else
		r = -EINVAL;
	pthread_mutex_unlock(&k->sync_lock);
	return r;
}

int kernel_reconcile_end(struct kernel *k, bool complete)
{
	int r = 0;

	if (!k->loaded)
		return 0;
	pthread_mutex_lock(&k->sync_lock);
	if (k->reconcile) {
		k->pending_overflow = false; /* everything was put anew */
		flush(k);
		delete_unseen(k);
		reconcile_free(&k->reconcile);
		k->complete_wanted = complete;
		if (!k->pending_count)
			k->stuck = false;
		admissions_apply_complete(k);
		if (k->waiting)
			take_over(k);
	} else {
		r = -EINVAL;
	}
	pthread_mutex_unlock(&k->sync_lock);
	return r;
}
