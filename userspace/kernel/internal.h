/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this module share. Locks: sync_lock guards the admissions (their map's
 * descriptor, which growing swaps, and what is pending or being reconciled); interface_lock guards
 * interfaces[] and reason. sync_lock is taken first where both are; who changes `waiting` has both.
 * Everything else is fixed by kernel_start().
 */
#ifndef KERNEL_INTERNAL_H
#define KERNEL_INTERNAL_H

#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include "kernel/kernel.h"
#include "kernel/object.h"

/* Keys whose entry couldn't be written and is retried; more, and the map stays incomplete. */
#define PENDING_MAX 4096
/* Growing stops here: 1 Mi entries are 112 MiB of kernel memory, half of what the service may use.
 */
#define ADMISSIONS_GROWN_MAX (1u << 20)
/* Entries per batch system call. */
#define BATCH_MAX 4096

enum attach_mode { ATTACH_NONE, ATTACH_GENERIC, ATTACH_NATIVE, ATTACH_CLSACT };

struct interface {
	char name[IFNAMSIZ];
	unsigned index;
	int link_fd; /* while at XDP, or found there */
	enum attach_mode mode;
	enum attach_mode xdp_mode;  /* what it was when it last was at XDP */
	uint64_t xdp_not_before_ns; /* monotonic; when to try XDP again */
	bool answers;
	bool added; /* by the operator, at run time */
	char reason[KERNEL_REASON_MAX];
};

struct key_entry {
	struct axfw_key_hash hash;
	struct axfw_admission admission;
};

struct reconcile; /* reconcile.c */

/* Who wants the ring's events; what isn't guarded or atomic is the module's thread's own. */
struct events {
	pthread_mutex_t lock; /* fn and arg; held while fn runs */
	kernel_event_fn *fn;
	void *arg;
	_Atomic uint64_t seen;
	uint32_t per_second;			 /* how many sampled ones are wanted; 0: none */
	uint64_t adapted_ns, sampled, decisions; /* the last look, what came since, for how many */
};

struct kernel {
	bool loaded; /* false: userspace mode, and nothing below but names and reasons is valid */
	bool adopted;
	bool waiting; /* an earlier daemon's programs enforce until ours have their keys; sync_lock
		       */
	_Atomic bool keep;
	enum refuse_mode refuse;
	char pin_dir[108];
	int lock_fd;
	struct object object;
	struct object_constants constants;
	uint32_t entries[MAP_COUNT]; /* sizes that aren't the usual ones; 0 else */
	struct axfw_config *config;  /* the map's memory, shared with the program */

	pthread_mutex_t sync_lock;
	_Atomic uint32_t admissions_max;
	uint32_t admissions_count;   /* near enough to know when to grow */
	bool complete_wanted;	     /* what the callers know about their keys */
	uint64_t grow_not_before_ns; /* monotonic: don't try again and again */
	bool stuck; /* an entry that may refuse wrongly could be neither replaced nor deleted */
	bool pending_overflow;	 /* changes were lost: only a reconcile makes up for them */
	uint64_t loss_told_ns;	 /* monotonic */
	kernel_loss_fn *loss_fn; /* with loss_arg, under sync_lock */
	void *loss_arg;
	struct key_entry *pending;
	unsigned pending_count;
	struct reconcile *reconcile; /* between begin and end */
	_Atomic uint64_t sync_failures;

	pthread_mutex_t interface_lock;
	unsigned interface_count;
	struct interface interfaces[KERNEL_INTERFACES_MAX];
	char reason[KERNEL_REASON_MAX];
	bool unattachable; /* take_over() failed; reason says why */

	pthread_t watcher;
	bool watcher_runs;
	int wake_fd;  /* eventfd: stop, or something to retry */
	int links_fd; /* netlink: an interface has changed */
	int clock_fd; /* timerfd: the wall clock was set */
	kernel_clock_fn *_Atomic clock_fn;
	void *clock_arg; /* written before clock_fn */
	_Atomic bool stopping;
	struct ring_buffer *ring;
	struct events events;
};

/* admissions.c; under sync_lock */
int admissions_put(struct kernel *k, const struct axfw_key_hash *hash,
		   const struct axfw_admission *admission);
/* After a failed put: makes sure that what the kernel says about the key isn't wrong, and retries
 * later. Returns 0 when it isn't, r when an old entry may still speak. */
