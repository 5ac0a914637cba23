/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "store/internal.h"

#define JOURNAL_DIR	      "axfw_journal"
#define JOURNAL_BYTES_DEFAULT (256ull << 20)
/* A failed preallocation is tried again this often: how long /readyz stays 503 after a disk has
 * room. */
#define PREPARE_RETRY_S 1

/* Written to disk as positions in these lists: only ever add at the end. */
static const char *const endpoints[] = { "/v1/guard/check", "/v1/guard/output", "/v1/guard/batch",
					 "/v1/moderations" };
static const char *const verdicts[] = { "allow", "block" };
static const char *const classes[] = {
	"INFORM", "CLARIFY", "REFUSE", "HARM", "DECEIVE", "UNCERTAIN"
};
_Static_assert(JOURNAL_VERDICT_BLOCK < ARRAY_SIZE(verdicts), "what usage_add() counts as blocked");

const char *journal_endpoint(uint8_t code)
{
	return code < ARRAY_SIZE(endpoints) ? endpoints[code] : NULL;
}

const char *journal_verdict(uint8_t code)
{
	return code < ARRAY_SIZE(verdicts) ? verdicts[code] : NULL;
}

const char *journal_class(uint8_t code)
{
	return code < ARRAY_SIZE(classes) ? classes[code] : NULL;
}

static bool code_of(const char *const *names, size_t count, const char *name, uint8_t *ret)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name)) {
			*ret = (uint8_t)i;
			return true;
		}
	return false;
}

/* --- ids ---------------------------------------------------------------------------------------
 */

/*
 * UUID version 7 (RFC 9562) with 12 more bits of time (its method 3): a tick is 1/4096 ms. Two ids
 * of one slot differ in the tick, which never stands still or goes back; two slots, or two runs, in
 * the 62 random bits that a slot draws when it is opened. Ids that grow keep inserts at the
 * right-hand edge of the record_id index: 2.5 us a row against 37 with random ones.
 */
static uint64_t ticks_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / NS_PER_MS) << 12 |
	       ((uint64_t)t.tv_nsec % NS_PER_MS * 4096 / NS_PER_MS);
}

void store_new_record_id(struct store *s, unsigned slot, uint8_t ret[static 16])
{
	struct journal_slot *own = &s->journal.slots[slot];
	uint64_t tick = ticks_now(), head;

	if (tick <= own->last_tick)
		tick = own->last_tick + 1;
	own->last_tick = tick;
	head = htobe64(tick >> 12 << 16 | 0x7000 | (tick & 0xfff));
	memcpy(ret, &head, sizeof(head));
	memcpy(ret + sizeof(head), own->id_tail, sizeof(own->id_tail));
}

/* --- appending ---------------------------------------------------------------------------------
 */

static bool encode(const struct store_usage *usage, struct journal_record *ret)
{
	*ret = (struct journal_record){
		.tenant = usage->tenant,
		.key = usage->key,
		.at_us = usage->at_us,
		.confidence = usage->confidence,
		.latency_ms = usage->latency_ms,
	};
	memcpy(ret->id, usage->id, sizeof(ret->id));
	return usage->tenant &&
	       code_of(endpoints, ARRAY_SIZE(endpoints), usage->endpoint, &ret->endpoint) &&
	       code_of(verdicts, ARRAY_SIZE(verdicts), usage->verdict, &ret->verdict) &&
	       code_of(classes, ARRAY_SIZE(classes), usage->intent_class, &ret->intent_class);
}

int journal_new_segment(struct store *s, struct segment **ret)
{
	struct journal *j = &s->journal;
	int r = -ENOSPC;

	if (atomic_fetch_add(&j->bytes, SEGMENT_BYTES) + SEGMENT_BYTES <= j->bytes_max)
		r = segment_create(j->dir_fd, atomic_fetch_add(&j->next_id, 1), j->sync, ret);
	if (r < 0)
		atomic_fetch_sub(&j->bytes, SEGMENT_BYTES);
	return r;
}

void journal_delete_segment(struct journal *j, struct segment *segment)
{
	segment_unlink(j->dir_fd, segment->id);
	segment_free(&segment);
	atomic_fetch_sub(&j->bytes, SEGMENT_BYTES);
}

