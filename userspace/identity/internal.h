/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of identity/ share. Two locks, never nested the other way round:
 *   sessions.lock   session and flash changes; held over their writes to disk
 *   announce        the keys' lists and whatever the watcher is told, so that the kernel hears
 * changes in the order in which they happened; never held over disk, so a request thread may take
 * it Look-ups take neither: RCU. Tenants live as long as the directory; keys are freed a grace
 * period later.
 */
#ifndef IDENTITY_INTERNAL_H
#define IDENTITY_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <urcu-bp.h>
#include <urcu/rculfhash.h>
#include "identity/identity.h"

/* A key of an older store: found by its digest until its first use. */
struct unhashed_key {
	struct cds_lfht_node node;
	struct rcu_head rcu;
	struct api_key *key;
	uint8_t digest[CRYPTO_MAC_LEN];
};

/* What a look-up reads is together: a cache line instead of three. */
struct api_key {
	struct cds_lfht_node by_hash;
	struct axfw_key_hash hash;
	struct tenant *tenant;
	_Atomic uint64_t revoked_us; /* 0: active */
	_Atomic uint64_t arrival_ns; /* theoretical arrival time of the next call (axfw/rate.h) */
	/* Boot time until which the kernel was told to refuse it for its rate. Written under
	 * announce. */
	_Atomic uint64_t slowed_until_ns;
	uint32_t number;
	struct rcu_head rcu;
	struct api_key *next;	       /* of the tenant; announce */
	struct api_key *next_learnt;   /* hash not on disk yet; announce */
	bool is_learnt;		       /* is in that list, so it must not go yet; announce */
	struct unhashed_key *unhashed; /* NULL: hash is known; announce */
	uint64_t created_us;
	char id[UUID_TEXT_LEN];
	char name[];
};

struct session_entry;

/* Why a stored policy doesn't compile. */
struct policy_fault {
	uint32_t version;
	char reason[256];
};

struct tenant {
	struct cds_lfht_node by_number, by_email;
	uint32_t number;
	_Atomic bool has_policy;
	const struct tier *tier;
	/* Month and recorded calls in one word, so that a month's turn and a count are one step;
	 * two of them, even and odd months, so that a clock stepped over a month's end and back
	 * loses nothing. */
	_Atomic uint64_t usage[2];
	struct guard_policy *policy;	   /* RCU */
	struct policy_fault *policy_fault; /* RCU; NULL: compiles, or nobody has tried */
	/* Boot time until which the kernel refuses this tenant's keys; 0: it doesn't. Written under
	 * announce. */
	_Atomic uint64_t exhausted_until_ns;
	struct tenant *next_exhausted; /* announce */
	struct rcu_head rcu;
	uint64_t created_us;
	struct api_key *keys;		    /* announce */
	unsigned active_keys, revoked_keys; /* announce */
	unsigned adding_keys;		    /* on their way through the store; announce */
	struct session_entry *sessions;	    /* sessions.lock */
	unsigned session_count;		    /* sessions.lock */
	char id[UUID_TEXT_LEN];
	char email[];
};

struct sessions {
	struct cds_lfht *by_id;
	pthread_mutex_t lock;
	uint64_t tidied_us; /* the tick's own */
};

struct signups;

struct identity {
	struct store *store;
	const struct crypto *crypto;
	_Atomic enum crypto_password_scheme passwords; /* of new ones */
	atomic_bool final; /* accounts from before may still have PBKDF2's */
	struct axfw_rate key_rate;
	struct identity_watcher watcher;
	struct cds_lfht *tenants_by_number, *tenants_by_email;
	struct cds_lfht *keys_by_hash, *keys_by_digest;
	_Atomic uint64_t tenant_count, active_key_count;
	_Atomic uint64_t unhashed_count; /* active keys that lack a hash */
	pthread_mutex_t announce;
	struct tenant *exhausted; /* announce */
	struct api_key *learnt;	  /* announce */
	struct sessions sessions;
	struct signups *signups;
};

static inline void unlockp(pthread_mutex_t **lock)
{
	pthread_mutex_unlock(*lock);
}

/* Holds `lock` to the end of the block. */
#define HOLD(lock)                                                                                 \
	_cleanup_(unlockp) _unused_ pthread_mutex_t *held_ = (pthread_mutex_lock(lock), (lock))

static inline void leavep(int *inside)
{
	urcu_bp_read_unlock();
}

/* An RCU read side to the end of the block. */
#define ENTER() _cleanup_(leavep) _unused_ int inside_ = (urcu_bp_read_lock(), 1)

/* accounts.c: is there a way back? */
int accounts_load(struct identity *i);

/* directory.c */
int directory_load(struct identity *i);
void directory_free(struct identity *i);
int directory_add_tenant(struct identity *i, const struct store_tenant *row);
/* Under announce, inside RCU. */
int directory_add_key(struct identity *i, const struct store_key *row, struct api_key **ret);
/* Tells the watcher too and returns what it said. k may be gone once the caller leaves RCU. */
int directory_retire_key(struct identity *i, struct api_key *k, uint64_t revoked_us);
struct tenant *directory_find(struct identity *i, uint32_t number);
unsigned long directory_hash_number(uint32_t number);
struct api_key *directory_find_hash(struct identity *i, const struct axfw_key_hash *hash);
struct api_key *directory_find_digest(struct identity *i, const uint8_t digest[CRYPTO_MAC_LEN]);
void directory_index_hash(struct identity *i, struct api_key *k);
/* The key's digest is no longer needed. Under announce, inside RCU. */
void directory_drop_digest(struct identity *i, struct api_key *k);
/* An active key fewer lacks its hash. Under announce. */
void directory_count_hashed(struct identity *i);
/* Keyed, because strangers choose e-mails and addresses: nobody can aim at one bucket. */
unsigned long directory_hash_bytes(const struct identity *i, const void *data, size_t len);

/* authenticate.c: what the kernel should hold. Under announce. */
struct axfw_admission key_admission(const struct api_key *k);
int key_announce(struct identity *i, const struct api_key *k);
void keys_store_learnt(struct identity *i);

/* quota.c: brings the kernel's view of one tenant in step. Under announce. */
void quota_announce(struct identity *i, struct tenant *t, uint64_t now_us);

/* email.c: trims and lower-cases. -EINVAL: too long or not UTF-8. */
int email_normalise(const char *text, char ret[static STORE_EMAIL_MAX + 1]);
bool email_is_sane(const char *normalised);

/* sessions.c */
int sessions_load(struct identity *i);
void sessions_free(struct identity *i);
void sessions_tidy(struct identity *i, uint64_t now_us);

/* signups.c */
int signups_load(struct identity *i, const struct axfw_signup_rule *rule);
void signups_free(struct signups **s);
void signups_hand_over(struct identity *i);
void signups_tidy(struct identity *i, uint64_t now_us);

#endif
