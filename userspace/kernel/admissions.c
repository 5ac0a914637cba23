/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys in the kernel. The invariant: what the map says about a key is what userspace would say now,
 * or the map says nothing and, while `admissions_complete` is 0, nothing means "ask userspace". An
 * entry that can't be replaced is deleted; one that can't even be deleted stops all refusing until
 * it can.
 *
 * Revoked keys keep their entry: it names the tenant in `bpftool map dump`, and it is a certain
 * answer also while the map is incomplete.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "kernel/internal.h"

#define GROW_NUMERATOR	 3 /* at 75 % */
#define GROW_DENOMINATOR 4

static int admissions_fd(const struct kernel *k)
{
	return k->object.map_fd[MAP_admissions];
}

bool admissions_want_growth(const struct kernel *k)
{
	return k->admissions_max < ADMISSIONS_GROWN_MAX &&
	       (uint64_t)k->admissions_count * GROW_DENOMINATOR >=
		       (uint64_t)k->admissions_max * GROW_NUMERATOR &&
	       clock_monotonic_ns() >= k->grow_not_before_ns;
}

void admissions_apply_complete(struct kernel *k)
{
	bool complete = k->complete_wanted && !k->pending_count && !k->pending_overflow;
	static const uint32_t modes[] = {
		[REFUSE_ANSWER] = AXFW_REFUSE_ANSWER,
		[REFUSE_PASS] = AXFW_REFUSE_PASS,
		[REFUSE_RESET] = AXFW_REFUSE_RESET,
		[REFUSE_DROP] = AXFW_REFUSE_DROP,
	};
	uint32_t refuse = k->stuck ? AXFW_REFUSE_PASS : modes[k->refuse];

	__atomic_store_n(&k->config->refuse, refuse, __ATOMIC_RELEASE);
	__atomic_store_n(&k->config->admissions_complete, complete, __ATOMIC_RELEASE);
}

int admissions_put(struct kernel *k, const struct axfw_key_hash *hash,
		   const struct axfw_admission *admission)
{
	struct axfw_admission value = *admission, old;
	int fd = admissions_fd(k), r;

	r = bpf_map_update_elem(fd, hash, &value, BPF_NOEXIST);
	if (r == 0)
		k->admissions_count++;
	if (r != -EEXIST)
		return r;
	if (!bpf_map_lookup_elem(fd, hash, &old))
		value.hits += old.hits;
	return bpf_map_update_elem(fd, hash, &value, BPF_EXIST);
}

static int delete_entry(struct kernel *k, const struct axfw_key_hash *hash)
{
	int r = bpf_map_delete_elem(admissions_fd(k), hash);

	if (r == 0 && k->admissions_count)
		k->admissions_count--;
	return r == -ENOENT ? 0 : r;
}

/* --- what couldn't be written ---------------------------------------------------------------- */

static struct key_entry *pending_find(struct kernel *k, const struct axfw_key_hash *hash)
{
	for (unsigned i = 0; i < k->pending_count; i++)
		if (!memcmp(&k->pending[i].hash, hash, sizeof(*hash)))
			return &k->pending[i];
	return NULL;
}

static void pending_remove(struct kernel *k, struct key_entry *at)
{
	if (at)
		*at = k->pending[--k->pending_count];
}

static void pending_add(struct kernel *k, const struct key_entry *entry)
{
	struct key_entry *at = pending_find(k, &entry->hash);

	if (!k->pending)
		k->pending = calloc(PENDING_MAX, sizeof(*k->pending));
	if (!at && (!k->pending || k->pending_count == PENDING_MAX)) {
		k->pending_overflow = true;
		return;
	}
	if (!at)
		at = &k->pending[k->pending_count++];
	*at = *entry;
}

int admissions_failed(struct kernel *k, const struct key_entry *entry, int r)
{
	int d;

	atomic_fetch_add(&k->sync_failures, 1);
	pending_add(k, entry);
	admissions_apply_complete(k); /* first: a miss must not be a refusal */
	d = delete_entry(k, &entry->hash);
	if (d == 0)
		return 0;
	if (entry->admission.state == AXFW_REVOKED)
		return r;
	k->stuck = true;
	admissions_apply_complete(k);
	return 0;
}

void admissions_retry(struct kernel *k)
{
	if (!k->pending_count)
		return;
	for (unsigned i = k->pending_count; i-- > 0;)
		if (!admissions_put(k, &k->pending[i].hash, &k->pending[i].admission))
			pending_remove(k, &k->pending[i]);
	if (!k->pending_count && !k->pending_overflow)
		k->stuck = false;
	admissions_apply_complete(k);
}

/* --- what callers see ------------------------------------------------------------------------ */

int kernel_put_key(struct kernel *k, const struct axfw_key_hash *hash,
		   const struct axfw_admission *admission)
{
	struct key_entry entry = { .hash = *hash, .admission = *admission };
	bool wake;
	int r;

	if (!k->loaded)
		return 0;
	pthread_mutex_lock(&k->sync_lock);
	reconcile_overtake(k, hash);
	r = admissions_put(k, hash, admission);
	if (r < 0)
		r = admissions_failed(k, &entry, r);
	else if (k->pending_count)
		pending_remove(k, pending_find(k, hash));
	wake = k->pending_count || admissions_want_growth(k);
	pthread_mutex_unlock(&k->sync_lock);
	if (wake)
		watch_wake(k);
	return r;
}

int kernel_forget_key(struct kernel *k, const struct axfw_key_hash *hash)
{
	int r;

	if (!k->loaded)
		return 0;
	pthread_mutex_lock(&k->sync_lock);
	reconcile_overtake(k, hash);
	pending_remove(k, pending_find(k, hash));
	r = delete_entry(k, hash);
	if (r < 0)
		atomic_fetch_add(&k->sync_failures, 1);
	pthread_mutex_unlock(&k->sync_lock);
	return r;
}

void kernel_set_complete(struct kernel *k, bool complete)
{
	if (!k->loaded)
		return;
	pthread_mutex_lock(&k->sync_lock);
	k->complete_wanted = complete;
	admissions_apply_complete(k);
	pthread_mutex_unlock(&k->sync_lock);
}

uint64_t kernel_generation(const struct kernel *k)
{
	return k->loaded ? __atomic_load_n(&k->config->generation, __ATOMIC_ACQUIRE) : 0;
}

void kernel_bump_generation(struct kernel *k)
{
	if (k->loaded)
		__atomic_fetch_add(&k->config->generation, 1, __ATOMIC_ACQ_REL);
}

void kernel_remember_unknown(struct kernel *k, const struct axfw_key_hash *hash,
			     uint64_t generation)
{
	struct axfw_unknown value = { .generation = generation };

	if (!k->loaded || generation != kernel_generation(k) ||
	    __atomic_load_n(&k->config->admissions_complete, __ATOMIC_ACQUIRE))
		return; /* stale, or the kernel knows without it */
	if (bpf_map_update_elem(k->object.map_fd[MAP_unknown], hash, &value, BPF_ANY) < 0)
		atomic_fetch_add(&k->sync_failures,
				 1); /* the key comes up again: costs time only */
}

/* An entry that is missing or older refuses less, so a failure costs a look-up in userspace. */
int kernel_put_signup_window(struct kernel *k, const struct axfw_client *client,
			     const struct axfw_signup_window *window)
{
	int r;

	if (!k->loaded)
		return 0;
	r = bpf_map_update_elem(k->object.map_fd[MAP_signups], client, window, BPF_ANY);
	if (r < 0)
		atomic_fetch_add(&k->sync_failures, 1);
	return r;
}
