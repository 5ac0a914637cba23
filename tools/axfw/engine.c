/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules take seconds to compile, so the compiled form is kept in the user's cache, where the
 * daemon's isn't: nobody but the user may write what is loaded.
 */
#include "engine.h"

#include <string.h>
#include <sys/stat.h>
#include "file.h"

#define POLICY_FILE_MAX (1U << 20) /* the editor's form takes no more */

/* NULL: there is no place for it. */
static char *cache_dir(void)
{
	const char *own = getenv("AXFW_CACHE_DIR"), *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	_cleanup_(text_free) struct text dir = { 0 };

	if (own && *own)
		return strdup(own);
	if (cache && *cache)
		text_add(&dir, cache);
	else if (home && *home)
		text_addf(&dir, "%s/.cache", home);
	else
		return NULL;
	if (text_failed(&dir))
		return NULL;
	(void)mkdir(dir.data, 0700); /* there already, or the rules are compiled each time */
	text_add(&dir, "/axfw");
	return text_take(&dir);
}

static enum cli_status read_policy(const struct cli *cli, const char *path, struct engine *e)
{
	_cleanup_(text_free) struct text text = { 0 };
	char error[512] = "out of memory";
	int r = file_read(path, POLICY_FILE_MAX, &text);

	if (r < 0)
		return cli_fail(cli, CLI_USAGE, NULL, "can't read %s: %s", path, strerror(-r));
	r = guard_policy_parse(text.data ? text.data : "", text.len, 1, &e->policy, error,
			       sizeof(error));
	return r < 0 ? cli_fail(cli, CLI_USAGE, "docs/api.md describes policies.", "%s: %s", path,
				error)
		     : CLI_DONE;
}

enum cli_status engine_open(const struct cli *cli, const char *policy_path, struct engine *ret)
{
	_cleanup_(freep) char *cache = cache_dir();
	int r;

	if (!guard_is_cached(cache) && isatty(STDERR_FILENO))
		fprintf(stderr, "compiling the rules, once ...\n");
	r = guard_new(cache, &ret->guard);
	if (r >= 0)
		r = guard_scratch_new(ret->guard, &ret->scratch);
	if (r < 0)
		return cli_fail(cli, CLI_NO, NULL, "the engine doesn't start: %s", strerror(-r));
	return policy_path ? read_policy(cli, policy_path, ret) : CLI_DONE;
}

void engine_close(struct engine *e)
{
	guard_policy_free(&e->policy);
	guard_scratch_free(&e->scratch);
	guard_free(&e->guard);
}
