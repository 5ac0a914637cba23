// SPDX-License-Identifier: Apache-2.0
/* Real connections over loopback, and what their sockets wait for: see world.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/sockios.h>
#include "world_internal.h"

#define ACK_POLL_US   1000
#define ACK_POLLS_MAX 10000 /* ten seconds: a hang, not a busy machine */

static void put_address(const struct sockaddr_storage *a, uint8_t ret[16], uint16_t *ret_port)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

	memset(ret, 0, 16);
	if (a->ss_family == AF_INET6) {
		memcpy(ret, &v6->sin6_addr, 16);
		*ret_port = ntohs(v6->sin6_port);
	} else {
		memcpy(ret, &v4->sin_addr, 4);
		*ret_port = ntohs(v4->sin_port);
	}
}

static int read_queue_seq(int fd, int queue, uint32_t *ret)
{
	socklen_t len = sizeof(*ret);

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)) ||
	    getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, ret, &len))
		return -errno;
	return 0;
}

int connection_numbers(struct connection *c)
{
	int on = TCP_REPAIR_ON, off = TCP_REPAIR_OFF_NO_WP, r;

	if (setsockopt(c->client, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)))
		return -errno;
	r = read_queue_seq(c->client, TCP_SEND_QUEUE, &c->ends.seq);
	if (!r)
		r = read_queue_seq(c->client, TCP_RECV_QUEUE, &c->ends.ack);
	if (setsockopt(c->client, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)) && !r)
		r = -errno;
	return r;
}

/* No connection at all: loopback addresses and numbers that nobody knows. */
static int nobody(struct connection *c)
{
	c->ends.client_port = 40000;
	c->ends.server_port = PORT_DEFERRED;
	c->ends.seq = 1000;
	c->ends.ack = 2000;
	if (c->ends.ipv6)
		c->ends.client[15] = c->ends.server[15] = 1;
	else
		memcpy(c->ends.client, "\x7f\0\0\1", 4), memcpy(c->ends.server, "\x7f\0\0\1", 4);
	return 0;
}

/* connect() returns when the client has the SYN-ACK. On a busy machine the server hasn't seen its
 * acknowledgement yet, and is established only when there is something to accept. */
static bool accept_it(bool ipv6, struct connection *c)
{
	const struct timeval patience = { .tv_sec = 10 };
	int listener = net_listener(ipv6);

	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	c->server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return c->server >= 0;
}

int connection_open(enum peer peer, uint32_t mss, struct connection *ret)
{
	bool ipv6 = peer == NOBODY6 || peer == DEFERRED6 || peer == ESTABLISHED6;
	uint16_t port = peer < ESTABLISHED4 ? PORT_DEFERRED : PORT_ESTABLISHED;
	struct sockaddr_storage address;
	socklen_t len = net_loopback(ipv6, port, &address);

	memset(ret, 0, sizeof(*ret));
	ret->client = ret->server = -1;
	ret->ends.ipv6 = ipv6;
	if (peer < DEFERRED4)
		return nobody(ret);
	ret->client = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ret->client < 0)
		return -errno;
	if (mss)
		setsockopt(ret->client, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof(mss));
	if (connect(ret->client, (struct sockaddr *)&address, len))
		return -errno;
	put_address(&address, ret->ends.server, &ret->ends.server_port);
	len = sizeof(address);
	if (getsockname(ret->client, (struct sockaddr *)&address, &len))
		return -errno;
	put_address(&address, ret->ends.client, &ret->ends.client_port);
	if (port == PORT_ESTABLISHED && !accept_it(ipv6, ret))
		return -errno;
	return connection_numbers(ret);
}

void connection_close(struct connection *c)
{
	struct linger reset = { .l_onoff = 1 };

	if (c->client < 0)
		return;
	setsockopt(c->client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(c->client);
	if (c->server >= 0)
		close(c->server);
	c->client = c->server = -1;
}

int connection_send(struct connection *c, const char *text)
{
	int unacknowledged = 1;

	if (send(c->client, text, strlen(text), 0) < 0)
		return -errno;
	for (int i = 0; unacknowledged && i < ACK_POLLS_MAX; i++) {
		if (ioctl(c->client, SIOCOUTQ, &unacknowledged) < 0)
			return -errno;
		if (unacknowledged)
			usleep(ACK_POLL_US);
	}
	return unacknowledged ? -ETIMEDOUT : connection_numbers(c);
}

void connection_flow_key(const struct connection *c, struct axfw_flow_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (c->ends.ipv6) {
		memcpy(ret->client, c->ends.client, 16);
		memcpy(ret->server, c->ends.server, 16);
	} else {
		ret->client[10] = ret->client[11] = ret->server[10] = ret->server[11] = 0xff;
		memcpy(ret->client + 12, c->ends.client, 4);
		memcpy(ret->server + 12, c->ends.server, 4);
	}
	ret->client_port = htons(c->ends.client_port);
	ret->server_port = htons(c->ends.server_port);
}
