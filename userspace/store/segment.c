/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "base/memory.h"
#include "store/crc32c.h"

#define SEGMENT_MAGIC "AXFWJ001"

/* Exactly one record long, so that the records are aligned to cache lines. */
struct segment_header {
	char magic[8];
	uint64_t id;
	uint32_t crc; /* of magic and id */
	_Atomic uint32_t drained;
	uint8_t pad[40];
};
_Static_assert(sizeof(struct segment_header) == sizeof(struct journal_record), "first in the file");

static uint32_t header_crc(const struct segment_header *h)
{
	return crc32c(h, offsetof(struct segment_header, crc));
}

static uint32_t record_crc(const struct journal_record *r)
{
	return crc32c((const char *)r + sizeof(r->crc), sizeof(*r) - sizeof(r->crc));
}

void segment_name(uint64_t id, char ret[static SEGMENT_NAME_LEN])
{
	snprintf(ret, SEGMENT_NAME_LEN, "%016llx.segment", (unsigned long long)id);
}

void segment_seal_record(const struct segment *segment, struct journal_record *record)
{
	record->segment = segment->id;
	record->crc = record_crc(record);
}

bool segment_record_is_whole(const struct segment *segment, const struct journal_record *record)
{
	return record->segment == segment->id && record->tenant &&
	       record->crc == record_crc(record);
}

void segment_set_drained(struct segment *segment, uint32_t count)
{
	segment->drained = count;
	atomic_store_explicit(&segment->header->drained, count, memory_order_relaxed);
}

void segment_forget_pages(struct segment *segment)
{
	/* Shared file pages: nothing is lost, they only leave this process's resident set. */
	madvise(segment->header, SEGMENT_BYTES, MADV_DONTNEED);
}

/* Writes the whole file where fallocate() can't promise the space. */
static int write_zeros(int fd)
{
	static const char zeros[1 << 16];

	for (size_t done = 0; done < SEGMENT_BYTES;) {
		ssize_t n =
			pwrite(fd, zeros, MIN(sizeof(zeros), SEGMENT_BYTES - done), (off_t)done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/*
 * Zeros rather than unwritten extents under --durability=power: a later fdatasync() then writes
 * data only, without a metadata commit. On btrfs the file must not be copied on write, or a page
 * that is written again would need new space; elsewhere the flag is refused, and isn't needed.
 */
static int allocate(int fd, bool sync)
{
	int flags = FS_NOCOW_FL;

	(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
	if (!sync && fallocate(fd, 0, 0, SEGMENT_BYTES) == 0)
		return 0;
	if (!sync && errno != EOPNOTSUPP)
		return -errno;
	return write_zeros(fd);
}

/* The mapping outlives the descriptor. */
static void segment_close_file(struct segment *segment)
{
	closep(&segment->fd);
	segment->fd = -1;
}

static int map(int fd, struct segment *segment)
{
	void *p = mmap(NULL, SEGMENT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	segment->header = p;
	segment->records = (struct journal_record *)p + 1;
	return 0;
}

void segment_free(struct segment **segment)
{
	if (!*segment)
		return;
	if ((*segment)->header)
		munmap((*segment)->header, SEGMENT_BYTES);
	closep(&(*segment)->fd);
	free(*segment);
	*segment = NULL;
}

void segment_unlink(int dir_fd, uint64_t id)
{
	char name[SEGMENT_NAME_LEN];

	segment_name(id, name);
	/* If it stays, its header says that all of it is drained: the next start removes it. */
	(void)unlinkat(dir_fd, name, 0);
}

static struct segment *segment_new(uint64_t id)
{
	struct segment *segment = calloc(1, sizeof(*segment));

	if (!segment)
		return NULL;
	segment->id = id;
	segment->fd = -1;
	return segment;
}

static int make_file(int dir_fd, struct segment *segment, bool sync)
{
	char name[SEGMENT_NAME_LEN];
	int r;

	segment_name(segment->id, name);
	segment->fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (segment->fd < 0)
		return -errno;
	r = allocate(segment->fd, sync);
	if (r < 0)
		return r;
	r = map(segment->fd, segment);
	if (r < 0)
		return r;
	/* Faults taken here are not taken by a request. Best effort: needs Linux 5.14. */
	(void)madvise(segment->header, SEGMENT_BYTES, MADV_POPULATE_WRITE);
	/* clang's analyzer takes -errno for a possible 0 */
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
	memcpy(segment->header->magic, SEGMENT_MAGIC, sizeof(segment->header->magic));
	segment->header->id = segment->id;
	segment->header->crc = header_crc(segment->header);
	if (!sync)
		segment_close_file(segment);
	else if (fsync(segment->fd) < 0 || fsync(dir_fd) < 0)
		return -errno;
	return 0;
}

int segment_create(int dir_fd, uint64_t id, bool sync, struct segment **ret)
{
	_cleanup_(segment_free) struct segment *segment = segment_new(id);
	int r;

	if (!segment)
		return -ENOMEM;
	r = make_file(dir_fd, segment, sync);
	if (r < 0) {
		segment_unlink(dir_fd, id);
		return r;
	}
	*ret = TAKE_PTR(segment);
	return 0;
}

static bool is_zero(const void *data, size_t len)
{
	const uint8_t *p = data;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the same */
	return !*p && !memcmp(p, p + 1, len - 1);
}

int segment_open(int dir_fd, const char *name, struct segment **ret)
{
	_cleanup_(segment_free) struct segment *segment = segment_new(0);
	struct segment_header *h;
	struct stat st;
	int r;

	if (!segment)
		return -ENOMEM;
	segment->fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (segment->fd < 0 || fstat(segment->fd, &st) < 0)
		return -errno;
	if (st.st_size != SEGMENT_BYTES)
		return -ENODATA; /* died before the space was allocated */
	r = map(segment->fd, segment);
	if (r < 0)
		return r;
	h = segment->header;
	if (is_zero(h, sizeof(*h)))
		return -ENODATA; /* died before the header was written: nothing can follow it */
	if (memcmp(h->magic, SEGMENT_MAGIC, sizeof(h->magic)) || h->crc != header_crc(h))
		return -EBADMSG;
	segment->id = h->id;
	segment->drained = MIN(atomic_load(&h->drained), (uint32_t)SEGMENT_RECORDS);
	segment->pass_to = segment->drained;
	atomic_store(&segment->used, SEGMENT_RECORDS);
	segment_close_file(segment);
	*ret = TAKE_PTR(segment);
	return 0;
}
