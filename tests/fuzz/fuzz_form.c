/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forms of both types: a Content-Type, a NUL, a body. Fields lie inside the body, end there and are
 * UTF-8. And cookies, of the same bytes.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "http/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static void check_text(const char *text, const char *body, size_t len)
{
	require(text >= body && text <= body + len);
	require(strlen(text) <= (size_t)(body + len - text) && text_is_utf8(text, strlen(text)));
}

static void parse_form(const char *type, char *body, size_t len)
{
	struct exchange_field fields[FORM_FIELDS_MAX];
	size_t count = 0;
	int r = form_parse(type, body, len, fields, &count);

	require(r == 0 || r == -EBADMSG);
	require(count <= FORM_FIELDS_MAX);
	for (size_t i = 0; i < count; i++) {
		check_text(fields[i].name, body, len);
		check_text(fields[i].value, body, len);
	}
}

/* Both cookies that we look for, one a part of the other's name. */
static void read_cookies(const char *header)
{
	static struct request request;
	static const char *const names[] = { "session", "a" };

	request.headers.cookie = header;
	request.x.transport = &request;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = lookup_cookie(&request.x, names[i]);

		require(!value || (strlen(value) < COOKIE_VALUE_MAX && strstr(header, value)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *text = malloc(size + 1);
	char *body;
	size_t len;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	read_cookies(text);
	body = text + strlen(text) + 1;
	if (body > text + size)
		return 0;
	len = (size_t)(text + size - body);
	/* of its own, so that a byte in front of it or behind its end is seen */
	body = memcpy(malloc(len + 1), body, len + 1);
	parse_form(text, body, len);
	free(body);
	return 0;
}
