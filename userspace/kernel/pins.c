/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pins outlive the daemon, so they are handled like a database's files: one owner at a time (flock
 * on the directory, which bpffs supports and which needs no second path to agree on), and replaced
 * by rename.
 */
#include "kernel/pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include "base/base.h"

#define BPFFS_USUAL	   "/sys/fs/bpf"
#define LOCK_POLL_NS	   (20 * NS_PER_MS)
#define REPLACEMENT_PREFIX "new_" /* no dot: bpffs refuses them */

#define LOCK_LIST "/proc/locks"

static const char *const prefixes[HOOK_COUNT] = {
	[HOOK_XDP] = "link_xdp_",
	[HOOK_TC] = "tc_",
};
#define ADDED_PREFIX "added_"

DEFINE_CLEANUP(DIR *, closedirp, closedir)
DEFINE_CLEANUP(FILE *, fclosep, fclose)

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* Cuts the last component; false when there is none left. */
static bool cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return false;
	*slash = '\0';
	return true;
}

/* Where a bpffs belongs for this directory: the usual place if it is inside, else the folder above.
 */
static void mount_point(const char *dir, char ret[static PATH_MAX])
{
	size_t len = strlen(BPFFS_USUAL);

	if (!strncmp(dir, BPFFS_USUAL, len) && (dir[len] == '/' || !dir[len])) {
		memcpy(ret, BPFFS_USUAL, len + 1);
		return;
	}
	snprintf(ret, PATH_MAX, "%s", dir);
	cut_last(ret);
}

static bool is_on_bpffs(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s", dir);
	while (stat(path, &st) < 0 && cut_last(path))
		;
	return is_bpffs(path);
}

int pins_would_fit(const char *dir)
{
	return dir[0] == '/' && strlen(dir) < PATH_MAX && is_on_bpffs(dir) ? 0 : -ENOENT;
}

