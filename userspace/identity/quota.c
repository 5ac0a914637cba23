/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quotas: calls per tenant and UTC month. A month's count and its name share one atomic word, so a
 * count is never over the limit and never lands in the wrong month. When a tenant's month is used
 * up the kernel refuses its keys until the boot time at which the next month starts; that time is
 * derived again whenever the wall clock is found to have been stepped, and the refusal ends when a
 * call is taken back.
 */
#include <errno.h>
#include "identity/internal.h"

#define COUNT_BITS 40 /* 24 bits of months reach past the year one million */
#define COUNT_MASK ((1ULL << COUNT_BITS) - 1)

/* How far a deny-until may be off before the kernel is told again: covers the time between two
 * clock reads. */
#define STEP_TOLERANCE_NS NS_PER_S

/* The word that counts for `month`. A later month in it means that the clock was stepped back by
 * two months or more: then that word goes on counting, so that a wrong clock never opens a used-up
 * quota. */
static uint64_t count_in(uint64_t word, uint32_t month)
{
	return word >> COUNT_BITS < month ? 0 : word & COUNT_MASK;
}

static uint64_t recount(uint64_t word, uint32_t month, uint64_t count)
{
	uint64_t later = word >> COUNT_BITS;

	return (later > month ? later : month) << COUNT_BITS | count;
}

uint64_t tenant_used(const struct tenant *t, uint64_t now_us)
{
	uint32_t month = clock_month(now_us);

	return count_in(atomic_load(&t->usage[month & 1]), month);
}

bool tenant_is_over_quota(const struct tenant *t, uint64_t now_us)
{
	return t->tier->enforced && tenant_used(t, now_us) >= t->tier->monthly_calls;
}

static uint64_t month_end_boot_ns(uint64_t now_us)
{
	uint64_t end_us = clock_month_start_us(clock_month(now_us) + 1);

	return clock_boot_ns() + (end_us - now_us) * 1000;
}

static bool is_near(uint64_t a, uint64_t b)
{
	return a && b && (a > b ? a - b : b - a) < STEP_TOLERANCE_NS;
}

static void unlist(struct identity *i, struct tenant *t)
{
	struct tenant **at = &i->exhausted;

	while (*at != t)
		at = &(*at)->next_exhausted;
	*at = t->next_exhausted;
}

void quota_announce(struct identity *i, struct tenant *t, uint64_t now_us)
{
	uint64_t before = atomic_load(&t->exhausted_until_ns);
	uint64_t until = tenant_is_over_quota(t, now_us) ? month_end_boot_ns(now_us) : 0;

	if (until == before || is_near(until, before))
		return;
	if (until && !before) {
		t->next_exhausted = i->exhausted;
		i->exhausted = t;
	} else if (!until) {
		unlist(i, t);
	}
	atomic_store(&t->exhausted_until_ns, until);
	for (const struct api_key *k = t->keys; k; k = k->next)
		if (!k->revoked_us && !k->unhashed)
			key_announce(i, k);
}

/* The directory hands its tenants out as const; it is the one who may change them. */
static struct tenant *own(const struct tenant *t)
{
	return (struct tenant *)(uintptr_t)t;
}

static void announce(struct identity *i, const struct tenant *t, uint64_t now_us)
{
	HOLD(&i->announce);
	quota_announce(i, own(t), now_us);
}

/* Say, the clock went back into a used-up month: the kernel hears it at the first refusal. */
static void announce_if_unsaid(struct identity *i, const struct tenant *t, uint64_t now_us)
{
	if (!atomic_load(&t->exhausted_until_ns))
		announce(i, t, now_us);
}

bool identity_is_over_quota(struct identity *i, const struct tenant *t, uint64_t now_us)
{
	if (!tenant_is_over_quota(t, now_us))
		return false;
	announce_if_unsaid(i, t, now_us);
	return true;
}

int identity_charge(struct identity *i, const struct tenant *t, uint64_t now_us)
{
	uint32_t month = clock_month(now_us);
	_Atomic uint64_t *word = &own(t)->usage[month & 1];
	uint64_t limit = t->tier->enforced ? t->tier->monthly_calls : COUNT_MASK;
	uint64_t old = atomic_load(word), count;

	do {
		count = count_in(old, month);
		if (count >= limit) {
			announce_if_unsaid(i, t, now_us);
			return -EDQUOT;
		}
	} while (!atomic_compare_exchange_weak(word, &old, recount(old, month, count + 1)));
	if (count + 1 == limit)
		announce(i, t, now_us);
	return 0;
}

void identity_refund(struct identity *i, const struct tenant *t, uint64_t now_us)
{
	uint32_t month = clock_month(now_us);
	_Atomic uint64_t *word = &own(t)->usage[month & 1];
	uint64_t old = atomic_load(word), count;

	do {
		count = count_in(old, month);
		if (!count)
			return; /* the month has turned since */
	} while (!atomic_compare_exchange_weak(word, &old, recount(old, month, count - 1)));
	if (t->tier->enforced && count == t->tier->monthly_calls)
		announce(i, t, now_us);
}

void identity_refresh_quota(struct identity *i, uint64_t now_us)
{
	struct tenant *next;

	HOLD(&i->announce);
	for (struct tenant *t = i->exhausted; t; t = next) {
		next = t->next_exhausted;
		quota_announce(i, t, now_us);
	}
}
