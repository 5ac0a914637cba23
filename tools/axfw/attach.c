/* SPDX-License-Identifier: Apache-2.0 */
/* axfw attach and detach: the programs on another interface, or no longer on one. */
#include <string.h>
#include "client.h"
#include "output.h"

static enum cli_status send_name(const struct cli *cli, const char *path, const char *name,
				 struct answer *ret)
{
	json_t *body = json_pack("{s:s}", "name", name);

	if (!body)
		return cli_fail(cli, CLI_USAGE, NULL, "the interface's name must be UTF-8");
	return client_call(cli, "POST", path, body, ret);
}

static const char *string_of(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s ? s : "";
}

enum cli_status command_attach(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(answer_free) struct answer answer = { 0 };
	enum cli_status status = send_name(cli, "/node/interfaces", a->words[0], &answer);
	const json_t *interface;

	if (status != CLI_DONE || cli->json)
		return status != CLI_DONE ? status : client_print(&answer);
	interface = json_object_get(answer.json, "interface");
	printf("%s: %s %s, %s%s%s\n", a->words[0], string_of(interface, "hook"),
	       string_of(interface, "mode"),
	       json_is_true(json_object_get(interface, "answers")) ? "refuses by itself"
								   : "watches only",
	       *string_of(interface, "reason") ? ": " : "", string_of(interface, "reason"));
	printf("Until axfw detach, or until what is pinned goes: a daemon without --persist takes "
	       "it along, and so\ndoes a reboot. For good it belongs into --interface "
	       "(AXFW_INTERFACE).\n");
	return CLI_DONE;
}

enum cli_status command_detach(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(answer_free) struct answer answer = { 0 };
	enum cli_status status = send_name(cli, "/node/interfaces/detach", a->words[0], &answer);

	if (status != CLI_DONE || cli->json)
		return status != CLI_DONE ? status : client_print(&answer);
	printf("%s is detached: its packets reach the daemon unjudged.\n", a->words[0]);
	return CLI_DONE;
}
