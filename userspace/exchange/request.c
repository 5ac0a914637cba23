/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler asks of a request. */
#include "exchange/exchange.h"

#include <stdarg.h>
#include <string.h>

const char *exchange_header(const struct exchange *x, const char *name)
{
	return x->find_header ? x->find_header(x, name) : NULL;
}

const char *exchange_cookie(const struct exchange *x, const char *name)
{
	return x->find_cookie ? x->find_cookie(x, name) : NULL;
}

const char *exchange_query(const struct exchange *x, const char *name)
{
	return x->find_query ? x->find_query(x, name) : NULL;
}

const char *exchange_form(const struct exchange *x, const char *name)
{
	for (size_t i = 0; i < x->form_count; i++) {
		if (!strcmp(x->form[i].name, name))
			return x->form[i].value;
	}
	return NULL;
}

/* One entry of the 422 body, as pydantic 2 words it: clients parse it. */
static json_t *missing_field(const char *name)
{
	return json_pack("{s:s, s:[s, s], s:s, s:n}", "type", "missing", "loc", "body", name, "msg",
			 "Field required", "input");
}

bool exchange_require_fields(struct exchange *x, const char *first, ...)
{
	_cleanup_(json_decrefp) json_t *missing = json_array();
	va_list names;

	va_start(names, first);
	for (const char *name = first; name; name = va_arg(names, const char *)) {
		const char *value = exchange_form(x, name);

		if (!value || !*value)
			json_array_append_new(missing, missing_field(name));
	}
	va_end(names);
	if (!json_array_size(missing))
		return true;
	exchange_reply_json(x, 422, json_pack("{s:O}", "detail", missing));
	return false;
}

void exchange_count_refusal(const struct exchange *x)
{
	if (!x->local && !memcmp(&x->client, &x->peer, sizeof(x->client)))
		denials_count_refusal(x->services->denials, &x->client, x->started_ns);
}

void exchange_vouch(const struct exchange *x)
{
	denials_vouch(x->services->denials, &x->client, x->started_ns);
}