/* The only place where a request may meet the file system, and only when `prepare` was too slow. */
static int next_segment(struct store *s, struct journal_slot *slot)
{
	struct segment *next = atomic_exchange(&slot->spare, NULL);
	int r = next ? 0 : journal_new_segment(s, &next);

	sem_post(&s->journal.prepare_wake);
	if (r < 0) {
		atomic_store(&s->journal.prepare_failed, true);
		return r;
	}
	atomic_store_explicit(&slot->current->next, next, memory_order_release);
	slot->current = next;
	return 0;
}

int store_record_usage(struct store *s, unsigned slot_number, const struct store_usage *usage)
{
	struct journal_slot *slot = &s->journal.slots[slot_number];
	struct journal_record record;
	struct segment *segment;
	uint32_t used;

	if (!encode(usage, &record))
		return -EINVAL;
	if (atomic_load_explicit(&slot->current->used, memory_order_relaxed) == SEGMENT_RECORDS) {
		int r = next_segment(s, slot);

		if (r < 0)
			return r;
	}
	segment = slot->current;
	used = atomic_load_explicit(&segment->used, memory_order_relaxed);
	segment_seal_record(segment, &record);
	segment->records[used] = record;
	/* One thread per slot waits for its own file; the file system commits those of several at
	 * once. */
	if (s->journal.sync && fdatasync(segment->fd) < 0) {
		int r = -errno;

		segment->records[used] = (struct journal_record){ 0 };
		return r;
	}
	atomic_store_explicit(&segment->used, used + 1, memory_order_release);
	return 0;
}

/* --- spares ------------------------------------------------------------------------------------
 */

/* Pages of full segments needn't count as ours until the drain reads them. */
static void forget_full_segments(struct store *s)
{
	struct journal *j = &s->journal;

	pthread_mutex_lock(&j->lock);
	for (unsigned i = 0; !j->pass_open && i < j->slot_count; i++) {
		struct segment *segment = j->slots[i].oldest;

		for (; segment && atomic_load(&segment->next);
		     segment = atomic_load(&segment->next))
			segment_forget_pages(segment);
	}
	pthread_mutex_unlock(&j->lock);
}

static int fill_spares(struct store *s)
{
	struct journal *j = &s->journal;
	int r = 0;

	for (unsigned i = 0; i + 1 < j->slot_count; i++) {
		struct segment *segment = NULL;

		if (atomic_load(&j->slots[i].spare))
			continue;
		r = journal_new_segment(s, &segment);
		if (r < 0)
			break;
		atomic_store(&j->slots[i].spare, segment);
	}
	atomic_store(&j->prepare_failed, r < 0);
	return r;
}

/* At the limit, only the drain can make room. */
static void hurry_drain(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	j->hurry = true;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
}

static void *prepare_run(void *arg)
{
	struct store *s = arg;
	struct journal *j = &s->journal;

	while (!atomic_load(&j->stop)) {
		if (fill_spares(s) < 0) {
			struct timespec until;

			hurry_drain(j);
			clock_gettime(CLOCK_MONOTONIC, &until);
			until.tv_sec += PREPARE_RETRY_S;
			sem_clockwait(&j->prepare_wake, CLOCK_MONOTONIC, &until);
			continue;
		}
		forget_full_segments(s);
		sem_wait(&j->prepare_wake);
	}
	return NULL;
}

/* --- opening and closing -----------------------------------------------------------------------
 */

/* A file that can't be ours is kept for a person to look at, out of the way. */
static int set_aside(struct journal *j, const char *name)
{
	char aside[NAME_MAX + 1];

	snprintf(aside, sizeof(aside), "%.200s.damaged", name);
	return renameat(j->dir_fd, name, j->dir_fd, aside) < 0 ? -errno : 0;
}

