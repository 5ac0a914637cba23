/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tenant's policy, compiled when first needed and swapped whole: who evaluates with the old one
 * finishes with it. A document that doesn't compile is remembered as broken, so that it never
 * passes for "no policy".
 */
#include <errno.h>
#include "identity/internal.h"

struct old_policy {
	struct rcu_head rcu;
	struct guard_policy *policy;
	struct policy_fault *fault;
};

static void free_policy(struct rcu_head *head)
{
	struct old_policy *old = caa_container_of(head, struct old_policy, rcu);

	guard_policy_free(&old->policy);
	free(old->fault);
	free(old);
}

static bool is_known(const struct policy_fault *old, const struct policy_fault *fault)
{
	return old && old->version == fault->version && !strcmp(old->reason, fault->reason);
}

/* Takes both. fault NULL: it compiles, or there is none. */
static int publish(struct identity *i, struct tenant *t, struct guard_policy **policy,
		   struct policy_fault **fault)
{
	struct old_policy *old = calloc(1, sizeof(*old));
	bool broken = fault, known;

	if (!old)
		return -ENOMEM;
	HOLD(&i->announce);
	known = broken && is_known(t->policy_fault, *fault);
	/* First: between the two a reader may see a fault that is over, but never none too soon. */
	if (broken)
		old->fault = rcu_xchg_pointer(&t->policy_fault, TAKE_PTR(*fault));
	old->policy = rcu_xchg_pointer(&t->policy, TAKE_PTR(*policy));
	if (!broken)
		old->fault = rcu_xchg_pointer(&t->policy_fault, NULL);
	/* Last: a reader who sees the policy gone never saw it half gone. */
	atomic_store(&t->has_policy, broken || t->policy);
	urcu_bp_call_rcu(&old->rcu, free_policy);
	if (!broken)
		return 0;
	return known ? -EALREADY : -EBADMSG;
}

int identity_compile_policy(struct identity *i, uint32_t tenant)
{
	_cleanup_(guard_policy_free) struct guard_policy *policy = NULL;
	_cleanup_(freep) struct policy_fault *fault = calloc(1, sizeof(*fault));
	_cleanup_(freep) char *body = NULL;
	struct tenant *t;
	int r = 0;

	if (!fault)
		return -ENOMEM;
	ENTER();
	t = directory_find(i, tenant);
	if (!t)
		return -ENOENT;
	r = store_get_policy(i->store, tenant, &body, &fault->version);
	if (r < 0)
		return r;
	if (body)
		r = guard_policy_parse(body, strlen(body), fault->version, &policy, fault->reason,
				       sizeof(fault->reason));
	if (r < 0 && r != -EINVAL)
		return r;
	return publish(i, t, &policy, r == -EINVAL ? &fault : NULL);
}
