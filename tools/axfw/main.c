/* SPDX-License-Identifier: Apache-2.0 */
/*
 * axfw: looks after one node. The commands are a table; --help, the usage errors and the dispatch
 * are read from it. Options stand anywhere and may be written --name=value.
 */
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include "axfw/maps.h"
#include "cli.h"
#include "output.h"

#define SOCKET_DEFAULT "/run/axfw.sock"

/* clang-format off */
static const struct cli_command commands[] = {
	{ "status", "", 0, 0, { { 0 } },
	  "what the daemon does: kernel mode, interfaces, store, traffic",
	  "Shows whether requests are refused in the kernel or in userspace, and why; how full the\n"
	  "store's journal is; how many packets the kernel judged, by reason.\n"
	  "\n"
	  "  axfw status\n"
	  "  axfw status --json | jq -r .kernel.mode      enforcing or userspace\n",
	  command_status },
	{ "maps", "", 0, 0, { { 0 } },
	  "the pinned BPF maps: how full, how big",
	  "Every map can be read while the node serves:\n"
	  "\n"
	  "  axfw maps\n"
	  "  bpftool map dump pinned /sys/fs/bpf/axfw/admissions\n",
	  command_maps },
	{ "maps dump", "NAME", 1, 1,
	  { { "--limit", "N", "entries at most [100]" } },
	  "what is in a map, in words",
	  "Addresses, states and reasons by name, times from now. docs/maps.md has the fields as bpftool\n"
	  "shows them.\n"
	  "\n"
	  "  axfw maps dump admissions --limit 20\n"
	  "  axfw maps dump config\n",
	  command_maps_dump },
	{ "top", "", 0, 0,
	  { { "--once", NULL, "print once and end, as it does in a pipe" },
	    { "--interval", "SECONDS", "between two looks [1]" } },
	  "live: packets by reason, who sends most, which keys",
	  "Rates of the kernel's verdicts and of userspace's; sources and keys by sampled decisions of the\n"
	  "last ten to thirty seconds (--events-per-second of the daemon says how many are sampled). q ends.\n"
	  "\n"
	  "  axfw top\n"
	  "  axfw top --once --interval 5\n"
	  "  axfw top --json | jq '.sources[:3]'\n",
	  command_top },
	{ "trace", "", 0, 0,
	  { { "--ip", "ADDRESS", "only this client, as the node sees it (behind a proxy: the client)" },
	    { "--key", "KEY|-", "only this API key; -: read it from standard input, unseen by ps" },
	    { "--key-hash", "HASH", "the same by its hash, as axfw top shows it" },
	    { "--for", "TIME", "end after 30s, 10m, ...; else Ctrl-C does" } },
	  "why was this refused, or not? each decision as it is made",
	  "Prints every decision of the kernel about a client or a key, with its reason. With --json one\n"
	  "object a line. The kernel stops reporting when this ends, however it ends.\n"
	  "\n"
	  "  axfw trace --ip 203.0.113.7 --for 30s\n"
	  "  pass firewall/key | axfw trace --key -\n",
	  command_trace },
	{ "deny add", "PREFIX", 1, 1,
	  { { "--for", "TIME", "how long: 90s, 10m, 2h, 7d; without an end it holds until deny del" },
	    { "--until", "TIME", "until when, UTC: 2026-01-31T18:00:00" },
	    { "--reason", "TEXT", "a note for deny list" },
	    { "--force", NULL, "also loopback and trusted proxies" } },
	  "drop every packet of an address or network",
	  "PREFIX is an address or a network, IPv4 or IPv6. Its packets to the protected ports are dropped\n"
	  "before anything else is looked at; in userspace mode its connections are closed. The list\n"
	  "outlives restarts. Saying it again replaces end and reason. The time is the wall clock's.\n"
	  "\n"
	  "  axfw deny add 203.0.113.7 --for 1h --reason \"scans for keys\"\n"
	  "  axfw deny add 2001:db8::/32\n",
	  command_deny_add },
	{ "deny del", "PREFIX", 1, 1, { { 0 } },
	  "take a prefix off the deny list, or out of the penalty box",
	  "The prefix as deny list shows it. A wider one that covers it goes on counting.\n"
	  "\n"
	  "  axfw deny del 203.0.113.7\n",
	  command_deny_del },
	{ "deny list", "", 0, 0, { { 0 } },
	  "who is denied, until when and why; the penalty box too",
	  "  axfw deny list\n"
	  "  axfw deny list --json | jq -r '.entries[] | select(.cause == \"penalty\") | .prefix'\n",
	  command_deny_list },
	{ "attach", "IFACE", 1, 1, { { 0 } },
	  "put the programs on another interface, while the node serves",
	  "A daemon that takes over goes on with it. It ends with what is pinned: with a daemon that doesn't\n"
	  "--persist, and with a reboot; what shall stay belongs into --interface. Somebody else's program\n"
	  "on the interface is left alone.\n"
	  "\n"
	  "  axfw attach eth1\n",
	  command_attach },
	{ "detach", "IFACE", 1, 1, { { 0 } },
	  "take the programs off an interface",
	  "Its packets reach the daemon unjudged from then on: nothing stops being enforced, it costs more.\n"
	  "One of --interface is attached again at the next start.\n"
	  "\n"
	  "  axfw detach eth1\n",
	  command_detach },
	{ "doctor", "", 0, 0,
	  { { "--interface", "LIST", "interfaces to look at [AXFW_INTERFACE or lo]" },
	    { "--pin-dir", "DIR", "where maps would be pinned [AXFW_PIN_DIR or " AXFW_PIN_DIR "]" } },
	  "can this machine enforce in the kernel? each check with what to do",
	  "Tries what the kernel half needs: BPF, BTF, capabilities, bpffs, network interfaces. Needs no\n"
	  "daemon; run it as the user the daemon runs as. Exit status 1: a check failed and the node would\n"
	  "run in userspace mode, which is slower and not less correct.\n"
	  "\n"
	  "  sudo axfw doctor\n"
	  "  sudo axfw doctor --interface eth0,eth1\n",
	  command_doctor },
	{ "verify", "RECEIPT|-", 1, 1,
	  { { "--keys", "FILE|URL", "the node's public keys; without it the local daemon is asked" },
	    { "--text", "FILE", "also check that the receipt is about this text" } },
	  "is this verdict's receipt genuine?",
	  "Takes a receipt, or a whole answer of the guard API with a receipt in it, from a file or (-)\n"
	  "standard input. With a whole answer the verdict beside the receipt has to be the signed one.\n"
	  "Needs no secret: a receipt is signed with Ed25519.\n"
	  "\n"
	  "  curl -s https://firewall.example/.well-known/axfw-keys.json > keys.json\n"
	  "  axfw verify --keys keys.json answer.json\n"
	  "  axfw verify --keys keys.json --text prompt.txt - < answer.json\n",
	  command_verify },
	{ "tenants create", "EMAIL", 1, 1,
	  { { "--tier", "TIER", "free (default), indie, team or enterprise" },
	    { "--password-stdin", NULL, "read the password from standard input, one line" } },
	  "an account, with its recovery code",
	  "Asks for the password on the terminal, without showing it. Prints the recovery code once:\n"
	  "it is the only way back in when the password is lost.\n"
	  "\n"
	  "  axfw tenants create ada@example.org --tier team\n"
	  "  pass firewall/ada | axfw tenants create ada@example.org --password-stdin\n",
	  command_tenants_create },
	{ "keys create", "[NAME]", 0, 1,
	  { { "--tenant", "EMAIL|ID", "whose key" } },
	  "an API key; its secret is shown once",
	  "  axfw keys create --tenant ada@example.org ci\n"
	  "  KEY=$(axfw keys create --tenant ada@example.org ci --json | jq -r .secret)\n",
	  command_keys_create },
	{ "keys list", "", 0, 0,
	  { { "--tenant", "EMAIL|ID", "whose keys" },
	    { "--all", NULL, "revoked ones too" } },
	  "a tenant's API keys, newest first",
	  "  axfw keys list --tenant ada@example.org\n",
	  command_keys_list },
	{ "keys revoke", "KEY-ID", 1, 1,
	  { { "--tenant", "EMAIL|ID", "whose key" } },
	  "end a key: the kernel refuses it before this returns",
	  "  axfw keys list --tenant ada@example.org\n"
	  "  axfw keys revoke --tenant ada@example.org 9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d\n",
	  command_keys_revoke },
};

