/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two questions to netlink, each with its own short-lived socket: asked every few seconds at most,
 * so there is no state to keep in step. Attributes are walked with their lengths checked: what
 * comes from the kernel is trusted, but a future attribute may be longer than ours.
 */
#include "kernel/netlink.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include "base/memory.h"

#define REPLY_MAX	32768 /* one link with all its statistics is about 2 KiB */
#define DRAIN_MAX	1000  /* read at once; more, and the socket is readable again */
#define REPLY_TIMEOUT_S 1     /* the kernel answers at once */

/* linux/netdev.h came with 6.3; Debian 12 builds against 6.1's headers. */
#define NETDEV_FAMILY		  "netdev"
#define NETDEV_CMD_DEV_GET	  1
#define NETDEV_A_DEV_IFINDEX	  1
#define NETDEV_A_DEV_XDP_FEATURES 3

struct request {
	struct nlmsghdr header;
	uint8_t payload[256];
};

static void *request_begin(struct request *q, uint16_t type, size_t size)
{
	memset(q, 0, sizeof(*q));
	q->header.nlmsg_type = type;
	q->header.nlmsg_flags = NLM_F_REQUEST;
	q->header.nlmsg_len = NLMSG_LENGTH(NLMSG_ALIGN(size));
	return q->payload;
}

static void request_add(struct request *q, uint16_t type, const void *data, uint16_t len)
{
	struct nlattr *a = (void *)((char *)q + NLMSG_ALIGN(q->header.nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memcpy((char *)a + NLA_HDRLEN, data, len);
	q->header.nlmsg_len = NLMSG_ALIGN(q->header.nlmsg_len) + NLA_ALIGN(a->nla_len);
}

/* Attributes of one level as a table; the last of a type wins. */
static void attributes_index(const void *start, size_t len, const struct nlattr **table, size_t max)
{
	const struct nlattr *a = start;
	uint16_t type;

	memset(table, 0, max * sizeof(*table));
	while (len >= sizeof(*a) && a->nla_len >= NLA_HDRLEN && a->nla_len <= len) {
		type = a->nla_type & NLA_TYPE_MASK;
		if (type < max)
			table[type] = a;
		if ((size_t)NLA_ALIGN(a->nla_len) >= len)
			break;
		len -= NLA_ALIGN(a->nla_len);
		a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len));
	}
}

