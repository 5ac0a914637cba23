/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_answers.h"

#include <string.h>
#include "api/api.h"

#define JSON_HEAD "Content-Type: application/json\r\n"
#define HTML_HEAD "Content-Type: text/html; charset=utf-8\r\n"

/*
 * The free tier's limit stands in the text because only that tier is ever refused for its quota
 * (the table of tiers in identity/). Numbers are padded with spaces: inside JSON and between words
 * of a page white space means nothing.
 */
static const struct kernel_answer answers[AXFW_RESPONSE_COUNT] = {
	[AXFW_RESPONSE_UNAUTHORIZED] = {
		.status = 401,
		.head = "HTTP/1.1 401 Unauthorized\r\n" JSON_HEAD,
		.body = API_UNAUTHORIZED_BODY,
	},
	[AXFW_RESPONSE_SIGNUP_LIMITED] = {
		.status = 429,
		.head = "HTTP/1.1 429 Too Many Requests\r\n" HTML_HEAD,
		.body = "<!doctype html><title>Sign up</title><p>Too many signup attempts from this IP. "
			"Try again in {minutes} minute(s).",
	},
	[AXFW_RESPONSE_QUOTA] = {
		.status = 429,
		.head = "HTTP/1.1 429 Too Many Requests\r\n" JSON_HEAD,
		.body = "{\"detail\":\"Monthly quota exhausted for the free tier (1000/1000 calls). "
			"Upgrade at /billing or wait {days} day(s).\",\"used\":1000,\"limit\":1000,"
			"\"retry_after_seconds\":{seconds}}",
	},
	[AXFW_RESPONSE_RATE] = {
		.status = 429,
		.head = "HTTP/1.1 429 Too Many Requests\r\n" JSON_HEAD,
		.body = API_RATE_BODY_BEFORE "{seconds}" API_RATE_BODY_AFTER,
	},
	[AXFW_RESPONSE_TOO_LARGE] = {
		.status = 413,
		.head = "HTTP/1.1 413 Content Too Large\r\n" JSON_HEAD,
		.body = "{\"error\":\"request body too large\",\"limit_bytes\":262144}",
	},
};

void kernel_answers_fill(struct kernel_answer ret[static AXFW_RESPONSE_COUNT])
{
	memcpy(ret, answers, sizeof(answers));
}
