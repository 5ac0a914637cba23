// SPDX-License-Identifier: Apache-2.0
/* The namespace of our own, its listeners and how its stack treats SYNs: see world.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "world_internal.h"

#define SYNCOOKIES "/proc/sys/net/ipv4/tcp_syncookies"

static int listeners[4] = { -1, -1, -1, -1 };
static int syncookies = SYNCOOKIES_UNDER_PRESSURE; /* a new namespace's */

int net_listener(bool ipv6)
{
	return listeners[2 + ipv6];
}

bool world_set_syncookies(enum syncookies value)
{
	char digit = (char)('0' + value);
	bool ok;
	int fd;

	if (syncookies == (int)value)
		return true;
	fd = open(SYNCOOKIES, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, &digit, 1) == 1;
	if (ok)
		syncookies = (int)value;
	if (fd >= 0)
		close(fd);
	return ok;
}

static int bring_up_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = ioctl(fd, SIOCSIFFLAGS, &request) ? -errno : 0;
	close(fd);
	return r;
}

socklen_t net_loopback(bool ipv6, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (ipv6) {
		*v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
		v6->sin6_addr = in6addr_loopback;
		return sizeof(*v6);
	}
	*v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
	v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(*v4);
}

/* Every address: some clients come over a wire. */
static socklen_t anywhere(bool ipv6, uint16_t port, struct sockaddr_storage *ret)
{
	socklen_t len = net_loopback(ipv6, port, ret);

	if (ipv6)
		((struct sockaddr_in6 *)ret)->sin6_addr = in6addr_any;
	else
		((struct sockaddr_in *)ret)->sin_addr.s_addr = htonl(INADDR_ANY);
	return len;
}

static int listen_on(bool ipv6, uint16_t port, int defer_s)
{
	int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	struct sockaddr_storage address;
	socklen_t len = anywhere(ipv6, port, &address);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    (ipv6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof(defer_s)) ||
	    bind(fd, (struct sockaddr *)&address, len) || listen(fd, 4096)) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int world_enter(void)
{
	int r;

	if (unshare(CLONE_NEWNET))
		return -errno;
	r = bring_up_loopback();
	for (unsigned i = 0; r >= 0 && i < 4; i++) {
		listeners[i] =
			listen_on(i % 2, i < 2 ? PORT_DEFERRED : PORT_ESTABLISHED, i < 2 ? 30 : 0);
		r = listeners[i];
	}
	return r < 0 ? r : 0;
}
