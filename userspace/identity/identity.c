/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory's life: opened from the store, watched by the kernel half, tidied by a slow tick.
 * The work is in the other files of this folder.
 */
#include <errno.h>
#include "identity/internal.h"

int identity_open(const struct identity_options *options, struct identity **ret)
{
	_cleanup_(identity_close) struct identity *i = NULL;
	int r;

	if (!options->signup.limit || options->signup.limit > AXFW_SIGNUP_LIMIT_MAX)
		return -EINVAL;
	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	i->store = options->store;
	i->crypto = options->crypto;
	atomic_init(&i->passwords, options->passwords);
	i->key_rate = options->key_rate;
	pthread_mutex_init(&i->announce, NULL);
	pthread_mutex_init(&i->sessions.lock, NULL);
	r = accounts_load(i);
	if (r < 0)
		return r;
	r = directory_load(i);
	if (r < 0)
		return r;
	r = sessions_load(i);
	if (r < 0)
		return r;
	r = signups_load(i, &options->signup);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(i);
	return 0;
}

void identity_close(struct identity **i)
{
	if (!*i)
		return;
	keys_store_learnt(*i);
	sessions_free(*i);
	signups_free(&(*i)->signups);
	directory_free(*i);
	/* What was handed to call_rcu() must be gone before a leak checker, or our caller, looks.
	 */
	urcu_bp_barrier();
	pthread_mutex_destroy(&(*i)->announce);
	pthread_mutex_destroy(&(*i)->sessions.lock);
	free(*i);
	*i = NULL;
}

void identity_watch(struct identity *i, const struct identity_watcher *watcher)
{
	/* Not complete_changed(): only the kernel's reconcile knows when every key has arrived
	 * there. */
	i->watcher = *watcher;
	signups_hand_over(i);
}

bool identity_each_admission(struct identity *i,
			     void (*each)(void *arg, const struct axfw_key_hash *hash,
					  const struct axfw_admission *admission),
			     void *arg)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	HOLD(&i->announce);
	ENTER();
	cds_lfht_for_each(i->keys_by_hash, &iter, node)
	{
		struct api_key *k = caa_container_of(node, struct api_key, by_hash);
		struct axfw_admission admission = key_admission(k);

		each(arg, &k->hash, &admission);
	}
	return atomic_load(&i->unhashed_count) == 0;
}

void identity_tick(struct identity *i)
{
	uint64_t now_us = clock_wall_us();

	identity_refresh_quota(i, now_us);
	keys_store_learnt(i);
	sessions_tidy(i, now_us);
	signups_tidy(i, now_us);
}

void identity_enter(void)
{
	urcu_bp_read_lock();
}

void identity_leave(void)
{
	urcu_bp_read_unlock();
}

uint64_t identity_tenant_count(const struct identity *i)
{
	return atomic_load(&i->tenant_count);
}

uint64_t identity_key_count(const struct identity *i)
{
	return atomic_load(&i->active_key_count);
}
