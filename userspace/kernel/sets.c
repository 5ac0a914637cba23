/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps that were made at different times could be pinned one by one, but a daemon that dies between
 * two renames would leave a mixture that nobody wrote. So a set is complete before one rename makes
 * it count, and what isn't the current set is rubbish, whoever left it.
 */
#include "kernel/sets.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/base.h"
#include "kernel/pins.h"

#define CURRENT "current"

static const char *const set_names[] = { "set_a", "set_b" };

/* Which of the two counts; -ENOENT: neither. */
static int current_set(const char *pin_dir)
{
	char target[16];

	if (pins_read_symlink(pin_dir, CURRENT, target, sizeof(target)) < 0)
		return -ENOENT;
	for (unsigned i = 0; i < ARRAY_SIZE(set_names); i++)
		if (!strcmp(target, set_names[i]))
			return (int)i;
	return -ENOENT;
}

static bool is_flat(const char *pin_dir)
{
	char path[PATH_MAX];
	struct stat st;

	pins_path(pin_dir, map_names[MAP_config], path);
	return !lstat(path, &st) && S_ISREG(st.st_mode);
}

int sets_find(const char *pin_dir, char ret[static PATH_MAX])
{
	int set = current_set(pin_dir);

	/* Beside a set, flat pins are those of an old daemon that came after it (or of one that was
	 * just being replaced, whose set is as good). */
	if (is_flat(pin_dir))
		snprintf(ret, PATH_MAX, "%s", pin_dir);
	else if (set >= 0)
		pins_path(pin_dir, set_names[set], ret);
	else
		return -ENOENT;
	return 0;
}

static void remove_set(const char *pin_dir, int set)
{
	char dir[PATH_MAX];
	const struct dirent *e;
	DIR *d;

	pins_path(pin_dir, set_names[set], dir);
	d = opendir(dir);
	if (!d)
		return;
	/* cppcheck-suppress readdirCalled */
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			pins_remove(dir, e->d_name);
	closedir(d);
	rmdir(dir);
}

static int fill_set(const char *pin_dir, int set, const struct object *o)
{
	char dir[PATH_MAX];
	int r = 0;

	pins_path(pin_dir, set_names[set], dir);
	if (mkdir(dir, 0700) < 0)
		return -errno;
	for (int i = 0; i < MAP_COUNT && r == 0; i++)
		r = pins_put(dir, map_names[i], o->map_fd[i]);
	for (int i = 0; i < HOOK_COUNT && r == 0; i++)
		if (o->prog_fd[i] >= 0)
			r = pins_put(dir, program_pins[i], o->prog_fd[i]);
	return r;
}

static int name_member(const char *pin_dir, const char *name, bool exists)
{
	char target[64];

	if (!exists)
		return pins_remove(pin_dir, name);
	snprintf(target, sizeof(target), CURRENT "/%s", name);
	return pins_put_symlink(pin_dir, name, target);
}

/* The names that operators type. They go through `current`, so they are made once. */
static int name_members(const char *pin_dir, const struct object *o)
{
	int r = 0;

	for (int i = 0; i < MAP_COUNT && r == 0; i++)
		r = name_member(pin_dir, map_names[i], true);
	for (int i = 0; i < HOOK_COUNT && r == 0; i++)
		r = name_member(pin_dir, program_pins[i], o->prog_fd[i] >= 0);
	return r;
}

int sets_publish(const char *pin_dir, const struct object *object)
{
	int old = current_set(pin_dir), new = old == 0, r;

	remove_set(pin_dir, new); /* left by a daemon that died right here */
	r = fill_set(pin_dir, new, object);
	if (r == 0)
		r = pins_put_symlink(pin_dir, CURRENT, set_names[new]);
	if (r < 0) {
		remove_set(pin_dir, new);
		return r;
	}
	if (old >= 0)
		remove_set(pin_dir, old);
	return name_members(pin_dir, object);
}

static void remove_names(const char *pin_dir)
{
	for (int i = 0; i < MAP_COUNT; i++)
		pins_remove(pin_dir, map_names[i]);
	for (int i = 0; i < HOOK_COUNT; i++)
		pins_remove(pin_dir, program_pins[i]);
}

void sets_remove(const char *pin_dir)
{
	pins_remove(pin_dir, CURRENT);
	remove_names(pin_dir);
	for (int i = 0; i < (int)ARRAY_SIZE(set_names); i++)
		remove_set(pin_dir, i);
}
