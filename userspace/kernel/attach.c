/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which hook the program has on an interface: XDP, native where the driver can, generic else; TC
 * ingress where another one's XDP program is (it is never replaced), where XDP can't be attached,
 * and where an answer couldn't leave by it. Never both at once, so no packet is counted twice; back
 * to XDP when it becomes possible.
 *
 * An interface refuses only while its index is in config.answer_ifindex, which is filled before the
 * program is put on it and cleared before the interface is given up: an answer that nobody sees is
 * worse than none.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "kernel/internal.h"
#include "kernel/libbpf_log.h"
#include "kernel/netlink.h"
#include "kernel/pins.h"
#include "kernel/tc.h"
#include "kernel/xdp.h"

/* How long XDP isn't tried again on an interface where everything looked well and it failed. */
#define XDP_RETRY_NS (60 * NS_PER_S)

/* --- where an answer may leave --------------------------------------------------------------- */

static void set_answers(struct kernel *k, struct interface *it, bool answers)
{
	uint32_t *slots = k->config->answer_ifindex, *free_slot = NULL;

	it->answers = answers;
	for (unsigned i = 0; i < AXFW_INTERFACES_MAX; i++) {
		if (slots[i] == it->index) {
			if (!answers)
				__atomic_store_n(&slots[i], 0, __ATOMIC_RELAXED);
			else
				return;
		}
		if (!slots[i] && !free_slot)
			free_slot = &slots[i];
	}
	if (answers && free_slot)
		__atomic_store_n(free_slot, it->index, __ATOMIC_RELAXED);
}

void interfaces_drop_foreign_slots(struct kernel *k)
{
	uint32_t *slots = k->config->answer_ifindex;

	for (unsigned i = 0; i < AXFW_INTERFACES_MAX; i++) {
		bool ours = false;

		for (unsigned j = 0; j < k->interface_count; j++)
			ours |= k->interfaces[j].index == slots[i];
		if (!ours)
			__atomic_store_n(&slots[i], 0, __ATOMIC_RELAXED);
	}
}

/* --- XDP ------------------------------------------------------------------------------------- */

static bool test_xdp(struct kernel *k, struct interface *it, char *reason, size_t size)
{
	bool answers = interface_can_answer(it, reason, size);

	if (answers)
		*reason = '\0';
	set_answers(k, it, answers);
	return answers;
}

static void leave_xdp(struct kernel *k, struct interface *it)
{
	set_answers(k, it, false);
	xdp_remove(k, it);
	it->mode = ATTACH_NONE;
}

/*
 * An earlier daemon's link goes on with its program until ours takes its place; ours finds in its
 * config, which may be a new one, that it may answer here. why: what speaks against XDP.
 */
static int use_xdp(struct kernel *k, struct interface *it, char *why, size_t size)
{
	int r;

	if (xdp_find(k, it) == 0) {
		test_xdp(k, it, why, size);
		r = xdp_update(k, it);
		if (r < 0)
			leave_xdp(k, it); /* and then as if it hadn't been there */
	}
	if (it->link_fd < 0) {
		r = xdp_attach(k, it, why, size);
		if (r < 0)
			return r;
		test_xdp(k, it, why, size);
	}
	it->xdp_mode = it->mode;
	return 0;
}

/* As far as can be seen without trying. */
static bool is_xdp_possible(const struct interface *it, char *why, size_t size)
{
	struct interface as_xdp = *it;

	as_xdp.mode = it->xdp_mode != ATTACH_NONE ? it->xdp_mode : ATTACH_NATIVE;
	return !xdp_is_foreign(it, why, size) && interface_can_answer(&as_xdp, why, size);
}

/* --- TC -------------------------------------------------------------------------------------- */

static int use_tc(struct kernel *k, struct interface *it, const char *why)
{
	char reason[KERNEL_REASON_MAX];
	int r;

	set_answers(k, it, true);
	r = tc_attach(k, it, reason, sizeof(reason));
	if (r < 0) {
		set_answers(k, it, false);
		snprintf(it->reason, sizeof(it->reason), "%.100s; %.50s", why, reason);
		return r;
	}
	it->mode = ATTACH_CLSACT;
	snprintf(it->reason, sizeof(it->reason), "not at XDP: %.140s", why);
	return 0;
}

static void leave_tc(struct kernel *k, struct interface *it)
{
	char note[32];

	set_answers(k, it, false);
	pins_tc_name(it->name, note);
	tc_remove(k->pin_dir, note);
	it->mode = ATTACH_NONE;
}

/* --- which ----------------------------------------------------------------------------------- */

/* XDP that can't answer is still worth more than nothing: it drops what tiers 0 and 1 drop. */
static void fall_back_to_xdp(struct kernel *k, struct interface *it)
{
	char why[KERNEL_REASON_MAX];

	if (use_xdp(k, it, why, sizeof(why)) == 0 && it->answers)
		it->reason[0] = '\0';
}