static const struct cli_option global_options[] = {
	{ "--json", NULL, "print JSON, for scripts" },
	{ "--socket", "PATH", "the daemon's socket [AXFW_SOCKET or " SOCKET_DEFAULT "]" },
	{ "--no-color", NULL, "no colours (also: NO_COLOR, or output that isn't a terminal)" },
	{ "--version", NULL, "print the version" },
	{ "--help", NULL, "this text, or a command's" },
};
/* clang-format on */

enum global { GLOBAL_JSON, GLOBAL_SOCKET, GLOBAL_NO_COLOR, GLOBAL_VERSION, GLOBAL_HELP };
_Static_assert(GLOBAL_HELP + 1 == ARRAY_SIZE(global_options), "one name for each row");

#define COMMAND_WORDS_MAX 2 /* "keys create" */

/* The command line, taken apart. */
struct invocation {
	const char *globals[ARRAY_SIZE(global_options)];
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
	fprintf(stderr, "axfw: %s\n", sentence);
	if (hint)
		fprintf(stderr, "      %s\n", hint);
	return status;
}

static void print_options(const struct cli_option *options, size_t count)
{
	for (size_t i = 0; i < count && options[i].name; i++) {
		const char *argument = options[i].argument ? options[i].argument : "";
		int used = printf("  %s %s", options[i].name, argument);

		printf("%*s%s\n", MAX(26 - used, 1), "", options[i].help);
	}
}

