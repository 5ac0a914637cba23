/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A case, as data: what the maps and sockets are, and the segments that come one after another.
 * Everything is a named number whose 0 is the ordinary, or a string of bytes, so that one table
 * writes a case down, reads it back and makes it smaller: whatever still fails with the number 0
 * didn't need it.
 */
#ifndef PACKETS_SCRIPT_H
#define PACKETS_SCRIPT_H

#include <stdint.h>
#include <stdio.h>

#define SEGMENTS_MAX 8
#define OPTIONS_MAX  40	  /* of an IPv4 or a TCP header */
#define PAYLOAD_MAX  3000 /* BPF_PROG_TEST_RUN takes a page with its own room taken off */

/* X(name, what it is) */
#define SCENE_NUMBERS(X)                                                                           \
	X(tc, "1: at the TC hook, 0: at XDP")                                                      \
	X(peer, "whose connection: enum peer of tests/bpf/world.h")                                \
	X(mss, "what the client announces; 0: the usual")                                          \
	X(spoken, "1: the connection has had a request before")                                    \
	X(incomplete, "1: the map may lack keys")                                                  \
	X(origin, "1: CORS is on")                                                                 \
	X(refuse, "enum axfw_refuse")                                                              \
	X(keys_made, "keys made since userspace refused those it remembers")                       \
	X(elsewhere, "1: answers leave by another interface")                                      \
	X(signups, "attempts in the client's window")                                              \
	X(denied, "a deny list of lists.c")                                                        \
	X(allowed, "an allow list of lists.c")                                                     \
	X(trust, "trusted proxies of lists.c")                                                     \
	X(unprotected, "1: no port is protected")                                                  \
	X(proxy_protocol, "1: connections of trusted proxies begin with a PROXY header")           \
	X(syn_budget, "SYNs that a source may send at once, and no more for hours; 0: no limit")   \
	X(cookies, "1: SYNs are answered with cookies, and the stack wants them")                  \
	X(full, "1: the table of refused connections is full")

#define SEGMENT_NUMBERS(X)                                                                         \
	X(later, "1: behind everything sent so far, not at the connection's next byte")            \
	X(acks, "1: acknowledges all of the answer, not the connection's next byte")               \
	X(seq, "added to the sequence number")                                                     \
	X(ack, "added to the acknowledgement")                                                     \
	X(flags, "0: PSH ACK")                                                                     \
	X(tos, "type of service or traffic class")                                                 \
	X(fragment, "the IPv4 field as it is; IPv6: the fragment header's, plus one")              \
	X(ethertype, "in place of the family's")                                                   \
	X(protocol, "in place of TCP")                                                             \
	X(version, "in place of the family's")                                                     \
	X(ihl, "false header length")                                                              \
	X(doff, "false data offset")                                                               \
	X(total, "false total or payload length")                                                  \
	X(port, "destination, in place of the connection's")                                       \
	X(tag1, "outer VLAN tag: TPID and TCI; 0: none")                                           \
	X(tag2, "the next one")                                                                    \
	X(tag3, "the next one")                                                                    \
	X(ext1, "IPv6 extension header: type, its length byte; 0: none")                           \
	X(ext2, "the next one")                                                                    \
	X(ext3, "the next one")                                                                    \
	X(checksum, "1: the pseudo header's sum alone; else added to the right one")               \
	X(trailer, "bytes of Ethernet padding")                                                    \
	X(fill, "the payload is filled up to this with x")                                         \
	X(cut, "bytes kept of the frame; 0: all")                                                  \
	X(patch1, "(offset into the frame + 1) * 256 + the byte put there")                        \
	X(patch2, "the same")                                                                      \
	X(patch3, "the same")                                                                      \
	X(patch4, "the same")

#define SEGMENT_BYTES(X)                                                                           \
	X(ip_options, OPTIONS_MAX)                                                                 \
	X(tcp_options, OPTIONS_MAX)                                                                \
	X(payload, PAYLOAD_MAX)

/* Zero-terminated for convenience; may hold zeros. */
struct bytes {
	uint32_t len;
	uint8_t at[PAYLOAD_MAX + 1];
};

struct scene {
#define X(name, text) uint32_t name;
	SCENE_NUMBERS(X)
#undef X
};

struct script_segment {
#define X(name, text) uint32_t name;
	SEGMENT_NUMBERS(X)
#undef X
#define X(name, max) struct bytes name;
	SEGMENT_BYTES(X)
#undef X
};

struct script {
	struct scene scene;
	uint32_t segment_count;
	struct script_segment segments[SEGMENTS_MAX];
};

/* The numbers of a scene and of a segment as arrays: they come first in their structs. */
#define X(name, text) +1
enum { SCENE_NUMBER_COUNT = 0 SCENE_NUMBERS(X), SEGMENT_NUMBER_COUNT = 0 SEGMENT_NUMBERS(X) };
#undef X

/* Bytes in C's notation, so that a request can be read and edited. */
void script_write(const struct script *s, FILE *to);
/* -EINVAL: not a script; *ret_line is where. */
int script_read(FILE *from, struct script *ret, unsigned *ret_line);

#endif
