/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants, API keys and quotas over a real store: what a caller gets and what the kernel is told.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include "identity_fixture.h"

#define FREE_CALLS 1000

static int authenticate(struct fixture *f, const char *key, struct caller *ret)
{
	int r;

	identity_enter();
	r = identity_authenticate(f->identity, key, strlen(key), ret);
	identity_leave();
	return r;
}

static const struct tenant *find(struct fixture *f, uint32_t number)
{
	const struct tenant *t;

	identity_enter();
	t = identity_find_tenant(f->identity, number);
	identity_leave();
	assert_non_null(t);
	return t; /* tenants live as long as the directory */
}

static struct key_info make_key(struct fixture *f, uint32_t tenant, const char *name, char *secret)
{
	struct key_info info;

	assert_int_equal(identity_create_key(f->identity, tenant, name, secret, &info), 0);
	return info;
}

/* --- accounts -------------------------------------------------------------------------------- */

static void an_account_is_found_by_its_normal_email(void **state)
{
	struct fixture *f = *state;
	uint32_t tenant = sign_up(f, "  Me@Example.ORG "), found = 0;
	const struct tenant *t = find(f, tenant);
	char code[CRYPTO_RECOVERY_CODE_LEN + 1];

	assert_string_equal(tenant_email(t), "me@example.org");
	assert_string_equal(tenant_tier(t)->name, "free");
	assert_ptr_equal(identity_find_email(f->identity, "ME@example.org"), t);
	assert_int_equal(identity_tenant_count(f->identity), 1);
	assert_int_equal(
		identity_sign_up(f->identity, "me@EXAMPLE.org", PASSWORD, "free", &found, code),
		-EEXIST);
	assert_int_equal(identity_log_in(f->identity, "ME@example.org ", PASSWORD, &found), 0);
	assert_int_equal(found, tenant);
	assert_int_equal(identity_log_in(f->identity, "me@example.org", PASSWORD " ", &found),
			 -EKEYREJECTED);
	assert_int_equal(identity_log_in(f->identity, "you@example.org", PASSWORD, &found),
			 -EKEYREJECTED);
	reopen_node(f);
	assert_string_equal(tenant_email(find(f, tenant)), "me@example.org");
}

static void an_unknown_email_costs_as_much_as_a_known_one(void **state)
{
	struct fixture *f = *state;
	uint64_t start, known, unknown;
	uint32_t tenant;

	sign_up(f, "me@example.org");
	start = clock_monotonic_ns();
	identity_log_in(f->identity, "me@example.org", "wrong password", &tenant);
	known = clock_monotonic_ns() - start;
	start = clock_monotonic_ns();
	identity_log_in(f->identity, "nobody@example.org", "wrong password", &tenant);
	unknown = clock_monotonic_ns() - start;
	/* Loose, because the machine is shared: without the dummy hash it is a factor of a
	 * thousand. */
	assert_true(unknown > known / 4 && known > unknown / 4);
}

static void odd_emails_and_passwords_are_refused(void **state)
{
	static const char *const odd[] = {
		"x",
		"@",
		"a@",
		"@b",
		"a b@example.org",
		"a@b@c",
		"a@-b.org",
		"a@b-.org",
		"a@b..org",
		".a@b.org",
		"a.@b.org",
		"a..b@c.org",
		"a@b_c.org",
		"<a>@b.org",
		"a\"b@c.org",
		"a\x01@b.org",
		"a@b.org\xff",
		"   ",
		"0123456789012345678901234567890123456789012345678901234567890123x@b.org",
	};
	struct fixture *f = *state;
	char code[CRYPTO_RECOVERY_CODE_LEN + 1], large[IDENTITY_PASSWORD_MAX + 2];
	uint32_t tenant;

	for (size_t n = 0; n < ARRAY_SIZE(odd); n++)
		assert_int_equal(
			identity_sign_up(f->identity, odd[n], PASSWORD, "free", &tenant, code),
			-EINVAL);
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	assert_int_equal(identity_sign_up(f->identity, "a@b.org", "seven77", "free", &tenant, code),
			 -ERANGE);
	/* seven characters of two bytes each; eight are enough, as for the Python firewall */
	assert_int_equal(identity_sign_up(f->identity, "a@b.org", "\u00e4\u00e4\u00e4\u00e4ppp",
					  "free", &tenant, code),
			 -ERANGE);
	assert_int_equal(identity_sign_up(f->identity, "a@b.org", large, "free", &tenant, code),
			 -ERANGE);
	assert_int_equal(identity_log_in(f->identity, "a@b.org", large, &tenant), -EKEYREJECTED);
	assert_int_equal(identity_tenant_count(f->identity), 0);
}

