/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients with real sockets: each connection sends one or two guard calls, cut and paced as its
 * number says, and judges what comes back.
 */
#ifndef CONNECTIONS_CLIENT_H
#define CONNECTIONS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

enum key_kind { KIND_ACTIVE, KIND_UNKNOWN, KIND_REVOKED, KIND_EXHAUSTED, KIND_COUNT };

struct client_options {
	uint64_t seed;
	unsigned first, count, at_once; /* connection numbers first .. first + count - 1 */
	bool only_active, half_close;
	const char *server4, *server6;
	const char *keys[KIND_COUNT];
};

struct client_counts {
	unsigned served, refused, closed, given_up; /* connections, by how they ended */
	unsigned late;				    /* the daemon\'s time limit ended them */
	unsigned by_kernel;			    /* answers */
	unsigned problems;
};

/* Runs them all; prints each problem with the connection's number. -errno: couldn't. */
int clients_run(const struct client_options *options, struct client_counts *ret);

#endif
