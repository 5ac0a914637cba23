// SPDX-License-Identifier: Apache-2.0
/* Who the client is: the text of addresses, X-Forwarded-For and the PROXY protocol's headers, as
 * the daemon and the BPF program both read them. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "axfw/client.h"
#include "axfw/proxy_header.h"

#define MUTATIONS 2000000

/* --- addresses, against the C library's reader ----------------------------------------------- */

static bool read_ours(const char *text, uint8_t ret[16])
{
	struct axfw_address_text t = { 0 };

	for (const char *c = text; *c; c++)
		axfw_address_step(&t, (uint8_t)*c);
	return axfw_address_end(&t, ret);
}

static bool read_theirs(const char *text, uint8_t ret[16])
{
	memcpy(ret, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	return inet_pton(AF_INET, text, ret + 12) == 1 || inet_pton(AF_INET6, text, ret) == 1;
}

static void compare(const char *text)
{
	uint8_t ours[16] = { 0 }, theirs[16] = { 0 };
	bool is_ours = read_ours(text, ours), is_theirs = read_theirs(text, theirs);

	if (is_ours != is_theirs || (is_ours && memcmp(ours, theirs, 16)))
		fail_msg("\"%s\": %d, inet_pton %d", text, is_ours, is_theirs);
}

static const char *const addresses[] = {
	"0.0.0.0",
	"1.2.3.4",
	"255.255.255.255",
	"256.1.1.1",
	"01.2.3.4",
	"1.2.3",
	"1.2.3.4.5",
	"1..2.3",
	".1.2.3",
	"1.2.3.",
	"",
	":",
	"::",
	":::",
	"::1",
	"1::",
	":1",
	"1:",
	"1::2::3",
	"1:2:3:4:5:6:7:8",
	"1:2:3:4:5:6:7:8:9",
	"1:2:3:4:5:6:7",
	"1:2:3:4:5:6:7::",
	"::2:3:4:5:6:7:8",
	"1:2:3:4::5:6:7:8",
	"::1:2:3:4:5:6:7:8",
	"2001:DB8::abcd",
	"00001::",
	"::ffff:1.2.3.4",
	"::1.2.3.4",
	"1:2:3:4:5:6:1.2.3.4",
	"1:2:3:4:5:6:7:1.2.3.4",
	"1:2:3:4:5:1.2.3.4",
	"1.2.3.4::",
	"::1.2.3.4:5",
	"::a.2.3.4",
	"::1234.2.3.4",
	"fe80::1%eth0",
	"1:2:3:4:5:6:7:8.",
	"12345",
	"g::",
};

static void check_addresses(void **state)
{
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		compare(addresses[i]);
}

static uint32_t next_random(void)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 16);
}

static void check_mutated_addresses(void **state)
{
	static const char alphabet[] = "0123456789abcfF::::....:% g/";
	unsigned good = 0;

	for (unsigned i = 0; i < MUTATIONS; i++) {
		char text[64];
		uint8_t ignored[16];
		size_t len;

		snprintf(text, sizeof(text), "%s",
			 addresses[next_random() % (sizeof(addresses) / sizeof(*addresses))]);
		for (unsigned n = next_random() % 4; n > 0; n--) {
			len = strlen(text);
			if (next_random() % 4 == 0 && len) /* one less, or one changed or more */
				text[next_random() % len] = '\0';
			else if (len + 1 < sizeof(text) - 1)
				text[next_random() % (len + 1)] =
					alphabet[next_random() % (sizeof(alphabet) - 1)];
			text[len + 1 < sizeof(text) ? len + 1 : len] = '\0';
		}
		compare(text);
		good += read_ours(text, ignored);
	}
	assert_true(good > MUTATIONS / 10 && good < MUTATIONS * 9 / 10);
}

static void check_networks(void **state)
{
	uint8_t address[16];
	struct axfw_client client;

	assert_true(read_ours("192.0.2.7", address));
	client = axfw_client_of(address);
	assert_memory_equal(client.address, address, 16);
	assert_true(read_ours("2001:db8:1:2:3:4:5:6", address));
	client = axfw_client_of(address);
	memset(address + 8, 0, 8);
	assert_memory_equal(client.address, address, 16);
}

/* --- X-Forwarded-For ------------------------------------------------------------------------- */

/* Trusted here: 10.0.0.0/8 and fd00::/8. */
static bool is_trusted(const uint8_t address[16])
{
	return axfw_is_ipv4(address) ? address[12] == 10 : address[0] == 0xfd;
}

/* The client that the list names, as text; "": the peer; what stands behind '!' was the last that
 * could be read. */
