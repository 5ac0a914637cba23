/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of the usage journal: a header and a fixed number of 64-byte records, preallocated and
 * mapped shared. A record that has been written is in the page cache, so it outlives the process;
 * its checksum tells a whole record from one that the process died in. Space is allocated when the
 * file is made, so a full disk shows there, as an error, and not as SIGBUS at a store.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Big enough that a thread at 25,000 records/s changes files about once a second, small enough that
 * a spare and a current one per thread stay cheap at rest. */
#define SEGMENT_BYTES	(2u << 20)
#define SEGMENT_RECORDS (SEGMENT_BYTES / sizeof(struct journal_record) - 1)

struct journal_record {
	uint32_t crc; /* CRC-32C of the rest */
	uint32_t tenant;
	uint64_t segment; /* the file it belongs to: whatever a disk hands back is not taken for
			     ours */
	uint8_t id[16];
	uint64_t at_us;
	uint32_t key;
	float confidence;
	float latency_ms;
	uint8_t endpoint, verdict, intent_class; /* journal_names; stored, so only ever added to */
	uint8_t pad[9];
};
_Static_assert(sizeof(struct journal_record) == 64, "a cache line");

struct segment {
	uint64_t id;
	int fd;			       /* kept for fdatasync() under --durability=power, else -1 */
	struct segment_header *header; /* the mapping */
	struct journal_record *records;
	_Atomic uint32_t used;		/* written by the slot's thread */
	_Atomic(struct segment *) next; /* in the slot; set once this one is full */
	uint32_t drained, pass_to;	/* under journal.lock */
	uint64_t oldest_us;		/* of records that aren't in order of time; 0: they are */
};

/* sync: make the file's existence and blocks durable too. -ENOSPC, -EDQUOT, -EFBIG, -EIO. */
int segment_create(int dir_fd, uint64_t id, bool sync, struct segment **ret);
/* Maps what a dead process left. -ENODATA: it died before there was anything in it; -EBADMSG:
 * damaged. */
int segment_open(int dir_fd, const char *name, struct segment **ret);
void segment_free(struct segment **segment); /* unmaps; the file stays */
void segment_unlink(int dir_fd, uint64_t id);

void segment_seal_record(const struct segment *segment, struct journal_record *record);
bool segment_record_is_whole(const struct segment *segment, const struct journal_record *record);
/* Everything before `count` is in the tenants' files. */
void segment_set_drained(struct segment *segment, uint32_t count);
/* Gives the pages back to the page cache; they fault in again when read. */
void segment_forget_pages(struct segment *segment);

#define SEGMENT_NAME_LEN sizeof("0123456789abcdef.segment")
void segment_name(uint64_t id, char ret[static SEGMENT_NAME_LEN]);

#endif
