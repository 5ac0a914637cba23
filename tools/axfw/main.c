/* SPDX-License-Identifier: Apache-2.0 */
/*
 * axfw: looks after one node. The commands are a table (commands.c); --help, the usage errors and
 * the dispatch are read from it. Options stand anywhere and may be written --name=value.
 */
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include "base/text.h"
#include "commands.h"
#include "output.h"

#define HINT_INDENT 6 /* below the sentence behind "axfw: " */

#define COMMAND_WORDS_MAX 2 /* "keys create" */

/* The command line, taken apart. */
struct invocation {
	const char *globals[CLI_GLOBALS];
	const char *name[COMMAND_WORDS_MAX]; /* as typed, for the error */
	unsigned name_words;
	const struct cli_command *command;
	struct cli_arguments arguments;
};

enum cli_status cli_fail(const struct cli *cli, enum cli_status status, const char *hint,
			 const char *format, ...)
{
	char sentence[512];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	if (cli->silent)
		return status;
	if (cli->json) {
		_cleanup_(json_decrefp)
			json_t *v = json_pack("{s:s, s:s*}", "error", sentence, "hint", hint);
		_cleanup_(freep) char *text = v ? json_text(v) : NULL;

		puts(text ? text : "{\"error\":\"the reason isn't UTF-8\"}");
		return status;
	}
	print_wrapped(stderr, HINT_INDENT, "axfw: %s", sentence);
	if (hint)
		print_wrapped(stderr, HINT_INDENT, "%*s%s", HINT_INDENT, "", hint);
	return status;
}

/* Does the command's name start with these words? All of it: 2; a part of it: 1; no: 0. */
static int match_name(const char *name, const char *const *words, unsigned count)
{
	char typed[64];

	snprintf(typed, sizeof(typed), "%s%s%s", words[0], count > 1 ? " " : "",
		 count > 1 ? words[1] : "");
	if (!strcmp(name, typed))
		return 2;
	return count == 1 && !strncmp(name, typed, strlen(typed)) && name[strlen(typed)] == ' ';
}

/* "maps" is a command, and so is "maps dump". */
static bool take_second_word(struct invocation *in, const char *word)
{
	const char *const name[] = { in->name[0], word };

	if (in->name_words != 1 || in->arguments.word_count)
		return false;
	for (size_t i = 0; i < cli_command_count; i++) {
		if (match_name(cli_commands[i].name, name, ARRAY_SIZE(name)) != 2)
			continue;
		in->name[in->name_words++] = word;
		in->command = &cli_commands[i];
		return true;
	}
	return false;
}

/* A word that isn't an option: part of the command's name, else one of its arguments. */
static bool take_word(struct invocation *in, const char *word)
{
	if (in->command && take_second_word(in, word))
		return true;
	if (in->command) {
		if (in->arguments.word_count == in->command->words_max)
			return false;
		in->arguments.words[in->arguments.word_count++] = word;
		return true;
	}
	if (in->name_words == COMMAND_WORDS_MAX)
		return false;
	in->name[in->name_words++] = word;
	for (size_t i = 0; i < cli_command_count; i++) {
		int match = match_name(cli_commands[i].name, in->name, in->name_words);

		if (match == 2)
			in->command = &cli_commands[i];
		if (match)
			return true;
	}
	return false;
}

static int find_option(const struct cli_option *options, size_t count, const char *word, size_t len)
{
	for (size_t i = 0; i < count && options[i].name; i++) {
		if (strlen(options[i].name) == len && !memcmp(options[i].name, word, len))
			return (int)i;
	}
	return -1;
}

/* Returns how many words of argv it took, 0 when it isn't one we know, -1 when its value is
 * missing. */
static int take_option(struct invocation *in, char **argv)
{
	const char *equals = strchr(argv[0], '=');
	size_t len = equals ? (size_t)(equals - argv[0]) : strlen(argv[0]);
	const struct cli_option *options = cli_globals;
	const char **values = in->globals;
	int i = find_option(options, CLI_GLOBALS, argv[0], len);

	if (i < 0 && in->command) {
		options = in->command->options;
		values = in->arguments.values;
		i = find_option(options, CLI_OPTIONS_MAX, argv[0], len);
	}
	if (i < 0 || (equals && !options[i].argument))
		return 0;
	if (!options[i].argument)
		return values[i] = "", 1;
	if (!equals && !argv[1])
		return -1;
	values[i] = equals ? equals + 1 : argv[1];
	return equals ? 1 : 2;
}

