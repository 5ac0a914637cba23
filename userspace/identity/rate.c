/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each key's rate. The bucket is userspace's alone: the kernel sees only the first request of a
 * connection, so a bucket that both drew from would count some calls twice and others never. What
 * the kernel is told is the end of a refusal, and only while there is one: until then it answers as
 * userspace would, afterwards it passes, and nothing has to be taken back.
 */
#include <errno.h>
#include "axfw/rate.h"
#include "identity/internal.h"

/* The directory hands its keys out as const; it is the one who may change them. */
static struct api_key *own(const struct api_key *k)
{
	return (struct api_key *)(uintptr_t)k;
}

/* A refused call doesn't move the bucket, so this is said once for all calls that come too early.
 */
static void slow_down(struct identity *i, struct api_key *k, uint64_t until_ns)
{
	if (atomic_load(&k->slowed_until_ns) >= until_ns)
		return;
	HOLD(&i->announce);
	if (atomic_load(&k->slowed_until_ns) >= until_ns)
		return;
	atomic_store(&k->slowed_until_ns, until_ns);
	/* If it can't be told, it passes what is refused here. */
	(void)key_announce(i, k);
}

int identity_take_turn(struct identity *i, const struct caller *caller, uint32_t *ret_retry_after_s)
{
	struct api_key *k = own(caller->entry);
	uint64_t now, old, next, wait;

	if (!i->key_rate.interval_ns)
		return 0;
	now = clock_boot_ns();
	old = atomic_load(&k->arrival_ns);
	do {
		next = axfw_rate_next(old, now, &i->key_rate);
		if (!next) {
			wait = axfw_rate_wait_ns(old, now, &i->key_rate);
			slow_down(i, k, now + wait);
			*ret_retry_after_s = (uint32_t)((wait + NS_PER_S - 1) / NS_PER_S);
			return -EBUSY;
		}
	} while (!atomic_compare_exchange_weak(&k->arrival_ns, &old, next));
	return 0;
}
