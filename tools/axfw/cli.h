/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands of axfw share: the table row that describes one, the options every one takes,
 * and one way to fail. A command prints a human's text or, with --json, one JSON document on
 * stdout; errors go to stderr (or, with --json, to stdout as JSON) and always say what to do next.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stdio.h>
#include "base/base.h"

/* Exit statuses; docs/cli.md promises them to scripts. */
enum cli_status {
	CLI_DONE = 0,
	CLI_NO = 1, /* asked and answered: no */
	CLI_USAGE = 2,
	CLI_UNREACHABLE = 3,
};

struct cli {
	const char *socket_path;
	bool json;
	bool colour; /* of stdout */
	bool silent; /* failures aren't said: the caller has the whole terminal */
};

#define CLI_OPTIONS_MAX 4
#define CLI_WORDS_MAX	2

struct cli_option {
	const char *name;     /* "--tier" */
	const char *argument; /* NULL: a switch */
	const char *help;
};

struct cli_arguments {
	const char
		*values[CLI_OPTIONS_MAX]; /* by position in the row; "" for a switch that is on */
	const char *words[CLI_WORDS_MAX];
	unsigned word_count;
};

struct cli_command {
	const char *name;  /* "status", "keys create" */
	const char *words; /* for the usage line: "EMAIL" */
	unsigned words_needed, words_max;
	struct cli_option options[CLI_OPTIONS_MAX];
	const char *summary;
	const char *help; /* paragraphs and examples */
	enum cli_status (*run)(const struct cli *cli, const struct cli_arguments *arguments);
};

/* Says what went wrong and, unless NULL, what to do about it; returns status. */
enum cli_status cli_fail(const struct cli *cli, enum cli_status status, const char *hint,
			 const char *format, ...) _printf_(4, 5);

enum cli_status command_status(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_maps(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_maps_dump(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_attach(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_detach(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_top(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_trace(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_deny_add(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_deny_del(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_deny_list(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_doctor(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_check(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_eval(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_verify(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_tenants_create(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_store_finalize(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_keys_create(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_keys_list(const struct cli *cli, const struct cli_arguments *a);
enum cli_status command_keys_revoke(const struct cli *cli, const struct cli_arguments *a);

#endif
