/* SPDX-License-Identifier: Apache-2.0 */
#include "folds.h"

#include <string.h>
#include "base/text.h"
#include "file.h"

#define INDEX_MAX   (1U << 20)
#define WEIGHTS_MAX (64U << 20) /* model_parse() knows how long they may be */

static enum cli_status read_weights(const struct cli *cli, const char *dir, struct fold *f)
{
	_cleanup_(text_free) struct text path = { 0 }, weights = { 0 };
	struct model *model = NULL;
	char error[128] = "out of memory";
	int r;

	text_addf(&path, "%s/%s", dir, f->file);
	if (text_failed(&path))
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	r = file_read(path.data, WEIGHTS_MAX, &weights);
	if (r < 0)
		return cli_fail(cli, CLI_USAGE, NULL, "can't read %s: %s", path.data, strerror(-r));
	r = model_parse(weights.data ? weights.data : "", weights.len, &model, error,
			sizeof(error));
	if (r < 0)
		return cli_fail(cli, CLI_USAGE, NULL, "%s: %s", path.data, error);
	f->model = model;
	f->owns_model = true;
	return CLI_DONE;
}

/* Several sources share a file. */
static enum cli_status find_weights(const struct cli *cli, const char *dir, struct folds *all,
				    struct fold *f)
{
	for (size_t i = 0; i < all->count; i++) {
		if (strcmp(all->items[i].file, f->file))
			continue;
		f->model = all->items[i].model;
		return CLI_DONE;
	}
	return read_weights(cli, dir, f);
}

static enum cli_status add_fold(const struct cli *cli, const char *dir, const char *name,
				const json_t *entry, struct folds *ret)
{
	const char *file = json_string_value(json_object_get(entry, "weights"));
	struct fold *f = &ret->items[ret->count];
	enum cli_status status;

	if (!file)
		return cli_fail(cli, CLI_USAGE, NULL, "%s/folds.json: '%s' has no \"weights\"", dir,
				name);
	*f = (struct fold){ .name = strdup(name),
			    .file = strdup(file),
			    .is_direct = json_is_true(json_object_get(entry, "direct")),
			    .is_general = json_is_true(json_object_get(entry, "general")) };
	status = f->name && f->file ? find_weights(cli, dir, ret, f)
				    : cli_fail(cli, CLI_NO, NULL, "out of memory");
	ret->count++; /* freed with the others, whole or not */
	return status;
}

enum cli_status folds_read(const struct cli *cli, const char *dir, struct folds *ret)
{
	_cleanup_(text_free) struct text path = { 0 }, text = { 0 };
	_cleanup_(json_decrefp) json_t *index = NULL;
	enum cli_status status = CLI_DONE;
	const char *name;
	json_t *entry;
	int r;

	text_addf(&path, "%s/folds.json", dir);
	if (text_failed(&path))
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	r = file_read(path.data, INDEX_MAX, &text);
	if (r < 0)
		return cli_fail(cli, CLI_USAGE, "axfw-train --folds DIR writes it.",
				"can't read %s: %s", path.data, strerror(-r));
	index = json_loadb(text.data ? text.data : "", text.len, 0, NULL);
	if (!json_object_size(index))
		return cli_fail(cli, CLI_USAGE, NULL, "%s isn't an object with sources", path.data);
	ret->items = calloc(json_object_size(index), sizeof(*ret->items));
	if (!ret->items)
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	json_object_foreach (index, name, entry) {
		status = add_fold(cli, dir, name, entry, ret);
		if (status != CLI_DONE)
			break;
	}
	return status;
}

const struct fold *folds_find(const struct folds *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++) {
		if (!strcmp(f->items[i].name, name))
			return &f->items[i];
	}
	return NULL;
}

void folds_free(struct folds *f)
{
	for (size_t i = 0; i < f->count; i++) {
		struct model *m = f->items[i].owns_model ? (struct model *)f->items[i].model : NULL;

		model_free(&m);
		free(f->items[i].name);
		free(f->items[i].file);
	}
	free(f->items);
}
