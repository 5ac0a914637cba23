// SPDX-License-Identifier: Apache-2.0
/* Cases by grammar: see generate.h. */
#include <netinet/in.h>
#include <string.h>
#include "../bpf/world.h"
#include "axfw/abi.h"
#include "generate.h"

#define COUNT(array)	 (sizeof(array) / sizeof(*(array)))
#define ONE_OF(r, array) ((array)[random_below(r, COUNT(array))])

#define FRAME_LEN_USUAL 400 /* where patches and cuts hit */

/* In 1000: ordinary cases, cases with an oddity or two, wild ones. */
static uint32_t choose_odd(struct random *r)
{
	static const uint32_t odds[] = { 0, 0, 40, 40, 40, 120, 120, 500 };

	return ONE_OF(r, odds);
}

static void generate_scene(struct random *r, struct scene *ret)
{
	static const uint32_t peers[] = { DEFERRED4, DEFERRED4,	   DEFERRED4,	 DEFERRED6,
					  DEFERRED6, ESTABLISHED4, ESTABLISHED4, ESTABLISHED6,
					  NOBODY4,   NOBODY6 };
	static const uint32_t refusing[] = { AXFW_REFUSE_PASS, AXFW_REFUSE_RESET, AXFW_REFUSE_RESET,
					     AXFW_REFUSE_DROP, AXFW_REFUSE_DROP };

	*ret = (struct scene){ .peer = ONE_OF(r, peers) };
	ret->tc = random_below(r, 2);
	ret->incomplete = random_chance(r, 250);
	ret->origin = random_chance(r, 200);
	ret->keys_made = random_chance(r, 150);
	ret->signups = random_below(r, 2) ? 5 : random_below(r, 6);
	if (random_chance(r, 60))
		ret->spoken = 1;
	if (random_chance(r, 60))
		ret->mss = 100;
	if (random_chance(r, 200))
		ret->refuse = ONE_OF(r, refusing);
	ret->elsewhere = random_chance(r, 30);
	if (random_chance(r, 200))
		ret->denied = random_below(r, 6);
	if (random_chance(r, 150))
		ret->allowed = random_below(r, 4);
	if (random_chance(r, 500))
		ret->trust = random_below(r, 4);
	ret->unprotected = random_chance(r, 10);
	ret->proxy_protocol = ret->trust && random_chance(r, 400);
	if (random_chance(r, 100))
		ret->syn_budget = 1 + random_below(r, 4);
	ret->cookies = random_chance(r, 80);
	ret->full = random_chance(r, 50);
}

/* --- one segment ----------------------------------------------------------------------------- */

static void clear_segment(struct script_segment *s)
{
	memset(s, 0, SEGMENT_NUMBER_COUNT * sizeof(uint32_t));
	s->ip_options.len = s->tcp_options.len = s->payload.len = 0;
}

static void copy_bytes(struct bytes *to, const struct bytes *from)
{
	to->len = from->len;
	memcpy(to->at, from->at, from->len);
}

static void copy_segment(struct script_segment *to, const struct script_segment *from)
{
	memcpy(to, from, SEGMENT_NUMBER_COUNT * sizeof(uint32_t));
	copy_bytes(&to->ip_options, &from->ip_options);
	copy_bytes(&to->tcp_options, &from->tcp_options);
	copy_bytes(&to->payload, &from->payload);
}

static void set_bytes(struct bytes *b, const void *at, uint32_t len)
{
	b->len = len;
	memcpy(b->at, at, len);
}

