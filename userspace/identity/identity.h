/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is calling: tenants, API keys, sessions, signup limits, quotas. Holds the whole directory in
 * memory (RCU hash tables, liburcu's bulletproof flavour), so that a request takes no lock and
 * look-up is O(1) at any number of tenants; every change goes to the store first, then into memory,
 * then to the watcher (the kernel maps), and only then does the call return.
 *
 * Threads: identity_authenticate() and the accessors are wait-free; bracket them and every use of a
 * struct tenant or api_key with identity_enter()/identity_leave(). What changes state may block on
 * disk: worker pool, or a handler that is allowed to.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include "axfw/abi.h"
#include "base/base.h"
#include "crypto/crypto.h"
#include "guard/guard.h"
#include "store/store.h"

struct identity;

/* Told of every change before the call that made it returns. hash NULL never occurs. */
struct identity_watcher {
	void *arg;
	/* A key is about to come to life: void what was remembered about unknown keys. */
	void (*before_key_added)(void *arg);
	int (*key_changed)(void *arg, const struct axfw_key_hash *hash,
			   const struct axfw_admission *admission);
	void (*signup_recorded)(void *arg, const struct axfw_client *client,
				const struct axfw_signup_window *window);
	/* Every active key has a hash (true), or no longer (false). */
	void (*complete_changed)(void *arg, bool complete);
	/* A key was revoked so long ago that it is no longer worth an entry. May be NULL. */
	void (*key_forgotten)(void *arg, const struct axfw_key_hash *hash);
};

struct identity_options {
	struct store *store;
	const struct crypto *crypto;
	struct axfw_signup_rule signup;
	/* Of new passwords and recovery codes; what an unknown account's log-in costs. Argon2id in
	 * any case once the store is final. */
	enum crypto_password_scheme passwords;
	struct axfw_rate key_rate; /* calls with one key; interval 0: no limit */
};

int identity_open(const struct identity_options *options, struct identity **ret);
void identity_close(struct identity **i);
/* Borrowed until identity_close(). Set before the first request; the signup windows that outlived a
 * restart are handed over at once. */
void identity_watch(struct identity *i, const struct identity_watcher *watcher);
/* For the kernel's reconcile: every key that has a hash, active or revoked, with its admission.
 * Returns whether every active key was among them. */
bool identity_each_admission(struct identity *i,
			     void (*each)(void *arg, const struct axfw_key_hash *hash,
					  const struct axfw_admission *admission),
			     void *arg);

/* Every few seconds, from one thread that may block on disk: derives deny-until times again (the
 * wall clock may have been stepped, the month may have rolled), writes down key hashes that were
 * learnt and sessions that slid, ends old sessions and signup windows. */
void identity_tick(struct identity *i);
/* The first of these alone, as seen at now_us. */
void identity_refresh_quota(struct identity *i, uint64_t now_us);

void identity_enter(void);
void identity_leave(void);

/* --- tiers ----------------------------------------------------------------------------------- */

struct tier {
	const char *name, *title;
	uint64_t monthly_calls;
	bool enforced; /* only the free tier is ever refused */
};
const struct tier *tier_find(const char *name); /* unknown names count as free */

/* --- authentication -------------------------------------------------------------------------- */

struct tenant; /* opaque, RCU */
uint32_t tenant_number(const struct tenant *t);
const char *tenant_id(const struct tenant *t);
const char *tenant_email(const struct tenant *t);
const struct tier *tenant_tier(const struct tenant *t);
uint64_t tenant_created_us(const struct tenant *t);
/* Recorded calls in the current UTC month. */
uint64_t tenant_used(const struct tenant *t, uint64_t now_us);
/* -EAGAIN: has a policy that isn't compiled yet: call identity_compile_policy() on the worker pool.
 * -EBADMSG: has one that doesn't compile, and nothing may be answered as if it had none. *ret NULL:
 * none. */
int tenant_policy(const struct tenant *t, const struct guard_policy **ret);
/* What is wrong with the stored policy, of that version; NULL: nothing, as far as anybody tried. */
const char *tenant_policy_fault(const struct tenant *t, uint32_t *ret_version);

struct api_key;
struct caller {
	const struct tenant *tenant;
	const struct api_key *entry;
	uint32_t key;
	struct axfw_key_hash hash;
};
/* 0; -EKEYREJECTED: not an active key (ret->hash is set, so that it can be remembered as unknown).
 * A key that lacks its hash is learnt here (memory and watcher now, store soon). */
int identity_authenticate(struct identity *i, const char *key, size_t len, struct caller *ret);
/* One call by the key's rate: 0, or -EBUSY when it is used too fast; then nothing is counted, the
 * kernel refuses the key's calls for as long, and *ret_retry_after_s says how long that is. */
int identity_take_turn(struct identity *i, const struct caller *caller,
		       uint32_t *ret_retry_after_s);
/* Counts one call: -EDQUOT when the tier's month is used up. Atomic: never over the limit. The call
 * that uses up the quota puts the tenant's keys into the kernel as exhausted. */
int identity_charge(struct identity *i, const struct tenant *t, uint64_t now_us);
/* Takes one back: the call could not be recorded after all. */
void identity_refund(struct identity *i, const struct tenant *t, uint64_t now_us);
/* Is the quota used up (nothing is counted)? */
bool tenant_is_over_quota(const struct tenant *t, uint64_t now_us);
/* The same for a call that will be refused: the kernel hears of it, if it hasn't. */
bool identity_is_over_quota(struct identity *i, const struct tenant *t, uint64_t now_us);
const struct tenant *identity_find_tenant(struct identity *i, uint32_t number);
const struct tenant *identity_find_email(struct identity *i, const char *email);
const struct tenant *identity_find_id(struct identity *i, const char *id); /* linear */
/* Also after the stored policy was changed. -EBADMSG: it doesn't compile (tenant_policy() says so
 * too, and tenant_policy_fault() why); -EALREADY: nor did that version for the same reason before.
 */
int identity_compile_policy(struct identity *i, uint32_t tenant);
uint64_t identity_tenant_count(const struct identity *i);
uint64_t identity_key_count(const struct identity *i); /* active */

/* --- accounts (slow: worker pool) ------------------------------------------------------------ */

#define IDENTITY_PASSWORD_MIN 8	   /* characters */
#define IDENTITY_PASSWORD_MAX 1024 /* bytes: bounds what a stranger makes us hash */

/* -EEXIST: registered; -EINVAL: not an e-mail address; -ERANGE: password too short or long. E-mail
 * is trimmed and lower-cased. recovery: CRYPTO_RECOVERY_CODE_LEN + 1 bytes. */
int identity_sign_up(struct identity *i, const char *email, const char *password, const char *tier,
		     uint32_t *ret_tenant, char *ret_recovery_code);
/* -EKEYREJECTED for a wrong password and for an unknown account, after the same time. */
int identity_log_in(struct identity *i, const char *email, const char *password,
		    uint32_t *ret_tenant);

/* The Python firewall won't come back: new passwords and recovery codes are Argon2id's, old
 * passwords become so at their next log-in. For good. */
int identity_finalize(struct identity *i);

struct key_info {
	char id[UUID_TEXT_LEN];
	char name[STORE_NAME_MAX + 1];
	uint64_t created_us;
	uint64_t revoked_us;
};
#define IDENTITY_KEYS_MAX 100 /* active keys of one tenant: a page shows them all */
#define IDENTITY_REVOKED_MAX                                                                       \
	100 /* remembered, newest first: bounds memory and the kernel's map                        \
	     */

/* secret: CRYPTO_API_KEY_LEN + 1 bytes. Name is trimmed; blank becomes "unnamed". -EINVAL: not
 * text, or control characters in it; -ENAMETOOLONG; -E2BIG: IDENTITY_KEYS_MAX are active; -ENOENT:
 * no such tenant. */
int identity_create_key(struct identity *i, uint32_t tenant, const char *name, char *ret_secret,
			struct key_info *ret);
/* -ENOENT: not an active key of this tenant. The kernel refuses it before this returns; 1: it is
 * revoked, but the kernel couldn't be told, so it passes the key's calls up, where they are
 * refused. */
int identity_revoke_key(struct identity *i, uint32_t tenant, const char *key_id);
/* Newest first; active only unless all. Caller frees. */
int identity_list_keys(struct identity *i, uint32_t tenant, bool all, struct key_info **ret,
		       size_t *ret_count);

/* Whose key has this hash, active or revoked? false: nobody's. */
bool identity_describe_key(struct identity *i, const struct axfw_key_hash *hash,
			   struct key_info *ret, uint32_t *ret_tenant);

/* --- sessions -------------------------------------------------------------------------------- */

#define SESSION_MAX_AGE_S  1209600 /* 14 days, sliding, as the Python firewall's cookie */
#define SESSION_COOKIE_MAX 128
#define SESSION_CSRF_LEN   43
#define SESSIONS_MAX	   32 /* open at a time per tenant; the oldest goes */

/* What is shown once on the next page view; sealed at rest, never in the cookie. */
struct session_flash {
	char new_secret[CRYPTO_API_KEY_LEN + 1];
	char recovery_code[CRYPTO_RECOVERY_CODE_LEN + 1];
	char notice[128];
};

struct session {
	uint8_t id[16];
	uint32_t tenant;
	char csrf[SESSION_CSRF_LEN + 1]; /* token for this session's forms */
};
/* cookie: the value for Set-Cookie, SESSION_COOKIE_MAX bytes. flash may be NULL. */
int session_open(struct identity *i, uint32_t tenant, const struct session_flash *flash,
		 char *ret_cookie);
/* -ENOENT: unknown, expired, forged, or its tenant is gone. Cheap; slides the expiry at most once
 * an hour.*/
int session_find(struct identity *i, const char *cookie, struct session *ret);
/* A field that is empty leaves what is already waiting. */
int session_set_flash(struct identity *i, const struct session *s, const struct session_flash *f);
/* Returns it and forgets it, on disk too. All empty when there is none. */
int session_take_flash(struct identity *i, const struct session *s, struct session_flash *ret);
int session_close(struct identity *i, const struct session *s);
int session_close_all(struct identity *i, uint32_t tenant, const struct session *except);

/* --- signup limit ---------------------------------------------------------------------------- */

/* 0: allowed and recorded (in memory, in the kernel, in the store); -EDQUOT: refused, nothing is
 * recorded, *ret_retry_after_s says how long. Exact under concurrency. */
int identity_signup_attempt(struct identity *i, const struct address *client,
			    uint32_t *ret_retry_after_s);
/* The same question without recording: is the window full? */
int identity_signup_check(struct identity *i, const struct address *client,
			  uint32_t *ret_retry_after_s);

#endif
