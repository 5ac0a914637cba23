/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel half, seen from userspace: loads, attaches and pins the programs, keeps the maps in
 * step, and reads counters. Knows no HTTP and no storage: callers hand it keys and attempts.
 *
 * Hardly ever a reason not to start: without privilege, BTF or an interface, kernel_start()
 * succeeds in userspace mode and kernel_state() says why. Only where another daemon runs on the
 * same pins it fails: two that judge the same packets by different keys would be worse than one
 * that doesn't run. Every function is safe in that mode and then does nothing. Threads: any thread;
 * a map update is one system call. An update that fails is retried by the module's own thread and,
 * until it holds, `admissions_complete` is cleared, so a miss is never a wrong refusal. A
 * revocation that can't be written is an error: the caller must know.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include "axfw/abi.h"
#include "axfw/reason.h"
#include "base/base.h"

struct kernel;

/*
 * Answers. `head` is the status line and the answer's own headers, each line ended by CRLF, no
 * empty line. Added here: Content-Length, Connection: close, X-Request-ID, x-axfw-path: kernel,
 * Retry-After for a 429, and small security headers as room is left. In `body`, {seconds} becomes
 * the wait (8 places, padded with spaces on the left), {minutes} the same in minutes rounded down
 * and {days} in days rounded up (4 places); at most one of these two.
 */
struct kernel_answer {
	uint16_t status;
	const char *head;
	const char *body;
};

struct kernel_options {
	const char *interfaces; /* comma list; "" or "none": userspace mode */
	const char *pin_dir;
	bool persist; /* kernel_stop() leaves programs, links and maps enforcing */
	enum refuse_mode refuse;
	const uint16_t *ports; /* protected, host order */
	unsigned port_count;
	const struct axfw_route *routes; /* from the daemon's route table; borrowed for the call */
	unsigned route_count;
	const uint8_t *admission_key; /* 16 bytes */
	struct axfw_signup_rule signup;
	bool origin_passes;
	struct kernel_answer answers[AXFW_RESPONSE_COUNT];
	const struct prefix_list *proxies; /* trusted ones; any: every direct peer */
	const struct prefix_list *allowed; /* empty: everybody. Loopback is always allowed */
	bool proxy_protocol;		   /* connections of proxies begin with a PROXY header */
	struct axfw_rate syn_rate;	   /* per source; interval 0: tier 1 is off */
	bool syn_cookies;
	struct axfw_penalty_rule penalty;
	uint32_t events_per_second; /* sampled ones, on each CPU; 0: none */
};

/* -EBUSY: another daemon holds the pin directory; error says which and what to do. */
int kernel_start(const struct kernel_options *options, struct kernel **ret, char *error,
		 size_t size);
/* Without persist: detaches and unpins. With: leaves everything enforcing. */
void kernel_stop(struct kernel **k);
/* kernel_stop() will act as with persist: said before another daemon takes over. */
void kernel_keep(struct kernel *k);

/* --- keys ------------------------------------------------------------------------------------ */

/* Puts or replaces an entry. For state AXFW_REVOKED an error means that the kernel may still admit.
 */
int kernel_put_key(struct kernel *k, const struct axfw_key_hash *hash,
		   const struct axfw_admission *admission);
int kernel_forget_key(struct kernel *k, const struct axfw_key_hash *hash);
/* Userspace refused this key just now, while it saw the given generation (read before it looked).
 */
uint64_t kernel_generation(const struct kernel *k);
void kernel_remember_unknown(struct kernel *k, const struct axfw_key_hash *hash,
			     uint64_t generation);
/* Call before the store is changed so that a key comes to life: voids what was remembered. */
void kernel_bump_generation(struct kernel *k);

/* Start-up reconcile: begin, put each key, end. Entries not put between are deleted at the end
 * (they are judged by what they said until then). complete: every active key was put. Where an
 * earlier daemon's programs are replaced by ones with new maps, that happens at the end, so sign-up
 * windows and denials are put before it. */
int kernel_reconcile_begin(struct kernel *k);
int kernel_reconcile_put(struct kernel *k, const struct axfw_key_hash *hash,
			 const struct axfw_admission *admission);
int kernel_reconcile_end(struct kernel *k, bool complete);
void kernel_set_complete(struct kernel *k, bool complete);
/* More changes failed than are kept for another try: a reconcile is wanted. On the module's own
 * thread, which holds no lock, every second until there was one. */
typedef void kernel_loss_fn(void *arg);
void kernel_on_loss(struct kernel *k, kernel_loss_fn *fn, void *arg);

/* --- signups --------------------------------------------------------------------------------- */

int kernel_put_signup_window(struct kernel *k, const struct axfw_client *client,
			     const struct axfw_signup_window *window);

/* --- limits on addresses (tiers 0 and 1) -------------------------------------------------------
 */

/* Whose packets are dropped. The caller gives each prefix the latest end of all that cover it, and
 * serialises these calls. */
int kernel_put_denial(struct kernel *k, const struct axfw_prefix *prefix,
		      const struct axfw_denial *denial);
