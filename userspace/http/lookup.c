/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers ask for by name. Cookies are read here: libmicrohttpd also splits them at commas.
 */
#include "http/internal.h"

#include <string.h>

const char *lookup_header(const struct exchange *x, const char *name)
{
	const struct request *r = x->transport;

	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

/* The first of that name. One that doesn't fit is none that we issued. */
const char *lookup_cookie(const struct exchange *x, const char *name)
{
	struct request *r = x->transport;
	const char *at = r->headers.cookie;
	size_t name_len = strlen(name);

	while (at && *at) {
		size_t len;

		at += strspn(at, " \t;");
		len = strcspn(at, ";");
		if (len > name_len && !strncmp(at, name, name_len) && at[name_len] == '=') {
			const char *value = at + name_len + 1;
			size_t value_len = len - name_len - 1;

			while (value_len &&
			       (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
				value_len--;
			if (value_len >= sizeof(r->cookie))
				return NULL;
			memcpy(r->cookie, value, value_len);
			r->cookie[value_len] = '\0';
			return r->cookie;
		}
		at += len;
	}
	return NULL;
}

/* libmicrohttpd has split the query; it unescapes nothing (request.c sees to that) but makes '+' a
 * space. One value behind the other, so that each stays while the next is asked for. */
const char *lookup_query(const struct exchange *x, const char *name)
{
	struct request *r = x->transport;
	const char *value = MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
	size_t len = value ? strlen(value) : 0;
	char *copy = r->query + r->query_used;

	if (!value || len >= sizeof(r->query) - r->query_used)
		return NULL;
	memcpy(copy, value, len + 1);
	len = form_decode(copy, len, false);
	copy[len] = '\0';
	if (memchr(copy, '\0', len) || !text_is_utf8(copy, len))
		return NULL;
	r->query_used += len + 1;
	return copy;
}