/* "deny", of which there are several; NULL: the first word begins no command. */
static const char *find_group(const struct invocation *in)
{
	for (size_t i = 0; i < cli_command_count; i++) {
		if (in->name_words && command_is_of_group(&cli_commands[i], in->name[0]))
			return in->name[0];
	}
	return NULL;
}

static enum cli_status complain_command(const struct cli *cli, const struct invocation *in)
{
	char hint[64] = "axfw --help lists the commands.";

	if (!in->name_words)
		return cli_fail(cli, CLI_USAGE, hint, "which command?");
	if (find_group(in))
		snprintf(hint, sizeof(hint), "axfw %s --help lists the commands.", find_group(in));
	if (in->name_words == 1 && find_group(in))
		return cli_fail(cli, CLI_USAGE, hint, "'%s' is half a command", in->name[0]);
	return cli_fail(cli, CLI_USAGE, hint, "there is no command '%s%s%s'", in->name[0],
			in->name_words > 1 ? " " : "", in->name_words > 1 ? in->name[1] : "");
}

static enum cli_status complain_usage(const struct cli *cli, const struct invocation *in,
				      const char *what, const char *word)
{
	_cleanup_(text_free) struct text hint = { 0 };

	if (!in->command)
		return cli_fail(cli, CLI_USAGE, "axfw --help lists commands and options.",
				"%s '%s'", what, word);
	text_add(&hint, "Usage: ");
	command_add_usage(&hint, in->command);
	return cli_fail(cli, CLI_USAGE, text_failed(&hint) ? NULL : hint.data, "%s '%s'", what,
			word);
}

static enum cli_status take_apart(const struct cli *cli, char **argv, struct invocation *in)
{
	while (*argv) {
		bool is_option = argv[0][0] == '-' && argv[0][1];
		int taken = 1;

		if (!strcmp(*argv, "-h"))
			in->globals[GLOBAL_HELP] = "";
		else if (is_option)
			taken = take_option(in, argv);
		else if (!take_word(in, *argv))
			return in->command ? complain_usage(cli, in, "not expected:", *argv)
					   : complain_command(cli, in);
		if (taken == 0)
			return complain_usage(cli, in, "no such option here:", *argv);
		if (taken < 0)
			return complain_usage(cli, in, "a value is missing after", *argv);
		argv += taken;
	}
	return CLI_DONE;
}

static enum cli_status run(struct cli *cli, struct invocation *in)
{
	if (in->globals[GLOBAL_VERSION]) {
		puts("axfw " AXFW_VERSION);
		return CLI_DONE;
	}
	if (in->globals[GLOBAL_HELP])
		return in->command	? help_print_command(cli, in->command)
		       : find_group(in) ? help_print_group(cli, in->name[0])
					: help_print(cli);
	if (!in->command)
		return complain_command(cli, in);
	if (in->arguments.word_count < in->command->words_needed)
		return complain_usage(cli, in, "there is something missing:", in->command->words);
	return in->command->run(cli, &in->arguments);
}

static bool wants_json(char **argv)
{
	for (; *argv; argv++) {
		if (!strcmp(*argv, "--json"))
			return true;
	}
	return false;
}

static bool may_colour(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no_color && *no_color) && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");
}

int main(int argc, char **argv)
{
	const char *socket_path = getenv("AXFW_SOCKET");
	struct invocation in = { 0 };
	struct cli cli = {
		.socket_path = socket_path && *socket_path ? socket_path : SOCKET_DEFAULT,
		.json = wants_json(argv), /* known before the first error */
		.colour = may_colour(),
	};
	enum cli_status status;

	signal(SIGPIPE, SIG_IGN); /* of `axfw ... | head`; see output_is_unread() */
	if (argc < 2)
		return help_print(&cli), CLI_USAGE;
	status = take_apart(&cli, argv + 1, &in);
	if (in.globals[GLOBAL_SOCKET])
		cli.socket_path = in.globals[GLOBAL_SOCKET];
	if (in.globals[GLOBAL_NO_COLOR])
		cli.colour = false;
	if (status == CLI_DONE)
		status = run(&cli, &in);
	if ((fflush(stdout) == EOF || ferror(stdout)) && !output_is_unread())
		return fprintf(stderr, "axfw: can't write the output\n"), CLI_NO;
	return (int)status;
}
