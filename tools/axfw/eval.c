/* SPDX-License-Identifier: Apache-2.0 */
/*
 * axfw eval: the engine on labelled prompts, one after the other as they stand in the file. Only
 * the evaluation is timed, not the reading.
 */
#include "eval.h"

#include <errno.h>
#include <string.h>
#include "engine.h"
#include "eval_rows.h"
#include "output.h"

enum { OPTION_POLICY, OPTION_DOCUMENT };

static int judge(const struct engine *e, const struct eval_row *row, bool is_document,
		 struct eval_score *score)
{
	const struct guard_request request = { .text = row->text,
					       .len = row->len,
					       .is_document = is_document };
	struct eval_source *source = eval_source(score, row->name);
	struct guard_verdict v;
	uint64_t started_ns;
	int r;

	if (!source)
		return -ENOMEM;
	started_ns = clock_monotonic_ns();
	r = guard_evaluate(e->guard, e->scratch, e->policy, &request, &v, NULL);
	if (r >= 0)
		r = eval_add_time(score, clock_monotonic_ns() - started_ns);
	source->counts.block += row->block;
	source->counts.allow += !row->block;
	source->counts.tp += row->block && (v.block || v.shadow_block);
	source->counts.fp += !row->block && (v.block || v.shadow_block);
	return r;
}

static enum cli_status judge_all(const struct cli *cli, const struct engine *e, const char *path,
				 bool is_document, struct eval_score *score)
{
	_cleanup_(eval_close) struct eval_reader reader = { 0 };
	struct eval_row row;
	int r = eval_open(path, &reader);

	if (r < 0)
		return cli_fail(cli, CLI_USAGE, NULL, "can't read %s: %s", path, strerror(-r));
	while ((r = eval_next(&reader, &row)) > 0) {
		r = judge(e, &row, is_document, score);
		if (r < 0)
			break;
		eval_progress(cli, eval_percent(&reader));
	}
	eval_progress(cli, 100);
	if (r == -EBADMSG)
		return cli_fail(cli, CLI_USAGE, "axfw eval --help says what a line holds.",
				"%s: %s", path, reader.error);
	return r < 0 ? cli_fail(cli, CLI_NO, NULL, "the evaluation failed: %s", strerror(-r))
		     : CLI_DONE;
}

enum cli_status command_eval(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(engine_close) struct engine engine = { 0 };
	_cleanup_(eval_score_free) struct eval_score score = { 0 };
	enum cli_status status = engine_open(cli, a->values[OPTION_POLICY], &engine);

	if (status == CLI_DONE)
		status = judge_all(cli, &engine, a->words[0], a->values[OPTION_DOCUMENT], &score);
	return status == CLI_DONE ? eval_print(cli, &score) : status;
}
