/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing adopted admissions in line with the store, in batches and without a moment in which a
 * key is missing: what is right already is left alone (its hits live on), what differs is replaced,
 * what wasn't put is deleted last.
 *
 * The entries found at the beginning are kept in a hash table. Their keys are SipHash outputs, so
 * eight bytes of them are as good a table hash as any.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "kernel/internal.h"

struct known {
	struct key_entry entry;
	bool used;
	bool seen;
};

struct reconcile {
	struct known *table;
	size_t size; /* a power of two, at least twice what it holds; grows while reading */
	size_t count;
	bool failed;
	uint32_t batched;
	struct axfw_key_hash keys[BATCH_MAX];
	struct axfw_admission values[BATCH_MAX];
};

#define TABLE_FIRST 1024

void reconcile_free(struct reconcile **r)
{
	if (*r)
		free((*r)->table);
	free(*r);
	*r = NULL;
}

static struct known *find_slot(const struct reconcile *c, const struct axfw_key_hash *hash)
{
	uint64_t at;

	memcpy(&at, hash->bytes, sizeof(at));
	for (at &= c->size - 1;; at = (at + 1) & (c->size - 1))
		if (!c->table[at].used || !memcmp(&c->table[at].entry.hash, hash, sizeof(*hash)))
			return &c->table[at];
}

static struct known *find_known(const struct reconcile *c, const struct axfw_key_hash *hash)
{
	struct known *at = find_slot(c, hash);

	return at->used ? at : NULL;
}

static bool grow_table(struct reconcile *c)
{
	struct reconcile bigger = { .size = c->size ? 2 * c->size : TABLE_FIRST };

	bigger.table = calloc(bigger.size, sizeof(*bigger.table));
	if (!bigger.table)
		return false;
	for (size_t i = 0; i < c->size; i++)
		if (c->table[i].used)
			*find_slot(&bigger, &c->table[i].entry.hash) = c->table[i];
	free(c->table);
	c->table = bigger.table;
	c->size = bigger.size;
	return true;
}

static void remember(void *arg, const void *keys, const void *values, uint32_t count)
{
	const struct axfw_key_hash *hash = keys;
	const struct axfw_admission *admission = values;
	struct reconcile *c = arg;
	struct known *at;

	for (uint32_t i = 0; i < count && !c->failed; i++) {
		if (2 * (c->count + 1) > c->size && !grow_table(c)) {
			c->failed = true;
			return;
		}
		at = find_slot(c, &hash[i]);
		c->count += !at->used;
		*at = (struct known){ .entry = { hash[i], admission[i] }, .used = true };
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
	struct known *at;

	if (!k->reconcile)
		return;
	flush(k); /* what waits is older than what comes now */
	at = find_known(k->reconcile, hash);
	if (at)
		at->seen = true;
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
	struct known *at = find_known(c, hash);

	if (at) {
		at->seen = true;
		if (says_the_same(&at->entry.admission, admission))
			return;
	} else {
		k->admissions_count++;
	}
	c->keys[c->batched] = *hash;
	c->values[c->batched] = *admission;
	c->values[c->batched].hits = at ? at->entry.admission.hits : 0;
	if (++c->batched == BATCH_MAX)
		flush(k);
}

static void delete_unseen(struct kernel *k)
{
	struct reconcile *c = k->reconcile;
	int r;

	for (size_t i = 0; i < c->size; i++) {
		if (!c->table[i].used || c->table[i].seen)
			continue;
		r = bpf_map_delete_elem(k->object.map_fd[MAP_admissions], &c->table[i].entry.hash);
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
	if (!c || !grow_table(c))
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
