/* SPDX-License-Identifier: Apache-2.0 */
/* axfw keys: a tenant's API keys. */
#include <string.h>
#include "client.h"
#include "output.h"

enum { OPTION_TENANT, OPTION_ALL };

static enum cli_status need_tenant(const struct cli *cli, const struct cli_arguments *a)
{
	if (a->values[OPTION_TENANT] && *a->values[OPTION_TENANT])
		return CLI_DONE;
	return cli_fail(cli, CLI_USAGE,
			"Add --tenant with the e-mail address or id of the account.",
			"whose keys?");
}

enum cli_status command_keys_create(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(answer_free) struct answer answer = { 0 };
	enum cli_status status = need_tenant(cli, a);
	const char *secret;
	json_t *body, *key;

	if (status != CLI_DONE)
		return status;
	body = json_pack("{s:s, s:s}", "tenant", a->values[OPTION_TENANT], "name",
			 a->word_count ? a->words[0] : "");
	if (!body)
		return cli_fail(cli, CLI_USAGE, NULL, "tenant and name must be UTF-8");
	status = client_call(cli, "POST", "/node/keys", body, &answer);
	if (status != CLI_DONE || cli->json)
		return status != CLI_DONE ? status : client_print(&answer);

	key = json_object_get(answer.json, "key");
	secret = json_string_value(json_object_get(answer.json, "secret"));
	printf("%s%s%s\n\nThis is the secret of key %s; it is shown only now.\n",
	       style_on(cli, STYLE_BOLD), secret, style_off(cli),
	       json_string_value(json_object_get(key, "id")));
	return CLI_DONE;
}

/* "2026-01-31T12:00:00.123456" to the minute. */
static void format_time(const json_t *time, char *ret, size_t size)
{
	const char *iso = json_string_value(time);
	const char *t = iso ? strchr(iso, 'T') : NULL;

	if (t && strlen(t) >= sizeof("T12:00") - 1)
		snprintf(ret, size, "%.*s %.5s", (int)(t - iso), iso, t + 1);
	else
		snprintf(ret, size, "%s", iso ? iso : "-");
}

/* An operator who looks a tenant up wants to know why all its calls are refused. */
static void print_policy_fault(const struct cli *cli, const json_t *tenant)
{
	const char *fault = json_string_value(json_object_get(tenant, "policy_fault"));

	if (fault)
		printf("%sIts policy doesn't compile, so its calls are refused: %s%s\n\n",
		       style_on(cli, STYLE_BAD), fault, style_off(cli));
}

static void add_key(struct table *t, const json_t *key)
{
	const json_t *revoked = json_object_get(key, "revoked");
	char created[HUMAN_LEN], ended[HUMAN_LEN];

	format_time(json_object_get(key, "created"), created, sizeof(created));
	format_time(revoked, ended, sizeof(ended));
	table_add(t, json_is_string(revoked) ? STYLE_DIM : STYLE_PLAIN,
		  (const char *[]){ json_string_value(json_object_get(key, "id")), created, ended,
				    json_string_value(json_object_get(key, "name")) });
}

enum cli_status command_keys_list(const struct cli *cli, const struct cli_arguments *a)
{
	static const struct table_column columns[] = { { "KEY ID", false },
						       { "CREATED (UTC)", false },
						       { "REVOKED", false },
						       { "NAME", false } };
	_cleanup_(table_free) struct table t = { .columns = columns,
						 .column_count = ARRAY_SIZE(columns) };
	_cleanup_(answer_free) struct answer answer = { 0 };
	_cleanup_(text_free) struct text path = { 0 };
	_cleanup_(freep) char *tenant = NULL;
	enum cli_status status = need_tenant(cli, a);
	const json_t *key;
	size_t i;

	if (status != CLI_DONE)
		return status;
	tenant = client_escape(a->values[OPTION_TENANT]);
	text_addf(&path, "/node/keys?tenant=%s%s", tenant ? tenant : "",
		  a->values[OPTION_ALL] ? "&all=1" : "");
	if (!tenant || text_failed(&path))
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	status = client_call(cli, "GET", path.data, NULL, &answer);
	if (status != CLI_DONE || cli->json)
		return status != CLI_DONE ? status : client_print(&answer);

	print_policy_fault(cli, json_object_get(answer.json, "tenant"));
	json_array_foreach (json_object_get(answer.json, "keys"), i, key)
		add_key(&t, key);
	if (!t.row_count) {
		printf("No %skeys. Make one: axfw keys create --tenant %s NAME\n",
		       a->values[OPTION_ALL] ? "" : "active ", a->values[OPTION_TENANT]);
		return CLI_DONE;
	}
	return table_print(cli, &t, stdout) < 0 ? cli_fail(cli, CLI_NO, NULL, "out of memory")
						: CLI_DONE;
}

enum cli_status command_keys_revoke(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(answer_free) struct answer answer = { 0 };
	_cleanup_(text_free) struct text path = { 0 };
	_cleanup_(freep) char *id = client_escape(a->words[0]);
	enum cli_status status = need_tenant(cli, a);
	json_t *body;

	if (status != CLI_DONE)
		return status;
	text_addf(&path, "/node/keys/%s/revoke", id ? id : "");
	body = json_pack("{s:s}", "tenant", a->values[OPTION_TENANT]);
	if (!id || text_failed(&path) || !body) {
		json_decref(body);
		return cli_fail(cli, CLI_USAGE, NULL, "tenant and key id must be UTF-8");
	}
	status = client_call(cli, "POST", path.data, body, &answer);
	if (status != CLI_DONE || cli->json)
		return status != CLI_DONE ? status : client_print(&answer);
	if (json_is_false(json_object_get(answer.json, "kernel_told")))
		printf("Revoked %s: it is refused from now on, by the daemon. The kernel couldn't "
		       "be "
		       "told:\nit passes the key's calls up instead of answering them. The "
		       "daemon's "
		       "log says why.\n",
		       a->words[0]);
	else
		printf("Revoked %s: it is refused from now on, in the kernel too.\n", a->words[0]);
	return CLI_DONE;
}