static const char *walk(const char *list)
{
	static char text[INET6_ADDRSTRLEN + 2];
	struct axfw_forwarded f;
	uint8_t client[16];
	bool known = false;
	enum axfw_forwarded_said said;

	axfw_forwarded_start(&f, 0, (uint32_t)strlen(list));
	do {
		do
			said = axfw_forwarded_step(&f, (uint8_t)list[axfw_forwarded_at(&f)]);
		while (said == AXFW_FORWARDED_MORE);
		if (said == AXFW_FORWARDED_UNREADABLE)
			break;
		memcpy(client, f.entry, 16);
		known = true;
	} while (is_trusted(client) && axfw_forwarded_next(&f));
	strcpy(text, said == AXFW_FORWARDED_UNREADABLE ? "!" : "");
	if (known && axfw_is_ipv4(client))
		inet_ntop(AF_INET, client + 12, text + strlen(text), INET_ADDRSTRLEN);
	else if (known)
		inet_ntop(AF_INET6, client, text + strlen(text), INET6_ADDRSTRLEN);
	return text;
}

static void check_lists(void **state)
{
	static const struct {
		const char *list, *client;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1, 192.0.2.2", "192.0.2.2" },
		{ "192.0.2.1,192.0.2.2,10.1.1.1", "192.0.2.2" },
		{ "192.0.2.1 ,\t10.2.2.2 , fd00::1 ", "192.0.2.1" },
		{ "10.1.1.1, 10.1.1.2", "10.1.1.1" },
		{ "unknown, 192.0.2.2", "192.0.2.2" },
		{ "unknown, 10.1.1.1", "!10.1.1.1" },
		{ "192.0.2.1, unknown", "!" },
		{ "", "!" },
		{ " ", "!" },
		{ ",", "!" },
		{ "192.0.2.1,", "!" },
		{ "192.0.2.1,,10.1.1.1", "!10.1.1.1" },
		{ "192.0.2.1:4711", "192.0.2.1" },
		{ "192.0.2.1:", "192.0.2.1" },
		{ "192.0.2.1:47x", "!" },
		{ "192.0.2.1:4711:1", "!" },
		{ "192.0.2.1 4711", "!" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "[2001:db8::1]", "2001:db8::1" },
		{ "[2001:db8::1]:443", "2001:db8::1" },
		{ "2001:db8::1:443", "2001:db8::1:443" },
		{ "[2001:db8::1]443", "!" },
		{ "[2001:db8::1", "!" },
		{ "2001:db8::1]", "!" },
		{ "[ 2001:db8::1]", "!" },
		{ "[[2001:db8::1]]", "!" },
		{ "[192.0.2.1]:80", "192.0.2.1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "\"192.0.2.1\"", "!" },
		{ "fe80::1%eth0", "!" },
		{ "192.0.2.1, 10.1.1.1:80, [fd00::1]:80, fd00::2", "192.0.2.1" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(walk(rows[i].list), rows[i].client);
}

/* --- the PROXY protocol ---------------------------------------------------------------------- */

static enum axfw_proxy_said read_v1(const char *text, struct axfw_proxy *ret)
{
	return axfw_proxy_header(text, (uint32_t)strlen(text), ret);
}

static void check_v1(void **state)
{
	struct axfw_proxy p;
	uint8_t expected[16];

	assert_int_equal(read_v1("PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\nPOST ", &p),
			 AXFW_PROXY_WHOLE);
	assert_int_equal(p.len, 41);
	assert_int_equal(p.version, 1);
	assert_int_equal(p.family, 4);
	assert_int_equal(p.port, 56324);
	assert_true(read_theirs("192.0.2.1", expected));
	assert_memory_equal(p.source, expected, 16);

	assert_int_equal(read_v1("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", &p), AXFW_PROXY_WHOLE);
	assert_int_equal(p.family, 6);
	assert_true(read_theirs("2001:db8::1", expected));
	assert_memory_equal(p.source, expected, 16);

	assert_int_equal(read_v1("PROXY UNKNOWN\r\n", &p), AXFW_PROXY_WHOLE);
	assert_int_equal(p.family, 0);
	assert_int_equal(p.len, 15);
	assert_int_equal(read_v1("PROXY UNKNOWN ff:: what ever 1 2\r\nGET", &p), AXFW_PROXY_WHOLE);
	assert_int_equal(p.family, 0);
	assert_int_equal(p.len, 34);
}

static void check_v1_refused(void **state)
{
	static const char *const rows[] = {
		"PROXY TCP5 192.0.2.1 10.0.0.1 1 2\r\n",
		"PROXY TCP 192.0.2.1 10.0.0.1 1 2\r\n",
		"PROXY tcp4 192.0.2.1 10.0.0.1 1 2\r\n",
		"PROXY TCP4  192.0.2.1 10.0.0.1 1 2\r\n",
		"PROXY TCP4 192.0.2.1 10.0.0.1 1 2 \r\n",
		"PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n",
		"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n",
		"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\rx",
		"PROXY TCP4 192.0.2.1 10.0.0.1 1 65536\r\n",
		"PROXY TCP4 192.0.2.1 10.0.0.1 99999 1\r\n",
		"PROXY TCP4 192.0.2.1 10.0.0.1 000001 1\r\n",
		"PROXY TCP4 192.0.2.1 10.0.0.1  1\r\n",
		"PROXY TCP4 192.0.2 10.0.0.1 1 2\r\n",
		"PROXY TCP4 192.0.2.1 10.0.0.256 1 2\r\n",
		"PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
		"PROXY TCP6 192.0.2.1 10.0.0.1 1 2\r\n",
		"PROXY TCP6 2001:db8::1 10.0.0.1 1 2\r\n",
		"PROXY \r\n",
		"PROXY UNKNOWNS\r\n",
		"PROXY UNKNOWN "
		"0000000000000000000000000000000000000000000000000000000000000000000000000"
		"000000000000000000000000\r\n",
	};
	struct axfw_proxy p;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (read_v1(rows[i], &p) != AXFW_PROXY_INVALID)
			fail_msg("%s", rows[i]);
	assert_int_equal(read_v1("GET / HTTP/1.1\r\n", &p), AXFW_PROXY_ABSENT);
	assert_int_equal(read_v1("PROXX TCP4", &p), AXFW_PROXY_ABSENT);
}

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

static uint32_t make_v2(uint8_t command, uint8_t family, uint16_t len, uint8_t *ret)
{
	memcpy(ret, signature, 12);
	ret[12] = command;
	ret[13] = family;
	ret[14] = (uint8_t)(len >> 8);
	ret[15] = (uint8_t)len;
	for (unsigned i = 0; i < len; i++)
		ret[16 + i] = (uint8_t)(i + 1);
	return 16u + len;
}

static void check_v2(void **state)
{
	static const uint8_t v4[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4 };
	uint8_t bytes[8192];
	struct axfw_proxy p;
	uint32_t len = make_v2(0x21, 0x11, 12, bytes);

	assert_int_equal(axfw_proxy_header(bytes, len, &p), AXFW_PROXY_WHOLE);
	assert_int_equal(p.version, 2);
	assert_int_equal(p.family, 4);
	assert_int_equal(p.len, 28);
	assert_int_equal(p.port, 0x090a);
	assert_memory_equal(p.source, v4, 16);

	len = make_v2(0x21, 0x21, 36 + 300, bytes); /* TLVs behind */
	assert_int_equal(axfw_proxy_header(bytes, len + 5, &p), AXFW_PROXY_WHOLE);
	assert_int_equal(p.family, 6);
	assert_int_equal(p.len, 16 + 336);
	assert_int_equal(p.port, 0x2122);
	assert_memory_equal(p.source, bytes + 16, 16);

	len = make_v2(0x20, 0x11, 12, bytes);
	assert_int_equal(axfw_proxy_header(bytes, len, &p), AXFW_PROXY_WHOLE);
	assert_int_equal(p.family, 0);
	len = make_v2(0x20, 0, 0, bytes);
	assert_int_equal(axfw_proxy_header(bytes, len, &p), AXFW_PROXY_WHOLE);
	len = make_v2(0x21, 0x31, 216, bytes); /* a Unix socket */
	assert_int_equal(axfw_proxy_header(bytes, len, &p), AXFW_PROXY_WHOLE);
	assert_int_equal(p.family, 0);

	len = make_v2(0x21, 0x11, 11, bytes);
	assert_int_equal(axfw_proxy_header(bytes, len, &p), AXFW_PROXY_INVALID);
	len = make_v2(0x21, 0x21, 35, bytes);
	assert_int_equal(axfw_proxy_header(bytes, len, &p), AXFW_PROXY_INVALID);
	len = make_v2(0x22, 0x11, 12, bytes);
	assert_int_equal(axfw_proxy_header(bytes, len, &p), AXFW_PROXY_INVALID);
	len = make_v2(0x11, 0x11, 12, bytes);
	assert_int_equal(axfw_proxy_header(bytes, len, &p), AXFW_PROXY_INVALID);
	len = make_v2(0x21, 0x11, AXFW_PROXY_V2_MAX - 15, bytes);
	assert_int_equal(axfw_proxy_header(bytes, len, &p), AXFW_PROXY_INVALID);
}

/* Of a header in any number of parts nothing is said before it is whole, and nothing is read behind
 * what is there. */
static void check_parts(void **state)
{
	static const char text[] = "PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n";
	uint8_t v2[128];
	uint32_t len = make_v2(0x21, 0x21, 60, v2);
	struct axfw_proxy p;

	for (uint32_t there = 0; there < sizeof(text) - 1; there++) {
		char *part = malloc(there ? there : 1);

		memcpy(part, text, there);
		assert_int_equal(axfw_proxy_header(part, there, &p), AXFW_PROXY_MORE);
		free(part);
	}
	for (uint32_t there = 0; there < len; there++) {
		uint8_t *part = malloc(there ? there : 1);

		memcpy(part, v2, there);
		assert_int_equal(axfw_proxy_header(part, there, &p), AXFW_PROXY_MORE);
		free(part);
	}
	assert_int_equal(axfw_proxy_header(v2, len, &p), AXFW_PROXY_WHOLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_addresses), cmocka_unit_test(check_mutated_addresses),
		cmocka_unit_test(check_networks),  cmocka_unit_test(check_lists),
		cmocka_unit_test(check_v1),	   cmocka_unit_test(check_v1_refused),
		cmocka_unit_test(check_v2),	   cmocka_unit_test(check_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
