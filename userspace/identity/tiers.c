/* SPDX-License-Identifier: Apache-2.0 */
/* What a tenant is and what its tier gives it: the table of tiers and the accessors. */
#include <errno.h>
#include "identity/internal.h"

/* Free is first: what an unknown name counts as. */
static const struct tier tiers[] = {
	{ "free", "Free", 1000, true },
	{ "indie", "Indie", 50000, false },
	{ "team", "Team", 500000, false },
	{ "enterprise", "Enterprise", 10000000, false },
};

const struct tier *tier_find(const char *name)
{
	for (size_t n = 1; n < ARRAY_SIZE(tiers); n++)
		if (!strcmp(tiers[n].name, name))
			return &tiers[n];
	return &tiers[0];
}

uint32_t tenant_number(const struct tenant *t)
{
	return t->number;
}

const char *tenant_id(const struct tenant *t)
{
	return t->id;
}

const char *tenant_email(const struct tenant *t)
{
	return t->email;
}

const struct tier *tenant_tier(const struct tenant *t)
{
	return t->tier;
}

uint64_t tenant_created_us(const struct tenant *t)
{
	return t->created_us;
}

const char *tenant_policy_fault(const struct tenant *t, uint32_t *ret_version)
{
	const struct policy_fault *fault = rcu_dereference(t->policy_fault);

	if (!fault)
		return NULL;
	*ret_version = fault->version;
	return fault->reason;
}

int tenant_policy(const struct tenant *t, const struct guard_policy **ret)
{
	const struct guard_policy *policy;

	if (!atomic_load(&t->has_policy)) {
		*ret = NULL;
		return 0;
	}
	if (rcu_dereference(t->policy_fault))
		return -EBADMSG;
	policy = rcu_dereference(t->policy);
	if (!policy)
		return -EAGAIN;
	*ret = policy;
	return 0;
}
