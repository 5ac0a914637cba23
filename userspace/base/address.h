/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP addresses and prefixes, in one form for both families: 16 bytes, IPv4 mapped into IPv6
 * (RFC 4291, 2.5.5.2), network byte order. The kernel maps use the same form.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <netinet/in.h>

struct address {
	uint8_t bytes[16];
};

struct prefix {
	struct address address;
	unsigned len; /* 0..128; an IPv4 prefix is 96 + its own length */
};

struct prefix_list {
	struct prefix *items; /* owned */
	size_t count;
	bool any; /* "*": every address */
};

#define ADDRESS_TEXT_LEN INET6_ADDRSTRLEN

void address_from_sockaddr(const struct sockaddr *from, struct address *ret);
int address_parse(const char *text, struct address *ret); /* -EINVAL */
void address_format(const struct address *a, char ret[static ADDRESS_TEXT_LEN]);
bool address_is_v4(const struct address *a);
bool address_is_loopback(const struct address *a);
/* What limits count by: an IPv4 address whole, an IPv6 address's /64. */
struct address address_client(const struct address *a);

int prefix_parse(const char *text,
		 struct prefix *ret); /* "10.0.0.0/8", "::1", "10.1.2.3"; -EINVAL */
/* "10.0.0.0/8", "2001:db8::/32"; without the length where it is an address. */
#define PREFIX_TEXT_LEN (INET6_ADDRSTRLEN + 4)
void prefix_format(const struct prefix *p, char ret[static PREFIX_TEXT_LEN]);
/* The prefix of that length that a lies in. */
struct prefix prefix_of(const struct address *a, unsigned len);
bool prefix_covers(const struct prefix *p, const struct prefix *inner); /* or is equal */
bool prefix_contains(const struct prefix *p, const struct address *a);
/* Comma-separated; empty: no prefix; "*": any. -EINVAL. */
int prefix_list_parse(const char *text, struct prefix_list *ret);
void prefix_list_free(struct prefix_list *list);
bool prefix_list_contains(const struct prefix_list *list, const struct address *a);

#endif