/* --- keys ------------------------------------------------------------------------------------ */

static void a_key_authenticates_until_it_is_revoked(void **state)
{
	struct fixture *f = *state;
	uint32_t tenant = add_tenant(f, "me@example.org"), other = add_tenant(f, "you@example.org");
	char secret[CRYPTO_API_KEY_LEN + 1];
	struct key_info info = make_key(f, tenant, "  my key ", secret);
	struct caller caller;

	assert_string_equal(info.name, "my key");
	assert_memory_equal(secret, "axfw_", 5);
	assert_int_equal(authenticate(f, secret, &caller), 0);
	assert_int_equal(tenant_number(caller.tenant), tenant);
	assert_int_equal(f->added, 1);
	assert_int_equal(seen(f, &caller.hash)->admission.state, AXFW_ADMITTED);
	assert_int_equal(seen(f, &caller.hash)->admission.tenant_number, tenant);
	assert_int_equal(seen(f, &caller.hash)->admission.key_number, caller.key);
	assert_int_equal(identity_revoke_key(f->identity, other, info.id), -ENOENT);
	assert_int_equal(identity_revoke_key(f->identity, tenant, "no such id"), -ENOENT);
	assert_int_equal(authenticate(f, secret, &caller), 0);
	assert_int_equal(identity_revoke_key(f->identity, tenant, info.id), 0);
	assert_int_equal(seen(f, &caller.hash)->admission.state, AXFW_REVOKED);
	assert_int_equal(authenticate(f, secret, &caller), -EKEYREJECTED);
	assert_int_equal(identity_revoke_key(f->identity, tenant, info.id), -ENOENT);
	assert_int_equal(identity_key_count(f->identity), 0);
	reopen_node(f);
	assert_int_equal(authenticate(f, secret, &caller), -EKEYREJECTED);
}

static void a_stranger_is_rejected_with_a_hash_to_remember(void **state)
{
	struct fixture *f = *state;
	struct axfw_key_hash hash;
	struct caller caller = { 0 };
	const char *key = "axfw_nobody";

	crypto_api_key_hash(f->crypto, key, strlen(key), &hash);
	assert_int_equal(authenticate(f, key, &caller), -EKEYREJECTED);
	assert_memory_equal(&caller.hash, &hash, sizeof(hash));
	assert_int_equal(authenticate(f, "", &caller), -EKEYREJECTED);
	assert_int_equal(authenticate(f, "axfw_", &caller), -EKEYREJECTED);
}

static void a_revocation_that_the_kernel_misses_holds_here(void **state)
{
	struct fixture *f = *state;
	uint32_t tenant = add_tenant(f, "me@example.org");
	char secret[CRYPTO_API_KEY_LEN + 1];
	struct key_info info = make_key(f, tenant, "k", secret);
	struct caller caller;

	f->key_error = -EIO;
	assert_int_equal(identity_revoke_key(f->identity, tenant, info.id), 1);
	assert_int_equal(authenticate(f, secret, &caller), -EKEYREJECTED);
}

