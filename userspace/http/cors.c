/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-origin calls: off unless origins are listed. A listed origin's preflight is answered on any
 * path, before routing, as browsers send it without credentials. Nothing here grants cookies: the
 * pages' session is never another origin's to use.
 */
#include "http/internal.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define ALLOW_METHODS "POST, OPTIONS"
#define ALLOW_HEADERS "Accept, Accept-Language, Authorization, Content-Language, Content-Type"
#define MAX_AGE_S     "3600"

struct cors {
	char *text; /* the list, cut into origins */
	const char **origins;
	size_t count;
	bool any;
};

void cors_free(struct cors **c)
{
	if (!*c)
		return;
	free((*c)->text);
	free((*c)->origins);
	free(*c);
	*c = NULL;
}

int cors_new(const char *origins, struct cors **ret)
{
	_cleanup_(cors_free) struct cors *c = calloc(1, sizeof(*c));
	char *rest, *origin;

	if (!c)
		return -ENOMEM;
	c->text = strdup(origins ? origins : "");
	c->origins = calloc(strlen(origins ? origins : "") / 2 + 1, sizeof(*c->origins));
	if (!c->text || !c->origins)
		return -ENOMEM;
	rest = c->text;
	while ((origin = strsep(&rest, ","))) {
		origin = text_trim(origin);
		if (!strcmp(origin, "*"))
			c->any = true;
		else if (*origin)
			c->origins[c->count++] = origin;
	}
	*ret = TAKE_PTR(c);
	return 0;
}

static bool is_listed(const struct cors *c, const char *origin)
{
	for (size_t i = 0; i < c->count; i++) {
		if (!strcmp(c->origins[i], origin))
			return true;
	}
	return c->any;
}

static bool is_one_of(const char *value, const char *list)
{
	size_t len = strlen(value);

	for (const char *at = list; len && (at = strcasestr(at, value)); at += len) {
		if ((at == list || at[-1] == ' ') && (!at[len] || at[len] == ','))
			return true;
	}
	return false;
}

static const char *judge_preflight(const struct request *r)
{
	const char *method = exchange_header(&r->x, "Access-Control-Request-Method");
	const char *wanted = exchange_header(&r->x, "Access-Control-Request-Headers");
	_cleanup_(freep) char *copy = strdup(wanted ? wanted : "");
	char *rest = copy, *header;

	if (!r->allow_origin)
		return "Disallowed CORS origin";
	if (!is_one_of(method, ALLOW_METHODS))
		return "Disallowed CORS method";
	while ((header = strsep(&rest, ","))) {
		header = text_trim(header);
		if (*header && !is_one_of(header, ALLOW_HEADERS))
			return "Disallowed CORS headers";
	}
	return NULL;
}

void cors_read(const struct cors *c, struct request *r)
{
	if (r->headers.origin && is_listed(c, r->headers.origin))
		r->allow_origin = c->any ? "*" : r->headers.origin;
}

bool cors_preflight(const struct cors *c, struct request *r)
{
	struct exchange *x = &r->x;
	const char *wrong, *said;

	if (!r->headers.origin || (!c->count && !c->any) || strcmp(x->method, "OPTIONS") ||
	    !exchange_header(x, "Access-Control-Request-Method"))
		return false;
	wrong = judge_preflight(r);
	said = wrong ? wrong : "OK";
	exchange_reply_static(x, wrong ? 400 : 200, "text/plain; charset=utf-8", said,
			      strlen(said));
	exchange_set_header(x, "Access-Control-Allow-Methods", ALLOW_METHODS);
	exchange_set_header(x, "Access-Control-Allow-Headers", ALLOW_HEADERS);
	exchange_set_header(x, "Access-Control-Max-Age", MAX_AGE_S);
	return true;
}