static int recover_segment(struct journal *j, const char *name)
{
	struct segment *segment = NULL;
	int r = segment_open(j->dir_fd, name, &segment);

	if (r == -ENODATA)
		return unlinkat(j->dir_fd, name, 0) < 0 ? -errno : 0;
	if (r == -EBADMSG)
		return set_aside(j, name);
	if (r < 0)
		return r;
	atomic_fetch_add(&j->bytes, SEGMENT_BYTES);
	if (segment->id >= atomic_load(&j->next_id))
		atomic_store(&j->next_id, segment->id + 1);
	atomic_store(&segment->next, j->slots[j->slot_count - 1].oldest);
	j->slots[j->slot_count - 1].oldest = segment;
	return 0;
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int recover_segments(struct journal *j)
{
	_cleanup_(closedirp) DIR *dir = NULL;
	int fd = fcntl(j->dir_fd, F_DUPFD_CLOEXEC, 0);

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int r = -errno;

		closep(&fd);
		return r;
	}
	for (;;) {
		struct dirent *entry;
		const char *end;
		int r;

		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		end = strrchr(entry->d_name, '.');
		if (!end || strcmp(end, ".segment") != 0)
			continue;
		r = recover_segment(j, entry->d_name);
		if (r < 0)
			return r;
	}
}

static int open_directory(struct store *s)
{
	if (mkdirat(s->dir_fd, JOURNAL_DIR, 0700) < 0 && errno != EEXIST)
		return -errno;
	s->journal.dir_fd = openat(s->dir_fd, JOURNAL_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->journal.dir_fd < 0 ? -errno : 0;
}

int journal_open(struct store *s, unsigned writers, uint64_t bytes_max)
{
	struct journal *j = &s->journal;
	int r;

	j->sync = s->durability == DURABILITY_POWER;
	j->bytes_max = bytes_max ? bytes_max : JOURNAL_BYTES_DEFAULT;
	j->slot_count = writers + 1;
	atomic_store(&j->next_id, 1);
	j->slots = aligned_alloc(64, j->slot_count * sizeof(*j->slots));
	if (!j->slots)
		return -ENOMEM;
	memset(j->slots, 0, j->slot_count * sizeof(*j->slots));
	r = open_directory(s);
	return r < 0 ? r : recover_segments(j);
}

static int open_slot(struct store *s, struct journal_slot *slot)
{
	int r = crypto_random(slot->id_tail, sizeof(slot->id_tail));

	if (r < 0)
		return r;
	slot->id_tail[0] = 0x80 | (slot->id_tail[0] & 0x3f); /* RFC 9562's variant */
	r = journal_new_segment(s, &slot->current);
	slot->oldest = slot->current;
	return r;
}

int journal_start(struct store *s)
{
	struct journal *j = &s->journal;
	int r;

	for (unsigned i = 0; i + 1 < j->slot_count; i++) {
		r = open_slot(s, &j->slots[i]);
		if (r < 0)
			return r;
	}
	r = pthread_create(&j->prepare_thread, NULL, prepare_run, s);
	j->prepare_runs = r == 0;
	if (r)
		return -r;
	pthread_setname_np(j->prepare_thread, "store-prepare");
	r = pthread_create(&j->drain_thread, NULL, drain_run, s);
	j->drain_runs = r == 0;
	if (r)
		return -r;
	pthread_setname_np(j->drain_thread, "store-drain");
	return 0;
}

static void stop_threads(struct journal *j)
{
	atomic_store(&j->stop, true);
	if (j->prepare_runs) {
		sem_post(&j->prepare_wake);
		pthread_join(j->prepare_thread, NULL);
	}
	if (j->drain_runs) {
		hurry_drain(j);
		pthread_join(j->drain_thread, NULL);
	}
	j->prepare_runs = j->drain_runs = false;
}

/* A segment that isn't drained to the end of what was written stays on disk for the next start. */
static void drop_segment(struct journal *j, struct segment *segment)
{
	if (segment->drained == atomic_load(&segment->used))
		segment_unlink(j->dir_fd, segment->id);
	segment_free(&segment);
}

int journal_close(struct store *s)
{
	int64_t r = 1;

	stop_threads(&s->journal);
	/* Twice if a pass was open: the rest of it, then what came after. */
	while (r > 0 || (r == 0 && s->journal.pass_open))
		r = drain_pass(s, false);
	return (int)MIN(r, 0);
}

void journal_free(struct store *s)
{
	struct journal *j = &s->journal;

	stop_threads(j);
	for (unsigned i = 0; j->slots && i < j->slot_count; i++) {
		struct segment *next, *segment = j->slots[i].oldest;

		for (; segment; segment = next) {
			next = atomic_load(&segment->next);
			drop_segment(j, segment);
		}
		segment = atomic_load(&j->slots[i].spare);
		if (segment)
			drop_segment(j, segment);
	}
	free(j->slots);
	closep(&j->dir_fd);
}