int admissions_failed(struct kernel *k, const struct key_entry *entry, int r);
void admissions_retry(struct kernel *k);
void admissions_apply_complete(struct kernel *k);
bool admissions_want_growth(const struct kernel *k);
/* Calls `each` with all entries, a batch at a time. */
int map_read_all(int fd, size_t key_size, size_t value_size,
		 void (*each)(void *arg, const void *keys, const void *values, uint32_t count),
		 void *arg);

/* reconcile.c; under sync_lock */
void reconcile_overtake(struct kernel *k, const struct axfw_key_hash *hash);
void reconcile_free(struct reconcile **r);

/* grow.c. Takes sync_lock at the end only, unless the caller has it. */
int admissions_grow(struct kernel *k, bool locked);

/* kernel.c; under sync_lock: ours replace what an earlier daemon left, as soon as they know as
 * much.
 */
void take_over(struct kernel *k);

/* interfaces.c; under interface_lock */
struct interface *interfaces_find(struct kernel *k, const char *name);
/* At the end of interfaces[]; -EINVAL, -ENOSPC with the reason. */
int interfaces_add(struct kernel *k, const char *name, char *reason, size_t size);
void interfaces_forget(struct kernel *k, struct interface *it);
int interfaces_parse(struct kernel *k, const char *list); /* on failure k->reason says why */
void interfaces_attach(struct kernel *k);		  /* adopts, attaches, tests */
void interfaces_recheck(struct kernel *k);		  /* now and then, and on netlink's word */
bool interfaces_are_attached(const struct kernel *k);	  /* by an earlier daemon */
void interfaces_update(struct kernel *k);		  /* to k->object's programs */
void interfaces_detach(struct kernel *k);
void interfaces_close(struct kernel *k);
void interfaces_drop_unlisted(struct kernel *k);

/* added.c; under interface_lock */
void interfaces_recall(struct kernel *k);     /* adds those that an earlier daemon's operator did */
void interfaces_drop_notes(struct kernel *k); /* nobody shall recall them */

/* attach.c; under interface_lock */
void interface_attach(struct kernel *k, struct interface *it);
void interface_recheck(struct kernel *k, struct interface *it);
void interface_update(struct kernel *k, struct interface *it);
void interface_detach(struct kernel *k, struct interface *it);
void interfaces_drop_foreign_slots(struct kernel *k); /* of interfaces that this daemon hasn't */

void pins_remove_all(struct kernel *k); /* adopt.c: detaches, unpins, removes the directory */
bool is_interface_list_empty(const char *list);

/* answerable.c: can an answer leave by this attached interface? If not, says why. */
bool interface_can_answer(const struct interface *it, char *reason, size_t size);

/* vlan.c: does a tag that XDP can't see get lost on the way back? Then says how to change that. */
bool vlan_loses_answers(const struct interface *it, bool is_veth, char *reason, size_t size);

/* privileges.c: -EPERM and the sentence that says what is missing. */
int privileges_check(char *reason, size_t size);
bool privileges_have(unsigned capability);

/* features.c: what this kernel lacks of what the program uses, by name; false: nothing. */
bool features_missing(char *ret, size_t size);

/* What packets have to be asked; the daemon alone writes it, from several threads. */
static inline void config_set_tier(struct kernel *k, uint32_t tier, bool on)
{
	if (on)
		__atomic_fetch_or(&k->config->tiers, tier, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&k->config->tiers, ~tier, __ATOMIC_RELEASE);
}

/* prefixes.c: which of the deny list's maps are asked, by what is in them. */
void denials_set_tiers(struct kernel *k);

/* events.c; on the module's thread but for the first */
void events_configure(struct kernel *k, uint32_t per_second);
int events_on_record(void *kernel, void *data, size_t size);
/* Brings config.event_sample in step with what arrives. */
void events_adapt(struct kernel *k, uint64_t monotonic_ns);
/* One in how many, when `arrived` of `decisions` came in a second and `wanted` may. */
uint32_t events_next_sample(uint32_t now, uint64_t arrived, uint64_t decisions, uint32_t wanted);

/* watch.c */
int watch_start(struct kernel *k);
void watch_stop(struct kernel *k);
void watch_wake(struct kernel *k);

#endif
