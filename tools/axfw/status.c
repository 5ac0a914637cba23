/* SPDX-License-Identifier: Apache-2.0 */
/* axfw status: the first thing to look at. What matters most is on top: is the kernel enforcing? */
#include <string.h>
#include "client.h"
#include "output.h"
#include "reasons.h"

#define LABEL_WIDTH 11

static const char *string_of(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s ? s : "";
}

static unsigned long long number_of(const json_t *object, const char *name)
{
	double n = json_number_value(json_object_get(object, name));

	return n > 0 ? (unsigned long long)n : 0;
}

static bool is_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

static void print_label(const struct cli *cli, const char *label)
{
	printf("%s%-*s%s", style_on(cli, STYLE_DIM), LABEL_WIDTH, label, style_off(cli));
}

static void print_head(const struct cli *cli, const json_t *status)
{
	char up[HUMAN_LEN];

	human_seconds(number_of(status, "uptime_seconds"), up);
	printf("%saxfwd %s%s  pid %llu, up %s, serving on %s\n\n", style_on(cli, STYLE_BOLD),
	       string_of(status, "version"), style_off(cli), number_of(status, "pid"), up,
	       string_of(status, "listen"));
}

static void print_interface(const struct cli *cli, const json_t *interface)
{
	const char *mode = string_of(interface, "mode"), *reason = string_of(interface, "reason");
	bool attached = strcmp(mode, "none"), answers = is_true(interface, "answers");

	print_wrapped(stdout, LABEL_WIDTH + 2, "%*s%s%s%s: %s%s%s%s%s%s%s", LABEL_WIDTH, "",
		      style_on(cli, answers ? STYLE_GOOD : STYLE_WARN),
		      string_of(interface, "name"), style_off(cli),
		      attached ? string_of(interface, "hook") : "", attached ? " " : "",
		      attached ? mode : "not attached",
		      answers	 ? ", refuses by itself"
		      : attached ? ", watches only"
				 : "",
		      is_true(interface, "added") ? ", added by axfw attach" : "",
		      *reason ? ": " : "", reason);
}

static void print_kernel(const struct cli *cli, const json_t *kernel)
{
	bool enforcing = !strcmp(string_of(kernel, "mode"), "enforcing");
	unsigned long long failures = number_of(kernel, "sync_failures");
	const json_t *interface;
	size_t i;

	print_label(cli, "kernel");
	printf("%s%s%s", style_on(cli, enforcing ? STYLE_GOOD : STYLE_WARN),
	       enforcing ? "enforcing" : "userspace mode", style_off(cli));
	if (!enforcing)
		printf(": %s\n%*saxfw doctor says what is missing", string_of(kernel, "reason"),
		       LABEL_WIDTH, "");
	else
		printf(is_true(kernel, "complete") ? ", knows every active key"
						   : ", asks userspace about keys it doesn't know");
	printf("%s\n", is_true(kernel, "adopted") ? ", taken over from an earlier daemon" : "");
	json_array_foreach (json_object_get(kernel, "interfaces"), i, interface)
		print_interface(cli, interface);
	if (enforcing) {
		print_label(cli, "maps");
		printf("%s\n", string_of(kernel, "pin_dir"));
	}
	if (failures)
		printf("%*s%s%llu map updates failed; they are tried again, userspace decides%s\n",
		       LABEL_WIDTH, "", style_on(cli, STYLE_BAD), failures, style_off(cli));
}

static void print_store(const struct cli *cli, const json_t *store)
{
	const json_t *journal = json_object_get(store, "journal");
	bool writable = is_true(store, "writable");
	char bytes[HUMAN_LEN], pending[HUMAN_LEN];

	human_bytes(number_of(journal, "bytes"), bytes);
	human_count(number_of(journal, "records_pending"), pending);
	print_label(cli, "store");
	printf("%s, %s%s%s\n", string_of(store, "dir"),
	       style_on(cli, writable ? STYLE_GOOD : STYLE_BAD),
	       writable ? "writable" : "NOT WRITABLE: guard calls are answered 503",
	       style_off(cli));
	print_label(cli, "journal");
	printf("%s on disk, %s records on their way to the tenants' files\n", bytes, pending);
}

/* {"allow": 10, "block": 0, "too_large": 2} as "10 allow, 2 too large"; what never happened isn't
 * said. */
static void print_counts(const struct cli *cli, const char *label, const json_t *counts)
{
	const char *separator = "", *name;
	char n[HUMAN_LEN];
	json_t *value;

	print_label(cli, label);
	json_object_foreach ((json_t *)counts, name, value) {
		if (json_number_value(value) <= 0)
			continue;
		human_count((unsigned long long)json_number_value(value), n);
		printf("%s%s ", separator, n);
		for (const char *c = name; *c; c++)
			putchar(*c == '_' ? ' ' : *c);
		separator = ", ";
	}
	puts(*separator ? "" : "none");
}

static int print_counters(const struct cli *cli, const json_t *counters)
{
	static const struct table_column columns[] = {
		{ "PACKETS", true }, { "BYTES", true },	   { "ACTION", false },
		{ "REASON", false }, { "MEANING", false },
	};
	_cleanup_(table_free) struct table t = { .columns = columns,
						 .column_count = ARRAY_SIZE(columns) };
	const json_t *counter;
	size_t i;

	json_array_foreach (counters, i, counter) {
		const char *action = string_of(counter, "action");
		const char *reason = string_of(counter, "reason");
		char packets[HUMAN_LEN], bytes[HUMAN_LEN];

		if (!number_of(counter, "packets"))
			continue;
		human_count(number_of(counter, "packets"), packets);
		human_bytes(number_of(counter, "bytes"), bytes);
		table_add(&t, strcmp(action, "answer") ? STYLE_PLAIN : STYLE_WARN,
			  (const char *[]){ packets, bytes, action, reason, reason_text(reason) });
	}
	if (!t.row_count)
		return 0;
	putchar('\n');
	return table_print(cli, &t, stdout);
}

static void print_denied(const struct cli *cli, const json_t *denied)
{
	unsigned long long listed = number_of(denied, "operator");
	unsigned long long boxed = number_of(denied, "boxed");

	if (!listed && !boxed)
		return;
	print_label(cli, "denied");
	printf("%llu by the operator, %s%llu in the penalty box%s (axfw deny list)\n", listed,
	       style_on(cli, boxed ? STYLE_WARN : STYLE_PLAIN), boxed, style_off(cli));
}

enum cli_status command_status(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(answer_free) struct answer answer = { 0 };
	enum cli_status status = client_call(cli, "GET", "/node/status", NULL, &answer);
	const json_t *kernel, *requests;

	if (status != CLI_DONE || cli->json)
		return status != CLI_DONE ? status : client_print(&answer);
	kernel = json_object_get(answer.json, "kernel");
	requests = json_object_get(answer.json, "requests");
	print_head(cli, answer.json);
	print_kernel(cli, kernel);
	print_denied(cli, json_object_get(answer.json, "denied"));
	print_store(cli, json_object_get(answer.json, "store"));
	print_label(cli, "tenants");
	printf("%llu, with %llu active key%s\n", number_of(answer.json, "tenants"),
	       number_of(answer.json, "keys"), number_of(answer.json, "keys") == 1 ? "" : "s");
	print_counts(cli, "verdicts", json_object_get(requests, "verdicts"));
	print_counts(cli, "refusals", json_object_get(requests, "refusals"));
	if (print_counters(cli, json_object_get(kernel, "counters")) < 0)
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	return CLI_DONE;
}