static const void *attribute_data(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

static size_t attribute_len(const struct nlattr *a)
{
	return a->nla_len - NLA_HDRLEN;
}

/* *ret stays as it is when the attribute is missing or short. */
static void attribute_u32(const struct nlattr *a, uint32_t *ret)
{
	if (a && attribute_len(a) >= sizeof(*ret))
		memcpy(ret, attribute_data(a), sizeof(*ret));
}

static void attribute_text(const struct nlattr *a, char *ret, size_t size)
{
	size_t len;

	if (!a)
		return;
	len = strnlen(attribute_data(a), MIN(attribute_len(a), size - 1));
	memcpy(ret, attribute_data(a), len);
	ret[len] = '\0';
}

/* Sends and receives one message. reply: REPLY_MAX bytes; returns its length. */
static ssize_t ask(int protocol, const struct request *q, void *reply)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct timeval timeout = { .tv_sec = REPLY_TIMEOUT_S };
	_cleanup_(closep) int fd = -1;
	const struct nlmsghdr *h = reply;
	ssize_t len;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	if (sendto(fd, q, q->header.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	len = recv(fd, reply, REPLY_MAX, 0);
	if (len < 0)
		return -errno;
	if ((size_t)len < sizeof(*h) || h->nlmsg_len < sizeof(*h) || h->nlmsg_len > (size_t)len)
		return -EPROTO;
	if (h->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = NLMSG_DATA(h);

		if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
			return -EPROTO;
		return e->error ? e->error : -EPROTO;
	}
	return h->nlmsg_len;
}

int netlink_subscribe(void)
{
	const struct sockaddr_nl links = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	_cleanup_(closep) int fd = -1;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&links, sizeof(links)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

void netlink_drain(int fd)
{
	char byte;

	/* ENOBUFS: some were lost, which says the same; it is said once */
	for (int i = 0; i < DRAIN_MAX; i++)
		if (recv(fd, &byte, sizeof(byte), MSG_TRUNC) < 0 && errno != ENOBUFS)
			return;
}

static void read_xdp(const struct nlattr *xdp, struct netlink_interface *it)
{
	const struct nlattr *a[IFLA_XDP_MAX + 1];
	uint8_t attached = XDP_ATTACHED_NONE;
	uint32_t id = 0;

	if (!xdp)
		return;
	attributes_index(attribute_data(xdp), attribute_len(xdp), a, ARRAY_SIZE(a));
	if (a[IFLA_XDP_ATTACHED] && attribute_len(a[IFLA_XDP_ATTACHED]) >= 1)
		attached = *(const uint8_t *)attribute_data(a[IFLA_XDP_ATTACHED]);
	attribute_u32(a[IFLA_XDP_PROG_ID], &id);
	if (attached == XDP_ATTACHED_DRV)
		it->xdp_native = id;
	else if (attached == XDP_ATTACHED_SKB)
		it->xdp_generic = id;
	else if (attached == XDP_ATTACHED_HW)
		it->xdp_offloaded = id;
	attribute_u32(a[IFLA_XDP_DRV_PROG_ID], &it->xdp_native);
	attribute_u32(a[IFLA_XDP_SKB_PROG_ID], &it->xdp_generic);
	attribute_u32(a[IFLA_XDP_HW_PROG_ID], &it->xdp_offloaded);
}

static void read_link(const struct nlmsghdr *h, struct netlink_interface *it)
{
	const struct nlattr *a[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	const struct ifinfomsg *link = NLMSG_DATA(h);
	const size_t fixed = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(*link)));
	uint32_t netns = NETLINK_THIS_NETNS;

	it->index = link->ifi_index;
	it->up = link->ifi_flags & IFF_UP;
	it->ethernet = link->ifi_type == ARPHRD_ETHER || link->ifi_type == ARPHRD_LOOPBACK;
	attributes_index((const char *)h + fixed, h->nlmsg_len - fixed, a, ARRAY_SIZE(a));
	attribute_text(a[IFLA_IFNAME], it->name, sizeof(it->name));
	if (a[IFLA_LINKINFO]) {
		attributes_index(attribute_data(a[IFLA_LINKINFO]), attribute_len(a[IFLA_LINKINFO]),
				 info, ARRAY_SIZE(info));
		attribute_text(info[IFLA_INFO_KIND], it->kind, sizeof(it->kind));
	}
	it->has_peer = a[IFLA_LINK];
	attribute_u32(a[IFLA_LINK], &it->peer_index);
	attribute_u32(a[IFLA_LINK_NETNSID], &netns);
	it->peer_netns = (int)netns;
	read_xdp(a[IFLA_XDP], it);
}

int netlink_get(unsigned index, int netns, struct netlink_interface *ret)
{
	_cleanup_(freep) void *reply = calloc(1, REPLY_MAX);
	struct netlink_interface it = {};
	struct ifinfomsg *link;
	struct request q;
	ssize_t len;

	if (!reply)
		return -ENOMEM;
	link = request_begin(&q, RTM_GETLINK, sizeof(*link));
	link->ifi_index = (int)index;
	if (netns != NETLINK_THIS_NETNS)
		request_add(&q, IFLA_TARGET_NETNSID, &netns, sizeof(netns));
	len = ask(NETLINK_ROUTE, &q, reply);
	if (len < 0)
		return (int)len;
	if ((size_t)len < NLMSG_LENGTH(NLMSG_ALIGN(sizeof(*link))))
		return -EPROTO;
	read_link(reply, &it);
	*ret = it;
	return 0;
}

int netlink_has_filters(unsigned index, uint32_t parent)
{
	_cleanup_(freep) struct nlmsghdr *reply = calloc(1, REPLY_MAX);
	struct request q;
	struct tcmsg *tc;
	ssize_t len;

	if (!reply)
		return -ENOMEM;
	tc = request_begin(&q, RTM_GETTFILTER, sizeof(*tc));
	q.header.nlmsg_flags |= NLM_F_DUMP;
	tc->tcm_ifindex = (int)index;
	tc->tcm_parent = parent;
	len = ask(NETLINK_ROUTE, &q, reply);
	if (len < 0)
		return (int)len;
	return reply->nlmsg_type == RTM_NEWTFILTER; /* else NLMSG_DONE: the list's end */
}

/* A generic netlink message's attributes. */
static int ask_generic(const struct request *q, void *reply, const struct nlattr **table,
		       size_t max)
{
	const size_t fixed = NLMSG_LENGTH(GENL_HDRLEN);
	ssize_t len = ask(NETLINK_GENERIC, q, reply);

	if (len < 0)
		return (int)len;
	if ((size_t)len < fixed)
		return -EPROTO;
	attributes_index((const char *)reply + fixed, (size_t)len - fixed, table, max);
	return 0;
}

static int find_family(const char *name, void *reply, uint16_t *ret)
{
	const struct nlattr *a[CTRL_ATTR_MAX + 1];
	struct genlmsghdr *g;
	struct request q;
	int r;

	g = request_begin(&q, GENL_ID_CTRL, GENL_HDRLEN);
	g->cmd = CTRL_CMD_GETFAMILY;
	g->version = 1;
	request_add(&q, CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
	r = ask_generic(&q, reply, a, ARRAY_SIZE(a));
	if (r < 0)
		return r == -ENOENT ? -EOPNOTSUPP : r;
	if (!a[CTRL_ATTR_FAMILY_ID] || attribute_len(a[CTRL_ATTR_FAMILY_ID]) < sizeof(*ret))
		return -EPROTO;
	memcpy(ret, attribute_data(a[CTRL_ATTR_FAMILY_ID]), sizeof(*ret));
	return 0;
}

int netlink_xdp_features(unsigned index, uint64_t *ret)
{
	_cleanup_(freep) void *reply = calloc(1, REPLY_MAX);
	const struct nlattr *a[NETDEV_A_DEV_XDP_FEATURES + 1];
	struct genlmsghdr *g;
	struct request q;
	uint16_t family;
	int r;

	if (!reply)
		return -ENOMEM;
	r = find_family(NETDEV_FAMILY, reply, &family);
	if (r < 0)
		return r;
	g = request_begin(&q, family, GENL_HDRLEN);
	g->cmd = NETDEV_CMD_DEV_GET;
	g->version = 1;
	request_add(&q, NETDEV_A_DEV_IFINDEX, &index, sizeof(index));
	r = ask_generic(&q, reply, a, ARRAY_SIZE(a));
	if (r < 0)
		return r;
	if (!a[NETDEV_A_DEV_XDP_FEATURES] ||
	    attribute_len(a[NETDEV_A_DEV_XDP_FEATURES]) < sizeof(*ret))
		return -EPROTO;
	memcpy(ret, attribute_data(a[NETDEV_A_DEV_XDP_FEATURES]), sizeof(*ret));
	return 0;
}
