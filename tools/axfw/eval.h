/* SPDX-License-Identifier: Apache-2.0 */
/* axfw eval, in two halves: judging (eval.c) and printing (eval_print.c). */
#ifndef EVAL_H
#define EVAL_H

#include "cli.h"
#include "eval_score.h"

/* with_folds: the sources know whether they are direct or general. */
enum cli_status eval_print(const struct cli *cli, struct eval_score *s, bool with_folds);
/* A bar on standard error, if that is a terminal; percent 100 wipes it. */
void eval_progress(const struct cli *cli, unsigned percent);

#endif
