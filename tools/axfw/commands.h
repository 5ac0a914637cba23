/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and what is said of it: the help texts and the usage line of an error. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "base/text.h"
#include "cli.h"

#define SOCKET_DEFAULT "/run/axfw.sock"

extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;

/* Options that every command takes: positions in cli_globals. */
enum global {
	GLOBAL_JSON,
	GLOBAL_SOCKET,
	GLOBAL_NO_COLOR,
	GLOBAL_VERSION,
	GLOBAL_HELP,
	CLI_GLOBALS
};
extern const struct cli_option cli_globals[CLI_GLOBALS];

/* Is the command one of "deny add", "deny del", ...? */
bool command_is_of_group(const struct cli_command *c, const char *group);
/* "axfw deny del PREFIX" */
void command_add_usage(struct text *to, const struct cli_command *c);

enum cli_status help_print(const struct cli *cli);
enum cli_status help_print_group(const struct cli *cli, const char *group);
enum cli_status help_print_command(const struct cli *cli, const struct cli_command *c);

#endif
