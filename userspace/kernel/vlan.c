/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VLAN tags that XDP can't see. A NIC that strips them (rxvlan), and a veth whose peer doesn't
 * write them into the frame at all (txvlan there), hand XDP a frame that looks untagged; sent back
 * as it is, the answer goes out untagged and nobody takes it. Only an interface with VLAN devices
 * on it has such traffic. With generic XDP the tag stays with the frame on its way out, if the
 * driver adds it there (txvlan).
 *
 * Tried on 6.1 over veth: native sees no tag with txvlan on at the peer, whatever rxvlan here says.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "kernel/internal.h"

#define VLAN_LIST "/proc/thread-self/net/vlan/config" /* NAME | ID | PARENT, behind two lines */

DEFINE_CLEANUP(FILE *, fclosep, fclose)

static bool has_vlans(const char *name)
{
	_cleanup_(fclosep) FILE *f = fopen(VLAN_LIST, "re");
	char line[128], *parent;

	while (f && fgets(line, sizeof(line), f)) {
		parent = strrchr(line, '|');
		if (parent && !strcmp(text_trim(parent + 1), name))
			return true;
	}
	return false; /* also without the file: the kernel has no VLANs */
}

/* What the driver does with tags; in doubt it hides them. */
static uint32_t offloads(const char *name)
{
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_value value = { .cmd = ETHTOOL_GFLAGS };
	struct ifreq request = {};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_data = (void *)&value;
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0)
		return ETH_FLAG_RXVLAN;
	return value.data;
}

bool vlan_loses_answers(const struct interface *it, bool is_veth, char *reason, size_t size)
{
	bool generic = it->mode == ATTACH_GENERIC;
	uint32_t flags;

	if (!has_vlans(it->name))
		return false;
	flags = offloads(it->name);
	if (!is_veth && !(flags & ETH_FLAG_RXVLAN))
		return false; /* tags are in the frame */
	if (generic && flags & ETH_FLAG_TXVLAN)
		return false; /* and put back on the way out */
	if (is_veth)
		snprintf(reason, size,
			 "can't answer: it carries VLANs, and veth hides their tags from XDP");
	else
		snprintf(reason, size,
			 "can't answer: it carries VLANs and strips their tags: ethtool -K %s %s",
			 it->name, generic ? "txvlan on" : "rxvlan off");
	return true;
}
