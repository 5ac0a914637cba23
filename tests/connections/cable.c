// SPDX-License-Identifier: Apache-2.0
/* Carries frames badly: see cable.h. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "../packets/random.h"
#include "../packets/wire.h"
#include "cable.h"

#define FRAME_ROOM   2048 /* an Ethernet frame, and more */
#define DELAYED_MAX  8192 /* frames that are on their way; beyond, they are lost */
#define LOST_MOST    3	  /* of one segment: a cable that carries nothing tests nobody */
#define TIMES_SLOTS  65536
#define NS_PER_MS    1000000ULL
#define WAIT_MS	     20	       /* how soon the end is noticed */
#define RECEIVE_ROOM (8 << 20) /* bytes: nothing is lost by chance */

struct carried {
	uint64_t due_ns;
	int to; /* socket */
	uint32_t len;
	uint8_t at[FRAME_ROOM];
};

/* How a connection is treated, in 1000. */
struct treatment {
	uint32_t lose, repeat, delay, cut, damage;
};

/* The first sequence numbers of a connection, each way. */
struct numbers {
	uint32_t first[2];
};

struct cable {
	struct cable_options options;
	pthread_t thread;
	atomic_bool stop;
	int sockets[2]; /* to the server, to the client */
	struct carried *delayed[DELAYED_MAX];
	unsigned delayed_count;
	struct numbers numbers[65536]; /* by the client's port */
	uint32_t times[TIMES_SLOTS];   /* how often a segment came by; collisions don't matter */
	struct cable_counts counts;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int enter_netns(const char *name)
{
	char path[128];
	int fd, r;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	return r;
}

/* --- frames ---------------------------------------------------------------------------------- */

/* A TCP segment of ours in a frame. */
struct found {
	bool ipv6, to_server;
	uint32_t ip_len, tcp_at, payload_at, end; /* end: of the IP packet */
	uint16_t client_port;
	uint32_t seq;
	uint8_t flags;
};

static bool find_tcp(const uint8_t *at, uint32_t len, struct found *ret)
{
	uint32_t ethertype = get16(at + 12);

	memset(ret, 0, sizeof(*ret));
	ret->ipv6 = ethertype == 0x86dd;
	if (len < 14 + 40 || (ethertype != 0x0800 && !ret->ipv6))
		return false;
	ret->ip_len = ret->ipv6 ? 40 : (uint32_t)(at[14] & 15) * 4;
	ret->tcp_at = 14 + ret->ip_len;
	ret->end = 14 + (ret->ipv6 ? 40 + get16(at + 18) : get16(at + 16));
	if (at[ret->ipv6 ? 20 : 23] != IPPROTO_TCP || len < ret->tcp_at + 20 || ret->end > len)
		return false;
	ret->payload_at = ret->tcp_at + (uint32_t)(at[ret->tcp_at + 12] >> 4) * 4;
	ret->to_server = get16(at + ret->tcp_at + 2) == SERVED_PORT;
	ret->client_port = (uint16_t)get16(at + ret->tcp_at + (ret->to_server ? 0 : 2));
	ret->seq = get32(at + ret->tcp_at + 4);
	ret->flags = at[ret->tcp_at + 13];
	return ret->payload_at <= ret->end;
}

/* Lengths and checksums, when the packet ends at `end`. */
static void complete(struct carried *f, const struct found *s, uint32_t end)
{
	uint8_t *ip = f->at + 14, *tcp = f->at + s->tcp_at;
	const uint8_t *from = ip + (s->ipv6 ? 8 : 12), *to = ip + (s->ipv6 ? 24 : 16);

	if (s->ipv6) {
		put16(ip + 4, end - s->tcp_at);
	} else {
		put16(ip + 2, end - 14);
		put16(ip + 10, 0);
		put16(ip + 10, ~wire_sum(0, ip, s->ip_len) & 0xffff);
	}
	put16(tcp + 16, 0);
	put16(tcp + 16, wire_tcp_checksum(from, to, s->ipv6 ? 16 : 4, tcp, end - s->tcp_at));
	f->len = end;
}

static struct carried *copy_frame(const struct carried *f)
{
	struct carried *copy = malloc(sizeof(*copy));

