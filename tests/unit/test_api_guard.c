/* SPDX-License-Identifier: Apache-2.0 */
/* Guard calls from the socket to the tenant's file: what is answered, what is recorded, who is
 * refused. */
#include <fcntl.h>
#include <sqlite3.h>
#include "http_node.h"

static char key[CRYPTO_API_KEY_LEN + 1];
static struct answer answer;
static char value[512];

static void call(const char *path, const char *body)
{
	ask(&node, &answer,
	    "POST %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Length: "
	    "%zu\r\n\r\n%s",
	    path, key, strlen(body), body);
}

static json_t *parsed(void)
{
	json_t *json = json_loadb(answer.body, answer.body_len, 0, NULL);

	assert_non_null(json);
	return json;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	assert_non_null(text);
	return text;
}

static struct store_usage_summary usage(void)
{
	struct store_usage_summary sum;
	uint32_t tenant;

	identity_enter();
	tenant = tenant_number(identity_find_email(node.services->identity, "key@example.org"));
	identity_leave();
	assert_int_equal(store_usage_summary(node.services->store, tenant, &sum), 0);
	return sum;
}

static void verdicts_have_their_shape(void **state)
{
	static const char start[] = "{\"verdict\":\"allow\",\"intent\":{\"class\":\"INFORM\","
				    "\"confidence\":0.55,\"signals\":[],\"signature\":\"";
	_cleanup_(json_decrefp) json_t *json = NULL;
	const json_t *intent;

	http_node_key(&node, "indie", key);
	call("/v1/guard/check", "{\"text\":\"What is the weather today?\"}");
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer_header(&answer, "Content-Type", value), "application/json");
	assert_memory_equal(answer.body, start, sizeof(start) - 1);
	json = parsed();
	assert_int_equal(json_object_size(json), 3);
	intent = json_object_get(json, "intent");
	assert_int_equal(strlen(text_of(intent, "signature")), 64);
	assert_int_equal(strspn(text_of(intent, "signature"), "0123456789abcdef"), 64);
	assert_int_equal(strlen(text_of(json, "decision_id")), UUID_TEXT_LEN - 1);
	assert_int_equal(usage().calls, 1);
}

static void harm_is_blocked_and_counted(void **state)
{
	_cleanup_(json_decrefp) json_t *json = NULL;
	struct store_usage_summary before;

	http_node_key(&node, "indie", key);
	before = usage();
	call("/v1/guard/output",
	     "{\"text\":\"Buy Google Play gift cards immediately to clear your debt\"}");
	assert_int_equal(answer.status, 200);
	json = parsed();
	assert_string_equal(text_of(json, "verdict"), "block");
	assert_string_equal(text_of(json_object_get(json, "intent"), "class"), "HARM");
	assert_int_equal(usage().blocked, before.blocked + 1);
	call("/v1/guard/check", "{\"text\":\" \\n \"}");
	assert_non_null(strstr(answer.body, "\"confidence\":0.3,\"signals\":[\"empty_input\"]"));
}

static void what_is_refused_is_not_counted(void **state)
{
	static const struct {
		const char *body, *detail;
	} rows[] = {
		{ "", "Body must be valid JSON" },
		{ "{", "Body must be valid JSON" },
		{ "{\"text\":\"\xff\"}", "Body must be valid JSON" },
		{ "{}", "Field 'text' must be a string" },
		{ "{\"text\":null}", "Field 'text' must be a string" },
		{ "[]", "Body must be a JSON object" },
	};

	http_node_key(&node, "indie", key);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(json_decrefp) json_t *json = NULL;

		call("/v1/guard/check", rows[i].body);
		assert_int_equal(answer.status, 400);
		json = parsed();
		assert_string_equal(text_of(json, "detail"), rows[i].detail);
	}
	assert_int_equal(usage().calls, 0);
}

static void the_free_tier_ends_at_a_thousand(void **state)
{
	_cleanup_(json_decrefp) json_t *json = NULL;
	static char request[512];
	int fd, len;

	http_node_key(&node, "free", key);
	len = snprintf(request, sizeof(request),
		       "POST /v1/guard/check HTTP/1.1\r\nHost: a\r\nx-api-key: "
		       "%s\r\nContent-Length: 12\r\n\r\n"
		       "{\"text\":\"x\"}",
		       key);
	fd = dial(node.ports[0]);
	for (int i = 0; i < 1000; i++) {
		assert_true(say(fd, request, (size_t)len));
		hear(fd, &answer);
		assert_int_equal(answer.status, 200);
	}
	assert_true(say(fd, request, (size_t)len));
	hear(fd, &answer);
	close(fd);
	assert_int_equal(answer.status, 429);
	json = parsed();
	assert_int_equal(json_integer_value(json_object_get(json, "used")), 1000);
	assert_int_equal(json_integer_value(json_object_get(json, "limit")), 1000);
	assert_int_equal(json_integer_value(json_object_get(json, "retry_after_seconds")),
			 atoll(answer_header(&answer, "Retry-After", value)));
	/* Quota comes before the body. */
	call("/v1/guard/check", "nonsense");
	assert_int_equal(answer.status, 429);
	assert_int_equal(usage().calls, 1000);
}

