/* SPDX-License-Identifier: Apache-2.0 */
/* Labelled prompts from a file: one JSON object a line, gzip or plain. */
#ifndef EVAL_ROWS_H
#define EVAL_ROWS_H

#include <stdbool.h>
#include <zlib.h>
#include "base/base.h"

struct eval_reader {
	gzFile file;
	char *line; /* owned, grows */
	size_t size;
	unsigned number; /* of the line */
	json_t *row;	 /* owned: what the last row borrows from */
	long long bytes; /* of the file */
	char error[160];
};

struct eval_row {
	const char *text;
	size_t len;
	bool block;
	const char *name; /* the source; "-" without one */
};

/* -errno. */
int eval_open(const char *path, struct eval_reader *ret);
/* 1: a row, which lives until the next; 0: the end. -EBADMSG: r->error says what is wrong. */
int eval_next(struct eval_reader *r, struct eval_row *ret);
/* How much of the file has been read, of 100. */
unsigned eval_percent(const struct eval_reader *r);
void eval_close(struct eval_reader *r);

#endif
