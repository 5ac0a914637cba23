/* SPDX-License-Identifier: Apache-2.0 */
/* One engine for all tests of a program: compiling the rules takes seconds. */
#ifndef GUARD_FIXTURE_H
#define GUARD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>
#include "guard/guard.h"

#define TEXT_MAX (256 << 10) /* the contract's largest body */

static struct guard *guard;
static struct guard_scratch *scratch;

/* Of this process: how busy the machine is doesn't count. */
static inline uint64_t cpu_ns(void)
{
	return (uint64_t)clock() * (NS_PER_S / CLOCKS_PER_SEC);
}

/* A prompt, as most are. */
static inline int judge(const struct guard_policy *policy, const char *text, size_t len,
			struct guard_verdict *ret)
{
	return guard_evaluate(guard, scratch, policy,
			      &(struct guard_request){ .text = text, .len = len }, ret, NULL);
}

/* The rules alone: what the model says changes with its weights. AXFW_TEST_CACHE: where compiled
 * ones may be, because every program here would compile them again. */
static inline int make(void **state)
{
	if (guard_new(getenv("AXFW_TEST_CACHE"), &guard) < 0 ||
	    guard_scratch_new(guard, &scratch) < 0)
		return -1;
	guard_use_model(guard, NULL);
	return 0;
}

static inline int unmake(void **state)
{
	guard_scratch_free(&scratch);
	guard_free(&guard);
	return 0;
}

#endif
