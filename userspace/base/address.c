/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"

#define V4_OFFSET	12 /* where the IPv4 address stands in ::ffff:a.b.c.d */
#define V4_PREFIX_LEN	96
#define CLIENT_V6_LEN	64 /* one subscriber's IPv6 network (RFC 6177) */
#define PREFIX_TEXT_MAX 64

static const uint8_t v4_mapped[V4_OFFSET] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

void address_from_sockaddr(const struct sockaddr *from, struct address *ret)
{
	*ret = (struct address){ 0 };
	if (from->sa_family == AF_INET) {
		memcpy(ret->bytes, v4_mapped, V4_OFFSET);
		memcpy(ret->bytes + V4_OFFSET, &((const struct sockaddr_in *)from)->sin_addr, 4);
	} else if (from->sa_family == AF_INET6) {
		memcpy(ret->bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
	}
}

int address_parse(const char *text, struct address *ret)
{
	struct address a = { 0 };

	if (inet_pton(AF_INET, text, a.bytes + V4_OFFSET) == 1)
		memcpy(a.bytes, v4_mapped, V4_OFFSET);
	else if (inet_pton(AF_INET6, text, a.bytes) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

void address_format(const struct address *a, char ret[static ADDRESS_TEXT_LEN])
{
	if (address_is_v4(a))
		inet_ntop(AF_INET, a->bytes + V4_OFFSET, ret, ADDRESS_TEXT_LEN);
	else
		inet_ntop(AF_INET6, a->bytes, ret, ADDRESS_TEXT_LEN);
}

bool address_is_v4(const struct address *a)
{
	return !memcmp(a->bytes, v4_mapped, V4_OFFSET);
}

bool address_is_loopback(const struct address *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return address_is_v4(a) ? a->bytes[V4_OFFSET] == 127 : !memcmp(a->bytes, one, 16);
}

/* Clears the bits behind the prefix, so that equal prefixes are equal bytes. */
static void mask_bits(struct address *a, unsigned len)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = len > i * 8 ? MIN(len - i * 8, 8U) : 0;

		a->bytes[i] &= (uint8_t)(0xff00 >> keep);
	}
}

struct address address_client(const struct address *a)
{
	struct address client = *a;

	if (!address_is_v4(a))
		mask_bits(&client, CLIENT_V6_LEN);
	return client;
}

int prefix_parse(const char *text, struct prefix *ret)
{
	char host[PREFIX_TEXT_MAX];
	struct prefix p = { .len = 128 };
	char *slash;

	if (snprintf(host, sizeof(host), "%s", text) >= (int)sizeof(host))
		return -EINVAL;
	slash = strchr(host, '/');
	if (slash)
		*slash++ = '\0';
	if (address_parse(host, &p.address) < 0)
		return -EINVAL;
	if (slash) {
		unsigned base = strchr(host, ':') ? 0 : V4_PREFIX_LEN;
		char *end;
		unsigned long len = strtoul(slash, &end, 10);

		if (*slash < '0' || *slash > '9' || *end || len > 128 - base)
			return -EINVAL;
		p.len = base + (unsigned)len;
	}
	mask_bits(&p.address, p.len);
	*ret = p;
	return 0;
}

void prefix_format(const struct prefix *p, char ret[static PREFIX_TEXT_LEN])
{
	unsigned base = address_is_v4(&p->address) && p->len >= V4_PREFIX_LEN ? V4_PREFIX_LEN : 0;
	char text[ADDRESS_TEXT_LEN];

	if (base)
		inet_ntop(AF_INET, p->address.bytes + V4_OFFSET, text, sizeof(text));
	else
		inet_ntop(AF_INET6, p->address.bytes, text, sizeof(text));
	if (p->len == 128)
		snprintf(ret, PREFIX_TEXT_LEN, "%s", text);
	else
		snprintf(ret, PREFIX_TEXT_LEN, "%s/%u", text, p->len - base);
}

struct prefix prefix_of(const struct address *a, unsigned len)
{
	struct prefix p = { .address = *a, .len = len };

	mask_bits(&p.address, len);
	return p;
}

bool prefix_covers(const struct prefix *p, const struct prefix *inner)
{
	return inner->len >= p->len && prefix_contains(p, &inner->address);
}

bool prefix_contains(const struct prefix *p, const struct address *a)
{
	struct address masked = *a;

	mask_bits(&masked, p->len);
	return !memcmp(&masked, &p->address, sizeof(masked));
}

void prefix_list_free(struct prefix_list *list)
{
	free(list->items);
	*list = (struct prefix_list){ 0 };
}

static int add_prefix(struct prefix_list *list, const char *text)
{
	struct prefix p, *items;
	int r = prefix_parse(text, &p);

	if (r < 0)
		return r;
	items = realloc(list->items, (list->count + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	items[list->count++] = p;
	list->items = items;
	return 0;
}

int prefix_list_parse(const char *text, struct prefix_list *ret)
{
	_cleanup_(prefix_list_free) struct prefix_list list = { 0 };
	_cleanup_(freep) char *copy = strdup(text);
	char *rest = copy, *item;

	if (!copy)
		return -ENOMEM;
	while ((item = strsep(&rest, ","))) {
		int r = 0;

		item = text_trim(item);
		if (!strcmp(item, "*"))
			list.any = true;
		else if (*item)
			r = add_prefix(&list, item);
		if (r < 0)
			return r;
	}
	*ret = list;
	list = (struct prefix_list){ 0 };
	return 0;
}

bool prefix_list_contains(const struct prefix_list *list, const struct address *a)
{
	for (size_t i = 0; i < list->count; i++) {
		if (prefix_contains(&list->items[i], a))
			return true;
	}
	return list->any;
}
