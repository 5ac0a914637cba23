/* SPDX-License-Identifier: Apache-2.0 */
/* The templates of the kernel's answers: offsets, widths, lengths and the precomputed sum. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "kernel/answers.h"

#define HEAD_401 "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n"
#define HEAD_429 "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n"
#define BODY_401 "{\"detail\":\"Invalid or missing API key\"}"

/* As the program completes it, and terminated. */
static void complete(const struct axfw_response_template *t, unsigned seconds, char *ret)
{
	char digits[32];

	memcpy(ret, t->text, t->len);
	ret[t->len] = '\0';
	memcpy(ret + t->request_id_at, "0123456789abcdef", 16);
	snprintf(digits, sizeof(digits), "%8u", seconds);
	if (t->retry_after_at)
		memcpy(ret + t->retry_after_at, digits, 8);
	if (t->body_seconds_at)
		memcpy(ret + t->body_seconds_at, digits, 8);
	snprintf(digits, sizeof(digits), "%4u", t->body_unit_s ? seconds / t->body_unit_s : 0);
	if (t->body_unit_at)
		memcpy(ret + t->body_unit_at, digits, 4);
}

static unsigned content_length(const char *text)
{
	const char *at = strstr(text, "Content-Length: ");
	unsigned len = 0;

	assert_non_null(at);
	assert_int_equal(sscanf(at, "Content-Length: %u\r\n", &len), 1);
	return len;
}

static uint32_t naive_sum(const struct axfw_response_template *t)
{
	uint64_t sum = 0;

	/* the network's words, then in the machine's order: one's-complement sums commute with that
	 */
	for (unsigned i = 0; i < t->len; i += 2)
		sum += (uint32_t)(t->text[i] << 8 | t->text[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)((sum & 0xff) << 8 | sum >> 8);
}

static void check_form(const struct axfw_response_template *t, char *ret)
{
	const char *body;

	assert_int_equal(t->len % 2, 0);
	assert_true(t->len <= AXFW_ANSWER_MAX);
	assert_int_equal(t->request_id_at % 2 + t->retry_after_at % 2, 0);
	assert_int_equal(t->body_seconds_at % 2 + t->body_unit_at % 2, 0);
	assert_int_equal(t->sum, naive_sum(t));
	complete(t, 7261, ret);
	assert_int_equal(strlen(ret), t->len); /* no zero byte is left */
	body = strstr(ret, "\r\n\r\n");
	assert_non_null(body);
	assert_int_equal(content_length(ret), strlen(body + 4));
	assert_non_null(strstr(ret, "X-Request-ID: "));
	assert_non_null(strstr(ret, "0123456789abcdef\r\n"));
	assert_non_null(strstr(ret, "\r\nx-axfw-path: kernel\r\n"));
	assert_non_null(strstr(ret, "close\r\n\r\n"));
}

static void test_unauthorized(void **state)
{
	struct axfw_response_template t;
	char text[AXFW_ANSWER_MAX + 1];

	assert_int_equal(answer_build(401, HEAD_401, BODY_401, &t), 0);
	check_form(&t, text);
	assert_int_equal(strncmp(text, HEAD_401, strlen(HEAD_401)), 0);
	assert_int_equal(t.retry_after_at, 0);
	assert_int_equal(t.body_seconds_at, 0);
	assert_int_equal(t.body_unit_at, 0);
	assert_null(strstr(text, "Retry-After"));
	assert_non_null(strstr(text, "X-Content-Type-Options: nosniff\r\n")); /* there is room */
}

static void test_every_alignment(void **state)
{
	struct axfw_response_template t;
	char head[160], body[64], text[AXFW_ANSWER_MAX + 1];

	for (unsigned i = 0; i < 4; i++) {
		snprintf(head, sizeof(head), HEAD_429 "X-Pad: %.*s\r\n", (int)i + 1, "aaaa");
		for (unsigned j = 0; j < 4; j++) {
			snprintf(body, sizeof(body), "%.*s{seconds}%.*s{minutes}", (int)j, "bbbb",
				 (int)i, "cccc");
			assert_int_equal(answer_build(429, head, body, &t), 0);
			check_form(&t, text);
			assert_int_equal(strncmp(text + t.retry_after_at, "    7261", 8), 0);
			assert_int_equal(strncmp(text + t.body_seconds_at, "    7261", 8), 0);
			assert_int_equal(strncmp(text + t.body_unit_at, " 121", 4), 0);
		}
	}
}

static void test_quota_fits(void **state)
{
	static const char body[] = "{\"detail\":\"Monthly quota exhausted for the free tier "
				   "(1000/1000 calls). Upgrade at "
				   "/billing or wait {days} day(s).\",\"used\":1000,\"limit\":1000,"
				   "\"retry_after_seconds\":{seconds}}";
	struct axfw_response_template t;
	char text[AXFW_ANSWER_MAX + 1];

	assert_int_equal(answer_build(429, HEAD_429, body, &t), 0);
	check_form(&t, text);
	assert_int_equal(t.body_unit_s, 86400);
	assert_non_null(strstr(text, "\"retry_after_seconds\":"));
	assert_null(strstr(text, "{seconds}"));
	assert_null(strstr(text, "{days}"));
}

static void test_body_that_starts_with_a_number(void **state)
{
	struct axfw_response_template t;
	char text[AXFW_ANSWER_MAX + 1];

	assert_int_equal(answer_build(429, HEAD_429, "{seconds}", &t), 0);
	check_form(&t, text);
	assert_int_equal(t.body_seconds_at, t.len - 8);
}

static void test_other_braces_stay(void **state)
{
	struct axfw_response_template t;
	char text[AXFW_ANSWER_MAX + 1];

	assert_int_equal(answer_build(401, HEAD_401, "{second}{}{{seconds", &t), 0);
	check_form(&t, text);
	assert_non_null(strstr(text, "{second}{}{{seconds"));
}

static void test_no_header_twice(void **state)
{
	struct axfw_response_template t;
	char text[AXFW_ANSWER_MAX + 1], *first;

	assert_int_equal(answer_build(401, HEAD_401 "cache-control: private\r\n", BODY_401, &t), 0);
	check_form(&t, text);
	first = strcasestr(text, "cache-control:");
	assert_non_null(first);
	assert_null(strcasestr(first + 1, "cache-control:"));
}

static void test_refused(void **state)
{
	struct axfw_response_template t;
	char big[AXFW_ANSWER_MAX + 1];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(answer_build(401, HEAD_401, big, &t), -E2BIG);
	big[AXFW_ANSWER_MAX - 100] = '\0';
	assert_int_equal(answer_build(401, HEAD_401, big, &t), -E2BIG);
	assert_int_equal(answer_build(401, HEAD_401 "\r\n", BODY_401, &t), -EINVAL);
	assert_int_equal(answer_build(401, "HTTP/1.1 401 Unauthorized", BODY_401, &t), -EINVAL);
	assert_int_equal(answer_build(401, "", BODY_401, &t), -EINVAL);
	assert_int_equal(answer_build(429, HEAD_429, "{seconds}{seconds}", &t), -EINVAL);
	assert_int_equal(answer_build(429, HEAD_429, "{minutes}{days}", &t), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unauthorized),
		cmocka_unit_test(test_every_alignment),
		cmocka_unit_test(test_quota_fits),
		cmocka_unit_test(test_body_that_starts_with_a_number),
		cmocka_unit_test(test_other_braces_stay),
		cmocka_unit_test(test_no_header_twice),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("kernel answers", tests, NULL, NULL);
}
