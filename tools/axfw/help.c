/* SPDX-License-Identifier: Apache-2.0 */
/* axfw --help, at a width that everybody's terminal has, from the tables in commands.c. */
#include <string.h>
#include "base/text.h"
#include "commands.h"
#include "output.h"

#define DESCRIPTION_COLUMN 26
#define HELP_WIDTH	   80 /* everybody's terminal */

/* Beside a name that took so many cells. */
static void print_description(int used, const char *description)
{
	_cleanup_(text_free) struct text out = { 0 };
	int blanks = MAX(DESCRIPTION_COLUMN - used, 1);
	size_t column = (size_t)used + (size_t)blanks;

	text_add_wrapped(&out, description, column, DESCRIPTION_COLUMN, HELP_WIDTH);
	printf("%*s%s\n", blanks, "", text_failed(&out) || !out.len ? description : out.data);
}

static void print_options(const struct cli_option *options, size_t count)
{
	for (size_t i = 0; i < count && options[i].name; i++) {
		const char *argument = options[i].argument ? options[i].argument : "";
		int used = printf("  %s %s", options[i].name, argument);

		print_description(used, options[i].help);
	}
}

bool command_is_of_group(const struct cli_command *c, const char *group)
{
	size_t len = strlen(group);

	return !strncmp(c->name, group, len) && c->name[len] == ' ';
}

/* Those of one group; NULL: all. */
static void print_commands(const char *group)
{
	for (size_t i = 0; i < cli_command_count; i++) {
		int used;

		if (group && !command_is_of_group(&cli_commands[i], group))
			continue;
		used = printf("  %s %s", cli_commands[i].name, cli_commands[i].words);
		print_description(used, cli_commands[i].summary);
	}
}

enum cli_status help_print_group(const struct cli *cli, const char *group)
{
	printf("%sCommands%s\n", style_on(cli, STYLE_BOLD), style_off(cli));
	print_commands(group);
	printf("\naxfw %s COMMAND --help says more about one.\n", group);
	return CLI_DONE;
}

enum cli_status help_print(const struct cli *cli)
{
	const char *bold = style_on(cli, STYLE_BOLD), *off = style_off(cli);

	printf("axfw looks after one node of the intent firewall.\n\n%sCommands%s\n", bold, off);
	print_commands(NULL);
	printf("\n%sOptions%s\n", bold, off);
	print_options(cli_globals, CLI_GLOBALS);
	printf("\n%sFirst steps%s\n"
	       "  sudo axfw doctor                      what this machine can do\n"
	       "  sudo axfw status                      what the daemon does\n"
	       "  sudo axfw tenants create you@example.org\n"
	       "  sudo axfw keys create --tenant you@example.org first\n\n"
	       "axfw COMMAND --help says more about one. Exit status: 0 done, 1 no, 2 wrong\n"
	       "usage, 3 the daemon can't be reached.\n",
	       bold, off);
	return CLI_DONE;
}

void command_add_usage(struct text *to, const struct cli_command *c)
{
	text_addf(to, "axfw %s%s%s", c->name, *c->words ? " " : "", c->words);
	for (size_t i = 0; i < CLI_OPTIONS_MAX && c->options[i].name; i++) {
		bool needed = !strcmp(c->options[i].name, "--tenant");
		const char *argument = c->options[i].argument;

		text_addf(to, " %s%s%s%s%s", needed ? "" : "[", c->options[i].name,
			  argument ? " " : "", argument ? argument : "", needed ? "" : "]");
	}
}

enum cli_status help_print_command(const struct cli *cli, const struct cli_command *c)
{
	const char *bold = style_on(cli, STYLE_BOLD), *off = style_off(cli);
	_cleanup_(text_free) struct text usage = { 0 };

	command_add_usage(&usage, c);
	if (text_failed(&usage))
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	printf("axfw %s: %s\n\n%sUsage%s\n  %s\n", c->name, c->summary, bold, off, usage.data);
	printf("\n%s\n%sOptions%s\n", c->help, bold, off);
	print_options(c->options, CLI_OPTIONS_MAX);
	print_options(cli_globals, CLI_GLOBALS);
	return CLI_DONE;
}
