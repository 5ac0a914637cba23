/* SPDX-License-Identifier: Apache-2.0 */
/* axfw tenants create: an account without a browser. */
#include "client.h"
#include "output.h"
#include "password.h"

enum { OPTION_TIER, OPTION_PASSWORD_STDIN };

enum cli_status command_tenants_create(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(answer_free) struct answer answer = { 0 };
	_cleanup_(free_secretp) char *password = NULL;
	const char *email, *tier, *code;
	enum cli_status status;
	json_t *body, *tenant;

	status = password_read(cli, a->values[OPTION_PASSWORD_STDIN], &password);
	if (status != CLI_DONE)
		return status;
	body = json_pack("{s:s, s:s, s:s*}", "email", a->words[0], "password", password, "tier",
			 a->values[OPTION_TIER]);
	if (!body)
		return cli_fail(cli, CLI_USAGE, NULL, "e-mail, password and tier must be UTF-8");
	status = client_call(cli, "POST", "/node/tenants", body, &answer);
	if (status != CLI_DONE || cli->json)
		return status != CLI_DONE ? status : client_print(&answer);

	tenant = json_object_get(answer.json, "tenant");
	email = json_string_value(json_object_get(tenant, "email"));
	tier = json_string_value(json_object_get(tenant, "tier"));
	code = json_string_value(json_object_get(answer.json, "recovery_code"));
	printf("Created %s (%s tier).\n\n"
	       "Recovery code: %s%s%s\n"
	       "It is shown only now. Keep it: without it a lost password can't be replaced.\n\n"
	       "Next: axfw keys create --tenant %s first\n",
	       email, tier, style_on(cli, STYLE_BOLD), code, style_off(cli), email);
	return CLI_DONE;
}
