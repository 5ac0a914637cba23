/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end. The socket's peer, unless that is a proxy named in
 * --forwarded-allow-ips: then the right-most entry of X-Forwarded-For that isn't itself such a
 * proxy. What stands further left was written by somebody nobody vouches for. With `*` the direct
 * peer alone is trusted: the right-most entry.
 */
#include "http/internal.h"

#include <string.h>

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

/* "203.0.113.7", "203.0.113.7:4711", "2001:db8::1" or "[2001:db8::1]:4711". Changes entry. */
static int parse_entry(char *entry, struct address *ret)
{
	char *colon = strchr(entry, ':');

	entry = text_trim(entry);
	if (*entry == '[') {
		entry++;
		entry[strcspn(entry, "]")] = '\0';
	} else if (colon && !strchr(colon + 1, ':')) {
		*colon = '\0';
	}
	return address_parse(entry, ret);
}

static void read_forwarded_for(struct request *r, const struct prefix_list *trusted)
{
	struct chain c = { .len = 0 };
	char *comma;

	MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, append, &c);
	while (c.len && (comma = strrchr(c.text, ','))) {
		struct address entry;

		*comma = '\0';
		if (parse_entry(comma + 1, &entry) < 0)
			return; /* the last hop that could be read stands */
		r->x.client = entry;
		if (trusted->any || !prefix_list_contains(trusted, &entry))
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
	if (!prefix_list_contains(trusted, &r->x.peer))
		return;
	if (r->headers.forwarded_for)
		read_forwarded_for(r, trusted);
	if (r->headers.forwarded_proto)
		r->x.https = !strcasecmp(last_element(r->headers.forwarded_proto), "https");
	if (r->headers.forwarded_host)
		r->x.host = last_element(r->headers.forwarded_host);
}