int kernel_drop_denial(struct kernel *k, const struct axfw_prefix *prefix); /* 0 if not there */
/* Of the longest prefix that covers this one, itself included. -ENOENT. */
int kernel_find_denial(struct kernel *k, const struct axfw_prefix *prefix, struct axfw_denial *ret);
int kernel_each_denial(struct kernel *k,
		       void (*each)(void *arg, const struct axfw_prefix *prefix,
				    const struct axfw_denial *denial),
		       void *arg);
/* Takes out what isn't among these: what an earlier daemon left. */
int kernel_keep_denials(struct kernel *k, const struct axfw_prefix *prefixes, unsigned count);

/* --- events ---------------------------------------------------------------------------------- */

/* Every event in the ring, on the module's own thread; must not block, must not call back. fn NULL:
 * nobody; when that returns, what was called before has returned. */
typedef void kernel_event_fn(void *arg, const struct axfw_event *event);
void kernel_on_event(struct kernel *k, kernel_event_fn *fn, void *arg);
/* What is to be seen besides the sample. until_ns 0: nothing. */
void kernel_trace(struct kernel *k, const struct axfw_trace *trace);
uint32_t kernel_event_sample(const struct kernel *k); /* one in so many decisions; 0: none */
uint64_t kernel_events_seen(const struct kernel *k);  /* read from the ring since start */

/* --- the wall clock -------------------------------------------------------------------------- */

/* The wall clock was set: ends that were derived from it are to be derived again. On the module's
 * own thread, which holds no lock; not in userspace mode. */
typedef void kernel_clock_fn(void *arg);
void kernel_on_clock_set(struct kernel *k, kernel_clock_fn *fn, void *arg);

/* --- interfaces at run time ------------------------------------------------------------------ */

/* Adds or takes away an interface; on failure reason says why. -EEXIST, -ENODEV, -ENOSPC, -EINVAL;
 * -EOPNOTSUPP: it can't be attached to, or this is userspace mode. What was added stays as long as
 * what is pinned: a daemon that finds the pins goes on with it. What was taken away and is among
 * the options is there again at the next start. */
int kernel_attach(struct kernel *k, const char *name, char *reason, size_t size);
int kernel_detach(struct kernel *k, const char *name, char *reason, size_t size);

/* --- state ----------------------------------------------------------------------------------- */

#define KERNEL_INTERFACES_MAX 16
#define KERNEL_REASON_MAX     160

struct kernel_interface {
	char name[16];
	unsigned index;
	const char *hook;		/* "xdp", "tc" or "none" */
	const char *mode;		/* "native", "generic", "clsact" or "none" */
	bool answers;			/* the self-test passed */
	bool added;			/* by kernel_attach(), maybe an earlier daemon's */
	char reason[KERNEL_REASON_MAX]; /* why it isn't attached, not at XDP or doesn't answer */
};

struct kernel_state {
	bool enforcing;
	char reason[KERNEL_REASON_MAX]; /* why not; "" when enforcing */
	char pin_dir[108];
	bool adopted; /* took over what an earlier daemon had pinned */
	bool complete;
	uint64_t generation;
	uint64_t sync_failures;
	unsigned interface_count;
	struct kernel_interface interfaces[KERNEL_INTERFACES_MAX];
};
void kernel_state(struct kernel *k, struct kernel_state *ret);
/* Sums over CPUs. All zero in userspace mode. */
void kernel_counters(struct kernel *k, struct axfw_counter ret[static AXFW_REASON_COUNT]);
/* Events that the program didn't send: beyond a CPU's budget, or the ring was full. The same sums.
 */
void kernel_events_lost(struct kernel *k, uint64_t *ret_left_out, uint64_t *ret_ring_full);
/* Refused connections, ever. What was forgotten before its close was over is near enough: packets
 * go on while it is counted. */
struct kernel_flows {
	uint64_t begun, ended, forgotten;
};
void kernel_flows(struct kernel *k, struct kernel_flows *ret);

/* How full the maps are: fills at most max rows, returns how many. */
struct kernel_map_state {
	char name[16];
	uint64_t entries; /* UINT64_MAX: not countable */
	uint64_t capacity;
	uint64_t bytes; /* memory, as the kernel states it in fdinfo */
};
unsigned kernel_map_states(struct kernel *k, struct kernel_map_state *ret, unsigned max);
/* Every entry of a map, by its name in axfw/maps.h, with the types of axfw/abi.h; one call for each
 * CPU where the value is each CPU's own. -ENOENT; -EOPNOTSUPP: a ring buffer; -ENODEV: userspace
 * mode. */
typedef void kernel_entry_fn(void *arg, const void *key, const void *value, unsigned cpu);
int kernel_each_entry(struct kernel *k, const char *map, kernel_entry_fn *each, void *arg);

/* --- axfw doctor ----------------------------------------------------------------------------- */

#define KERNEL_CHECKS_MAX (16 + 2 * KERNEL_INTERFACES_MAX)
struct kernel_check {
	char name[32];
	bool ok;
	char found[160];
	char advice[200]; /* what to do; "" when ok */
};
/* What the fast path needs, each found out by trying. Changes nothing; needs no struct kernel.
 * Fills at most max rows, returns how many. */
unsigned kernel_doctor(const char *interfaces, const char *pin_dir, struct kernel_check *ret,
		       unsigned max);

#endif
