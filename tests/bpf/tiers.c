// SPDX-License-Identifier: Apache-2.0
/* Fills the maps of tiers 0 and 1: see tiers.h. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "axfw/client.h"
#include "axfw/denied.h"
#include "base/address.h"
#include "tiers.h"
#include "axfw.skel.h"

#define NS_PER_S      1000000000LL
#define WINDOW_FULL_S 600 /* its last attempt was so long ago */

static int64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void forget_all(struct bpf_map *map)
{
	uint8_t key[64];

	while (!bpf_map_get_next_key(bpf_map__fd(map), NULL, key))
		bpf_map_delete_elem(bpf_map__fd(map), key);
}

void tiers_clear(struct world *w)
{
	struct axfw_bpf *s = world_skeleton(w);

	forget_all(s->maps.denied);
	forget_all(s->maps.denied_hosts);
	forget_all(s->maps.allowed);
	forget_all(s->maps.proxies);
	forget_all(s->maps.syn_budget);
	forget_all(s->maps.refusals);
	world_set_syncookies(SYNCOOKIES_UNDER_PRESSURE);
}

static struct axfw_prefix read_prefix(const char *text)
{
	struct prefix p = { .len = 0 };
	struct axfw_prefix ret;

	if (prefix_parse(text, &p) < 0)
		fprintf(stderr, "bpf-tests: not a prefix: %s\n", text);
	ret.bits = p.len;
	memcpy(ret.address, p.address.bytes, sizeof(ret.address));
	return ret;
}

static void put(struct bpf_map *map, const char *prefix, const void *value)
{
	struct axfw_prefix key = read_prefix(prefix);

	if (bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_ANY))
		perror("bpf-tests: a prefix can't be put into a map");
}

static struct bpf_map *denied_map(struct world *w, const char *prefix)
{
	const struct axfw_bpf *s = world_skeleton(w);
	struct axfw_prefix key = read_prefix(prefix);

	return axfw_is_host(key.bits, key.address) ? s->maps.denied_hosts : s->maps.denied;
}

void tiers_deny(struct world *w, const char *prefix, enum axfw_denial_cause cause, int seconds)
{
	struct axfw_denial denial = { .cause = cause, .bits = read_prefix(prefix).bits };

	denial.until_ns = (uint64_t)(boot_ns() + seconds * NS_PER_S);
	put(denied_map(w, prefix), prefix, &denial);
}

uint64_t tiers_denied_packets(struct world *w, const char *prefix)
{
	struct axfw_prefix key = read_prefix(prefix);
	struct axfw_denial denial = { .packets = 0 };

	bpf_map_lookup_elem(bpf_map__fd(denied_map(w, prefix)), &key, &denial);
	return denial.packets;
}

void tiers_allow(struct world *w, const char *prefix)
{
	put(world_skeleton(w)->maps.allowed, prefix, &(struct axfw_listed){ .listed = 1 });
}

void tiers_trust(struct world *w, const char *prefix)
{
	put(world_skeleton(w)->maps.proxies, prefix, &(struct axfw_listed){ .listed = 1 });
}

void tiers_fill_window(struct world *w, const char *client)
{
	struct axfw_prefix address = read_prefix(client);
	struct axfw_client key = axfw_client_of(address.address);
	struct axfw_signup_window window = { .next = 0 };
	struct axfw_config config;

	world_default_config(&config);
	for (uint32_t i = 0; i < config.signup.limit; i++)
		axfw_signup_record(&window, (uint64_t)(boot_ns() - WINDOW_FULL_S * NS_PER_S),
				   &config.signup);
	bpf_map_update_elem(bpf_map__fd(world_skeleton(w)->maps.signups), &key, &window, BPF_ANY);
}