static void choose_tcp_options(struct random *r, uint32_t odd, struct bytes *ret)
{
	static const struct {
		const char *bytes;
		uint32_t len;
	} others[] = {
		{ "\1\1\5\012aaaaaaaa", 12 },				 /* a SACK block */
		{ "\10\012aaaabbbb\1\1", 12 },				 /* timestamp first */
		{ "\1\1\10\012aaaabbbb\1\1\5\012ccccdddd", 24 },	 /* timestamp, SACK */
		{ "\1\1\5\012ccccdddd\1\1\10\012aaaabbbb", 24 },	 /* SACK, timestamp */
		{ "\1\1\1\1", 4 },					 /* nothing */
		{ "\0\0\0\0", 4 },					 /* their end */
		{ "\375\6aaaa\1\1", 8 },				 /* an experiment */
		{ "\375\6aaaa\10\012aaaabbbb", 16 },			 /* and a timestamp */
		{ "\10\011aaaabbb\1\1\1", 12 },				 /* a false length */
		{ "\10\012aaaabbbb\10\012ccccdddd", 20 },		 /* twice */
		{ "\1\1\10\012aaaabbbb\23\22eeeeeeeeeeeeeeee\1\1", 32 }, /* MD5 */
		{ "\2\4\5\264\1\1\10\012aaaabbbb", 16 },		 /* an MSS without SYN */
		{ "\10\0aa", 4 },					 /* no length */
		{ "\5\377aa", 4 },					 /* too long a one */
	};
	uint32_t which;

	if (!random_chance(r, odd)) {
		if (random_below(r, 5))
			set_bytes(ret, "\1\1\10\012\21\42\63\104\125\146\167\210", 12);
		return;
	}
	which = random_below(r, COUNT(others) + 1);
	if (which < COUNT(others)) {
		set_bytes(ret, others[which].bytes, others[which].len);
		return;
	}
	ret->len = 4 * (1 + random_below(r, OPTIONS_MAX / 4));
	for (uint32_t i = 0; i < ret->len; i++)
		ret->at[i] = (uint8_t)random_below(r, 12);
}

/* As clients offer them, and as they don't. */
static void choose_syn_options(struct random *r, uint32_t odd, struct bytes *ret)
{
	static const struct {
		const char *bytes;
		uint32_t len;
	} offers[] = {
		{ "\2\4\5\264\4\2\10\012aaaa\0\0\0\0\1\3\3\7", 20 }, /* Linux's */
		{ "\2\4\5\240\1\1\4\2", 8 },			     /* 1440 */
		{ "\2\4\5\24", 4 },				     /* 1300 */
		{ "\2\4\5\23", 4 },				     /* 1299 */
		{ "\2\4\5\214\0\0\0\0", 8 },			     /* 1420 */
		{ "\2\4\43\34\0\2\4\2", 8 },			     /* 8988 */
		{ "\2\4\0\0", 4 },				     /* nothing at all */
		{ "\2\4\5\264\2\4\2\30", 8 },			     /* twice */
		{ "\2\3\5\1", 4 },				     /* a false length */
		{ "\375\6aaaa\2\4\5\264\1\1", 12 },		     /* behind another */
		{ "\3\0\5\264", 4 },				     /* no length */
	};
	uint32_t which = random_below(r, COUNT(offers));

	if (random_chance(r, odd))
		choose_tcp_options(r, 1000, ret);
	else if (random_below(r, 8))
		set_bytes(ret, offers[which].bytes, offers[which].len);
}

static void choose_ip_options(struct random *r, struct bytes *ret)
{
	ret->len = 4 * (1 + random_below(r, OPTIONS_MAX / 4));
	memset(ret->at, random_below(r, 2), ret->len);
}

static uint32_t choose_extension(struct random *r)
{
	static const uint8_t types[] = { IPPROTO_HOPOPTS,
					 IPPROTO_DSTOPTS,
					 IPPROTO_ROUTING,
					 IPPROTO_FRAGMENT,
					 IPPROTO_AH,
					 IPPROTO_NONE,
					 135,
					 253,
					 IPPROTO_ESP };
	uint32_t type = random_below(r, 3) ? types[random_below(r, 4)] : ONE_OF(r, types);

	return 0x10000 | type << 8 | random_below(r, random_below(r, 8) ? 3 : 20);
}

static void choose_links(struct random *r, uint32_t odd, struct script_segment *s)
{
	static const uint32_t tpids[] = { 0x8100, 0x8100, 0x88a8, 0x9100 };

	if (random_chance(r, 20 + odd / 2))
		s->tag1 = ONE_OF(r, tpids) << 16 | random_below(r, 0x10000);
	if (s->tag1 && random_below(r, 3) == 0)
		s->tag2 = ONE_OF(r, tpids) << 16 | random_below(r, 0x10000);
	if (s->tag2 && random_below(r, 3) == 0)
		s->tag3 = ONE_OF(r, tpids) << 16 | random_below(r, 0x10000);
	if (random_chance(r, 20 + odd / 2))
		s->ext1 = choose_extension(r);
	if (s->ext1 && random_below(r, 2))
		s->ext2 = choose_extension(r);
	if (s->ext2 && random_below(r, 2))
		s->ext3 = choose_extension(r);
	if (random_chance(r, 20 + odd / 2))
		choose_ip_options(r, &s->ip_options);
}

