/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity knows the keys, kernel the maps, and neither knows the other: here what one says is told
 * to the other. Whatever fails leaves the kernel passing more to userspace than it must, never
 * less.
 */
#include "key_sync.h"

#include "base/base.h"

/* --- identity tells the kernel --------------------------------------------------------------- */

static void before_key_added(void *arg)
{
	kernel_bump_generation(arg);
}

static int key_changed(void *arg, const struct axfw_key_hash *hash,
		       const struct axfw_admission *admission)
{
	return kernel_put_key(arg, hash, admission);
}

static void signup_recorded(void *arg, const struct axfw_client *client,
			    const struct axfw_signup_window *window)
{
	/* A window the kernel lacks means that userspace answers the 429 itself. */
	if (kernel_put_signup_window(arg, client, window) < 0)
		log_debug("a signup window isn't in the kernel");
}

static void complete_changed(void *arg, bool complete)
{
	kernel_set_complete(arg, complete);
}

static void key_forgotten(void *arg, const struct axfw_key_hash *hash)
{
	/* Left there it goes on saying "revoked", which stays true. */
	if (kernel_forget_key(arg, hash) < 0)
		log_debug("a key revoked long ago is still in the kernel");
}

struct reconcile {
	struct kernel *kernel;
	int r; /* the first failure */
};

static void reconcile_key(void *arg, const struct axfw_key_hash *hash,
			  const struct axfw_admission *admission)
{
	struct reconcile *rec = arg;

	if (rec->r >= 0)
		rec->r = kernel_reconcile_put(rec->kernel, hash, admission);
}

static void fill_kernel(const struct key_sync *s)
{
	struct reconcile rec = { .kernel = s->kernel };
	bool complete;
	int r = kernel_reconcile_begin(s->kernel);

	if (r < 0) {
		log_error_r(r, "the kernel's keys can't be reconciled");
		return;
	}
	complete = identity_each_admission(s->identity, reconcile_key, &rec);
	r = kernel_reconcile_end(s->kernel, complete && rec.r >= 0);
	if (rec.r < 0)
		r = rec.r;
	if (r < 0)
		log_error_r(r,
			    "the kernel doesn't hold every key: userspace answers for the others");
}

/* --- and says it all again ------------------------------------------------------------------- */

/* Now and not at the next tick: until then the kernel might refuse a key whose month has ended. */
static void clock_was_set(void *arg)
{
	const struct key_sync *s = arg;

	identity_refresh_quota(s->identity, clock_wall_us());
}

static void keys_were_lost(void *arg)
{
	fill_kernel(arg);
}

void key_sync_start(struct key_sync *s, struct identity *identity, struct kernel *kernel)
{
	const struct identity_watcher watcher = {
		.arg = kernel,
		.before_key_added = before_key_added,
		.key_changed = key_changed,
		.signup_recorded = signup_recorded,
		.complete_changed = complete_changed,
		.key_forgotten = key_forgotten,
	};

	*s = (struct key_sync){ identity, kernel };
	identity_watch(identity, &watcher);
	fill_kernel(s);
	kernel_on_clock_set(kernel, clock_was_set, s);
	kernel_on_loss(kernel, keys_were_lost, s);
}
