/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's routes at the local socket: what they answer, and what they say went wrong. */
#include "http_node.h"

static struct answer answer;

static int set_up(void **state)
{
	char key[CRYPTO_API_KEY_LEN + 1];

	http_node_start(&node, NULL);
	http_node_key(&node, "indie", key);
	return 0;
}

static void call(const char *method, const char *target, const char *body)
{
	char bytes[1024];
	int fd = dial_local(node.socket_path);
	int len = snprintf(bytes, sizeof(bytes),
			   "%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s", method,
			   target, strlen(body), body);

	assert_true(say(fd, bytes, (size_t)len));
	hear(fd, &answer);
	close(fd);
}

/* Makes a key and returns its id. */
static void make_key(char ret[static UUID_TEXT_LEN])
{
	const char *id;

	call("POST", "/node/keys", "{\"tenant\":\"key@example.org\",\"name\":\"n\"}");
	assert_int_equal(answer.status, 201);
	id = strstr(answer.body, "\"id\":\"") + strlen("\"id\":\"");
	snprintf(ret, UUID_TEXT_LEN, "%.*s", (int)strcspn(id, "\""), id);
}

static void revoke_key(const char *id)
{
	char target[128];

	snprintf(target, sizeof(target), "/node/keys/%s/revoke", id);
	call("POST", target, "{\"tenant\":\"key@example.org\"}");
}

static void a_revocation_says_whether_the_kernel_knows(void **state)
{
	char id[UUID_TEXT_LEN];

	make_key(id);
	revoke_key(id);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "\"kernel_told\":true"));
	revoke_key(id);
	assert_int_equal(answer.status, 404);
}

static int refuse_change(void *arg, const struct axfw_key_hash *hash,
			 const struct axfw_admission *admission)
{
	return -EIO;
}

static void and_that_it_does_not(void **state)
{
	const struct identity_watcher deaf = { .key_changed = refuse_change };
	char id[UUID_TEXT_LEN];

	make_key(id);
	identity_watch(node.services->identity, &deaf);
	revoke_key(id);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "\"revoked\":true"));
	assert_non_null(strstr(answer.body, "\"kernel_told\":false"));
}

/* One value must not overwrite the other, whichever is asked for first. */
static void two_query_values_are_both_there(void **state)
{
	char id[UUID_TEXT_LEN];

	make_key(id);
	revoke_key(id);
	call("GET", "/node/keys?tenant=key%40example.org&all=1", "");
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, id));
	call("GET", "/node/keys?all=0&tenant=key%40example.org", "");
	assert_int_equal(answer.status, 200);
	assert_null(strstr(answer.body, id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_revocation_says_whether_the_kernel_knows, set_up,
						http_node_tear_down),
		cmocka_unit_test_setup_teardown(and_that_it_does_not, set_up, http_node_tear_down),
		cmocka_unit_test_setup_teardown(two_query_values_are_both_there, set_up,
						http_node_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
