// SPDX-License-Identifier: Apache-2.0
/*
 * The model's reader of PROXY headers, by HAProxy's proxy-protocol.txt: docs/kernel.md, "Who the
 * client is".
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "model.h"

#define UNDECIDED AXFW_REASON_COUNT

#define V1_MAX	  107 /* with its CRLF */
#define V2_PREFIX 16
#define V2_MAX	  4096 /* of it and what stands behind its addresses */

/* What a header says. */
struct header {
	bool names_client;
	uint8_t client[16];
	uint32_t len;
};

static void map_ipv4(const uint8_t address[4], uint8_t ret[16])
{
	memset(ret, 0, 16);
	ret[10] = ret[11] = 0xff;
	memcpy(ret + 12, address, 4);
}

/* --- version 1, a line of text --------------------------------------------------------------- */

static bool is_port(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len && len <= 5 && !text[len] && strtol(text, NULL, 10) <= 65535;
}

static bool read_address(const char *text, bool ipv6, uint8_t ret[16])
{
	uint8_t four[4];

	if (ipv6)
		return inet_pton(AF_INET6, text, ret) == 1;
	if (inet_pton(AF_INET, text, four) != 1)
		return false;
	map_ipv4(four, ret);
	return true;
}

/* "TCP4" or "TCP6", both addresses, both ports, one space between each and the next. */
static bool read_words(char *line, struct header *ret)
{
	char *words[5] = { line };
	uint8_t server[16];
	unsigned count = 1;
	bool ipv6;

	for (char *space = strchr(line, ' '); space; space = strchr(space + 1, ' ')) {
		if (count == 5)
			return false;
		*space = 0;
		words[count++] = space + 1;
	}
	ipv6 = !strcmp(words[0], "TCP6");
	if (count != 5 || (!ipv6 && strcmp(words[0], "TCP4")))
		return false;
	ret->names_client = true;
	return read_address(words[1], ipv6, ret->client) && read_address(words[2], ipv6, server) &&
	       is_port(words[3]) && is_port(words[4]);
}

static bool read_v1(const uint8_t *bytes, uint32_t len, struct header *ret)
{
	char line[V1_MAX + 1] = "";
	const uint8_t *end = memchr(bytes, '\r', len < V1_MAX ? len : V1_MAX);
	size_t line_len;

	if (!end || end + 1 == bytes + len || end + 2 > bytes + V1_MAX || end[1] != '\n')
		return false;
	ret->len = (uint32_t)(end + 2 - bytes);
	line_len = ret->len - 2 - strlen("PROXY ");
	memcpy(line, bytes + strlen("PROXY "), line_len);
	/* whatever stands behind it */
	if (!strncmp(line, "UNKNOWN", 7) && (line_len == 7 || line[7] == ' '))
		return true;
	return strlen(line) == line_len && read_words(line, ret);
}

/* --- version 2, binary ----------------------------------------------------------------------- */

static bool read_v2(const uint8_t *bytes, uint32_t len, struct header *ret)
{
	uint32_t rest = get16(bytes + 14);
	bool local = bytes[12] == 0x20;

	ret->len = V2_PREFIX + rest;
	if ((!local && bytes[12] != 0x21) || ret->len > V2_MAX || ret->len > len)
		return false;
	if (local)
		return true;
	if (bytes[13] == 0x11) {
		map_ipv4(bytes + V2_PREFIX, ret->client);
		ret->names_client = true;
		return rest >= 12;
	}
	if (bytes[13] == 0x21) {
		memcpy(ret->client, bytes + V2_PREFIX, 16);
		ret->names_client = true;
		return rest >= 36;
	}
	return true; /* not TCP: it says nothing that we understand */
}

/* --------------------------------------------------------------------------------------------- */

/* What is shorter than any request has been sorted out before. */
static bool read_header(const struct segment *s, struct header *ret)
{
	static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";

	memset(ret, 0, sizeof(*ret));
	if (!memcmp(s->payload, signature, sizeof(signature)))
		return read_v2(s->payload, s->payload_len, ret);
	return !memcmp(s->payload, "PROXY ", 6) && read_v1(s->payload, s->payload_len, ret);
}

enum axfw_reason model_speaker(const struct knowledge *k, const struct segment *s,
			       struct speaker *ret)
{
	struct header header;

	model_source_of(s, ret->address);
	ret->trusted = k->any_proxy || model_is_proxy(k, ret->address);
	ret->request = s->payload;
	ret->request_len = s->payload_len;
	if (!k->proxy_protocol || !ret->trusted)
		return UNDECIDED;
	if (!read_header(s, &header))
		return AXFW_REASON_CLIENT_UNKNOWN;
	if (header.len == s->payload_len)
		return AXFW_REASON_NOT_A_REQUEST; /* the request comes in a later segment */
	ret->request += header.len;
	ret->request_len -= header.len;
	if (header.names_client) {
		memcpy(ret->address, header.client, 16);
		/* whoever trusts every peer trusts nobody besides */
		ret->trusted = !k->any_proxy && model_is_proxy(k, header.client);
	}
	return UNDECIDED;
}
