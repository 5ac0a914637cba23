// SPDX-License-Identifier: Apache-2.0
/* The answers' templates, of all the forms that the daemon's have: see world.h. */
#include <assert.h>
#include <string.h>
#include "world_internal.h"

static struct axfw_response_template templates[AXFW_RESPONSE_COUNT];

static uint16_t offset_of(const struct axfw_response_template *t, const char *text)
{
	const uint8_t *at = memmem(t->text, t->len, text, strlen(text));

	assert(!at || (at - t->text) % 2 == 0); /* digits are summed as words */
	return at ? (uint16_t)(at - t->text) : 0;
}

/* In text, '?' x16 is the request id, '!' x8 the Retry-After, '#' x8 the same in the body, '%' x4
 * the rounded wait. */
static void make_template(struct axfw_response_template *t, const char *text, uint32_t unit_s)
{
	uint32_t sum = 0;

	t->len = (uint16_t)strlen(text);
	assert(t->len % 2 == 0 && t->len <= sizeof(t->text));
	memcpy(t->text, text, t->len);
	t->request_id_at = offset_of(t, "????????????????");
	t->retry_after_at = offset_of(t, "!!!!!!!!");
	t->body_seconds_at = offset_of(t, "########");
	t->body_unit_at = offset_of(t, "%%%%");
	t->body_unit_s = unit_s;
	for (unsigned i = 0; i < t->len; i++) {
		if (strchr("?!#%", t->text[i]))
			t->text[i] = 0;
		sum += (uint32_t)t->text[i] << (i % 2 * 8);
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	t->sum = sum;
}

void answers_make(void)
{
	make_template(&templates[AXFW_RESPONSE_UNAUTHORIZED],
		      "HTTP/1.1 401 Unauthorized\r\nX-Request-ID:  ????????????????\r\n"
		      "Content-Type: application/json\r\nConnection: close\r\n"
		      "x-axfw-path: kernel\r\nContent-Length:  39\r\n\r\n"
		      "{\"detail\":\"Invalid or missing API key\"}",
		      0);
	make_template(&templates[AXFW_RESPONSE_SIGNUP_LIMITED],
		      "HTTP/1.1 429 Too Many Requests\r\nX-Request-ID: ????????????????\r\n"
		      "Retry-After:  !!!!!!!!\r\nContent-Type: text/html; charset=utf-8\r\n"
		      "Connection: close\r\nContent-Length:  26\r\n\r\n"
		      "<p>Wait %%%% minute(s)</p>",
		      60);
	make_template(&templates[AXFW_RESPONSE_QUOTA],
		      "HTTP/1.1 429 Too Many Requests\r\nX-Request-ID: ????????????????\r\n"
		      "Retry-After:  !!!!!!!!\r\nConnection: close\r\n"
		      "Content-Type: application/json\r\nContent-Length: 47\r\n\r\n"
		      "{\"seconds\":########,\"days\":%%%%,\"used\": 1000 }\n",
		      86400);
	make_template(&templates[AXFW_RESPONSE_RATE],
		      "HTTP/1.1 429 Too Many Requests\r\nX-Request-ID: ????????????????\r\n"
		      "Retry-After:  !!!!!!!!\r\nConnection: close\r\n"
		      "Content-Type: application/json\r\nContent-Length:  22\r\n\r\n"
		      "{\"seconds\" :########}\n",
		      0);
	make_template(&templates[AXFW_RESPONSE_TOO_LARGE],
		      "HTTP/1.1 413 Content Too Large\r\nX-Request-ID: ????????????????\r\n"
		      "Connection: close\r\nContent-Length:  18\r\n\r\n"
		      "{\"limit\": 262144 }",
		      0);
}

const struct axfw_response_template *world_template(unsigned response)
{
	return &templates[response];
}
