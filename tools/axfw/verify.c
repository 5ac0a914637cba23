/* SPDX-License-Identifier: Apache-2.0 */
/* axfw verify: reads the files, asks receipt.c, says what it found. */
#include <errno.h>
#include <string.h>
#include "client.h"
#include "file.h"
#include "output.h"
#include "receipt.h"

#define FILE_MAX (1U << 20) /* an answer is under 2 KiB, a judged text under 256 KiB */

enum { OPTION_KEYS, OPTION_TEXT };

static enum cli_status read_or_complain(const struct cli *cli, const char *path, struct text *ret)
{
	int r = file_read(path, FILE_MAX, ret);

	return r < 0 ? cli_fail(cli, CLI_USAGE, NULL, "can't read %s: %s", path, strerror(-r))
		     : CLI_DONE;
}

static enum cli_status read_json(const struct cli *cli, const char *path, json_t **ret)
{
	_cleanup_(text_free) struct text text = { 0 };
	enum cli_status status = read_or_complain(cli, path, &text);
	json_error_t error;
	json_t *v;

	if (status != CLI_DONE)
		return status;
	v = json_loadb(text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, &error);
	if (!v)
		return cli_fail(cli, CLI_USAGE, NULL, "%s isn't JSON: line %d: %s", path,
				error.line, error.text);
	*ret = v;
	return CLI_DONE;
}

/* From a file, an address, or the local daemon. */
static enum cli_status read_keys(const struct cli *cli, const char *from, json_t **ret)
{
	_cleanup_(answer_free) struct answer answer = { 0 };
	enum cli_status status;

	if (from && strncmp(from, "http://", 7) && strncmp(from, "https://", 8))
		return read_json(cli, from, ret);
	if (from)
		status = client_fetch(cli, from, &answer);
	else
		status = client_call(cli, "GET", "/.well-known/axfw-keys.json", NULL, &answer);
	if (status == CLI_DONE)
		*ret = TAKE_PTR(answer.json);
	return status;
}

static enum cli_status print_json(const struct cli *cli, const struct receipt_findings *f)
{
	_cleanup_(json_decrefp) json_t *checks = json_array(), *whole = NULL;
	_cleanup_(freep) char *text = NULL;

	for (unsigned i = 0; i < f->count; i++)
		json_array_append_new(checks,
				      json_pack("{s:s, s:b, s:s}", "name", f->checks[i].name, "ok",
						f->checks[i].ok, "found", f->checks[i].found));
	whole = json_pack("{s:b, s:O, s:O}", "genuine", f->genuine, "checks", checks, "payload",
			  f->payload);
	text = whole ? json_text(whole) : NULL;
	if (!text)
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	puts(text);
	return f->genuine ? CLI_DONE : CLI_NO;
}

/* What was signed, in the payload's own words. */
static int print_payload(const struct cli *cli, const json_t *payload)
{
	static const struct table_column columns[] = { { "SIGNED", false }, { "VALUE", false } };
	_cleanup_(table_free) struct table t = { .columns = columns,
						 .column_count = ARRAY_SIZE(columns) };
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)payload, name, value) {
		_cleanup_(freep) char *text = json_is_string(value) ? NULL : json_canonical(value);

		table_add(&t, STYLE_PLAIN,
			  (const char *[]){ name, text ? text : json_string_value(value) });
	}
	return table_print(cli, &t, stdout);
}

static enum cli_status print_findings(const struct cli *cli, const struct receipt_findings *f)
{
	printf("%s%s%s\n\n", style_on(cli, f->genuine ? STYLE_GOOD : STYLE_BAD),
	       f->genuine ? "Genuine." : "NOT GENUINE.", style_off(cli));
	for (unsigned i = 0; i < f->count; i++)
		printf("%s  %s %s\n", f->checks[i].ok ? "ok " : "NO ", f->checks[i].name,
		       f->checks[i].found);
	putchar('\n');
	if (print_payload(cli, f->payload) < 0)
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	return f->genuine ? CLI_DONE : CLI_NO;
}

enum cli_status command_verify(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(json_decrefp) json_t *document = NULL, *keys = NULL;
	_cleanup_(text_free) struct text text = { 0 };
	const char *text_path = a->values[OPTION_TEXT];
	struct receipt_findings findings;
	enum cli_status status = read_json(cli, a->words[0], &document);

	if (status == CLI_DONE && text_path)
		status = read_or_complain(cli, text_path, &text);
	if (status == CLI_DONE)
		status = read_keys(cli, a->values[OPTION_KEYS], &keys);
	if (status != CLI_DONE)
		return status;
	if (receipt_examine(document, keys, text_path ? (text.data ? text.data : "") : NULL,
			    text.len, &findings) < 0)
		return cli_fail(cli, CLI_NO,
				"Ask for one: a guard call with \"receipt\": true in its body.",
				"there is no receipt in %s", a->words[0]);
	return cli->json ? print_json(cli, &findings) : print_findings(cli, &findings);
}