static void key_names_are_text_of_some_length(void **state)
{
	struct fixture *f = *state;
	uint32_t tenant = add_tenant(f, "me@example.org");
	char secret[CRYPTO_API_KEY_LEN + 1], name[STORE_NAME_MAX + 2];
	struct key_info info;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_string_equal(make_key(f, tenant, " \t ", secret).name, "unnamed");
	assert_int_equal(identity_create_key(f->identity, tenant, name, secret, &info),
			 -ENAMETOOLONG);
	name[STORE_NAME_MAX] = '\0';
	assert_string_equal(make_key(f, tenant, name, secret).name, name);
	assert_int_equal(identity_create_key(f->identity, tenant, "a\nb", secret, &info), -EINVAL);
	assert_int_equal(identity_create_key(f->identity, tenant, "\xc3", secret, &info), -EINVAL);
	assert_int_equal(identity_create_key(f->identity, 4711, "k", secret, &info), -ENOENT);
}

static void keys_are_listed_newest_first(void **state)
{
	struct fixture *f = *state;
	uint32_t tenant = add_tenant(f, "me@example.org");
	_cleanup_(freep) struct key_info *list = NULL, *all = NULL;
	char secret[CRYPTO_API_KEY_LEN + 1];
	struct key_info second;
	size_t count;

	make_key(f, tenant, "first", secret);
	second = make_key(f, tenant, "second", secret);
	make_key(f, tenant, "third", secret);
	assert_int_equal(identity_revoke_key(f->identity, tenant, second.id), 0);
	reopen_node(f);
	assert_int_equal(identity_list_keys(f->identity, tenant, false, &list, &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(list[0].name, "third");
	assert_string_equal(list[1].name, "first");
	assert_int_equal(identity_list_keys(f->identity, tenant, true, &all, &count), 0);
	assert_int_equal(count, 3);
	assert_string_equal(all[1].name, "second");
	assert_true(all[1].revoked_us >= all[1].created_us);
}

static void keys_are_bounded(void **state)
{
	struct fixture *f = *state;
	uint32_t tenant = add_tenant(f, "me@example.org");
	char secret[CRYPTO_API_KEY_LEN + 1];
	struct key_info info, first;

	first = make_key(f, tenant, "first", secret);
	for (unsigned n = 1; n < IDENTITY_KEYS_MAX; n++)
		make_key(f, tenant, "k", secret);
	assert_int_equal(identity_create_key(f->identity, tenant, "k", secret, &info), -E2BIG);
	assert_int_equal(identity_revoke_key(f->identity, tenant, first.id), 0);
	info = make_key(f, tenant, "k", secret);
	/* Revoked ones: as many as are remembered stay in the kernel, not one more. */
	for (unsigned n = 0; n < IDENTITY_REVOKED_MAX + 5; n++) {
		assert_int_equal(identity_revoke_key(f->identity, tenant, info.id), 0);
		info = make_key(f, tenant, "k", secret);
	}
	assert_int_equal(f->key_count, IDENTITY_KEYS_MAX + IDENTITY_REVOKED_MAX);
	reopen_node(f);
	assert_int_equal(identity_key_count(f->identity), IDENTITY_KEYS_MAX);
}

static void count_admission(void *arg, const struct axfw_key_hash *hash,
			    const struct axfw_admission *admission)
{
	unsigned *states = arg;

	states[admission->state]++;
}

static void the_kernel_gets_every_key_at_start(void **state)
{
	struct fixture *f = *state;
	uint32_t tenant = add_tenant(f, "me@example.org");
	char secret[CRYPTO_API_KEY_LEN + 1];
	unsigned states[4] = { 0 };
	struct key_info info = make_key(f, tenant, "a", secret);

	make_key(f, tenant, "b", secret);
	assert_int_equal(identity_revoke_key(f->identity, tenant, info.id), 0);
	reopen_node(f);
	assert_true(identity_each_admission(f->identity, count_admission, states));
	assert_int_equal(states[AXFW_ADMITTED], 1);
	assert_int_equal(states[AXFW_REVOKED], 1);
}

/* --- a store that the Python firewall left --------------------------------------------------- */

#define OLD_TENANT "7c9e6679-7425-40de-944b-e07fc1f90ae7"
#define OLD_KEY	   "axfw_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define OLD_KEYS   80 /* OLD_KEY with two other letters at its end */

static bool is_revoked(unsigned n)
{
	return n == 2;
}

static void run_sql(const char *path, const char *sql)
{
	char *error = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	sqlite3_close(db);
}

static void old_key(unsigned n, char ret[static CRYPTO_API_KEY_LEN + 1])
{
	memcpy(ret, OLD_KEY, CRYPTO_API_KEY_LEN + 1);
	ret[CRYPTO_API_KEY_LEN - 2] = (char)('a' + n / 26);
	ret[CRYPTO_API_KEY_LEN - 1] = (char)('a' + n % 26);
}

static void add_old_key(const char *path, unsigned n)
{
	uint8_t digest[CRYPTO_MAC_LEN];
	char key[CRYPTO_API_KEY_LEN + 1], hex[2 * CRYPTO_MAC_LEN + 1], sql[512];
	struct crypto *crypto;

	old_key(n, key);
	assert_int_equal(crypto_new(MASTER, SECRET, &crypto), 0);
	crypto_api_key_digest(crypto, key, CRYPTO_API_KEY_LEN, digest);
	crypto_free(&crypto);
	hex_encode(digest, sizeof(digest), hex);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO api_keys VALUES('key-%u', '" OLD_TENANT
		 "', 'hashed:key-%u', 'old %u', "
		 "'2026-01-02T03:04:05.000006', %s, '%s')",
		 n, n, n, is_revoked(n) ? "'2026-02-02T03:04:05.000006'" : "NULL", hex);
	run_sql(path, sql);
}

static int setup_old(void **state)
{
	char registry[128], tenant[128];
	struct fixture *f;

	if (new_directory(state) < 0)
		return -1;
	f = *state;
	snprintf(registry, sizeof(registry), "%s/registry.db", f->dir);
	snprintf(tenant, sizeof(tenant), "%s/" OLD_TENANT ".db", f->dir);
	run_sql(registry,
		"CREATE TABLE tenants(tenant_id TEXT PRIMARY KEY, email TEXT UNIQUE NOT NULL, "
		"pw_hash TEXT NOT NULL, tier TEXT NOT NULL, created_at TEXT NOT NULL);"
		"INSERT INTO tenants VALUES('" OLD_TENANT "', 'x', '-', 'free', "
		"'2026-01-02T03:04:05.000006');"
		"CREATE TABLE signup_attempts(ip TEXT NOT NULL, ts TEXT NOT NULL)");
	run_sql(tenant,
		"CREATE TABLE api_keys(key_id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, secret "
		"TEXT UNIQUE NOT NULL, name TEXT NOT NULL, created_at TEXT NOT NULL, revoked_at "
		"TEXT, secret_hash TEXT);"
		"CREATE TABLE usage_records(record_id TEXT PRIMARY KEY, tenant_id TEXT, api_key_id "
		"TEXT, endpoint TEXT, verdict TEXT, intent_class TEXT, confidence REAL, latency_ms "
		"REAL, timestamp TEXT)");
	for (unsigned n = 0; n < OLD_KEYS; n++)
		add_old_key(tenant, n);
	open_node(f);
	return 0;
}

/* Found by digest, learnt at first use, in the kernel from then on; the kernel may refuse what it
 * doesn't know only when the last one is learnt. */
static void old_keys_are_learnt_at_first_use(void **state)
{
	struct fixture *f = *state;
	char key[CRYPTO_API_KEY_LEN + 1];
	unsigned states[4] = { 0 };
	struct caller caller;

	assert_int_equal(identity_key_count(f->identity), OLD_KEYS - 1);
	assert_false(identity_each_admission(f->identity, count_admission, states));
	assert_int_equal(states[AXFW_ADMITTED], 0);
	old_key(0, key);
	assert_int_equal(authenticate(f, key, &caller), 0);
	assert_string_equal(tenant_email(caller.tenant), "x");
	assert_int_equal(seen(f, &caller.hash)->admission.state, AXFW_ADMITTED);
	assert_int_equal(f->complete, -1);
	identity_tick(f->identity);
	reopen_node(f); /* what was learnt is on disk */
	f->keys_announced = 0;
	assert_int_equal(authenticate(f, key, &caller), 0);
	assert_int_equal(f->keys_announced, 0); /* and isn't learnt again */
	for (unsigned n = 0; n < OLD_KEYS; n++) {
		assert_int_equal(f->complete, -1);
		old_key(n, key);
		assert_int_equal(authenticate(f, key, &caller), is_revoked(n) ? -EKEYREJECTED : 0);
	}
	assert_int_equal(f->complete, true);
	old_key(OLD_KEYS, key);
	assert_int_equal(authenticate(f, key, &caller), -EKEYREJECTED);
	assert_true(identity_each_admission(f->identity, count_admission, states));
	assert_int_equal(states[AXFW_ADMITTED], OLD_KEYS - 1);
}

static void revoking_the_last_unlearnt_key_completes(void **state)
{
	struct fixture *f = *state;
	char key[CRYPTO_API_KEY_LEN + 1], id[16];
	struct caller caller;

	for (unsigned n = 0; n < OLD_KEYS - 1; n++) {
		old_key(n, key);
		authenticate(f, key, &caller);
	}
	assert_int_equal(f->complete, -1);
	old_key(OLD_KEYS - 1, key);
	snprintf(id, sizeof(id), "key-%d", OLD_KEYS - 1);
	assert_int_equal(identity_revoke_key(f->identity, tenant_number(caller.tenant), id), 0);
	assert_int_equal(f->complete, true);
	assert_int_equal(authenticate(f, key, &caller), -EKEYREJECTED);
}

struct learning {
	struct fixture *f;
	pthread_barrier_t start;
};

static void *authenticate_old(void *arg)
{
	struct learning *l = arg;
	char key[CRYPTO_API_KEY_LEN + 1];
	struct caller caller;
	unsigned failed = 0;

	for (unsigned n = 0; n < OLD_KEYS; n++) {
		old_key(n, key);
		pthread_barrier_wait(&l->start); /* every key is a race of its own */
		for (unsigned again = 0; again < 20; again++)
			if (authenticate(l->f, key, &caller) != 0 && !is_revoked(n))
				failed++;
	}
	return (void *)(uintptr_t)failed;
}

/* A key that is being learnt by one request is never unknown to another. */
static void parallel_requests_learn_without_a_gap(void **state)
{
	struct learning l = { .f = *state };
	pthread_t threads[4];
	void *failed;

	pthread_barrier_init(&l.start, NULL, ARRAY_SIZE(threads));
	for (size_t n = 0; n < ARRAY_SIZE(threads); n++)
		assert_int_equal(pthread_create(&threads[n], NULL, authenticate_old, &l), 0);
	for (size_t n = 0; n < ARRAY_SIZE(threads); n++) {
		pthread_join(threads[n], &failed);
		assert_null(failed);
	}
	pthread_barrier_destroy(&l.start);
	assert_int_equal(l.f->key_count, OLD_KEYS - 1);
	assert_int_equal(l.f->complete, true);
}

/* --- policies -------------------------------------------------------------------------------- */

static void store_policy(struct fixture *f, const char *id, const char *body)
{
	char path[160], sql[512];

	close_node(f);
	snprintf(path, sizeof(path), "%s/%s.db", f->dir, id);
	snprintf(sql, sizeof(sql),
		 "CREATE TABLE IF NOT EXISTS tenant_policy(id INTEGER PRIMARY KEY, body TEXT, "
		 "version "
		 "INTEGER, updated_at TEXT);"
		 "INSERT INTO tenant_policy(body, version, updated_at) VALUES('%s', 1, "
		 "'2026-01-02T03:04:05.000006')",
		 body);
	run_sql(path, sql);
	open_node(f);
}

static int policy_of(struct fixture *f, uint32_t tenant, const struct guard_policy **ret)
{
	return tenant_policy(find(f, tenant), ret);
}

/* Compiled when first needed; one that doesn't compile never passes for none. */
static void a_policy_is_compiled_or_broken_never_gone(void **state)
{
	struct fixture *f = *state;
	uint32_t tenant = add_tenant(f, "me@example.org");
	const struct guard_policy *policy = NULL;
	char id[UUID_TEXT_LEN];
	uint32_t version = 0;

	snprintf(id, sizeof(id), "%s", tenant_id(find(f, tenant)));
	assert_int_equal(policy_of(f, tenant, &policy), 0);
	assert_null(policy);
	store_policy(f, id, "{\"version\":1,\"disabled_default_classes\":[\"HARM\"]}");
	assert_int_equal(policy_of(f, tenant, &policy), -EAGAIN);
	assert_int_equal(identity_compile_policy(f->identity, tenant), 0);
	assert_int_equal(policy_of(f, tenant, &policy), 0);
	assert_non_null(policy);
	store_policy(f, id, "{\"version\":1,\"disabled_default_classes\":7}");
	assert_int_equal(policy_of(f, tenant, &policy), -EAGAIN);
	assert_null(tenant_policy_fault(find(f, tenant), &version));
	assert_int_equal(identity_compile_policy(f->identity, tenant), -EBADMSG);
	assert_string_equal(tenant_policy_fault(find(f, tenant), &version),
			    "disabled_default_classes must be a list");
	assert_int_equal(version, 1);
	assert_int_equal(identity_compile_policy(f->identity, tenant), -EALREADY);
	assert_int_equal(policy_of(f, tenant, &policy), -EBADMSG);
	assert_int_equal(identity_compile_policy(f->identity, 4711), -ENOENT);
}

/* --- quotas ---------------------------------------------------------------------------------- */

static void charge_until_refused(struct fixture *f, const struct tenant *t, uint64_t now_us)
{
	for (unsigned n = 0; n < FREE_CALLS; n++)
		assert_int_equal(identity_charge(f->identity, t, now_us), 0);
	assert_int_equal(identity_charge(f->identity, t, now_us), -EDQUOT);
}

static void a_used_up_month_refuses_in_the_kernel_too(void **state)
{
	struct fixture *f = *state;
	const struct tenant *t = find(f, add_tenant(f, "me@example.org"));
	char secret[CRYPTO_API_KEY_LEN + 1];
	uint64_t now_us = clock_wall_us(), end_us, end_ns;
	const struct axfw_admission *admission;
	struct caller caller;

	make_key(f, tenant_number(t), "k", secret);
	assert_int_equal(authenticate(f, secret, &caller), 0);
	t = caller.tenant;
	for (unsigned n = 0; n < FREE_CALLS; n++) {
		assert_int_equal(seen(f, &caller.hash)->admission.state, AXFW_ADMITTED);
		assert_int_equal(identity_charge(f->identity, t, now_us), 0);
	}
	assert_int_equal(tenant_used(t, now_us), FREE_CALLS);
	assert_true(tenant_is_over_quota(t, now_us));
	admission = &seen(f, &caller.hash)->admission;
	assert_int_equal(admission->state, AXFW_QUOTA_EXHAUSTED);
	end_us = clock_month_start_us(clock_month(now_us) + 1);
	end_ns = clock_boot_ns() + (end_us - now_us) * 1000;
	assert_true(admission->deny_until_ns <= end_ns);
	assert_true(admission->deny_until_ns + 10 * NS_PER_S > end_ns);
	/* a new key of the tenant is born exhausted */
	make_key(f, tenant_number(t), "late", secret);
	assert_int_equal(authenticate(f, secret, &caller), 0);
	assert_int_equal(seen(f, &caller.hash)->admission.state, AXFW_QUOTA_EXHAUSTED);
	/* and the next month opens all */
	assert_false(tenant_is_over_quota(t, end_us));
	identity_refresh_quota(f->identity, end_us);
	assert_int_equal(seen(f, &caller.hash)->admission.state, AXFW_ADMITTED);
	assert_int_equal(identity_charge(f->identity, t, end_us), 0);
	assert_int_equal(tenant_used(t, end_us), 1);
}

static void a_call_taken_back_opens_the_quota_again(void **state)
{
	struct fixture *f = *state;
	const struct tenant *t = find(f, add_tenant(f, "me@example.org"));
	uint64_t now_us = clock_wall_us();
	char secret[CRYPTO_API_KEY_LEN + 1];

	make_key(f, tenant_number(t), "k", secret);
	charge_until_refused(f, t, now_us);
	assert_int_equal(f->keys[0].admission.state, AXFW_QUOTA_EXHAUSTED);
	identity_refund(f->identity, t, now_us);
	assert_int_equal(f->keys[0].admission.state, AXFW_ADMITTED);
	assert_int_equal(identity_charge(f->identity, t, now_us), 0);
	assert_int_equal(identity_charge(f->identity, t, now_us), -EDQUOT);
	assert_int_equal(f->keys[0].admission.state, AXFW_QUOTA_EXHAUSTED);
}

static void a_stepped_clock_moves_the_kernels_deadline(void **state)
{
	struct fixture *f = *state;
	const struct tenant *t = find(f, add_tenant(f, "me@example.org"));
	uint64_t month_us = clock_month_start_us(clock_month(clock_wall_us())), was;
	char secret[CRYPTO_API_KEY_LEN + 1];

	make_key(f, tenant_number(t), "k", secret);
	charge_until_refused(f, t, month_us);
	was = f->keys[0].admission.deny_until_ns;
	f->keys_announced = 0;
	identity_refresh_quota(f->identity, month_us); /* no step: nothing to say */
	assert_int_equal(f->keys_announced, 0);
	identity_refresh_quota(f->identity, month_us + 86400 * US_PER_S);
	assert_true(f->keys[0].admission.deny_until_ns < was - 86000 * NS_PER_S);
	/* into the next month, and back */
	identity_refresh_quota(f->identity, month_us + 40 * 86400 * US_PER_S);
	assert_int_equal(f->keys[0].admission.state, AXFW_ADMITTED);
	assert_int_equal(identity_charge(f->identity, t, month_us + 40 * 86400 * US_PER_S), 0);
	assert_int_equal(identity_charge(f->identity, t, month_us), -EDQUOT);
	assert_int_equal(f->keys[0].admission.state, AXFW_QUOTA_EXHAUSTED);
}

/* Calls are refused before they are charged for, and the kernel hears of it all the same. */
static void a_clock_set_back_closes_the_quota_again(void **state)
{
	struct fixture *f = *state;
	const struct tenant *t = find(f, add_tenant(f, "me@example.org"));
	uint64_t month_us = clock_month_start_us(clock_month(clock_wall_us()));
	uint64_t next_us = clock_month_start_us(clock_month(month_us) + 1);
	char secret[CRYPTO_API_KEY_LEN + 1];

	make_key(f, tenant_number(t), "k", secret);
	assert_false(identity_is_over_quota(f->identity, t, month_us));
	charge_until_refused(f, t, month_us);
	identity_refresh_quota(f->identity, next_us);
	assert_false(identity_is_over_quota(f->identity, t, next_us));
	assert_int_equal(f->keys[0].admission.state, AXFW_ADMITTED);
	identity_refresh_quota(f->identity, month_us);
	assert_true(identity_is_over_quota(f->identity, t, month_us));
	assert_int_equal(f->keys[0].admission.state, AXFW_QUOTA_EXHAUSTED);
}

#define RACES 200 /* months, each used up by all threads at once: one race proves little */

struct charging {
	struct fixture *f;
	const struct tenant *t;
	pthread_barrier_t start;
	_Atomic unsigned admitted[RACES];
};

static uint64_t race_us(unsigned n)
{
	return clock_month_start_us(clock_month(clock_wall_us()) + n);
}

static void *charge_many(void *arg)
{
	struct charging *c = arg;

	for (unsigned race = 0; race < RACES; race++) {
		uint64_t now_us = race_us(race);

		pthread_barrier_wait(&c->start);
		for (unsigned n = 0; n < FREE_CALLS; n++)
			if (identity_charge(c->f->identity, c->t, now_us) == 0)
				c->admitted[race]++;
	}
	return NULL;
}

static void parallel_calls_never_exceed_the_limit(void **state)
{
	struct fixture *f = *state;
	struct charging c = { .f = f };
	pthread_t threads[4];

	c.t = find(f, add_tenant(f, "me@example.org"));
	pthread_barrier_init(&c.start, NULL, ARRAY_SIZE(threads));
	for (size_t n = 0; n < ARRAY_SIZE(threads); n++)
		assert_int_equal(pthread_create(&threads[n], NULL, charge_many, &c), 0);
	for (size_t n = 0; n < ARRAY_SIZE(threads); n++)
		pthread_join(threads[n], NULL);
	pthread_barrier_destroy(&c.start);
	for (unsigned race = 0; race < RACES; race++)
		assert_int_equal(c.admitted[race], FREE_CALLS);
	assert_int_equal(tenant_used(c.t, race_us(RACES - 1)), FREE_CALLS);
}

static void tiers_have_the_contracts_limits(void **state)
{
	assert_int_equal(tier_find("free")->monthly_calls, 1000);
	assert_true(tier_find("free")->enforced);
	assert_int_equal(tier_find("indie")->monthly_calls, 50000);
	assert_int_equal(tier_find("team")->monthly_calls, 500000);
	assert_int_equal(tier_find("enterprise")->monthly_calls, 10000000);
	assert_false(tier_find("enterprise")->enforced);
	assert_string_equal(tier_find("platinum")->name, "free");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
#define OLD(t)	cmocka_unit_test_setup_teardown(t, setup_old, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_account_is_found_by_its_normal_email),
		TEST(an_unknown_email_costs_as_much_as_a_known_one),
		TEST(odd_emails_and_passwords_are_refused),
		TEST(a_key_authenticates_until_it_is_revoked),
		TEST(a_stranger_is_rejected_with_a_hash_to_remember),
		TEST(a_revocation_that_the_kernel_misses_holds_here),
		TEST(key_names_are_text_of_some_length),
		TEST(keys_are_listed_newest_first),
		TEST(keys_are_bounded),
		TEST(the_kernel_gets_every_key_at_start),
		OLD(old_keys_are_learnt_at_first_use),
		OLD(revoking_the_last_unlearnt_key_completes),
		OLD(parallel_requests_learn_without_a_gap),
		TEST(a_policy_is_compiled_or_broken_never_gone),
		TEST(a_used_up_month_refuses_in_the_kernel_too),
		TEST(a_call_taken_back_opens_the_quota_again),
		TEST(a_stepped_clock_moves_the_kernels_deadline),
		TEST(a_clock_set_back_closes_the_quota_again),
		TEST(parallel_calls_never_exceed_the_limit),
		cmocka_unit_test(tiers_have_the_contracts_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
