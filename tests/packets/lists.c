// SPDX-License-Identifier: Apache-2.0
/* Lists of addresses, by number: see lists.h. The cases' own addresses are 127.0.0.1 and ::1. */
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "axfw/abi.h"
#include "axfw/denied.h"
#include "lists.h"
#include "axfw.skel.h"

#define V4(a, b, c, d)                                                                             \
	{                                                                                          \
		[10] = 0xff, [11] = 0xff, a, b, c, d                                               \
	}
#define EVER 1 /* replaced by the time at which lasting denials end */

#define LOOPBACK4                                                                                  \
	{                                                                                          \
		V4(127, 0, 0, 1), 128, EVER, false                                                 \
	}
#define LOOPBACK6                                                                                  \
	{                                                                                          \
		{ [15] = 1 }, 128, EVER, false                                                     \
	}
#define LOOPBACK4_NET                                                                              \
	{                                                                                          \
		V4(127, 0, 0, 0), 104, EVER, true                                                  \
	}
/* Without ::ffff:0:0/96, which is IPv4. */
#define LOOPBACK6_NET                                                                              \
	{                                                                                          \
		{ 0 }, 96, EVER, true                                                              \
	}
#define OTHERS4                                                                                    \
	{                                                                                          \
		V4(192, 0, 2, 0), 120, EVER, false                                                 \
	}
#define OTHERS6                                                                                    \
	{                                                                                          \
		{ 0x20, 0x01, 0x0d, 0xb8 }, 32, EVER, false                                        \
	}
#define OUR_HOPS4                                                                                  \
	{                                                                                          \
		V4(10, 0, 0, 0), 104, EVER, false                                                  \
	}
#define OUR_HOPS6                                                                                  \
	{                                                                                          \
		{ 0x20, 0x01, 0x0d, 0xb8, 0xff }, 40, EVER, false                                  \
	}
#define ENDED4                                                                                     \
	{                                                                                          \
		V4(127, 0, 0, 1), 128, 0, false                                                    \
	}
#define ENDED6                                                                                     \
	{                                                                                          \
		{ [15] = 1 }, 128, 0, true                                                         \
	}

static const struct list_fact denied[DENIED_LISTS] = {
	{ .count = 0 },
	{ { LOOPBACK4, LOOPBACK6 }, 2 },
	{ { LOOPBACK4_NET, LOOPBACK6_NET, OTHERS4 }, 3 },
	{ { LOOPBACK4_NET, LOOPBACK6_NET, ENDED4, ENDED6 }, 4 }, /* the longer one hides */
	{ { OTHERS4, OTHERS6 }, 2 },
	{ { { { 0 }, 0, EVER, false } }, 1 }, /* everybody */
};

static const struct list_fact allowed[ALLOWED_LISTS] = {
	{ .count = 0 },
	{ { LOOPBACK4_NET, LOOPBACK6 }, 2 },
	{ { OTHERS4, OTHERS6 }, 2 },
	{ { LOOPBACK4, OTHERS6 }, 2 },
};

/* The last: every peer is trusted, and nobody else. */
static const struct list_fact proxies[TRUST_LISTS] = {
	{ .count = 0 },
	{ { LOOPBACK4_NET, LOOPBACK6_NET, OUR_HOPS4, OUR_HOPS6 }, 4 },
	{ { OUR_HOPS4, OUR_HOPS6 }, 2 },
	{ .count = 0 },
};
#define TRUST_ANY (TRUST_LISTS - 1)

static void forget_all(struct bpf_map *map)
{
	struct axfw_prefix key;

	while (!bpf_map_get_next_key(bpf_map__fd(map), NULL, &key))
		bpf_map_delete_elem(bpf_map__fd(map), &key);
}

static struct axfw_prefix key_of(const struct prefix_fact *p)
{
	struct axfw_prefix key = { .bits = p->bits };

	memcpy(key.address, p->address, sizeof(key.address));
	return key;
}

static void put_listed(struct bpf_map *map, const struct list_fact *list)
{
	const struct axfw_listed listed = { .listed = 1 };

	forget_all(map);
	for (unsigned i = 0; i < list->count; i++) {
		struct axfw_prefix key = key_of(&list->prefixes[i]);

		bpf_map_update_elem(bpf_map__fd(map), &key, &listed, BPF_ANY);
	}
}

static void put_denied(const struct axfw_bpf *skeleton, const struct list_fact *list,
		       uint64_t until_ns)
{
	forget_all(skeleton->maps.denied);
	forget_all(skeleton->maps.denied_hosts);
	for (unsigned i = 0; i < list->count; i++) {
		const struct prefix_fact *p = &list->prefixes[i];
		struct axfw_prefix key = key_of(p);
		struct axfw_denial denial = {
			.until_ns = p->until_ns ? until_ns : 1,
			.cause = p->penalty ? AXFW_DENIED_BY_PENALTY : AXFW_DENIED_BY_OPERATOR,
			.bits = p->bits,
		};
		struct bpf_map *map = axfw_is_host(p->bits, p->address)
					      ? skeleton->maps.denied_hosts
					      : skeleton->maps.denied;

		bpf_map_update_elem(bpf_map__fd(map), &key, &denial, BPF_ANY);
	}
}

void lists_put(const struct axfw_bpf *skeleton, const struct scene *scene, uint64_t until_ns)
{
	put_denied(skeleton, &denied[scene->denied % DENIED_LISTS], until_ns);
	put_listed(skeleton->maps.allowed, &allowed[scene->allowed % ALLOWED_LISTS]);
	put_listed(skeleton->maps.proxies, &proxies[scene->trust % TRUST_LISTS]);
}

void lists_know(const struct scene *scene, uint64_t until_ns, struct knowledge *ret)
{
	ret->denied = denied[scene->denied % DENIED_LISTS];
	for (unsigned i = 0; i < ret->denied.count; i++) {
		uint64_t *until = &ret->denied.prefixes[i].until_ns;

		*until = *until ? until_ns : 1;
	}
	ret->allowed = allowed[scene->allowed % ALLOWED_LISTS];
	ret->proxies = proxies[scene->trust % TRUST_LISTS];
	ret->any_proxy = scene->trust % TRUST_LISTS == TRUST_ANY;
}

uint32_t lists_tiers(const struct scene *scene)
{
	uint32_t tiers = 0;

	if (denied[scene->denied % DENIED_LISTS].count)
		tiers |= AXFW_TIERS_DENIED;
	if (allowed[scene->allowed % ALLOWED_LISTS].count)
		tiers |= AXFW_TIER_ALLOWED;
	if (proxies[scene->trust % TRUST_LISTS].count)
		tiers |= AXFW_TIER_PROXIES;
	if (scene->trust % TRUST_LISTS == TRUST_ANY)
		tiers |= AXFW_TIER_ANY_PROXY;
	return tiers;
}