static uint32_t choose_patch(struct random *r)
{
	static const uint8_t telling[] = { 0,	 1,    4,    6,	  0x45, 0x40, 0x60,
					   0xff, '\r', '\n', ' ', ':',	'P' };
	uint32_t at = random_below(r, random_below(r, 2) ? 80 : FRAME_LEN_USUAL);

	return (at + 1) << 8 | (random_below(r, 2) ? ONE_OF(r, telling) : random_below(r, 256));
}

/* What is false about a frame: each rarely, so that the others stay true. */
static void choose_falsehoods(struct random *r, uint32_t odd, struct script_segment *s)
{
	static const uint32_t ethertypes[] = { 0x0800, 0x86dd, 0x0806, 0x8100,
					       0x88a8, 0x8847, 0x0600 };
	static const uint32_t protocols[] = { IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_FRAGMENT,
					      IPPROTO_AH, 255 };
	static const uint32_t fragments[] = { 0x4000, 0x2000, 0x0001, 0x8000,
					      0x1fff, 0x2008, 0x0008, 0x6000 };
	static const uint32_t ports[] = { PORT_OTHER, PORT_DEFERRED, PORT_ESTABLISHED, 80 };
	static const uint32_t flags[] = { ACK,	    SYN,       SYN | ACK,   FIN | PSH | ACK,
					  RST,	    RST | ACK, URG | ACK,   PSH,
					  FIN,	    0xd8,      0x18 | 0x40, 0xff,
					  FIN | SYN };
	uint32_t each = odd / 8;

	if (random_chance(r, each))
		s->ethertype = ONE_OF(r, ethertypes);
	if (random_chance(r, each))
		s->protocol = ONE_OF(r, protocols);
	if (random_chance(r, each))
		s->fragment = ONE_OF(r, fragments);
	if (random_chance(r, each))
		s->version = 1 + random_below(r, 15);
	if (random_chance(r, each))
		s->ihl = 1 + random_below(r, 15);
	if (random_chance(r, each))
		s->doff = 1 + random_below(r, 15);
	if (random_chance(r, each))
		s->total = 1 + random_below(r, random_below(r, 2) ? 100 : 65535);
	if (random_chance(r, each))
		s->port = ONE_OF(r, ports);
	if (random_chance(r, 10 + each))
		s->flags = random_below(r, 3) ? ONE_OF(r, flags) : 1 + random_below(r, 255);
	if (random_chance(r, 20))
		s->tos = random_below(r, 256);
	if (random_chance(r, 100))
		s->checksum = 1 + random_below(r, 2) * random_below(r, 0xffff);
	if (random_chance(r, 30))
		s->trailer = random_below(r, 20);
	if (random_chance(r, each))
		s->cut = 15 + random_below(r, FRAME_LEN_USUAL);
	if (random_chance(r, odd / 2))
		s->patch1 = choose_patch(r);
	if (s->patch1 && random_below(r, 2))
		s->patch2 = choose_patch(r);
	if (s->patch2 && random_below(r, 2))
		s->patch3 = choose_patch(r);
	if (s->patch3 && random_below(r, 2))
		s->patch4 = choose_patch(r);
}

static uint32_t choose_offset(struct random *r)
{
	static const uint32_t offsets[] = { 1,		(uint32_t)-1, 2,      100,
					    0x80000000, 0x7fffffff,   1448,   (uint32_t)-1448,
					    2097152,	2097151,      2097153 };

	return random_below(r, 4) ? ONE_OF(r, offsets) : (uint32_t)random_next(r);
}

static void generate_syn(struct random *r, uint32_t odd, struct script_segment *ret)
{
	clear_segment(ret);
	ret->flags = SYN;
	choose_syn_options(r, odd, &ret->tcp_options);
	choose_links(r, odd / 2, ret);
	choose_falsehoods(r, odd, ret);
	if (random_chance(r, 40))
		ret->fill = random_below(r, 1400);
	if (random_chance(r, 40))
		ret->flags = SYN | 1u << random_below(r, 8);
}