	if (copy)
		memcpy(copy, f, offsetof(struct carried, at) + f->len);
	return copy;
}

/* --- what happens to them -------------------------------------------------------------------- */

static void send_now(struct cable *c, const struct carried *f)
{
	c->counts.carried++;
	if (send(f->to, f->at, f->len, 0) < 0 && errno != ENOBUFS && errno != ENETDOWN)
		fprintf(stderr, "cable: %s\n", strerror(errno));
}

/* Takes f over. */
static void send_later(struct cable *c, struct random *r, const struct treatment *t,
		       struct carried *f)
{
	uint32_t ms = random_below(r, 8) ? random_below(r, 30) : 300; /* 300: resent meanwhile */

	if (!random_chance(r, t->delay) || c->delayed_count == DELAYED_MAX) {
		send_now(c, f);
		free(f);
		return;
	}
	c->counts.delayed++;
	f->due_ns = now_ns() + ms * NS_PER_MS;
	c->delayed[c->delayed_count++] = f;
}

/* The segment as two, cut anywhere. */
static void send_cut(struct cable *c, struct random *r, const struct treatment *t,
		     struct carried *f, const struct found *s)
{
	uint32_t len = s->end - s->payload_at, at = 1 + random_below(r, len - 1);
	struct carried *second = copy_frame(f);

	if (!second) {
		free(f);
		return;
	}
	c->counts.cut++;
	f->at[s->tcp_at + 13] &= (uint8_t) ~(PSH | FIN);
	complete(f, s, s->payload_at + at);
	put32(second->at + s->tcp_at + 4, s->seq + at);
	memmove(second->at + s->payload_at, second->at + s->payload_at + at, len - at);
	complete(second, s, s->payload_at + len - at);
	send_later(c, r, t, f);
	send_later(c, r, t, second);
}

/* One byte of the payload is another, and the checksum says so. */
static void damage(struct cable *c, struct random *r, struct carried *f, const struct found *s)
{
	uint32_t at = s->payload_at + random_below(r, s->end - s->payload_at);

	c->counts.damaged++;
	f->at[at] ^= (uint8_t)(1 << random_below(r, 8));
}

static struct treatment treat(uint64_t seed, uint16_t port)
{
	static const struct treatment treatments[] = {
		{ 0, 0, 0, 0, 0 },	  { 0, 0, 0, 600, 0 },	     { 0, 0, 400, 0, 0 },
		{ 150, 0, 0, 0, 0 },	  { 0, 400, 100, 0, 0 },     { 100, 100, 100, 300, 0 },
		{ 50, 50, 300, 500, 0 },  { 200, 0, 0, 0, 0 },	     { 0, 0, 0, 0, 200 },
		{ 50, 50, 50, 200, 100 }, { 100, 200, 400, 200, 50 }
	};
	struct random r = random_for(seed, port);

	return treatments[random_below(&r, sizeof(treatments) / sizeof(*treatments))];
}

/* Randomness of its own for this segment's how-manieth sending. */
static struct random draw(struct cable *c, const struct found *s, uint32_t *ret_times)
{
	struct numbers *n = &c->numbers[s->client_port];
	struct random r = random_for(c->options.seed, s->client_port);
	uint32_t slot;

