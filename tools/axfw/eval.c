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
#include "folds.h"
#include "output.h"

enum { OPTION_FOLDS, OPTION_POLICY, OPTION_DOCUMENT };

/* What judges, and what is found. */
struct evaluation {
	struct engine engine;
	struct folds folds; /* none: the built-in weights judge every source */
	bool is_document;
	struct eval_score score;
};

static void evaluation_free(struct evaluation *e)
{
	engine_close(&e->engine);
	folds_free(&e->folds);
	eval_score_free(&e->score);
}

/* The source of this row, with the weights that judge it in the engine. -ENOENT: there are none. */
static int enter_source(struct evaluation *e, const char *name, struct eval_source **ret)
{
	const struct fold *fold = folds_find(&e->folds, name);

	*ret = eval_source(&e->score, name);
	if (!*ret)
		return -ENOMEM;
	if (!e->folds.count)
		return 0;
	if (!fold)
		return -ENOENT;
	(*ret)->is_direct = fold->is_direct;
	(*ret)->is_general = fold->is_general;
	guard_use_model(e->engine.guard, fold->model);
	return 0;
}

static int judge(struct evaluation *e, const struct eval_row *row)
{
	const struct guard_request request = { .text = row->text,
					       .len = row->len,
					       .is_document = e->is_document };
	struct eval_source *source;
	struct guard_verdict v;
	uint64_t started_ns;
	int r = enter_source(e, row->name, &source);

	if (r < 0)
		return r;
	started_ns = clock_monotonic_ns();
	r = guard_evaluate(e->engine.guard, e->engine.scratch, e->engine.policy, &request, &v,
			   NULL);
	if (r >= 0)
		r = eval_add_time(&e->score, clock_monotonic_ns() - started_ns);
	source->counts.block += row->block;
	source->counts.allow += !row->block;
	source->counts.tp += row->block && (v.block || v.shadow_block);
	source->counts.fp += !row->block && (v.block || v.shadow_block);
	return r;
}

static enum cli_status judge_all(const struct cli *cli, const char *path, struct evaluation *e)
{
	_cleanup_(eval_close) struct eval_reader reader = { 0 };
	struct eval_row row;
	int r = eval_open(path, &reader);

	if (r < 0)
		return cli_fail(cli, CLI_USAGE, NULL, "can't read %s: %s", path, strerror(-r));
	while ((r = eval_next(&reader, &row)) > 0) {
		r = judge(e, &row);
		if (r < 0)
			break;
		eval_progress(cli, eval_percent(&reader));
	}
	eval_progress(cli, 100);
	if (r == -EBADMSG)
		return cli_fail(cli, CLI_USAGE, "axfw eval --help says what a line holds.",
				"%s: %s", path, reader.error);
	if (r == -ENOENT)
		return cli_fail(cli, CLI_USAGE, NULL, "%s: line %u: folds.json has no source '%s'",
				path, reader.number, row.name);
	return r < 0 ? cli_fail(cli, CLI_NO, NULL, "the evaluation failed: %s", strerror(-r))
		     : CLI_DONE;
}

enum cli_status command_eval(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(evaluation_free) struct evaluation e = { .is_document =
								   a->values[OPTION_DOCUMENT] };
	const char *dir = a->values[OPTION_FOLDS];
	enum cli_status status = engine_open(cli, a->values[OPTION_POLICY], &e.engine);

	if (status == CLI_DONE && dir)
		status = folds_read(cli, dir, &e.folds);
	if (status == CLI_DONE)
		status = judge_all(cli, a->words[0], &e);
	return status == CLI_DONE ? eval_print(cli, &e.score, dir) : status;
}
