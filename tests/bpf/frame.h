/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames as a sender would put them on the wire, built from a description, and frames read back.
 * The checksums here are written a second time and byte by byte on purpose: what checks the program
 * must not share its arithmetic.
 */
#ifndef BPF_TESTS_FRAME_H
#define BPF_TESTS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 16384

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

struct frame {
	uint8_t bytes[FRAME_MAX];
	uint32_t len;
};

/* The two ends of a connection, as the client sees them. Addresses in network order, ports in host
 * order; IPv4 in the first four bytes. */
struct ends {
	bool ipv6;
	uint8_t client[16], server[16];
	uint16_t client_port, server_port;
	uint32_t seq; /* the next byte the client will send */
	uint32_t ack; /* the next byte it waits for */
};

#define SENT_TSVAL 0x11223344u
#define SENT_TSECR 0x55667788u

/* The TCP options of a segment. */
enum option_layout {
	OPTIONS_USUAL,	   /* NOP NOP timestamp */
	OPTIONS_TIMESTAMP, /* the timestamp first, then NOP NOP */
	OPTIONS_ENDED,	   /* NOP, timestamp, end of options */
	OPTIONS_SACK,	   /* no timestamp */
	OPTIONS_SACK_TOO,  /* a timestamp behind a SACK block */
	OPTIONS_UNKNOWN,   /* one of a kind that nobody knows, behind the timestamp */
	OPTIONS_MD5,	   /* a signature, which we couldn't give back */
	OPTIONS_TWICE,	   /* two timestamps */
	OPTIONS_LONG,	   /* an option that ends behind the header */
	OPTIONS_SHORT,	   /* an option shorter than it can be */
	OPTIONS_COUNT,
};

/* IPPROTO_HOPOPTS is 0, and so ends a list. */
#define HOP_BY_HOP 255

/* How a segment differs from the ordinary one: PSH ACK with the connection's own numbers. */
struct shape {
	const char *text;  /* payload */
	uint32_t text_len; /* 0: strlen(text) */
	uint32_t padded;   /* payload is filled up to this with 'x' */
	uint8_t flags;
	int32_t seq, ack; /* added to the connection's */
	bool no_timestamps;
	enum option_layout options;
	uint8_t tags; /* VLAN tags; the outer of several is 802.1ad's */
	/* IPv6 extension headers by type, 0 ends the list; each has eight bytes but the first,
	 * which has extension_units more of them */
	uint8_t extensions[8];
	uint8_t extension_units;
	uint8_t segments_left; /* in a routing header */
	uint16_t fragment6;    /* the field of a fragment header */
	uint8_t ip_options;    /* bytes, a multiple of four */
	uint16_t fragment;     /* the IPv4 field as it is */
	uint8_t next_header;   /* or protocol; 0: TCP */
	uint16_t ethertype;    /* 0: by family */
	uint16_t port;	       /* destination; 0: the connection's */
	uint8_t trailer;       /* Ethernet padding behind the packet */
	uint32_t cut;	       /* bytes kept of the frame; 0: all */
	bool damaged;	       /* the last byte isn't the one that was summed */
	/* false lengths; 0: the true ones */
	uint8_t ihl, doff;
	uint8_t version;
	uint16_t total;
};

void frame_build(const struct ends *e, const struct shape *s, struct frame *ret);

/* A frame taken apart. */
struct segment_view {
	bool ipv6;
	uint8_t to[16], from[16];
	uint16_t to_port, from_port;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window;
	uint32_t option_len;
	uint32_t tsval, tsecr;
	uint32_t mss; /* 0: the option isn't there */
	const uint8_t *text;
	uint32_t text_len;
	uint8_t tos, ttl;
	const uint8_t *tags; /* up to and with the ethertype */
	uint32_t tags_len;
};
/* NULL, or what is wrong with it: lengths, checksums, versions, what a field must be in what we
 * send. */
const char *frame_read(const struct frame *f, struct segment_view *ret);

#endif
