/* SPDX-License-Identifier: Apache-2.0 */
/* The store's directory, tenants, keys and sessions, with a real SQLite looking at the files. */
#include "store_fixture.h"
#include <sys/wait.h>
#include "store/crc32c.h"
#include "store/sql.h"

static void test_crc32c_is_the_published_one(void **state)
{
	/* RFC 3720, B.4: 32 zero bytes, 32 bytes of ones; and the usual check value */
	static const uint8_t zeros[32];
	uint8_t ones[32];

	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(crc32c("123456789", 9), 0xe3069283u);
	assert_int_equal(crc32c(zeros, 32), 0x8a9136aau);
	assert_int_equal(crc32c(ones, 32), 0x62a8ab43u);
	assert_int_equal(crc32c_portable("123456789", 9), 0xe3069283u);
	assert_int_equal(crc32c_portable(ones, 32), 0x62a8ab43u);
}

static void test_directory_is_made_private_and_left_clean(void **state)
{
	struct fixture *f = *state;
	struct store_options o = { .writers = 1 };
	char dir[128], path[PATH_MAX], id[UUID_TEXT_LEN];
	struct stat st;

	snprintf(dir, sizeof(dir), "%s/var/tenants", f->dir);
	o.dir = dir;
	assert_int_equal(store_open(&o, f->crypto, &f->store, f->error, sizeof(f->error)), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	fixture_tenant(f, "a@example.org");
	find_tenant_id(f, "a@example.org", id);
	snprintf(path, sizeof(path), "%s/%s.db", dir, id);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s/registry.db", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_close(&f->store);
	assert_int_equal(count_files(dir, "-wal"), 0);
	assert_int_equal(count_files(dir, "-shm"), 0);
	snprintf(path, sizeof(path), "%s/axfw_journal", dir);
	assert_int_equal(count_files(path, ".segment"), 0);
}

static void test_second_opener_is_told_who_holds_it(void **state)
{
	struct fixture *f = *state;
	struct store_options o = { .dir = f->dir, .writers = 1, .lock_wait_ms = 120 };
	struct store *second = NULL;
	char pid[32];
	uint64_t start;

	fixture_open(f);
	start = clock_monotonic_ns();
	assert_int_equal(store_open(&o, f->crypto, &second, f->error, sizeof(f->error)), -EBUSY);
	assert_true(clock_monotonic_ns() - start >= 120 * NS_PER_MS);
	snprintf(pid, sizeof(pid), "pid %d on ", (int)getpid());
	assert_non_null(strstr(f->error, pid));
	assert_null(second);
	store_close(&f->store);
	assert_int_equal(store_open(&o, f->crypto, &second, f->error, sizeof(f->error)), 0);
	store_close(&second);
}

static void *close_soon(void *arg)
{
	struct fixture *f = arg;

	usleep(100000);
	store_close(&f->store);
	return NULL;
}

static void test_second_opener_waits_for_the_first(void **state)
{
	struct fixture *f = *state;
	struct store_options o = { .dir = f->dir, .writers = 1, .lock_wait_ms = 20000 };
	struct store *second = NULL;
	pthread_t closer;

	fixture_open(f);
	fixture_tenant(f, "a@example.org");
	assert_int_equal(pthread_create(&closer, NULL, close_soon, f), 0);
	assert_int_equal(store_open(&o, f->crypto, &second, f->error, sizeof(f->error)), 0);
	pthread_join(closer, NULL);
	store_close(&second);
}

static void test_wrong_master_key_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_options o = { .dir = f->dir, .writers = 1 };
	struct crypto *other = NULL;
	struct store *s = NULL;

	fixture_open(f);
	fixture_tenant(f, "a@example.org");
	store_close(&f->store);
	/* a key that the right master key would digest at the next start */
	run_sql(f, "registry",
		"INSERT INTO tenants (tenant_id, email, pw_hash, tier, created_at) VALUES"
		" ('late', 'late@example.org', 'x', 'free', '2026-01-01T00:00:00')");
	assert_int_equal(crypto_new("another master key, also long enough", "s", &other), 0);
	assert_int_equal(store_open(&o, other, &s, f->error, sizeof(f->error)), -EKEYREJECTED);
	assert_non_null(strstr(f->error, "AXIOM_MASTER_KEY"));
	assert_int_equal(query(f, "registry", "SELECT count(*) FROM axfw_tenants"), 1);
	crypto_free(&other);
	fixture_open(f);
	store_close(&f->store);
	assert_int_equal(query(f, "registry", "SELECT count(*) FROM axfw_tenants"), 2);
}