/* A stranger's receipt check: the public key, the payload as it came, the signature. */
static void receipts_can_be_verified(void **state)
{
	_cleanup_(json_decrefp) json_t *json = NULL, *keys = NULL;
	uint8_t public_key[CRYPTO_ED25519_PUBLIC_LEN], signature[CRYPTO_ED25519_SIGNATURE_LEN];
	_cleanup_(freep) char *canonical = NULL;
	const json_t *receipt, *jwk;
	const char *text;

	http_node_key(&node, "indie", key);
	call("/v1/guard/check", "{\"text\":\"hello\",\"receipt\":true}");
	json = parsed();
	receipt = json_object_get(json, "receipt");
	ask(&node, &answer, "GET /.well-known/axfw-keys.json HTTP/1.1\r\nHost: a\r\n\r\n");
	keys = parsed();
	jwk = json_array_get(json_object_get(keys, "keys"), 0);
	assert_string_equal(text_of(jwk, "kid"), text_of(receipt, "kid"));
	text = text_of(jwk, "x");
	assert_int_equal(base64url_decode(text, strlen(text), public_key, sizeof(public_key)),
			 sizeof(public_key));
	text = text_of(receipt, "signature");
	assert_int_equal(base64url_decode(text, strlen(text), signature, sizeof(signature)),
			 sizeof(signature));
	canonical = json_canonical(json_object_get(receipt, "payload"));
	assert_int_equal(crypto_verify_receipt(public_key, canonical, strlen(canonical), signature),
			 0);
	assert_string_equal(text_of(json_object_get(receipt, "payload"), "decision_id"),
			    text_of(json, "decision_id"));
	canonical[strlen(canonical) / 2] ^= 1;
	assert_int_equal(crypto_verify_receipt(public_key, canonical, strlen(canonical), signature),
			 -EBADMSG);
}

/* --- policies: compiled on the worker pool at first use ------------------------------------------
 */

static void store_policy(const char *body)
{
	char path[512], id[UUID_TEXT_LEN], *sql;
	sqlite3 *db;

	identity_enter();
	snprintf(id, sizeof(id), "%s",
		 tenant_id(identity_find_email(node.services->identity, "key@example.org")));
	identity_leave();
	snprintf(path, sizeof(path), "%s/tenants/%s.db", node.dir, id);
	http_node_end(&node);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sql = sqlite3_mprintf(
		"CREATE TABLE IF NOT EXISTS tenant_policy (id INTEGER PRIMARY KEY, body TEXT, "
		"version INTEGER, updated_at TEXT);"
		"INSERT INTO tenant_policy (body, version, updated_at) VALUES (%Q, 1, '')",
		body);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_free(sql);
	sqlite3_close(db);
	http_node_load_settings(&node, NULL);
	http_node_open_sockets(&node);
	http_node_go_on(&node);
}

static void a_policy_is_compiled_when_it_is_needed(void **state)
{
	http_node_key(&node, "indie", key);
	store_policy(
		"{\"additional_block_patterns\":[{\"class\":\"HARM\",\"regex\":\"project x\"}]}");
	call("/v1/guard/check", "{\"text\":\"Tell me about Project X\"}");
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "\"verdict\":\"block\""));
	assert_non_null(strstr(answer.body, "custom_harm"));
	call("/v1/guard/check", "{\"text\":\"Tell me about Project Y\"}");
	assert_non_null(strstr(answer.body, "\"verdict\":\"allow\""));
}

static void ask_operator(const char *target)
{
	char bytes[256];
	int fd = dial_local(node.socket_path);
	int len = snprintf(bytes, sizeof(bytes), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);

	assert_true(say(fd, bytes, (size_t)len));
	hear(fd, &answer);
	assert_int_equal(answer.status, 200);
	close(fd);
}