/* Behind the header that the scene's proxies send, or without it. */
static void put_proxy_header(struct random *r, uint32_t odd, struct bytes *request)
{
	struct bytes header;
	uint32_t len = request->len;

	if (random_chance(r, 40 + odd / 4))
		return;
	generate_proxy_header(r, odd, &header);
	if (len > PAYLOAD_MAX - header.len)
		len = PAYLOAD_MAX - header.len;
	if (random_chance(r, 20))
		len = 0;
	memmove(request->at + header.len, request->at, len);
	memcpy(request->at, header.at, header.len);
	request->len = header.len + len;
}

static void generate_first(struct random *r, uint32_t odd, const struct scene *scene,
			   struct script_segment *ret)
{
	if ((scene->syn_budget || scene->cookies) && random_chance(r, 300)) {
		generate_syn(r, odd, ret);
		return;
	}
	clear_segment(ret);
	choose_tcp_options(r, odd / 2, &ret->tcp_options);
	choose_links(r, odd / 2, ret);
	choose_falsehoods(r, odd, ret);
	if (random_chance(r, odd / 8))
		ret->seq = choose_offset(r);
	if (random_chance(r, odd / 8))
		ret->ack = choose_offset(r);
	if (random_chance(r, odd / 12))
		ret->fill = random_below(r, 1500);
	else
		generate_request(r, odd, &ret->payload);
	if (scene->proxy_protocol || random_chance(r, 5))
		put_proxy_header(r, odd, &ret->payload);
	if (random_chance(r, 30))
		ret->fill = random_below(r, random_below(r, 4) ? 1500 : PAYLOAD_MAX);
}

/* --- what comes after it --------------------------------------------------------------------- */

/* A later segment of a connection, as clients send them and as they don't. */
static void generate_later(struct random *r, uint32_t odd, const struct script_segment *first,
			   struct script_segment *ret)
{
	uint32_t kind = random_below(r, 12);

	copy_segment(ret, first);
	if (first->flags == SYN && random_below(r, 4)) /* once more */
		return;
	ret->flags = ret->trailer = 0;
	if (kind < 3) { /* the request again, or a part of it */
		if (kind == 2)
			ret->payload.len = random_below(r, ret->payload.len + 1);
	} else {
		ret->payload.len = ret->fill = 0;
		ret->later = 1;
		ret->flags = ACK;
	}
	if (kind >= 3 && kind < 6) { /* more of the body */
		ret->flags = PSH | ACK;
		ret->payload.len = 1 + random_below(r, 1448);
		memset(ret->payload.at, 'x', ret->payload.len);
	}
	if (kind == 6 || kind == 7)
		ret->flags = FIN | ACK;
	if (kind == 8)
		ret->flags = random_below(r, 2) ? RST : RST | ACK;
	if (kind == 9)
		ret->seq = (uint32_t)-1; /* a keep-alive probe */
	if (kind > 3 && random_below(r, 3))
		ret->acks = 1;
	if (random_chance(r, 40 + odd / 4))
		ret->seq = choose_offset(r);
	if (random_chance(r, 40 + odd / 4))
		ret->ack = choose_offset(r);
	if (random_chance(r, odd))
		choose_tcp_options(r, odd, &ret->tcp_options);
	if (random_chance(r, odd / 4))
		choose_falsehoods(r, odd, ret);
}

void generate_script(uint64_t seed, uint64_t number, struct script *ret)
{
	struct random scene = random_for(~seed, number / CASES_PER_SCENE);
	struct random r = random_for(seed, number);
	uint32_t odd = choose_odd(&r);

	generate_scene(&scene, &ret->scene);
	ret->segment_count = 1;
	generate_first(&r, odd, &ret->scene, &ret->segments[0]);
	if (random_below(&r, 4))
		return;
	ret->segment_count += 1 + random_below(&r, SEGMENTS_MAX - 1);
	for (uint32_t i = 1; i < ret->segment_count; i++)
		generate_later(&r, odd, &ret->segments[0], &ret->segments[i]);
}
