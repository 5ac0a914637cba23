/* SPDX-License-Identifier: Apache-2.0 */
/* axfw deny: the operator's deny list, and the penalty box's entries beside it. */
#include <errno.h>
#include <string.h>
#include "client.h"
#include "duration.h"
#include "output.h"

enum { OPTION_FOR, OPTION_UNTIL, OPTION_REASON, OPTION_FORCE };

#define CREATED_LEN 19 /* of an ISO time, without the fraction */

static enum cli_status make_body(const struct cli *cli, const struct cli_arguments *a, json_t **ret)
{
	const char *length = a->values[OPTION_FOR], *until = a->values[OPTION_UNTIL];
	json_t *body = json_pack("{s:s, s:s*, s:s*, s:b}", "prefix", a->words[0], "until", until,
				 "reason", a->values[OPTION_REASON], "force",
				 a->values[OPTION_FORCE] != NULL);
	uint64_t seconds;

	if (!body)
		return cli_fail(cli, CLI_USAGE, NULL, "prefix and reason must be UTF-8");
	if (length && duration_parse(length, &seconds) < 0) {
		json_decref(body);
		return cli_fail(cli, CLI_USAGE, "Write 90s, 10m, 2h, 7d or 1h30m.",
				"'%s' isn't a length of time", length);
	}
	if (length)
		json_object_set_new(body, "seconds", json_integer((json_int_t)seconds));
	*ret = body;
	return CLI_DONE;
}

/* Until when, for people. */
static void format_end(const json_t *entry, char ret[static HUMAN_LEN])
{
	const json_t *left = json_object_get(entry, "seconds_left");

	if (json_is_integer(left))
		human_seconds((unsigned long long)json_integer_value(left), ret);
	else
		snprintf(ret, HUMAN_LEN, "for good");
}

enum cli_status command_deny_add(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(answer_free) struct answer answer = { 0 };
	char end[HUMAN_LEN];
	const json_t *entry;
	enum cli_status status;
	json_t *body = NULL;

	status = make_body(cli, a, &body);
	if (status != CLI_DONE)
		return status;
	status = client_call(cli, "POST", "/node/denials", body, &answer);
	if (status != CLI_DONE || cli->json)
		return status != CLI_DONE ? status : client_print(&answer);
	entry = json_object_get(answer.json, "entry");
	format_end(entry, end);
	printf("Denied %s, %s%s%s.\n", json_string_value(json_object_get(entry, "prefix")),
	       json_is_null(json_object_get(entry, "until")) ? "" : "for ", end,
	       json_is_true(json_object_get(entry, "in_kernel"))
		       ? ": its packets are dropped"
		       : ": its connections are closed (not in the kernel; 'axfw status' says "
			 "why)");
	return CLI_DONE;
}

enum cli_status command_deny_del(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(answer_free) struct answer answer = { 0 };
	json_t *body = json_pack("{s:s}", "prefix", a->words[0]);
	enum cli_status status;

	if (!body)
		return cli_fail(cli, CLI_USAGE, NULL, "the prefix must be UTF-8");
	status = client_call(cli, "POST", "/node/denials/remove", body, &answer);
	if (status != CLI_DONE || cli->json)
		return status != CLI_DONE ? status : client_print(&answer);
	printf("%s is no longer denied.\n",
	       json_string_value(json_object_get(answer.json, "prefix")));
	return CLI_DONE;
}

static void add_row(struct table *t, const json_t *entry)
{
	const char *created = json_string_value(json_object_get(entry, "created"));
	const char *cause = json_string_value(json_object_get(entry, "cause"));
	const char *reason = json_string_value(json_object_get(entry, "reason"));
	bool boxed = cause && !strcmp(cause, "penalty");
	char end[HUMAN_LEN], packets[HUMAN_LEN], since[CREATED_LEN + 1] = "";

	format_end(entry, end);
	human_count((unsigned long long)json_integer_value(json_object_get(entry, "packets")),
		    packets);
	snprintf(since, sizeof(since), "%s", created ? created : "-");
	table_add(t, boxed ? STYLE_WARN : STYLE_PLAIN,
		  (const char *[]){ json_string_value(json_object_get(entry, "prefix")), end,
				    json_is_true(json_object_get(entry, "in_kernel")) ? packets
										      : NULL,
				    since, boxed ? "penalty box" : "operator",
				    boxed		? "kept being refused"
				    : reason && *reason ? reason
							: NULL });
}

enum cli_status command_deny_list(const struct cli *cli, const struct cli_arguments *a)
{
	static const struct table_column columns[] = {
		{ "DENIED", false },	  { "STILL", false }, { "DROPPED", true },
		{ "SINCE (UTC)", false }, { "BY", false },    { "REASON", false },
	};
	_cleanup_(table_free) struct table t = { .columns = columns,
						 .column_count = ARRAY_SIZE(columns) };
	_cleanup_(answer_free) struct answer answer = { 0 };
	enum cli_status status = client_call(cli, "GET", "/node/denials", NULL, &answer);
	const json_t *entry;
	size_t i;

	(void)a;
	if (status != CLI_DONE || cli->json)
		return status != CLI_DONE ? status : client_print(&answer);
	json_array_foreach (json_object_get(answer.json, "entries"), i, entry)
		add_row(&t, entry);
	if (!t.row_count) {
		puts("Nobody is denied. Deny an address: axfw deny add 203.0.113.7 --for 1h");
		return CLI_DONE;
	}
	return table_print(cli, &t, stdout) < 0 ? cli_fail(cli, CLI_NO, NULL, "out of memory")
						: CLI_DONE;
}
