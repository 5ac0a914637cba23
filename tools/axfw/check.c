/* SPDX-License-Identifier: Apache-2.0 */
/* axfw check: one text, judged as the guard API would. */
#include <string.h>
#include "engine.h"
#include "file.h"
#include "output.h"

#define TEXT_BYTES_MAX (64U << 20) /* 256 times what the API takes */
#define EXCERPT_CELLS  48

enum { OPTION_POLICY, OPTION_DOCUMENT, OPTION_EXPLAIN };

static const char *verdict_name(bool block)
{
	return block ? "block" : "allow";
}

/* --- for scripts: the members of the API's answer -------------------------------------------- */

static json_t *explanation_json(const struct guard_request *request,
				const struct guard_explanation *e)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < e->count; i++) {
		const struct guard_reason *r = &e->reasons[i];

		json_array_append_new(
			list, json_pack("{s:I, s:I, s:s, s:s*}", "begin",
					(json_int_t)text_characters(request->text, r->begin), "end",
					(json_int_t)text_characters(request->text, r->end), "why",
					r->why, "view", r->view));
	}
	return list;
}

static enum cli_status print_json(const struct cli *cli, const struct engine *engine,
				  const struct guard_request *request,
				  const struct guard_verdict *v, const struct guard_explanation *e)
{
	_cleanup_(json_decrefp) json_t *signals = json_array(), *whole = NULL;
	_cleanup_(freep) char *text = NULL;

	for (unsigned i = 0; i < v->signal_count; i++)
		json_array_append_new(signals, json_string(v->signals[i]));
	whole = json_pack("{s:s, s:s*, s:{s:s, s:f, s:O, s:o*}, s:s}", "verdict",
			  verdict_name(v->block), "shadow_verdict",
			  v->is_shadow ? verdict_name(v->shadow_block) : NULL, "intent", "class",
			  guard_class_name(v->intent_class), "confidence",
			  (double)v->confidence_e4 / 10000, "signals", signals, "explanation",
			  e ? explanation_json(request, e) : NULL, "engine_version",
			  guard_engine_version(engine->guard));
	text = whole ? json_canonical(whole) : NULL;
	if (!text)
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	puts(text);
	return v->block ? CLI_NO : CLI_DONE;
}

/* --- for people ------------------------------------------------------------------------------ */

static enum cli_status print_explanation(const struct cli *cli, const struct guard_request *request,
					 const struct guard_explanation *e)
{
	static const struct table_column columns[] = { { "WHY", false }, { "PLACE", false } };
	_cleanup_(table_free) struct table t = { .columns = columns,
						 .column_count = ARRAY_SIZE(columns) };

	if (!e->count)
		return CLI_DONE;
	putchar('\n');
	for (unsigned i = 0; i < e->count; i++) {
		const struct guard_reason *r = &e->reasons[i];
		char place[CELL_MAX], why[CELL_MAX];

		snprintf(place, sizeof(place), "%.*s", (int)(r->end - r->begin),
			 request->text + r->begin);
		place[display_cut(place, EXCERPT_CELLS)] = '\0';
		snprintf(why, sizeof(why), "%s%s%s", r->why, r->view ? " in " : "",
			 r->view ? r->view : "");
		table_add(&t, STYLE_PLAIN, (const char *[]){ why, place });
	}
	return table_print(cli, &t, stdout) < 0 ? cli_fail(cli, CLI_NO, NULL, "out of memory")
						: CLI_DONE;
}

static enum cli_status print_verdict(const struct cli *cli, const struct guard_request *request,
				     const struct guard_verdict *v,
				     const struct guard_explanation *e)
{
	enum style style = v->block ? STYLE_BAD : STYLE_GOOD;

	printf("%s%s%s  %s %u.%02u", style_on(cli, style), verdict_name(v->block), style_off(cli),
	       guard_class_name(v->intent_class), v->confidence_e4 / 10000,
	       v->confidence_e4 % 10000 / 100);
	for (unsigned i = 0; i < v->signal_count; i++)
		printf("%s%s", i ? ", " : "  ", v->signals[i]);
	putchar('\n');
	if (v->is_shadow)
		printf("The policy only watches: without \"shadow\" it would %s this.\n",
		       verdict_name(v->shadow_block));
	if (e && print_explanation(cli, request, e) != CLI_DONE)
		return CLI_NO;
	return v->block ? CLI_NO : CLI_DONE;
}

enum cli_status command_check(const struct cli *cli, const struct cli_arguments *a)
{
	const char *path = a->word_count ? a->words[0] : "-";
	_cleanup_(engine_close) struct engine engine = { 0 };
	_cleanup_(text_free) struct text text = { 0 };
	struct guard_explanation explanation, *e = a->values[OPTION_EXPLAIN] ? &explanation : NULL;
	struct guard_request request = { .is_document = a->values[OPTION_DOCUMENT] };
	struct guard_verdict v;
	enum cli_status status;
	int r = file_read(path, TEXT_BYTES_MAX, &text);

	if (r < 0)
		return cli_fail(cli, CLI_USAGE, NULL, "can't read %s: %s", path, strerror(-r));
	status = engine_open(cli, a->values[OPTION_POLICY], &engine);
	if (status != CLI_DONE)
		return status;
	request.text = text.data ? text.data : "";
	request.len = text.len;
	r = guard_evaluate(engine.guard, engine.scratch, engine.policy, &request, &v, e);
	if (r < 0)
		return cli_fail(cli, CLI_NO, NULL, "the evaluation failed: %s", strerror(-r));
	return cli->json ? print_json(cli, &engine, &request, &v, e)
			 : print_verdict(cli, &request, &v, e);
}
