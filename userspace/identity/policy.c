/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tenant's policy, compiled when first needed and swapped whole: who evaluates with the old one
 * finishes with it. A document that doesn't compile is remembered as broken, so that it never
 * passes for "no policy".
 */
#include <errno.h>
#include "identity/internal.h"

#define ERROR_MAX 256

struct old_policy {
	struct rcu_head rcu;
	struct guard_policy *policy;
};

static void free_policy(struct rcu_head *head)
{
	struct old_policy *old = caa_container_of(head, struct old_policy, rcu);

	guard_policy_free(&old->policy);
	free(old);
}

static int publish(struct identity *i, struct tenant *t, struct guard_policy **policy, bool broken)
{
	struct old_policy *old = calloc(1, sizeof(*old));

	if (!old)
		return -ENOMEM;
	HOLD(&i->announce);
	old->policy = rcu_xchg_pointer(&t->policy, TAKE_PTR(*policy));
	atomic_store(&t->policy_broken, broken);
	/* Last: a reader who sees the policy gone never saw it half gone. */
	atomic_store(&t->has_policy, broken || t->policy);
	urcu_bp_call_rcu(&old->rcu, free_policy);
	return 0;
}

int identity_compile_policy(struct identity *i, uint32_t tenant)
{
	_cleanup_(guard_policy_free) struct guard_policy *policy = NULL;
	_cleanup_(freep) char *body = NULL;
	char error[ERROR_MAX];
	struct tenant *t;
	uint32_t version;
	int r, published;

	ENTER();
	t = directory_find(i, tenant);
	if (!t)
		return -ENOENT;
	r = store_get_policy(i->store, tenant, &body, &version);
	if (r < 0)
		return r;
	if (body) {
		r = guard_policy_parse(body, strlen(body), version, &policy, error, sizeof(error));
		if (r < 0 && r != -EINVAL)
			return r;
	}
	published = publish(i, t, &policy, r == -EINVAL);
	if (published < 0)
		return published;
	return r == -EINVAL ? -EBADMSG : 0;
}
