// SPDX-License-Identifier: Apache-2.0
/* PROXY headers by grammar: see generate.h. */
#include <stdio.h>
#include <string.h>
#include "generate.h"
#include "wire.h"

#define COUNT(array)	   (sizeof(array) / sizeof(*(array)))
#define ONE_OF(r, strings) ((strings)[random_below(r, COUNT(strings))])

#define V2_PREFIX 16
#define LONG_TLVS 4000 /* around the longest header that is read */

/* Clients whose windows are full and others, our own proxies among them. */
static const char *const addresses[2][6] = {
	{ "192.0.2.1", "192.0.2.1", "198.51.100.7", "10.3.3.3", "127.0.0.1", "0.0.0.0" },
	{ "2001:db8::1", "2001:DB8:0:0::1", "2001:db8:ff00::9", "::1", "::ffff:192.0.2.1", "::" },
};

static void add(struct bytes *b, const void *bytes, uint32_t len)
{
	memcpy(b->at + b->len, bytes, len);
	b->len += len;
}

static void generate_v1(struct random *r, uint32_t odd, struct bytes *ret)
{
	static const char *const odd_lines[] = {
		"PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n",
		"PROXY TCP4 192.0.2.1 10.0.0.1 1 65536\r\n",
		"PROXY TCP4 192.0.2.1 10.0.0.1 1 000001\r\n",
		"PROXY TCP4 192.0.2.1 10.0.0.1 00001 00002\r\n",
		"PROXY TCP4  192.0.2.1 10.0.0.1 1 2\r\n",
		"PROXY TCP4 192.0.2.1 10.0.0.1 1 2 \r\n",
		"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n",
		"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\r\r\n",
		"PROXY TCP4 192.0.2.01 10.0.0.1 1 2\r\n",
		"PROXY TCP4 2001:db8::1 10.0.0.1 1 2\r\n",
		"PROXY TCP6 192.0.2.1 ::1 1 2\r\n",
		"PROXY TCP6 2001:db8::1 192.0.2.1 1 2\r\n",
		"PROXY TCP5 192.0.2.1 10.0.0.1 1 2\r\n",
		"PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n",
		"PROXY UNKNOWN and whatever stands here\r\n",
		"PROXY UNKNOWN2\r\n",
		"PROXY UNKNOW\r\n",
		"PROXY unknown\r\n",
		"PROXY \r\n",
		"PROXY\r\n",
		"proxy TCP4 192.0.2.1 10.0.0.1 1 2\r\n",
		"PROXY UNKNOWN "
		"......................................................................"
		".............\r\n", /* 107 */
		"PROXY UNKNOWN "
		"......................................................................"
		"..............\r\n", /* and one more */
	};
	bool ipv6 = random_below(r, 2);
	char line[128];

	if (random_chance(r, odd)) {
		const char *odd_line = ONE_OF(r, odd_lines);

		add(ret, odd_line, (uint32_t)strlen(odd_line));
		return;
	}
	if (random_below(r, 8) == 0)
		snprintf(line, sizeof(line), "PROXY UNKNOWN\r\n");
	else
		snprintf(line, sizeof(line), "PROXY TCP%d %s %s %u %u\r\n", ipv6 ? 6 : 4,
			 ONE_OF(r, addresses[ipv6]), ONE_OF(r, addresses[ipv6]),
			 random_below(r, 65536), random_below(r, 65536));
	add(ret, line, (uint32_t)strlen(line));
}

static void generate_v2(struct random *r, uint32_t odd, struct bytes *ret)
{
	static const uint8_t commands[] = { 0x21, 0x21, 0x21, 0x21, 0x21, 0x20, 0x22, 0x11, 0x01 };
	static const uint8_t families[] = { 0x11, 0x11, 0x21, 0x21, 0x00, 0x12, 0x22, 0x31, 0x10 };
	static const uint8_t clients[][16] = {
		{ 192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 0x1f, 0x44 },
		{ 10, 3, 3, 3, 10, 0, 0, 1, 0x12, 0x67, 0x1f, 0x44 },
		{ 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
		{ 0x20, 0x01, 0x0d, 0xb8, 0xff, [15] = 9 },
	};
	uint8_t header[V2_PREFIX + 36] = "\r\n\r\n\0\r\nQUIT\n";
	bool is_odd = random_chance(r, odd);
	uint32_t rest, family;

	header[12] = commands[random_below(r, is_odd ? COUNT(commands) : 6)];
	header[13] = families[random_below(r, is_odd ? COUNT(families) : 4)];
	family = header[13] >> 4;
	memcpy(header + V2_PREFIX, clients[random_below(r, 2) + (family == 2) * 2], 16);
	rest = header[12] == 0x20 ? 0 : family == 2 ? 36 : 12;
	if (is_odd && random_below(r, 2))
		rest = random_below(r, 40);
	add(ret, header, V2_PREFIX + (rest < 36 ? rest : 36));
	if (random_below(r, 4) == 0) {
		uint32_t tlvs = random_below(r, random_below(r, 8) ? 60 : 1500);

		memset(ret->at + ret->len, 't', tlvs);
		ret->len += tlvs;
		rest += tlvs;
	}
	if (is_odd && random_below(r, 3) == 0)
		rest = random_below(r, random_below(r, 2) ? LONG_TLVS + 200 : 65536);
	put16(ret->at + 14, rest);
}

void generate_proxy_header(struct random *r, uint32_t odd, struct bytes *ret)
{
	ret->len = 0;
	if (random_below(r, 2))
		generate_v1(r, odd, ret);
	else
		generate_v2(r, odd, ret);
}
