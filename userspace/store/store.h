/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything on disk: registry.db, a file per tenant, the usage journal. The Python firewall's
 * files open in place and stay readable for it: what we add is new tables (prefix axfw_), never a
 * column.
 *
 * Ownership: struct store owns the database handles, the lock on the directory and the journal.
 * Threads: every function may be called from any thread (handles are guarded inside) except where
 * it says otherwise; all but store_record_usage() may block on disk, so an epoll thread calls only
 * that one and what is documented as cheap. Non-logging. SQLite's codes become -errno in one
 * function.
 *
 * The journal: each request thread appends to its own preallocated, checksummed, shared-mapped
 * segment before its answer is queued, so a 200 that a client saw survives kill -9. One drain
 * thread moves the records into the tenants' files; it is idempotent by record id, so replay after
 * a crash is safe.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stdint.h>
#include "axfw/abi.h"
#include "base/base.h"
#include "crypto/crypto.h"

#define STORE_EMAIL_MAX 254 /* RFC 5321, 4.5.3.1.3 less the angle brackets */
#define STORE_NAME_MAX	100 /* an API key's name, in bytes */
#define STORE_TIER_MAX	16

struct store;

struct store_options {
	const char *dir;
	enum durability durability;
	unsigned writers; /* how many threads call store_record_usage(), each with its own slot */
	uint64_t journal_max;  /* bytes on disk; 0: the default, 256 MiB */
	unsigned lock_wait_ms; /* how long to wait for another daemon to let go (rolling update) */
	/* Called now and then while an old directory is taken over; may be NULL. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
};

/*
 * Creates the directory if it is missing, takes the lock, recovers the journal into the tenants'
 * files, indexes what changed since last time (found by stat) and migrates plaintext-era API keys.
 * -EBUSY: another daemon holds it; -EKEYREJECTED: another master key wrote it; -EREMOTE: a network
 * file system. Puts a sentence for people into error on failure.
 */
int store_open(const struct store_options *options, const struct crypto *crypto,
	       struct store **ret_store, char *error, size_t error_size);
/* Was the directory written under this master key and by a daemon no newer than this one? Only
 * looks and takes no lock: for a daemon to ask before it tells the one that is running to let go.
 * Errors as above. */
int store_judge(const char *dir, const struct crypto *crypto, char *error, size_t error_size);
void store_close(struct store **store); /* drains, checkpoints, unlocks; no-op on NULL */

/* --- tenants --------------------------------------------------------------------------------- */

struct store_tenant {
	uint32_t number; /* ours: small, stable, what the kernel and the journal use; 0 never occurs
			  */
	char id[UUID_TEXT_LEN];
	char email[STORE_EMAIL_MAX + 1];
	char tier[STORE_TIER_MAX];
	uint64_t created_us;
	uint32_t usage_month;	/* clock_month() of the next field */
	uint64_t used_in_month; /* recorded calls */
	bool has_policy;
};

/* In order of number. Called under the store's lock: don't call the store from `each`. */
int store_each_tenant(struct store *s, void (*each)(void *arg, const struct store_tenant *tenant),
		      void *arg);
/* -EEXIST: the e-mail is registered. Creates the row and the tenant's file, or neither. */
int store_add_tenant(struct store *s, const char *email, const char *password_hash,
		     const char *recovery_hash, const char *tier, struct store_tenant *ret);
/* password_hash: CRYPTO_PASSWORD_TEXT_LEN bytes. -ENOENT. */
int store_find_login(struct store *s, const char *email, struct store_tenant *ret,
		     char ret_password_hash[static CRYPTO_PASSWORD_TEXT_LEN]);
int store_set_password(struct store *s, uint32_t tenant, const char *password_hash);
int store_set_recovery(struct store *s, uint32_t tenant, const char *recovery_hash);
/* No way back: the operator has said that the Python firewall won't come back to this directory.
 * store_is_final(): 1, 0 or -errno. */
int store_finalize(struct store *s);
int store_is_final(struct store *s);
/* The newest policy document; NULL where there is none. Caller frees. */
int store_get_policy(struct store *s, uint32_t tenant, char **ret_body, uint32_t *ret_version);

/* --- API keys -------------------------------------------------------------------------------- */

struct store_key {
	uint32_t number; /* ours, over all tenants; 0 never occurs */
	uint32_t tenant;
	char id[UUID_TEXT_LEN];
	char name[STORE_NAME_MAX + 1];
	uint64_t created_us;
	uint64_t revoked_us; /* 0: active */
	uint8_t digest[CRYPTO_MAC_LEN];
	struct axfw_key_hash hash;
	bool has_hash; /* false: from an older store, not used since */
};

int store_each_key(struct store *s, void (*each)(void *arg, const struct store_key *key),
		   void *arg);
/* Name is cut at STORE_NAME_MAX on a character boundary. -ENOENT: no such tenant. */
int store_add_key(struct store *s, uint32_t tenant, const char *name,
		  const uint8_t digest[static CRYPTO_MAC_LEN], const struct axfw_key_hash *hash,
		  struct store_key *ret);
/* -ENOENT: no active key of that tenant has this id. */
int store_revoke_key(struct store *s, uint32_t tenant, const char *key_id, struct store_key *ret);
/* Learnt at first use. */
int store_set_key_hash(struct store *s, uint32_t key, const struct axfw_key_hash *hash);

/* --- usage ----------------------------------------------------------------------------------- */

struct store_usage {
	uint8_t id[16]; /* filled by store_record_usage(): UUID version 7, the decision id */
	uint64_t at_us; /* wall clock */
	uint32_t tenant, key;
	const char *endpoint;	  /* "/v1/guard/check": one of a fixed list, kept by pointer */
	const char *verdict;	  /* "allow" */
	const char *intent_class; /* "INFORM" */
	float confidence;
	float latency_ms;
};

/* A new time-ordered id: strictly increasing per slot, unique over slots and restarts. Cheap. */
void store_new_record_id(struct store *s, unsigned slot, uint8_t ret[static 16]);
/*
 * Appends to the slot's segment; one thread per slot at a time. No lock, no system call except when
 * a segment is full. usage->id must come from store_new_record_id(). -ENOSPC, -EIO: nothing was
 * recorded, and the caller must not answer 200.
 */
int store_record_usage(struct store *s, unsigned slot, const struct store_usage *usage);
/* Returns when everything recorded before the call is in the tenants' files. */
int store_drain(struct store *s);

struct store_usage_summary {
	uint64_t calls; /* all time; the journal's tail included */
	uint64_t blocked;
	double latency_ms_mean;
};
int store_usage_summary(struct store *s, uint32_t tenant, struct store_usage_summary *ret);

struct store_journal_state {
	uint64_t bytes; /* on disk */
	uint64_t records_pending;
	uint64_t oldest_pending_us; /* 0: none */
};
void store_journal_state(struct store *s, struct store_journal_state *ret);

/* --- sessions and signup attempts ------------------------------------------------------------ */

struct store_session {
	uint8_t id[16]; /* SHA-256 of the token, cut: the token itself isn't stored */
	uint32_t tenant;
	uint64_t created_us;
	uint64_t expires_us;
	uint8_t *flash; /* sealed by the caller; NULL for none */
	size_t flash_len;
};
int store_each_session(struct store *s,
		       void (*each)(void *arg, const struct store_session *session), void *arg);
int store_put_session(struct store *s, const struct store_session *session);
int store_delete_session(struct store *s, const uint8_t id[static 16]);
/* All of a tenant's sessions but `except` (may be NULL). */
int store_delete_sessions(struct store *s, uint32_t tenant, const uint8_t *except);

int store_each_signup_attempt(struct store *s, uint64_t since_us,
			      void (*each)(void *arg, const char *client, uint64_t at_us),
			      void *arg);
int store_add_signup_attempt(struct store *s, const char *client, uint64_t at_us);
int store_forget_signup_attempts(struct store *s, uint64_t before_us);

/* --- the operator's deny list ---------------------------------------------------------------- */

struct store_denial {
	struct prefix prefix;
	uint64_t created_us;
	uint64_t until_us; /* 0: until it is taken out */
	const char *reason;
};
int store_each_denial(struct store *s, void (*each)(void *arg, const struct store_denial *denial),
		      void *arg);
/* Both are on the disk when they return: what an operator ordered outlives a power cut. */
int store_put_denial(struct store *s, const struct store_denial *denial);
int store_delete_denial(struct store *s, const struct prefix *prefix);
/*
 * The penalty box's: their reasons are empty. What is put outlives the process, a power cut perhaps
 * not: they are many and over in minutes. Whoever was let out by now goes from the store with it.
 */
int store_each_boxed(struct store *s, void (*each)(void *arg, const struct store_denial *denial),
		     void *arg);
int store_put_boxed(struct store *s, const struct store_denial *denials, size_t count,
		    uint64_t now_us);
int store_delete_boxed(struct store *s, const struct prefix *prefix);

/* --- health ---------------------------------------------------------------------------------- */

/* Can a guard call be recorded now? Cheap (a flag kept by the drain and the journal). */
bool store_is_writable(struct store *s);
/* The same by trying: writes and rolls back. 0 or -errno. */
int store_check(struct store *s);

#endif
