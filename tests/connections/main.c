// SPDX-License-Identifier: Apache-2.0
/*
 * connection-fuzz: whole connections over a bad cable (cable.h) against an axfwd. The namespaces,
 * the cable's two interfaces and the daemon are there already: tests/e2e/test_bad_cable.py.
 *
 *   connection-fuzz --cable NETNS,TO_SERVER,TO_CLIENT --client NETNS --server NETNS,IPV4,IPV6
 *                   --keys ACTIVE,UNKNOWN,REVOKED,EXHAUSTED
 *                   [--seed N] [--first N] [--count N] [--at-once N] [--only-active] [--half-close]
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cable.h"
#include "client.h"
#include "leftovers.h"

/* A lost FIN is sent again, each time twice as late, and an end that waits for one forgets it after
 * a minute. */
#define LINGER_S 100

struct options {
	struct cable_options cable;
	struct client_options clients;
	const char *client, *server; /* namespaces */
};

/* Takes a comma-separated list of exactly `count` words apart, in place. */
static bool split(char *text, const char **words, unsigned count)
{
	unsigned i = 0;

	for (char *word; (word = strsep(&text, ","));) {
		if (i == count)
			return false;
		words[i++] = word;
	}
	return i == count;
}

static bool read_unsigned(const char *text, unsigned *ret)
{
	char *end;

	*ret = (unsigned)strtoul(text, &end, 10);
	return end != text && !*end;
}

static bool read_option(int c, char *text, struct options *o)
{
	const char *words[3];
	bool ok = true;

	switch (c) {
	case 'c':
		ok = split(text, words, 3);
		if (ok)
			o->cable = (struct cable_options){ words[0], words[1], words[2], 0 };
		return ok;
	case 'n':
		o->client = text;
		return true;
	case 's':
		ok = split(text, words, 3);
		if (ok) {
			o->server = words[0];
			o->clients.server4 = words[1];
			o->clients.server6 = words[2];
		}
		return ok;
	case 'k':
		return split(text, o->clients.keys, KIND_COUNT);
	case 'r':
		o->clients.seed = strtoull(text, NULL, 0);
		return true;
	case 'f':
		return read_unsigned(text, &o->clients.first);
	case 'm':
		return read_unsigned(text, &o->clients.count);
	case 'a':
		return read_unsigned(text, &o->clients.at_once) && o->clients.at_once;
	case 'v':
		return o->clients.only_active = true;
	case 'h':
		return o->clients.half_close = true;
	default:
		return false;
	}
}

static bool read_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = { { "cable", required_argument, NULL, 'c' },
					       { "client", required_argument, NULL, 'n' },
					       { "server", required_argument, NULL, 's' },
					       { "keys", required_argument, NULL, 'k' },
					       { "seed", required_argument, NULL, 'r' },
					       { "first", required_argument, NULL, 'f' },
					       { "count", required_argument, NULL, 'm' },
					       { "at-once", required_argument, NULL, 'a' },
					       { "only-active", no_argument, NULL, 'v' },
					       { "half-close", no_argument, NULL, 'h' },
					       { NULL, 0, NULL, 0 } };
	bool ok = true;
	int c;

	*o = (struct options){ .clients = { .seed = 1, .count = 100, .at_once = 50 } };
	while (ok && (c = getopt_long(argc, argv, "", names, NULL)) != -1)
		ok = read_option(c, optarg, o);
	o->cable.seed = o->clients.seed;
	return ok && optind == argc && o->cable.netns && o->client && o->clients.server4 &&
	       o->clients.keys[0];
}

/* Waits until neither end holds a socket of ours: the last ACKs may be lost, too. */
static int wait_until_gone(const struct options *o)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	int client = 0, server = 0;

	for (unsigned i = 0; i < 10 * LINGER_S; i++) {
		client = leftovers_count(o->client);
		server = leftovers_count(o->server);
		if (client <= 0 && server <= 0)
			return client < 0 ? client : server;
		nanosleep(&pause, NULL);
	}
	printf("FAILED: %d sockets are left at the clients, %d at the server\n", client, server);
	return -ETIMEDOUT;
}

int main(int argc, char **argv)
{
	struct cable_counts carried = { 0 };
	struct client_counts seen = { 0 };
	struct cable *cable = NULL;
	struct options o;
	int r;

	if (!read_options(argc, argv, &o)) {
		fprintf(stderr, "connection-fuzz: see tests/connections/main.c\n");
		return 2;
	}
	r = cable_new(&o.cable, &cable);
	if (!r)
		r = enter_netns(o.client);
	if (!r)
		r = clients_run(&o.clients, &seen);
	if (!r)
		r = wait_until_gone(&o);
	if (cable)
		cable_free(&cable, &carried);
	if (r)
		fprintf(stderr, "connection-fuzz: %s\n", strerror(-r));
	printf("frames: %llu carried, %llu lost, %llu repeated, %llu delayed, %llu cut, %llu "
	       "damaged\n",
	       (unsigned long long)carried.carried, (unsigned long long)carried.lost,
	       (unsigned long long)carried.repeated, (unsigned long long)carried.delayed,
	       (unsigned long long)carried.cut, (unsigned long long)carried.damaged);
	printf("connections: %u served, %u refused (%u by the kernel), %u closed, %u late, %u "
	       "given up, %u problems\n",
	       seen.served, seen.refused, seen.by_kernel, seen.closed, seen.late, seen.given_up,
	       seen.problems);
	return r || seen.problems;
}