static enum cli_status print_help(const struct cli *cli)
{
	const char *bold = style_on(cli, STYLE_BOLD), *off = style_off(cli);

	printf("axfw looks after one node of the intent firewall.\n\n%sCommands%s\n", bold, off);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		int used = printf("  %s %s", commands[i].name, commands[i].words);

		printf("%*s%s\n", MAX(26 - used, 1), "", commands[i].summary);
	}
	printf("\n%sOptions%s\n", bold, off);
	print_options(global_options, ARRAY_SIZE(global_options));
	printf("\n%sFirst steps%s\n"
	       "  sudo axfw doctor                      what this machine can do\n"
	       "  sudo axfw status                      what the daemon does\n"
	       "  sudo axfw tenants create you@example.org\n"
	       "  sudo axfw keys create --tenant you@example.org first\n\n"
	       "axfw COMMAND --help says more about one. Exit status: 0 done, 1 no, 2 wrong "
	       "usage,\n"
	       "3 the daemon can't be reached.\n",
	       bold, off);
	return CLI_DONE;
}

static void print_usage(const struct cli_command *c, FILE *to)
{
	fprintf(to, "axfw %s%s%s", c->name, *c->words ? " " : "", c->words);
	for (size_t i = 0; i < CLI_OPTIONS_MAX && c->options[i].name; i++) {
		bool needed = !strcmp(c->options[i].name, "--tenant");
		const char *argument = c->options[i].argument;

		fprintf(to, " %s%s%s%s%s", needed ? "" : "[", c->options[i].name,
			argument ? " " : "", argument ? argument : "", needed ? "" : "]");
	}
	fputc('\n', to);
}

static enum cli_status print_command_help(const struct cli *cli, const struct cli_command *c)
{
	const char *bold = style_on(cli, STYLE_BOLD), *off = style_off(cli);

	printf("axfw %s: %s\n\n%sUsage%s\n  ", c->name, c->summary, bold, off);
	print_usage(c, stdout);
	printf("\n%s\n%sOptions%s\n", c->help, bold, off);
	print_options(c->options, CLI_OPTIONS_MAX);
	print_options(global_options, ARRAY_SIZE(global_options));
	return CLI_DONE;
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
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (match_name(commands[i].name, name, ARRAY_SIZE(name)) != 2)
			continue;
		in->name[in->name_words++] = word;
		in->command = &commands[i];
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
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		int match = match_name(commands[i].name, in->name, in->name_words);

		if (match == 2)
			in->command = &commands[i];
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
	const struct cli_option *options = global_options;
	const char **values = in->globals;
	int i = find_option(options, ARRAY_SIZE(global_options), argv[0], len);

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

static enum cli_status complain_command(const struct cli *cli, const struct invocation *in)
{
	const char *second = in->name_words > 1 ? in->name[1] : "";

	if (!in->name_words)
		return cli_fail(cli, CLI_USAGE, "axfw --help lists them.", "which command?");
	return cli_fail(cli, CLI_USAGE, "axfw --help lists them.", "there is no command '%s%s%s'",
			in->name[0], *second ? " " : "", second);
}

static enum cli_status complain_usage(const struct cli *cli, const struct invocation *in,
				      const char *what, const char *word)
{
	char hint[128];

	if (!in->command)
		return cli_fail(cli, CLI_USAGE, "axfw --help says what is.", "%s '%s'", what, word);
	snprintf(hint, sizeof(hint), "axfw %s --help says what is.", in->command->name);
	return cli_fail(cli, CLI_USAGE, hint, "%s '%s'", what, word);
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
		return in->command ? print_command_help(cli, in->command) : print_help(cli);
	if (!in->command)
		return complain_command(cli, in);
	if (in->arguments.word_count < in->command->words_needed)
		return complain_usage(cli, in, "missing:", in->command->words);
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
		return print_help(&cli), CLI_USAGE;
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
