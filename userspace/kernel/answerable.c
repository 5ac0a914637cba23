/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self-test of an answer: can what the program sends back with XDP_TX leave by the interface?
 * An answer that is lost is a client that hangs, so in doubt the answer is no.
 *
 * Generic XDP sends through the driver's ordinary transmit function, which every interface that
 * carries traffic has: yes. Native veth hands the frame to the peer's ring, which is read only
 * while the peer has a native XDP program itself (GRO on the peer makes the ring but doesn't empty
 * it): ask for the peer's program, in the peer's namespace, again every few seconds, because it may
 * come later or go. Other drivers say whether they can (6.3); before that, those that take a native
 * program can send from it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "kernel/internal.h"
#include "kernel/netlink.h"

static bool can_veth_answer(const struct netlink_interface *it, char *reason, size_t size)
{
	struct netlink_interface peer;
	int r;

	if (!it->has_peer) {
		snprintf(reason, size, "can't answer: the veth's peer is gone");
		return false;
	}
	r = netlink_get(it->peer_index, it->peer_netns, &peer);
	if (r < 0) {
		snprintf(reason, size,
			 "can't answer: the veth's peer can't be asked for its XDP program: %s",
			 strerror(-r));
		return false;
	}
	if (peer.xdp_native)
		return true;
	snprintf(reason, size,
		 "can't answer: XDP_TX on veth needs a native XDP program on its peer (%s)",
		 peer.name);
	return false;
}

static bool can_driver_answer(unsigned index, char *reason, size_t size)
{
	uint64_t features;

	if (netlink_xdp_features(index, &features) < 0 || features & NETLINK_XDP_BASIC)
		return true;
	snprintf(reason, size, "can't answer: the driver doesn't send from native XDP (XDP_TX)");
	return false;
}

bool interface_can_answer(const struct interface *it, char *reason, size_t size)
{
	struct netlink_interface now;
	bool is_veth;
	int r;

	r = netlink_get(it->index, NETLINK_THIS_NETNS, &now);
	if (r < 0) {
		snprintf(reason, size, "can't answer: the interface can't be asked: %s",
			 strerror(-r));
		return false;
	}
	is_veth = !strcmp(now.kind, "veth");
	if (vlan_loses_answers(it, is_veth, reason, size))
		return false;
	if (it->mode == ATTACH_GENERIC)
		return true;
	if (is_veth)
		return can_veth_answer(&now, reason, size);
	return can_driver_answer(it->index, reason, size);
}
