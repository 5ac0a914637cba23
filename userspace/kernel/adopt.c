/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The old program may be running on the very maps that are changed here, so each step leaves them
 * true. Maps that would have to be emptied aren't inherited in the first place.
 */
#include "kernel/adopt.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "kernel/lists.h"
#include "kernel/pins.h"
#include "kernel/sets.h"

/* What the options decide; the rest of the word follows from what is in the maps. */
#define TIERS_OF_OPTIONS                                                                           \
	(AXFW_TIER_ALLOWED | AXFW_TIER_PROXIES | AXFW_TIER_PROXY_PROTOCOL | AXFW_TIER_ANY_PROXY |  \
	 AXFW_TIER_SYN_BUDGET | AXFW_TIER_SYN_COOKIES | AXFW_TIER_PENALTY)

static uint32_t wanted_tiers(const struct kernel_options *o)
{
	uint32_t tiers = lists_tiers(o);

	if (o->proxy_protocol)
		tiers |= AXFW_TIER_PROXY_PROTOCOL;
	if (o->syn_rate.interval_ns)
		tiers |= AXFW_TIER_SYN_BUDGET;
	if (o->syn_cookies)
		tiers |= AXFW_TIER_SYN_COOKIES;
	if (o->penalty.refusals)
		tiers |= AXFW_TIER_PENALTY;
	return tiers;
}

/*
 * What isn't asked any longer stops being asked before its map is emptied, and what is asked from
 * now on is asked when its map is full: an allow list without its entries would shut everybody out.
 */
static int write_tiers(struct kernel *k, const struct kernel_options *o)
{
	uint32_t wanted = wanted_tiers(o);
	struct axfw_config *c = k->config;
	int r;

	__atomic_fetch_and(&c->tiers, wanted | ~TIERS_OF_OPTIONS, __ATOMIC_SEQ_CST);
	r = lists_write(k, o);
	if (r < 0)
		return r;
	c->syn_rate = o->syn_rate;
	c->penalty = o->penalty;
	__atomic_fetch_or(&c->tiers, wanted, __ATOMIC_SEQ_CST);
	denials_set_tiers(k); /* it may be a new config and an old list */
	return 0;
}

int adopt_configuration(struct kernel *k, const struct kernel_options *options,
			const struct inheritance *inherited)
{
	struct axfw_config *c = k->config;
	int r;

	c->signup = options->signup;
	c->admission_key_check = admission_key_check(options->admission_key);
	for (unsigned i = 0; i < AXFW_PORTS_MAX; i++)
		c->ports[i] = i < options->port_count ? options->ports[i] : 0;
	c->origin_passes = options->origin_passes;
	events_configure(k, options->events_per_second);
	r = write_tiers(k, options);
	if (r < 0)
		return r;
	/* Somebody may have written to the store while no daemon watched. The clock is ahead of
	 * every count that began there, so an old entry of `unknown` is void under a new config,
	 * too. */
	if (inherited->map_fd[MAP_config] >= 0)
		__atomic_fetch_add(&c->generation, 1, __ATOMIC_ACQ_REL);
	else
		__atomic_store_n(&c->generation, clock_boot_ns(), __ATOMIC_RELEASE);
	k->complete_wanted = inherited->complete;
	admissions_apply_complete(k);
	__atomic_store_n(&c->abi_version, AXFW_ABI_VERSION, __ATOMIC_RELEASE);
	return 0;
}

int adopt_answers(struct kernel *k, const struct axfw_response_template *answers)
{
	struct axfw_response_template now;
	int fd = k->object.map_fd[MAP_responses], r = 0;

	for (uint32_t i = 0; i < AXFW_RESPONSE_COUNT && r == 0; i++) {
		if (!bpf_map_lookup_elem(fd, &i, &now) && !memcmp(&now, &answers[i], sizeof(now)))
			continue; /* a packet may be reading it: don't touch without need */
		r = bpf_map_update_elem(fd, &i, &answers[i], BPF_ANY);
	}
	return r;
}

/* --- giving up ------------------------------------------------------------------------------- */

static bool guards_our_ports(const struct axfw_config *c, const struct kernel_options *options)
{
	for (unsigned i = 0; i < AXFW_PORTS_MAX && c->ports[i]; i++)
		for (unsigned j = 0; j < options->port_count; j++)
			if (c->ports[i] == options->ports[j])
				return true;
	return false;
}

static bool is_in_our_way(const struct kernel *k, const struct kernel_options *options)
{
	_cleanup_(closep) int fd = pins_get(k->pin_dir, map_names[MAP_config]);
	struct bpf_map_info info = {};
	struct axfw_config config = {};
	uint32_t len = sizeof(info), zero = 0;

	if (fd < 0)
		return interfaces_are_attached(k); /* no telling what it guards */
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0 || info.value_size != sizeof(config))
		return true; /* another version: the same */
	if (bpf_map_lookup_elem(fd, &zero, &config) < 0)
		return false;
	return config.abi_version != AXFW_ABI_VERSION || guards_our_ports(&config, options);
}

void pins_remove_all(struct kernel *k)
{
	interfaces_detach(k);
	interfaces_drop_notes(k);
	sets_remove(k->pin_dir);
	rmdir(k->pin_dir); /* stays if somebody else put something there */
}

void adopt_nothing(const struct kernel_options *options)
{
	_cleanup_(freep) struct kernel *k = calloc(1, sizeof(*k));
	_cleanup_(closep) int lock_fd = -1;

	if (!k || pins_find(options->pin_dir) < 0 || pins_lock(options->pin_dir, 0, &lock_fd) < 0)
		return;
	snprintf(k->pin_dir, sizeof(k->pin_dir), "%s", options->pin_dir);
	if (is_in_our_way(k, options))
		pins_remove_all(k);
}
