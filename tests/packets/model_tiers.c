// SPDX-License-Identifier: Apache-2.0
/* The model's limits on addresses, and who a request's client is: lists, looked through. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include "model.h"

static bool bit_at(const uint8_t *address, uint32_t i)
{
	return address[i / 8] >> (7 - i % 8) & 1;
}

static bool covers(const struct prefix_fact *p, const uint8_t address[16])
{
	for (uint32_t i = 0; i < p->bits; i++) {
		if (bit_at(p->address, i) != bit_at(address, i))
			return false;
	}
	return true;
}

static bool is_listed(const struct list_fact *list, const uint8_t address[16])
{
	for (unsigned i = 0; i < list->count; i++) {
		if (covers(&list->prefixes[i], address))
			return true;
	}
	return false;
}

/* The longest that covers it: a longer prefix hides a shorter one. */
static const struct prefix_fact *longest(const struct list_fact *list, const uint8_t address[16])
{
	const struct prefix_fact *best = NULL;

	for (unsigned i = 0; i < list->count; i++) {
		const struct prefix_fact *p = &list->prefixes[i];

		if (covers(p, address) && (!best || p->bits > best->bits))
			best = p;
	}
	return best;
}

void model_source_of(const struct segment *s, uint8_t ret[16])
{
	memset(ret, 0, 16);
	if (s->ipv6) {
		memcpy(ret, s->client, 16);
		return;
	}
	ret[10] = ret[11] = 0xff;
	memcpy(ret + 12, s->client, 4);
}

static enum axfw_reason judge_address(const struct knowledge *k, const uint8_t address[16],
				      uint64_t now_ns)
{
	const struct prefix_fact *denial = longest(&k->denied, address);

	if (denial && denial->until_ns > now_ns)
		return denial->penalty ? AXFW_REASON_DENIED_BY_PENALTY
				       : AXFW_REASON_DENIED_BY_OPERATOR;
	if (k->allowed.count && !is_listed(&k->allowed, address) &&
	    !is_listed(&k->proxies, address))
		return AXFW_REASON_NOT_ALLOWED;
	return AXFW_REASON_COUNT;
}

enum axfw_reason model_source(const struct knowledge *k, const struct segment *s, uint64_t now_ns)
{
	uint8_t source[16];

	model_source_of(s, source);
	return judge_address(k, source, now_ns);
}

bool model_is_proxy(const struct knowledge *k, const uint8_t address[16])
{
	return is_listed(&k->proxies, address);
}

/* --- the client ------------------------------------------------------------------------------ */

/* Of X-Forwarded-For, as far as it is looked through, commas included. */
#define LOOKED_AT_MAX 256

static bool is_port(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len <= 5 && !text[len]; /* none at all, too: RFC 3986, 3.2.3 */
}

/* An IPv4 address, with or without ":port"; an IPv6 address, bare, "[so]" or "[so]:port". */
static bool read_address(char *text, uint8_t ret[16])
{
	char *end;

	memset(ret, 0, 16);
	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] && (end[1] != ':' || !is_port(end + 2))))
			return false;
		*end = 0;
		return inet_pton(AF_INET6, text + 1, ret) == 1;
	}
	if (inet_pton(AF_INET6, text, ret) == 1)
		return true;
	end = strchr(text, ':');
	if (end && !is_port(end + 1))
		return false;
	if (end)
		*end = 0;
	memset(ret, 0, 16);
	ret[10] = ret[11] = 0xff;
	return inet_pton(AF_INET, text, ret + 12) == 1;
}

/* Takes the right-most entry off the list. NULL: there is none left. */
static char *take_last(char *list)
{
	char *comma = strrchr(list, ','), *entry = comma ? comma + 1 : list;
	size_t len;

	entry += strspn(entry, " ");
	len = strlen(entry);
	while (len && entry[len - 1] == ' ')
		entry[--len] = 0;
	if (comma)
		*comma = 0;
	return entry;
}

bool model_client(const struct knowledge *k, const struct speaker *speaker, const struct request *q,
		  uint8_t ret[16])
{
	static char list[PAYLOAD_MAX + 1];
	size_t whole = strlen(q->forwarded);
	bool more = true;

	memcpy(ret, speaker->address, 16);
	if (!q->forwarded_for || !speaker->trusted)
		return true;
	strcpy(list, q->forwarded);
	while (more) {
		char *comma = strrchr(list, ',');

		more = comma;
		if (whole - (more ? (size_t)(comma - list) : 0) + !more > LOOKED_AT_MAX)
			return false;
		if (!read_address(take_last(list), ret))
			return false;
		/* Whoever is a proxy of ours says who stands left of him; `*` believes nobody. */
		if (k->any_proxy || !is_listed(&k->proxies, ret))
			break;
	}
	return true;
}

enum axfw_reason model_wait(const struct knowledge *k, const struct speaker *speaker,
			    const struct request *q, uint64_t now_ns, enum axfw_reason why)
{
	uint8_t client[16];

	if (!k->denied.count && !k->allowed.count)
		return why;
	if (!model_client(k, speaker, q, client))
		return AXFW_REASON_CLIENT_UNKNOWN;
	return judge_address(k, client, now_ns) == AXFW_REASON_COUNT ? why
								     : AXFW_REASON_NOT_REFUSABLE;
}
