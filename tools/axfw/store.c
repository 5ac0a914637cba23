/* SPDX-License-Identifier: Apache-2.0 */
/* axfw store finalize: the step after which the Python firewall can't have the directory back. */
#include "client.h"
#include "output.h"

enum { OPTION_NO_WAY_BACK };

enum cli_status command_store_finalize(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(answer_free) struct answer answer = { 0 };
	enum cli_status status;

	if (!a->values[OPTION_NO_WAY_BACK])
		return cli_fail(cli, CLI_USAGE, "axfw store finalize --no-way-back does it.",
				"this can't be undone: the Python firewall won't know the "
				"passwords any more");
	status = client_call(cli, "POST", "/node/store/finalize", json_object(), &answer);
	if (status != CLI_DONE || cli->json)
		return status != CLI_DONE ? status : client_print(&answer);
	printf("Passwords are kept with Argon2id from now on, old ones from their next log-in "
	       "on.\n");
	return CLI_DONE;
}
