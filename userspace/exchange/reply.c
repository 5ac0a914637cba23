/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler says. The last thing said counts; headers stay until exchange_clear(). */
#include "exchange/exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define JSON_TYPE	 "application/json"
#define HEADER_VALUE_MAX 1024
#define SENTENCE_MAX	 512

/* What is sent when there is no memory left to say anything better. */
static const char out_of_memory[] = "{\"detail\":\"Internal Server Error\"}";

static void forget_body(struct exchange *x)
{
	free(x->reply_body);
	x->reply_body = NULL;
	x->reply_static = NULL;
	x->reply_len = 0;
}

void exchange_reply_static(struct exchange *x, unsigned status, const char *content_type,
			   const void *data, size_t len)
{
	forget_body(x);
	x->status = status;
	x->content_type = content_type;
	x->reply_static = data;
	x->reply_len = len;
}

static void reply_out_of_memory(struct exchange *x)
{
	exchange_reply_static(x, 500, JSON_TYPE, out_of_memory, sizeof(out_of_memory) - 1);
}

/* Takes body; NULL is an allocation that failed. */
static void reply_owned(struct exchange *x, unsigned status, const char *content_type, char *body,
			size_t len)
{
	if (!body) {
		reply_out_of_memory(x);
		return;
	}
	forget_body(x);
	x->status = status;
	x->content_type = content_type;
	x->reply_body = body;
	x->reply_len = len;
}

void exchange_reply_text(struct exchange *x, unsigned status, const char *content_type,
			 struct text *body)
{
	size_t len = body->len;

	reply_owned(x, status, content_type, text_take(body), len);
}

void exchange_reply_json(struct exchange *x, unsigned status, json_t *json)
{
	char *body = json ? json_text(json) : NULL;

	reply_owned(x, status, JSON_TYPE, body, body ? strlen(body) : 0);
	json_decref(json);
}

void exchange_error(struct exchange *x, unsigned status, const char *format, ...)
{
	char sentence[SENTENCE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	exchange_reply_json(x, status, json_pack("{s:s}", "detail", sentence));
}

void exchange_fail(struct exchange *x, int r, const char *what)
{
	log_error_r(r, "%s %s (%s): %s", x->method, x->path, x->request_id, what);
	exchange_error(x, 500, "Internal Server Error");
}

void exchange_redirect(struct exchange *x, const char *location)
{
	exchange_reply_static(x, 303, NULL, "", 0);
	exchange_set_header(x, "Location", location);
}

/* A second value for a name replaces the first, except where a header may repeat. */
static int header_slot(const struct exchange *x, const char *name)
{
	bool repeats = !strcasecmp(name, "Set-Cookie");

	for (unsigned i = 0; !repeats && i < x->header_count; i++) {
		if (!strcasecmp(x->headers[i].name, name))
			return (int)i;
	}
	return x->header_count < EXCHANGE_HEADERS_MAX ? (int)x->header_count : -1;
}

void exchange_set_header(struct exchange *x, const char *name, const char *value)
{
	int slot = header_slot(x, name);
	char *copy = slot < 0 ? NULL : strdup(value);

	/* A reply without the header it needs (a redirect without its target) would be wrong. */
	if (!copy) {
		log_error("%s %s: no room for header %s", x->method, x->path, name);
		reply_out_of_memory(x);
		return;
	}
	if ((unsigned)slot == x->header_count)
		x->header_count++;
	else
		free(x->headers[slot].value);
	x->headers[slot].name = name;
	x->headers[slot].value = copy;
}

void exchange_set_headerf(struct exchange *x, const char *name, const char *format, ...)
{
	char value[HEADER_VALUE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	exchange_set_header(x, name, value);
}

void exchange_clear(struct exchange *x)
{
	forget_body(x);
	for (unsigned i = 0; i < x->header_count; i++)
		free(x->headers[i].value);
	x->header_count = 0;
	x->status = 0;
	x->content_type = NULL;
}