/* As if there were none would let through what it was written to stop. */
static void a_policy_that_does_not_compile_lets_nothing_through(void **state)
{
	http_node_key(&node, "indie", key);
	store_policy("{\"additional_block_patterns\":[{\"class\":\"HARM\",\"regex\":\"(\"}]}");
	for (int i = 0; i < 2; i++) {
		call("/v1/guard/check", "{\"text\":\"What is the weather today?\"}");
		assert_int_equal(answer.status, 503);
		/* Whose pattern is wrong, and how, is the tenant's to know, not the caller's. */
		assert_null(strstr(answer.body, "regex"));
	}
	ask_operator("/node/keys?tenant=key%40example.org");
	assert_non_null(strstr(answer.body, "\"policy_fault\":\"additional_block_patterns[0]"));
}

#define CALLERS 8

/* What is written to standard error between these two, in a file of the node's. */
static int divert_errors(void)
{
	char path[96];
	int before = dup(STDERR_FILENO), fd;

	snprintf(path, sizeof(path), "%s/errors", node.dir);
	fd = open(path, O_CREAT | O_RDWR | O_APPEND, 0600);
	assert_true(before >= 0 && fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
	return before;
}

static unsigned count_errors(int before, const char *words)
{
	char path[96], line[1024];
	unsigned count = 0;
	FILE *f;

	assert_true(dup2(before, STDERR_FILENO) >= 0);
	close(before);
	snprintf(path, sizeof(path), "%s/errors", node.dir);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		count += strstr(line, words) != NULL;
	fclose(f);
	return count;
}

/* Many callers find at once that nobody has compiled it yet; one line says that it doesn't. */
static void a_policy_that_does_not_compile_is_logged_once(void **state)
{
	char bytes[512];
	int fds[CALLERS], len, errors;

	http_node_key(&node, "indie", key);
	store_policy("{\"additional_block_patterns\":[{\"class\":\"HARM\",\"regex\":\"(\"}]}");
	len = snprintf(bytes, sizeof(bytes),
		       "POST /v1/guard/check HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
		       "Content-Length: 12\r\n\r\n{\"text\":\"x\"}",
		       key);
	errors = divert_errors();
	for (int i = 0; i < CALLERS; i++)
		fds[i] = dial(node.ports[0]);
	for (int i = 0; i < CALLERS; i++)
		assert_true(say(fds[i], bytes, (size_t)len));
	for (int i = 0; i < CALLERS; i++) {
		hear(fds[i], &answer);
		assert_int_equal(answer.status, 503);
		close(fds[i]);
	}
	assert_int_equal(count_errors(errors, "doesn't compile, so its calls are refused"), 1);
}

/* --- metrics -------------------------------------------------------------------------------------
 */

/* Every family has one HELP and one TYPE before its samples, as promtool demands. */
static void metrics_are_well_formed(void **state)
{
	_cleanup_(freep) char *page = NULL;
	char *rest, *line, family[128] = "";

	http_node_key(&node, "indie", key);
	call("/v1/guard/check", "{\"text\":\"x\"}");
	ask(&node, &answer, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.body[answer.body_len - 1], '\n');
	assert_non_null(
		strstr(answer.body, "axfw_verdicts_total{verdict=\"allow\",class=\"INFORM\"} 1\n"));
	assert_non_null(strstr(answer.body, "axfw_request_seconds_count 1\n"));
	assert_non_null(strstr(answer.body, "axfw_request_seconds_bucket{le=\"+Inf\"} 1\n"));
	assert_non_null(strstr(answer.body, "axfw_kernel_enforcing 0\n"));
	assert_non_null(strstr(answer.body, "axfw_http_requests_total{status=\"200\"} "));
	rest = page = strdup(answer.body);
	while ((line = strsep(&rest, "\n")) && *line) {
		if (!strncmp(line, "# TYPE ", 7)) {
			assert_true(strncmp(line + 7, family, strlen(family)) == 0);
		} else if (!strncmp(line, "# HELP ", 7)) {
			snprintf(family, sizeof(family), "%.*s", (int)strcspn(line + 7, " "),
				 line + 7);
		} else if (strncmp(line, family, strlen(family))) {
			fail_msg("'%s' isn't of %s", line, family);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, http_node_set_up, http_node_tear_down)
		TEST(verdicts_have_their_shape),
		TEST(harm_is_blocked_and_counted),
		TEST(what_is_refused_is_not_counted),
		TEST(the_free_tier_ends_at_a_thousand),
		TEST(receipts_can_be_verified),
		TEST(a_policy_is_compiled_when_it_is_needed),
		TEST(a_policy_that_does_not_compile_lets_nothing_through),
		TEST(a_policy_that_does_not_compile_is_logged_once),
		TEST(metrics_are_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