	if (s->flags & SYN)
		n->first[s->to_server] = s->seq;
	r.state ^= (uint64_t)(s->seq - n->first[s->to_server]) << 20 | s->flags << 1 | s->to_server;
	r.state ^= (uint64_t)(s->end - s->payload_at) << 52;
	slot = (uint32_t)(random_next(&r) % TIMES_SLOTS);
	*ret_times = ++c->times[slot];
	r.state += *ret_times;
	random_next(&r);
	return r;
}

/* Takes f over. */
static void carry(struct cable *c, struct carried *f)
{
	struct carried *again;
	struct treatment t;
	struct random r;
	struct found s;
	uint32_t times;

	if (!find_tcp(f->at, f->len, &s)) {
		send_now(c, f);
		free(f);
		return;
	}
	r = draw(c, &s, &times);
	t = treat(c->options.seed, s.client_port);
	/* Nothing sends a lost RST again: without it the other end waits for its time limit. */
	if (!(s.flags & RST) && times <= LOST_MOST && random_chance(&r, t.lose)) {
		c->counts.lost++;
		free(f);
		return;
	}
	if (s.end > s.payload_at && random_chance(&r, t.damage))
		damage(c, &r, f, &s);
	else if (s.end - s.payload_at > 1 && random_chance(&r, t.cut))
		return send_cut(c, &r, &t, f, &s);
	if (random_chance(&r, t.repeat) && (again = copy_frame(f))) {
		c->counts.repeated++;
		send_later(c, &r, &t, again);
	}
	send_later(c, &r, &t, f);
}

/* --- the thread ------------------------------------------------------------------------------ */

static void send_due(struct cable *c)
{
	uint64_t now = now_ns();

	for (unsigned i = 0; i < c->delayed_count;) {
		struct carried *f = c->delayed[i];

		if (f->due_ns > now) {
			i++;
			continue;
		}
		send_now(c, f);
		free(f);
		c->delayed[i] = c->delayed[--c->delayed_count];
	}
}

static int wait_ms(const struct cable *c)
{
	uint64_t first = now_ns() + WAIT_MS * NS_PER_MS, now = now_ns();

	for (unsigned i = 0; i < c->delayed_count; i++) {
		if (c->delayed[i]->due_ns < first)
			first = c->delayed[i]->due_ns;
	}
	return first <= now ? 0 : (int)((first - now + NS_PER_MS - 1) / NS_PER_MS);
}

/* False: nothing was there. */
static bool receive(struct cable *c, int from, int to)
{
	struct carried *f = malloc(sizeof(*f));
	struct sockaddr_ll address;
	socklen_t len = sizeof(address);
	ssize_t n;

	if (!f)
		return false;
	n = recvfrom(from, f->at, sizeof(f->at), MSG_DONTWAIT, (struct sockaddr *)&address, &len);
	if (n < 0 || address.sll_pkttype == PACKET_OUTGOING) {
		free(f);
		return n >= 0;
	}
	f->len = (uint32_t)n;
	f->to = to;
	carry(c, f);
	return true;
}

static void *carry_frames(void *arg)
{
	struct cable *c = arg;
	struct pollfd fds[2] = { { .fd = c->sockets[0], .events = POLLIN },
				 { .fd = c->sockets[1], .events = POLLIN } };

	while (!atomic_load(&c->stop)) {
		poll(fds, 2, wait_ms(c));
		while (receive(c, c->sockets[0], c->sockets[1]))
			;
		while (receive(c, c->sockets[1], c->sockets[0]))
			;
		send_due(c);
	}
	return NULL;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(0x0003) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(0x0003)), room = RECEIVE_ROOM, r;

	if (fd < 0)
		return -errno;
	address.sll_ifindex = (int)if_nametoindex(name);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (address.sll_ifindex && !bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static int open_both(struct cable *c)
{
	int r = enter_netns(c->options.netns);

	if (r < 0)
		return r;
	c->sockets[0] = open_interface(c->options.to_server);
	if (c->sockets[0] < 0)
		return c->sockets[0];
	c->sockets[1] = open_interface(c->options.to_client);
	return c->sockets[1] < 0 ? c->sockets[1] : 0;
}

int cable_new(const struct cable_options *options, struct cable **ret)
{
	struct cable *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->options = *options;
	c->sockets[0] = c->sockets[1] = -1;
	r = open_both(c);
	if (!r)
		r = -pthread_create(&c->thread, NULL, carry_frames, c);
	if (r) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void cable_free(struct cable **cable, struct cable_counts *ret_counts)
{
	struct cable *c = *cable;

	atomic_store(&c->stop, true);
	pthread_join(c->thread, NULL);
	for (unsigned i = 0; i < c->delayed_count; i++)
		free(c->delayed[i]);
	close(c->sockets[0]);
	close(c->sockets[1]);
	*ret_counts = c->counts;
	free(c);
	*cable = NULL;
}
