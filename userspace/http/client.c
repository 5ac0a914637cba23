/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end, by the rule in axfw/client.h, which the kernel follows, too. The trusted
 * proxies are those of --forwarded-allow-ips.
 */
#include "http/internal.h"

#include <string.h>
#include "axfw/client.h"

#define FORWARDED_MAX                                                                              \
	1024 /* of a longer chain the right end counts, which is the one that matters */

struct chain {
	char text[FORWARDED_MAX + 1];
	size_t len;
};

/* Several headers are one list (RFC 9110, 5.3). */
static enum MHD_Result append(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
			      const char *value, size_t value_len)
{
	struct chain *c = arg;

	if (name_len != strlen("X-Forwarded-For") || strncasecmp(name, "X-Forwarded-For", name_len))
		return MHD_YES;
	if (value_len >= FORWARDED_MAX) {
		value += value_len - (FORWARDED_MAX - 1);
		value_len = FORWARDED_MAX - 1;
	}
	if (c->len + 1 + value_len > FORWARDED_MAX)
		c->len = 0; /* the earlier ones are the ones further left */
	c->text[c->len++] = ',';
	memcpy(c->text + c->len, value, value_len);
	c->len += value_len;
	c->text[c->len] = '\0';
	return MHD_YES;
}

/* The entry that `f` stands at. false: it can't be read. */
static bool read_entry(struct axfw_forwarded *f, const char *text, struct address *ret)
{
	enum axfw_forwarded_said said;

	do
		said = axfw_forwarded_step(f, (uint8_t)text[axfw_forwarded_at(f)]);
	while (said == AXFW_FORWARDED_MORE);
	memcpy(ret->bytes, f->entry, sizeof(ret->bytes));
	return said == AXFW_FORWARDED_ENTRY;
}

static void read_forwarded_for(struct request *r, const struct prefix_list *trusted)
{
	struct chain c = { .len = 0 };
	struct axfw_forwarded f = { .at = 0 };
	struct address entry;

	MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, append, &c);
	if (!c.len)
		return;
	axfw_forwarded_start(&f, 1, (uint32_t)c.len); /* behind the first comma */
	while (read_entry(&f, c.text, &entry)) {
		r->x.client = entry;
		if (trusted->any || !prefix_list_contains(trusted, &entry) ||
		    !axfw_forwarded_next(&f))
			return;
	}
}

/* The last element of a list: what the nearest proxy added. */
static const char *last_element(const char *list)
{
	const char *comma = strrchr(list, ',');

	if (!comma)
		return list;
	return comma + 1 + strspn(comma + 1, " \t");
}

/* "*" trusts the direct peer. Whom a PROXY header names isn't that. */
static bool is_proxied(const struct sockaddr *from)
{
	return from && from->sa_family == AF_INET6 &&
	       ((const struct sockaddr_in6 *)from)->sin6_flowinfo == PROXIED_MARK;
}

void client_read(struct request *r)
{
	const struct prefix_list *trusted = &r->x.services->settings->forwarded_allow_ips;
	const union MHD_ConnectionInfo *info;

	r->x.host = r->headers.host;
	r->x.local = r->front->local;
	if (r->front->local)
		return;
	info = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info && info->client_addr)
		address_from_sockaddr(info->client_addr, &r->x.peer);
	r->x.client = r->x.peer;
	if (!prefix_list_contains(trusted, &r->x.peer) ||
	    (trusted->any && is_proxied(info ? info->client_addr : NULL)))
		return;
	if (r->headers.forwarded_for)
		read_forwarded_for(r, trusted);
	if (r->headers.forwarded_proto)
		r->x.https = !strcasecmp(last_element(r->headers.forwarded_proto), "https");
	if (r->headers.forwarded_host)
		r->x.host = last_element(r->headers.forwarded_host);
}