static void choose(struct kernel *k, struct interface *it)
{
	char why[KERNEL_REASON_MAX] = "";

	if (tc_is_noted(k, it)) {
		if (!is_xdp_possible(it, why, sizeof(why))) {
			use_tc(k, it, why); /* in place: not a packet goes by unseen */
			return;
		}
		leave_tc(k, it);
	}
	if (use_xdp(k, it, why, sizeof(why)) == 0 && it->answers)
		return;
	if (it->mode != ATTACH_NONE)
		leave_xdp(k, it);
	if (use_tc(k, it, why) < 0)
		fall_back_to_xdp(k, it);
}

/* What an interface of this name had, when the name is nobody's or another one's now. */
static void drop_leftovers(struct kernel *k, const struct interface *it)
{
	char name[32];

	pins_link_name(it->name, name);
	xdp_remove_pinned(k->pin_dir, name);
	pins_tc_name(it->name, name);
	tc_remove(k->pin_dir, name);
}

/* An alias is a name, too. */
static const struct interface *find_same(const struct kernel *k, const struct interface *it)
{
	for (const struct interface *other = k->interfaces; other < it; other++)
		if (other->index == it->index)
			return other;
	return NULL;
}

/* 0, or why it is nothing to attach to. */
static int judge(const struct kernel *k, const struct interface *it, char *reason, size_t size)
{
	const struct interface *same = find_same(k, it);
	struct netlink_interface now;
	int r;

	if (!it->index) {
		snprintf(reason, size, "no such interface");
		return -ENODEV;
	}
	if (same) {
		snprintf(reason, size, "the same interface as %s", same->name);
		return -EEXIST;
	}
	r = netlink_get(it->index, NETLINK_THIS_NETNS, &now);
	if (r < 0) {
		snprintf(reason, size, "it can't be asked what it is: %s", strerror(-r));
		return r;
	}
	if (now.ethernet)
		return 0;
	snprintf(reason, size, "its packets have no Ethernet header, so none would be understood");
	return -EAFNOSUPPORT;
}

void interface_attach(struct kernel *k, struct interface *it)
{
	int r;

	it->reason[0] = '\0';
	it->index = if_nametoindex(it->name);
	libbpf_log_begin();
	r = judge(k, it, it->reason, sizeof(it->reason));
	if (r == 0)
		choose(k, it);
	else if (r == -ENODEV)
		drop_leftovers(k, it);
}

void interface_detach(struct kernel *k, struct interface *it)
{
	if (it->index)
		set_answers(k, it, false);
	xdp_remove(k, it);
	drop_leftovers(k, it);
	it->mode = ATTACH_NONE;
}

static bool is_still_there(const struct interface *it)
{
	if (it->index != if_nametoindex(it->name))
		return false; /* gone, moved away, renamed, or made anew */
	return it->mode == ATTACH_CLSACT ? tc_is_attached(it) : xdp_is_attached(it);
}

static void recheck_xdp(struct kernel *k, struct interface *it)
{
	char why[KERNEL_REASON_MAX] = "";
	bool answered = it->answers;

	if (test_xdp(k, it, why, sizeof(why)))
		it->reason[0] = '\0';
	else if (answered)
		interface_attach(k, it);
}

static void recheck_tc(struct kernel *k, struct interface *it)
{
	char why[KERNEL_REASON_MAX] = "";

	if (!is_xdp_possible(it, why, sizeof(why))) {
		snprintf(it->reason, sizeof(it->reason), "not at XDP: %.140s", why);
		return;
	}
	if (clock_monotonic_ns() < it->xdp_not_before_ns)
		return;
	interface_attach(k, it);
	if (it->mode == ATTACH_CLSACT) /* all looked well and it failed */
		it->xdp_not_before_ns = clock_monotonic_ns() + XDP_RETRY_NS;
}

void interface_recheck(struct kernel *k, struct interface *it)
{
	if (it->mode != ATTACH_NONE && !is_still_there(it))
		interface_detach(k, it);
	if (it->mode == ATTACH_NONE)
		interface_attach(k, it);
	else if (it->mode == ATTACH_CLSACT)
		recheck_tc(k, it);
	else
		recheck_xdp(k, it);
}

/* In place; where that fails (the interface has just gone, say) off and on again, so that nothing
 * runs the old program. */
void interface_update(struct kernel *k, struct interface *it)
{
	char reason[KERNEL_REASON_MAX];
	int r = 0;

	if (it->mode == ATTACH_CLSACT)
		r = tc_attach(k, it, reason, sizeof(reason));
	else if (it->mode != ATTACH_NONE)
		r = xdp_update(k, it);
	if (r < 0) {
		interface_detach(k, it);
		interface_attach(k, it);
	}
}
