/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of denials/, each of them plain data without a clock or a system call. */
#ifndef DENIALS_INTERNAL_H
#define DENIALS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include "denials/denials.h"

/* --- list.c: prefixes with ends, sorted; guarded by its owner -------------------------------- */

struct entry {
	struct prefix prefix;
	enum axfw_denial_cause cause; /* a prefix may be in it once for each */
	bool in_kernel;
	bool unsaved;	   /* the box's: not in the store yet */
	uint64_t until_ns; /* boot time; UINT64_MAX: none */
	uint64_t until_us; /* the operator's: wall clock, from which until_ns is derived; 0: none */
	uint64_t created_us;
	char *reason; /* owned; NULL: none */
};

struct list {
	struct entry *entries; /* by address, then length, then cause */
	size_t count, size;
	size_t by_length[129]; /* how many of each length: the others needn't be looked for */
	size_t by_cause[AXFW_DENIED_BY_PENALTY + 1];
};

/* Takes e->reason. Replaces an entry of the same prefix and cause. -ENOMEM. */
int list_put(struct list *l, struct entry *e);
bool list_remove(struct list *l, const struct prefix *p, enum axfw_denial_cause cause);
/* NULL: not there. Valid until the next change. */
struct entry *list_find(const struct list *l, const struct prefix *p, enum axfw_denial_cause cause);
/* The first entry with that prefix, whatever its cause. */
struct entry *list_find_any(const struct list *l, const struct prefix *p);
/* Entries covered by p are next to each other: the first of them, and how many. */
struct entry *list_under(const struct list *l, const struct prefix *p, size_t *ret_count);
/* The latest end of all entries that cover p, and whose it is. 0: none does. */
uint64_t list_end(const struct list *l, const struct prefix *p, enum axfw_denial_cause *ret_cause);
/* Does an entry that hasn't ended cover the address? */
bool list_denies(const struct list *l, const struct address *a, uint64_t boot_ns);
void list_free(struct list *l);

/* --- standing.c: who used a valid key lately ------------------------------------------------- */

struct standing;
int standing_new(struct standing **ret);
void standing_free(struct standing **s);
/* client: as address_client() has it. Any thread. */
void standing_note(struct standing *s, const struct address *client, uint64_t monotonic_ns);
/* true also when it isn't known: the box spares who may be somebody's customer. */
bool standing_is_good(struct standing *s, const struct address *client, uint64_t monotonic_ns);

/* --- refusals.c: how often userspace refused a client ---------------------------------------- */

struct refusals;
int refusals_new(const struct axfw_penalty_rule *rule, struct refusals **ret);
void refusals_free(struct refusals **r);
/* true: this one reaches the limit, and the client's window begins anew. Any thread. */
bool refusals_add(struct refusals *r, const struct address *client, uint64_t monotonic_ns);

/* --- denials.c, box.c, keeper.c --------------------------------------------------------------
 *
 * Two locks. change: whoever changes the list holds it through store, memory and kernel, so that
 * these hear of changes in one order. lock: the list's memory; held for moments, taken inside
 * change. The queue's lock is a third, taken alone, so that who refuses a request never waits for
 * a disk.
 */

#define BOX_QUEUE_MAX 256 /* sources on their way into the box; more come again */

struct box {
	struct standing *standing;
	struct refusals *refusals;
	pthread_mutex_t lock; /* of the queue, with the keeper's sleep */
	struct address queue[BOX_QUEUE_MAX];
	unsigned queued;
	uint64_t said_second_s; /* change: when boxed() was last called, and how often it wasn't */
	unsigned said;
	uint64_t unsaid;
	bool unsaved;	   /* change: some entry is */
	uint64_t saved_ns; /* change: when the store was last told, monotonic */
	_Atomic uint64_t boxed, spared, full;
};

struct denials {
	struct denials_options options;
	pthread_mutex_t change;
	pthread_rwlock_t lock;
	struct list list;
	_Atomic size_t count;		/* of the list, for who only asks whether it is empty */
	bool stale;			/* change: the kernel may hold what it shouldn't */
	_Atomic uint64_t not_in_kernel; /* entries */
	_Atomic uint64_t refused;
	struct box box;
	pthread_t keeper;
	bool keeper_runs;
	pthread_cond_t wake;  /* box.lock */
	bool stopping, woken; /* box.lock */
};

/* Under change: into memory and the kernel, or out of both. list_put()'s ownership. */
int denials_put_entry(struct denials *d, struct entry *e);
void denials_set_end(struct denials *d, size_t position, uint64_t until_ns);
void denials_take_entry(struct denials *d, const struct prefix *p, enum axfw_denial_cause cause);
/* Writes again what couldn't be written and takes out what couldn't be taken out. */
void denials_resync(struct denials *d);
/* The boot time of a wall-clock time; 0 (no end): UINT64_MAX. */
uint64_t denials_boot_ns(uint64_t until_us);

int box_open(struct denials *d);
void box_close(struct denials *d);
/* Under change: puts who is in the queue into the list. */
void box_take_queue(struct denials *d);
/* Under change: tells the store who is in the box, if it doesn't know; `now` or at its time. */
void box_save(struct denials *d, bool now);
/* Under change: may this source be boxed, for all we know? */
bool box_may_take(struct denials *d, const struct prefix *source);
/* The whole of a client, as the limits count: an IPv4 address, an IPv6 /64. */
struct prefix box_source(const struct address *client);

/* keeper.c: the module's thread. */
int keeper_start(struct denials *d);
void keeper_stop(struct denials *d);
void keeper_wake(struct denials *d);

/* Spreads addresses over a table so that nobody can aim at a slot of it. */
struct mixer {
	uint64_t key[2];
};
int mixer_new(struct mixer *ret);

static inline uint64_t mix(const struct mixer *m, const struct address *a)
{
	uint64_t words[2];
	unsigned __int128 product;

	__builtin_memcpy(words, a->bytes, sizeof(words));
	product = (unsigned __int128)(words[0] ^ m->key[0]) * (words[1] ^ m->key[1]);
	product = (unsigned __int128)((uint64_t)product ^ m->key[1]) *
		  ((uint64_t)(product >> 64) ^ m->key[0]);
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif
