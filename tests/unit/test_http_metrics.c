/* SPDX-License-Identifier: Apache-2.0 */
/* Who may read /metrics when a proxy on the same machine, whose connections come from loopback as
 * the operator's do, forwards what strangers ask. */
#include "http_node.h"

static struct answer answer;

#define METRICS "GET /metrics HTTP/1.1\r\nHost: a\r\n"

struct row {
	const char *headers;
	int status;
};

static void expect(const char *trusted, const struct row *rows, size_t count)
{
	const char *const flags[] = { "--forwarded-allow-ips", trusted, NULL };

	http_node_start(&node, flags);
	for (size_t i = 0; i < count; i++) {
		ask(&node, &answer, METRICS "%s\r\n", rows[i].headers);
		if (answer.status != rows[i].status)
			fail_msg("trusting '%s': %s: %d", trusted, rows[i].headers, answer.status);
		if (answer.status == 403 && strstr(answer.body, "axfw_"))
			fail_msg("refused, and told all the same:\n%s", answer.body);
	}
	http_node_remove(&node);
}

static void a_trusted_proxys_clients_are_not_loopback(void **state)
{
	static const struct row rows[] = {
		{ "", 200 },
		{ "X-Forwarded-For: 192.0.2.1\r\n", 403 },
		{ "X-Forwarded-For: 127.0.0.1, 192.0.2.1\r\n", 403 },
		{ "X-Forwarded-For: nonsense\r\n", 403 },
		{ "X-Forwarded-For: 127.0.0.2\r\n", 200 }, /* the proxy saw it itself */
	};

	expect("127.0.0.1", rows, ARRAY_SIZE(rows));
}

static void nor_are_those_of_a_proxy_that_nobody_named(void **state)
{
	static const struct row rows[] = {
		{ "", 200 },
		{ "X-Forwarded-For: 192.0.2.1\r\n", 403 },
		{ "X-Forwarded-For: 127.0.0.1\r\n", 403 },
	};

	expect("", rows, ARRAY_SIZE(rows));
}

static void where_everybody_is_trusted_nobody_is(void **state)
{
	static const struct row rows[] = {
		{ "", 200 },
		{ "X-Forwarded-For: 192.0.2.1\r\n", 403 },
		{ "X-Forwarded-For: 127.0.0.2\r\n", 403 }, /* anybody could say so */
	};

	expect("*", rows, ARRAY_SIZE(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trusted_proxys_clients_are_not_loopback),
		cmocka_unit_test(nor_are_those_of_a_proxy_that_nobody_named),
		cmocka_unit_test(where_everybody_is_trusted_nobody_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
