/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory and who owns it. One daemon at a time: a lock on axfw.lock, whose text names the
 * holder. An open-file-description lock (fcntl, Linux 3.15) goes with the descriptor, so it ends
 * with the process, however that ends, and closing another descriptor of the file doesn't drop it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include "store/internal.h"

#define LOCK_FILE    "axfw.lock"
#define HOLDER_START "pid"
#define LOCK_POLL_MS 50
#define HOLDER_MAX   160

/*
 * SQLite's log needs shared memory between all who use a file, and the journal needs its mapping to
 * be the page cache that survives us: neither holds on a file system that other machines write to.
 */
static const struct {
	uint32_t magic;
	const char *name;
} network_file_systems[] = {
	{ 0x6969, "NFS" },	  { 0xff534d42, "CIFS" }, { 0xfe534d42, "SMB" },
	{ 0x517b, "SMB" },	  { 0x01021997, "9P" },	  { 0x65735546, "FUSE" },
	{ 0x00c36400, "Ceph" },	  { 0x5346414f, "AFS" },  { 0x6b414653, "AFS" },
	{ 0x73757245, "Coda" },	  { 0x01161970, "GFS2" }, { 0x7461636f, "OCFS2" },
	{ 0x0bd00bd0, "Lustre" }, { 0x47504653, "GPFS" },
};

static int check_file_system(struct store *s, char *error, size_t size)
{
	struct statfs fs;

	if (fstatfs(s->dir_fd, &fs) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(network_file_systems); i++) {
		if (network_file_systems[i].magic != (uint32_t)fs.f_type)
			continue;
		snprintf(error, size, "%s is on a network file system (%s): use a local one",
			 s->dir, network_file_systems[i].name);
		return -EREMOTE;
	}
	return 0;
}

/* As mkdir -p, what is new for us alone. */
static int make_directories(const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (!len || len >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, len + 1);
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(part, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static bool try_lock(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static bool wait_for_lock(int fd, unsigned wait_ms)
{
	const struct timespec pause = { .tv_nsec = LOCK_POLL_MS * (long)NS_PER_MS };
	uint64_t deadline = clock_monotonic_ns() + wait_ms * NS_PER_MS;

	while (!try_lock(fd)) {
		if (clock_monotonic_ns() >= deadline)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static int name_holder(int fd)
{
	char host[HOST_NAME_MAX + 1] = "", since[CLOCK_ISO_LEN], text[HOLDER_MAX];
	int len;

	(void)gethostname(host, sizeof(host) - 1); /* only for people */
	clock_format_iso(clock_wall_us(), since);
	len = snprintf(text, sizeof(text), HOLDER_START " %d on %s since %sZ", (int)getpid(), host,
		       since);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len)
		return -errno;
	return 0;
}

static int take_lock(struct store *s, unsigned wait_ms, char *error, size_t size)
{
	char holder[HOLDER_MAX] = "";

	s->lock_fd = openat(s->dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		return -errno;
	if (wait_for_lock(s->lock_fd, wait_ms))
		return name_holder(s->lock_fd);
	if (pread(s->lock_fd, holder, sizeof(holder) - 1, 0) <= 0)
		snprintf(holder, sizeof(holder), "a process that hasn't said its name");
	snprintf(error, size, "%s is in use by another axfwd: %s", s->dir, holder);
	return -EBUSY;
}

int directory_probe(const struct store *s)
{
	struct stat st;

	if (fstat(s->dir_fd, &st) < 0)
		return -errno;
	if (!st.st_nlink)
		return -ENOENT;
	/* What stands there already. statvfs() doesn't tell: ext4 that gave up after an error has
	 * refused writes without being read-only since Linux 6.15. */
	return pwrite(s->lock_fd, HOLDER_START, strlen(HOLDER_START), 0) < 0 ? -errno : 0;
}

int directory_open(struct store *s, const struct store_options *o, char *error, size_t size)
{
	int r = make_directories(o->dir);

	if (r < 0)
		return r;
	s->dir = realpath(o->dir, NULL);
	if (!s->dir)
		return -errno;
	s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0)
		return -errno;
	r = check_file_system(s, error, size);
	return r < 0 ? r : take_lock(s, o->lock_wait_ms, error, size);
}