static int make_dirs(const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", dir);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static int mount_bpffs(const char *dir, char *reason, size_t size)
{
	char at[PATH_MAX];
	int r = 0;

	mount_point(dir, at);
	if (access(at, F_OK) < 0)
		r = make_dirs(at);
	if (r == 0 && mount("bpf", at, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		r = -errno;
	if (r < 0)
		snprintf(reason, size, "no BPF file system at %.64s and it can't be mounted: %s",
			 at, strerror(-r));
	return r;
}

int pins_prepare(const char *dir, char *reason, size_t size)
{
	int r;

	if (dir[0] != '/' || strlen(dir) + 64 > PATH_MAX) {
		snprintf(reason, size, "the pin directory must be an absolute path");
		return -EINVAL;
	}
	if (!is_on_bpffs(dir)) {
		r = mount_bpffs(dir, reason, size);
		if (r < 0)
			return r;
	}
	r = make_dirs(dir);
	if (r < 0)
		snprintf(reason, size, "cannot create %.64s: %s", dir, strerror(-r));
	else if (!is_bpffs(dir)) {
		r = -EINVAL;
		snprintf(reason, size, "%.64s is not on a BPF file system", dir);
	}
	return r;
}

int pins_find(const char *dir)
{
	return is_bpffs(dir) ? 0 : -ENOENT;
}

/* The directory that is locked may have been removed by its owner while we waited. */
static bool is_same(const char *dir, int fd)
{
	struct stat by_path, by_fd;

	return !stat(dir, &by_path) && !fstat(fd, &by_fd) && by_path.st_ino == by_fd.st_ino &&
	       by_path.st_dev == by_fd.st_dev;
}

static int try_lock(const char *dir, int *ret_fd)
{
	_cleanup_(closep) int fd = -1;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			return -errno;
		return -EWOULDBLOCK;
	}
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	if (!is_same(dir, fd))
		return -EWOULDBLOCK;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int pins_lock(const char *dir, unsigned wait_ms, int *ret_fd)
{
	const struct timespec pause = { .tv_nsec = LOCK_POLL_NS };
	uint64_t until = clock_monotonic_ns() + wait_ms * NS_PER_MS;
	int r;

	for (;;) {
		r = try_lock(dir, ret_fd);
		if (r != -EWOULDBLOCK && r != -EINTR)
			return r;
		if (clock_monotonic_ns() >= until)
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
}

/* "1: FLOCK  ADVISORY  WRITE 4711 00:1b:42 0 EOF": process, then the file by device and inode. */
pid_t pins_holder(const char *dir)
{
	_cleanup_(fclosep) FILE *f = fopen(LOCK_LIST, "re");
	unsigned long long inode;
	unsigned major_nr, minor_nr;
	struct stat st;
	char line[128];
	int pid;

	if (!f || stat(dir, &st) < 0)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: FLOCK ADVISORY WRITE %d %x:%x:%llu", &pid, &major_nr,
			   &minor_nr, &inode) == 4 &&
		    inode == st.st_ino && makedev(major_nr, minor_nr) == st.st_dev)
			return pid;
	return 0;
}

void pins_path(const char *dir, const char *name, char ret[static PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/%s", dir, name);
}

static void name_for(const char *prefix, const char *interface, char ret[static 32])
{
	snprintf(ret, 32, "%s%.15s", prefix, interface);
	for (char *c = ret; *c; c++)
		if (*c == '.')
			*c = ':';
}

void pins_link_name(const char *interface, char ret[static 32])
{
	name_for(prefixes[HOOK_XDP], interface, ret);
}

void pins_tc_name(const char *interface, char ret[static 32])
{
	name_for(prefixes[HOOK_TC], interface, ret);
}

void pins_added_name(const char *interface, char ret[static 32])
{
	name_for(ADDED_PREFIX, interface, ret);
}

int pins_get(const char *dir, const char *name)
{
	char path[PATH_MAX];

	pins_path(dir, name, path);
	return bpf_obj_get(path);
}

/* The name under which the replacement of a pin is made, free to be used. */
static int prepare_replacement(const char *dir, const char *name, char ret[static PATH_MAX])
{
	char other[64];

	snprintf(other, sizeof(other), REPLACEMENT_PREFIX "%s", name);
	pins_path(dir, other, ret);
	if (unlink(ret) < 0 && errno != ENOENT) /* left by a daemon that died right here */
		return -errno;
	return 0;
}

static int replace(const char *dir, const char *name, const char *replacement)
{
	char path[PATH_MAX];
	int r;

	pins_path(dir, name, path);
	if (!rename(replacement, path))
		return 0;
	r = -errno;
	unlink(replacement);
	return r;
}

int pins_put(const char *dir, const char *name, int fd)
{
	char replacement[PATH_MAX];
	int r;

	r = prepare_replacement(dir, name, replacement);
	if (r == 0)
		r = bpf_obj_pin(fd, replacement);
	return r < 0 ? r : replace(dir, name, replacement);
}

int pins_put_symlink(const char *dir, const char *name, const char *target)
{
	char replacement[PATH_MAX];
	int r;

	r = prepare_replacement(dir, name, replacement);
	if (r == 0 && symlink(target, replacement) < 0)
		r = -errno;
	return r < 0 ? r : replace(dir, name, replacement);
}

int pins_read_symlink(const char *dir, const char *name, char *ret, size_t size)
{
	char path[PATH_MAX];
	ssize_t len;

	pins_path(dir, name, path);
	len = readlink(path, ret, size - 1);
	if (len < 0)
		return -errno;
	ret[len] = '\0';
	return 0;
}

int pins_remove(const char *dir, const char *name)
{
	char path[PATH_MAX];

	pins_path(dir, name, path);
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int each_with_prefix(const char *dir, const char *prefix,
			    void (*each)(void *arg, const char *name), void *arg)
{
	_cleanup_(closedirp) DIR *d = opendir(dir);
	const struct dirent *e;

	if (!d)
		return -errno;
	/* the stream is ours alone, so readdir() is as safe as the deprecated readdir_r() */
	/* cppcheck-suppress readdirCalled */
	while ((e = readdir(d)))
		if (!strncmp(e->d_name, prefix, strlen(prefix)))
			each(arg, e->d_name);
	return 0;
}

struct attachments {
	enum hook hook;
	void (*each)(void *arg, enum hook hook, const char *name);
	void *arg;
};

static void pass_attachment(void *arg, const char *name)
{
	const struct attachments *a = arg;

	a->each(a->arg, a->hook, name);
}

int pins_each_attachment(const char *dir, void (*each)(void *arg, enum hook hook, const char *name),
			 void *arg)
{
	struct attachments a = { .each = each, .arg = arg };
	int r = 0;

	for (a.hook = 0; a.hook < HOOK_COUNT && r == 0; a.hook++)
		r = each_with_prefix(dir, prefixes[a.hook], pass_attachment, &a);
	return r;
}

int pins_each_added(const char *dir, void (*each)(void *arg, const char *name), void *arg)
{
	return each_with_prefix(dir, ADDED_PREFIX, each, arg);
}
