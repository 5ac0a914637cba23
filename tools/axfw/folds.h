/* SPDX-License-Identifier: Apache-2.0 */
/* Which weights judge which source: folds.json, as axfw-train writes it. */
#ifndef FOLDS_H
#define FOLDS_H

#include "cli.h"
#include "model/model.h"

struct fold {
	char *name;		   /* of the source; owned */
	char *file;		   /* owned */
	const struct model *model; /* of the fold that has it first, who owns it */
	bool owns_model;
	bool is_direct, is_general;
};

struct folds {
	struct fold *items; /* owned */
	size_t count;
};

/* Anything but CLI_DONE: it has been said why. */
enum cli_status folds_read(const struct cli *cli, const char *dir, struct folds *ret);
/* NULL: not there. */
const struct fold *folds_find(const struct folds *f, const char *name);
void folds_free(struct folds *f);

#endif
