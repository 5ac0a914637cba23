/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The old program runs on the very maps that are changed here, so each step leaves them true: first
 * nothing is certain any more (a miss passes), then what is stale goes, then the new settings come.
 */
#include "kernel/adopt.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "crypto/crypto.h"
#include "kernel/lists.h"
#include "kernel/pins.h"

/* What the options decide; the rest of the word follows from what is in the maps. */
#define TIERS_OF_OPTIONS                                                                           \
	(AXFW_TIER_ALLOWED | AXFW_TIER_PROXIES | AXFW_TIER_PROXY_PROTOCOL | AXFW_TIER_ANY_PROXY |  \
	 AXFW_TIER_SYN_BUDGET | AXFW_TIER_SYN_COOKIES | AXFW_TIER_PENALTY)

/* Says whether two admission keys are the same, and nothing else about them. */
static uint64_t key_check(const uint8_t key[static 16])
{
	static const char salt[] = "axfw-admission-key-check";
	uint8_t text[sizeof(salt) + 16], digest[CRYPTO_DIGEST_LEN];
	uint64_t check;

	memcpy(text, salt, sizeof(salt));
	memcpy(text + sizeof(salt), key, 16);
	crypto_sha256(text, sizeof(text), digest);
	wipe(text, sizeof(text));
	memcpy(&check, digest, sizeof(check));
	return check;
}

static int empty(struct kernel *k, enum map_id map, size_t key_size, size_t value_size)
{
	return map_delete_all(k->object.map_fd[map], key_size, value_size);
}

static int drop_other_keys(struct kernel *k, uint64_t check)
{
	int r;

	__atomic_store_n(&k->config->admissions_complete, 0, __ATOMIC_SEQ_CST);
	r = empty(k, MAP_admissions, sizeof(struct axfw_key_hash), sizeof(struct axfw_admission));
	if (r == 0)
		r = empty(k, MAP_unknown, sizeof(struct axfw_key_hash),
			  sizeof(struct axfw_unknown));
	if (r == 0)
		k->config->admission_key_check = check;
	return r;
}

static bool is_same_rule(const struct axfw_signup_rule *a, const struct axfw_signup_rule *b)
{
	return a->window_ns == b->window_ns && a->limit == b->limit;
}

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
	return 0;
}

int adopt_configuration(struct kernel *k, const struct kernel_options *options, bool adopted)
{
	struct axfw_config *c = k->config;
	uint64_t check = key_check(options->admission_key);
	int r = 0;

	if (c->admission_key_check != check)
		r = drop_other_keys(k, check);
	if (r == 0 && !is_same_rule(&c->signup, &options->signup))
		r = empty(k, MAP_signups, sizeof(struct axfw_client),
			  sizeof(struct axfw_signup_window));
	if (r < 0)
		return r;
	c->signup = options->signup;
	for (unsigned i = 0; i < AXFW_PORTS_MAX; i++)
		c->ports[i] = i < options->port_count ? options->ports[i] : 0;
	c->origin_passes = options->origin_passes;
	events_configure(k, options->events_per_second);
	r = write_tiers(k, options);
	if (r < 0)
		return r;
	/* somebody may have written to the store while no daemon watched */
	__atomic_fetch_add(&c->generation, 1, __ATOMIC_ACQ_REL);
	k->complete_wanted = adopted && c->admissions_complete;
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

static bool is_in_our_way(const char *pin_dir, const struct kernel_options *options)
{
	_cleanup_(closep) int fd = pins_get(pin_dir, map_names[MAP_config]);
	struct bpf_map_info info = {};
	struct axfw_config config = {};
	uint32_t len = sizeof(info), zero = 0;

	if (fd < 0)
		return false;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0 || info.value_size != sizeof(config))
		return true; /* another version: no telling what it guards */
	if (bpf_map_lookup_elem(fd, &zero, &config) < 0)
		return false;
	return config.abi_version != AXFW_ABI_VERSION || guards_our_ports(&config, options);
}

void pins_remove_all(struct kernel *k)
{
	interfaces_detach(k);
	pins_remove(k->pin_dir, AXFW_PIN_PROG_XDP);
	for (int i = 0; i < MAP_COUNT; i++)
		pins_remove(k->pin_dir, map_names[i]);
	rmdir(k->pin_dir); /* stays if somebody else put something there */
}

void adopt_nothing(const struct kernel_options *options)
{
	_cleanup_(freep) struct kernel *k = calloc(1, sizeof(*k));
	_cleanup_(closep) int lock_fd = -1;

	if (!k || pins_find(options->pin_dir) < 0 || pins_lock(options->pin_dir, 0, &lock_fd) < 0)
		return;
	snprintf(k->pin_dir, sizeof(k->pin_dir), "%s", options->pin_dir);
	if (is_in_our_way(k->pin_dir, options))
		pins_remove_all(k);
}