static void test_newer_schema_is_refused(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	store_close(&f->store);
	run_sql(f, "registry",
		"UPDATE axfw_meta SET value = x'02000000' WHERE name = 'schema_version'");
	assert_int_equal(fixture_open_with(f, 1, 0), -EPROTO);
	assert_non_null(strstr(f->error, "newer"));
}

/* --- tenants -----------------------------------------------------------------------------------
 */

struct seen {
	unsigned count;
	uint32_t last;
	struct store_tenant tenant;
};

static void see_tenant(void *arg, const struct store_tenant *t)
{
	struct seen *seen = arg;

	assert_true(t->number > seen->last);
	seen->last = t->number;
	seen->count++;
	seen->tenant = *t;
}

static void test_tenants(void **state)
{
	struct fixture *f = *state;
	struct store_tenant t, again;
	struct seen seen = { 0 };
	char hash[CRYPTO_PASSWORD_TEXT_LEN], *policy = (char *)"x", id_db[64];
	uint32_t version = 9;

	fixture_open(f);
	assert_int_equal(
		store_add_tenant(f->store, "a@example.org", "pbkdf2$1$aa$bb", "rec", "team", &t),
		0);
	assert_true(t.number > 0);
	assert_string_equal(t.tier, "team");
	assert_int_equal(store_add_tenant(f->store, "a@example.org", "h", "r", "free", &again),
			 -EEXIST);
	assert_int_equal(count_files(f->dir, ".db"), 2);
	fixture_tenant(f, "b@example.org");
	assert_int_equal(store_find_login(f->store, "a@example.org", &again, hash), 0);
	assert_memory_equal(&again, &t, sizeof(t));
	assert_string_equal(hash, "pbkdf2$1$aa$bb");
	assert_int_equal(store_find_login(f->store, "c@example.org", &again, hash), -ENOENT);
	assert_int_equal(store_set_password(f->store, t.number, "new"), 0);
	assert_int_equal(store_set_recovery(f->store, t.number, "code"), 0);
	assert_int_equal(store_set_password(f->store, 999, "new"), -ENOENT);
	assert_int_equal(store_find_login(f->store, "a@example.org", &again, hash), 0);
	assert_string_equal(hash, "new");
	assert_int_equal(
		query(f, "registry", "SELECT count(*) FROM tenants WHERE recovery_hash = 'code'"),
		1);
	assert_int_equal(store_get_policy(f->store, t.number, &policy, &version), 0);
	assert_null(policy);
	snprintf(id_db, sizeof(id_db), "%s", t.id);
	run_sql(f, id_db,
		"INSERT INTO tenant_policy (body, version, updated_at) VALUES ('{\"a\":1}', 1, "
		"'x'),"
		" ('{\"b\":2}', 1, 'y')");
	assert_int_equal(store_get_policy(f->store, t.number, &policy, &version), 0);
	assert_string_equal(policy, "{\"b\":2}");
	assert_int_equal(version, 1);
	free(policy);
	assert_int_equal(store_get_policy(f->store, 77, &policy, &version), -ENOENT);
	store_close(&f->store);
	fixture_open(f);
	assert_int_equal(store_each_tenant(f->store, see_tenant, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(store_check(f->store), 0);
	assert_true(store_is_writable(f->store));
}

struct racer {
	struct fixture *f;
	int r;
};

static void *race(void *arg)
{
	struct racer *racer = arg;
	struct store_tenant t;

	racer->r = store_add_tenant(racer->f->store, "same@example.org", "h", "r", "free", &t);
	return NULL;
}

static void test_one_email_raced_for_leaves_one_file(void **state)
{
	struct fixture *f = *state;
	struct racer racers[8];
	pthread_t threads[8];
	int won = 0;

	fixture_open(f);
	for (int i = 0; i < 8; i++) {
		racers[i].f = f;
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		won += racers[i].r == 0;
		assert_true(racers[i].r == 0 || racers[i].r == -EEXIST);
	}
	assert_int_equal(won, 1);
	assert_int_equal(count_files(f->dir, ".db"), 2);
}

/* --- keys --------------------------------------------------------------------------------------
 */

static void see_key(void *arg, const struct store_key *key)
{
	struct store_key *keys = arg;

	assert_true(key->number < 8);
	keys[key->number] = *key;
}

static void test_keys(void **state)
{
	struct fixture *f = *state;
	struct store_key key, other, revoked, all[8] = { 0 };
	struct axfw_key_hash hash = { .bytes = { 1, 2, 3 } };
	uint8_t digest[CRYPTO_MAC_LEN] = { 7 };
	char long_name[200], id[UUID_TEXT_LEN];
	uint32_t tenant;

	fixture_open(f);
	tenant = fixture_tenant(f, "a@example.org");
	find_tenant_id(f, "a@example.org", id);
	/* 99 bytes and a two-byte character over the edge: the character goes as a whole */
	memset(long_name, 'n', 99);
	strcpy(long_name + 99, "\xc3\xa9\xc3\xa9");
	assert_int_equal(store_add_key(f->store, tenant, long_name, digest, &hash, &key), 0);
	assert_int_equal(strlen(key.name), 99);
	digest[0] = 8;
	assert_int_equal(store_add_key(f->store, tenant, "second", digest, &hash, &other), 0);
	assert_int_equal(store_add_key(f->store, 99, "x", digest, &hash, &revoked), -ENOENT);
	assert_int_equal(query(f, id,
			       "SELECT count(*) FROM api_keys WHERE secret = 'hashed:' || key_id"
			       " AND length(secret_hash) = 64 AND revoked_at IS NULL"),
			 2);
	assert_int_equal(store_revoke_key(f->store, tenant, key.id, &revoked), 0);
	assert_true(revoked.revoked_us > 0);
	assert_int_equal(revoked.number, key.number);
	assert_int_equal(store_revoke_key(f->store, tenant, key.id, &revoked), -ENOENT);
	assert_int_equal(store_revoke_key(f->store, tenant, "nonsense", &revoked), -ENOENT);
	assert_int_equal(query(f, id, "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL"), 1);
	hash.bytes[0] = 9;
	assert_int_equal(store_set_key_hash(f->store, other.number, &hash), 0);
	store_close(&f->store);
	fixture_open(f);
	assert_int_equal(store_each_key(f->store, see_key, all), 0);
	assert_true(all[key.number].revoked_us > 0);
	assert_int_equal(all[other.number].revoked_us, 0);
	assert_true(all[other.number].has_hash);
	assert_int_equal(all[other.number].hash.bytes[0], 9);
	assert_int_equal(all[other.number].digest[0], 8);
	assert_string_equal(all[other.number].name, "second");
}

/* --- sessions and attempts ---------------------------------------------------------------------
 */

static void see_session(void *arg, const struct store_session *session)
{
	unsigned *seen = arg;

	*seen |= 1u << session->id[0];
	if (session->id[0] == 1) {
		assert_int_equal(session->flash_len, 5);
		assert_memory_equal(session->flash, "flash", 5);
	} else {
		assert_null(session->flash);
	}
}

static unsigned sessions_seen(struct fixture *f)
{
	unsigned seen = 0;

	assert_int_equal(store_each_session(f->store, see_session, &seen), 0);
	return seen;
}

static void put_session(struct fixture *f, uint8_t id, uint32_t tenant, uint64_t expires_us,
			const char *flash)
{
	struct store_session session = { .id = { id },
					 .tenant = tenant,
					 .created_us = 1,
					 .expires_us = expires_us,
					 .flash = (uint8_t *)flash,
					 .flash_len = flash ? strlen(flash) : 0 };

	assert_int_equal(store_put_session(f->store, &session), 0);
}

static void test_sessions(void **state)
{
	struct fixture *f = *state;
	uint64_t later = clock_wall_us() + 1000 * US_PER_S;
	const uint8_t one[16] = { 1 }, two[16] = { 2 };
	uint32_t tenant;

	fixture_open(f);
	tenant = fixture_tenant(f, "a@example.org");
	put_session(f, 1, tenant, later, "flash");
	put_session(f, 2, tenant, later, NULL);
	put_session(f, 3, tenant, clock_wall_us() - 1, NULL);
	put_session(f, 4, tenant, later, NULL);
	assert_int_equal(sessions_seen(f), 1 << 1 | 1 << 2 | 1 << 4);
	assert_int_equal(store_delete_sessions(f->store, tenant, one), 0);
	assert_int_equal(sessions_seen(f), 1 << 1);
	put_session(f, 2, tenant, later, NULL);
	assert_int_equal(store_delete_session(f->store, one), 0);
	assert_int_equal(store_delete_session(f->store, two), 0);
	put_session(f, 5, tenant, later, NULL);
	assert_int_equal(store_delete_sessions(f->store, tenant + 1, NULL), 0);
	assert_int_equal(sessions_seen(f), 1 << 5);
	assert_int_equal(store_delete_sessions(f->store, tenant, NULL), 0);
	assert_int_equal(sessions_seen(f), 0);
}

static void see_attempt(void *arg, const char *client, uint64_t at_us)
{
	uint64_t *sum = arg;

	assert_string_equal(client, "192.0.2.1");
	*sum += at_us;
}

static void test_signup_attempts(void **state)
{
	struct fixture *f = *state;
	const uint64_t t = 1700000000 * US_PER_S;
	uint64_t sum = 0;

	fixture_open(f);
	assert_int_equal(store_add_signup_attempt(f->store, "192.0.2.1", t), 0);
	assert_int_equal(store_add_signup_attempt(f->store, "192.0.2.1", t + 5), 0);
	/* as the Python firewall writes it when the microseconds happen to be 0 */
	run_sql(f, "registry",
		"INSERT INTO signup_attempts VALUES ('192.0.2.1', '2023-11-14T22:13:21')");
	assert_int_equal(store_each_signup_attempt(f->store, t + 1, see_attempt, &sum), 0);
	assert_int_equal(sum, t + 5 + t + US_PER_S);
	assert_int_equal(store_forget_signup_attempts(f->store, t + 5), 0);
	assert_int_equal(query(f, "registry", "SELECT count(*) FROM signup_attempts"), 2);
}

static void test_sqlite_codes_become_errno(void **state)
{
	assert_int_equal(sql_error(NULL, SQLITE_FULL), -ENOSPC);
	assert_int_equal(sql_error(NULL, SQLITE_READONLY_DBMOVED), -EROFS);
	assert_int_equal(sql_error(NULL, SQLITE_BUSY_RECOVERY), -EBUSY);
	assert_int_equal(sql_error(NULL, SQLITE_CONSTRAINT_UNIQUE), -EEXIST);
	assert_int_equal(sql_error(NULL, SQLITE_IOERR_WRITE), -EIO);
	assert_int_equal(sql_error(NULL, SQLITE_ROW), 0);
}

#define STORE_TEST(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc32c_is_the_published_one),
		cmocka_unit_test(test_sqlite_codes_become_errno),
		STORE_TEST(test_directory_is_made_private_and_left_clean),
		STORE_TEST(test_second_opener_is_told_who_holds_it),
		STORE_TEST(test_second_opener_waits_for_the_first),
		STORE_TEST(test_wrong_master_key_changes_nothing),
		STORE_TEST(test_newer_schema_is_refused),
		STORE_TEST(test_tenants),
		STORE_TEST(test_one_email_raced_for_leaves_one_file),
		STORE_TEST(test_keys),
		STORE_TEST(test_sessions),
		STORE_TEST(test_signup_attempts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
