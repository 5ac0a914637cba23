/* SPDX-License-Identifier: Apache-2.0 */
/* The few things about an interface that only rtnetlink tells: its kind, its veth peer, its XDP
 * program. */
#ifndef KERNEL_NETLINK_H
#define KERNEL_NETLINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define NETLINK_THIS_NETNS (-1)

struct netlink_interface {
	unsigned index;
	char name[IFNAMSIZ];
	char kind[16]; /* "veth", "vlan"; "" for hardware */
	bool up;
	bool ethernet; /* its frames begin with an Ethernet header; so do loopback's */
	bool has_peer; /* IFLA_LINK was there */
	unsigned peer_index;
	int peer_netns;	     /* NETLINK_THIS_NETNS or an id for netlink_get() */
	uint32_t xdp_native; /* ids of attached programs, 0: none */
	uint32_t xdp_generic;
	uint32_t xdp_offloaded;
};

/* A socket that becomes readable when an interface comes, goes, or changes; netlink_drain() reads
 * what is there, which says only that it is time to look. */
int netlink_subscribe(void);
void netlink_drain(int fd);

/* By index, in the namespace that has this id here. -ENODEV: no such interface. */
int netlink_get(unsigned index, int netns, struct netlink_interface *ret);

/* 1: a TC filter is at this parent (TC_H_MAKE …); 0: none, nor a qdisc for it. */
int netlink_has_filters(unsigned index, uint32_t parent);

/* Bits of NETDEV_A_DEV_XDP_FEATURES. -EOPNOTSUPP: a kernel before 6.3, which doesn't tell. */
#define NETLINK_XDP_BASIC (1u << 0) /* DROP, PASS and TX */
int netlink_xdp_features(unsigned index, uint64_t *ret);

#endif
