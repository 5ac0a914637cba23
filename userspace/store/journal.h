/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The usage journal: a slot per request thread, each a chain of segments. Only the slot's thread
 * appends; the drain reads what `used` says is whole, and frees a segment once all of it is in the
 * tenants' files and its thread has gone on to the next. Nothing on the append path is shared
 * between threads: no lock, no contended cache line. One more slot has no thread: at start it holds
 * what a dead process left, later what the drain carried over (carry.c).
 *
 * Two threads serve it: `prepare` keeps a spare segment ready per slot, so that a request never
 * waits for the file system; `drain` moves records into tenants' files, in passes. A pass covers
 * the records that were there when it began; its bounds stay until every tenant has them, so a pass
 * that failed half-way is taken up again where it stopped and a reader can tell what a file already
 * holds.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "store/segment.h"

struct store;
struct store_usage;

struct journal_slot {
	/* the slot's thread only */
	_Alignas(64) struct segment *current;
	uint64_t last_tick; /* time of the last id, see journal.c */
	uint8_t id_tail[8]; /* what makes this slot's ids its own */
	/* handed over by `prepare` */
	_Alignas(64) _Atomic(struct segment *) spare;
	/* under journal.lock */
	_Alignas(64) struct segment *oldest;
};

struct journal {
	int dir_fd;
	bool sync;		    /* --durability=power */
	struct journal_slot *slots; /* the last is the one without a thread */
	unsigned slot_count;
	uint64_t bytes_max;
	_Atomic uint64_t bytes;
	_Atomic uint64_t next_id;

	pthread_t prepare_thread, drain_thread;
	bool prepare_runs, drain_runs;
	sem_t prepare_wake;
	atomic_bool stop;
	/* What is_writable() answers from: the last thing each thread tried worked, and so did
	 * the drain's last look at the directory. */
	atomic_bool prepare_failed, drain_failed, unreachable;

	pthread_mutex_t lock; /* positions in the segments and all below */
	pthread_cond_t wake;  /* the drain: work or stop */
	pthread_cond_t done;  /* waiters: a pass ended */
	bool hurry;
	bool pass_open, pass_covers_all;
	bool pass_light;	  /* see pass_open() */
	uint64_t pass_ticket;	  /* requests that this pass answers */
	uint64_t pass;		  /* number of the pass that is open, or of the last */
	uint64_t tickets, served; /* store_drain(): asked for, done */
	uint64_t failures;
	int last_error;
	uint64_t last_pass_ns;
	size_t carried;		   /* records in the last slot */
	uint64_t carried_since_ns; /* the first of them; 0: there are none */
};

/* --- journal.c --- */
int journal_open(struct store *s, unsigned writers, uint64_t bytes_max);
int journal_start(struct store *s); /* slots and threads, once what was left is drained */
/* Drains, stops the threads, removes what is empty. 0 or what stopped the drain. */
int journal_close(struct store *s);
void journal_free(struct store *s);
/* -ENOSPC at the limit. */
int journal_new_segment(struct store *s, struct segment **ret);
void journal_delete_segment(struct journal *j, struct segment *segment);
/* A quarter of it, in records: as many make a pass due, and as many again may be carried over. */
static inline size_t journal_share(const struct journal *j)
{
	return (size_t)(j->bytes_max / 4 / sizeof(struct journal_record));
}
const char *journal_endpoint(uint8_t code);
const char *journal_verdict(uint8_t code);
const char *journal_class(uint8_t code);
#define JOURNAL_VERDICT_BLOCK 1

/* --- drain.c --- */
/* One pass over what is there now, or over the rest of the last one; light: see pass_open().
 * Returns how many records it covered, or -errno. One thread at a time: the drain, or whoever opens
 * or closes the store. */
int64_t drain_pass(struct store *s, bool light);
/* Records that belong to no pass: none of them can be known to be committed. */
#define PASS_NONE UINT64_MAX
/* Writes one tenant's records, ordered here by id; those that its file has already are left out.
 * visit: its file isn't worth a place among the open ones. */
int drain_tenant(struct store *s, uint64_t pass, uint32_t tenant, bool visit,
		 const struct journal_record **records, size_t count);
void *drain_run(void *arg);

#endif
