/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories of the Python firewall, of each shape it has left behind: they open in place, keep
 * working for it, and nothing in them that isn't ours changes.
 */
#include "store_fixture.h"

#define TENANT	 "3f2b1c7e-1111-4222-8333-444455556666"
#define KEY_ID	 "99999999-1111-4222-8333-444455556666"
#define KEY_ID_2 "99999999-2222-4222-8333-444455556666"
#define SECRET	 "axfw_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define CREATED	 "2025-03-01T12:00:00.000001"

static const char registry_early[] =
	"CREATE TABLE tenants (tenant_id TEXT PRIMARY KEY, email TEXT UNIQUE NOT NULL,"
	" pw_hash TEXT NOT NULL, tier TEXT NOT NULL, created_at TEXT NOT NULL);"
	"INSERT INTO tenants VALUES ('" TENANT "', 'a@example.org', 'pbkdf2$x', 'indie', '" CREATED
	"');";

static const char registry_current[] =
	"CREATE TABLE tenants (tenant_id TEXT PRIMARY KEY, email TEXT UNIQUE NOT NULL,"
	" pw_hash TEXT NOT NULL, tier TEXT NOT NULL, created_at TEXT NOT NULL,"
	" stripe_customer_id TEXT, stripe_subscription_id TEXT, recovery_hash TEXT);"
	"CREATE TABLE signup_attempts (ip TEXT, ts TEXT);"
	"INSERT INTO tenants VALUES ('" TENANT "', 'a@example.org', 'pbkdf2$x', 'indie', '" CREATED
	"', NULL, NULL, NULL);";

#define USAGE_TABLE                                                                                \
	"CREATE TABLE usage_records (record_id TEXT PRIMARY KEY, tenant_id TEXT, api_key_id TEXT," \
	" endpoint TEXT, verdict TEXT, intent_class TEXT, confidence REAL, latency_ms REAL,"       \
	" timestamp TEXT);"                                                                        \
	"CREATE TABLE notes (anything TEXT); INSERT INTO notes VALUES ('untouched');"

static const char tenant_plaintext[] = "CREATE TABLE api_keys (key_id TEXT PRIMARY KEY, tenant_id "
				       "TEXT, secret TEXT UNIQUE NOT NULL,"
				       " name TEXT, created_at TEXT, revoked_at TEXT);"
				       "INSERT INTO api_keys VALUES ('" KEY_ID "', '" TENANT
				       "', '" SECRET "', 'old', '" CREATED "', NULL);"
				       "INSERT INTO api_keys VALUES ('" KEY_ID_2 "', '" TENANT
				       "', 'axfw_revoked', 'gone', '" CREATED "', '" CREATED
				       "');" USAGE_TABLE;

static const char tenant_hashed[] =
	"CREATE TABLE api_keys (key_id TEXT PRIMARY KEY, tenant_id TEXT, secret TEXT UNIQUE NOT "
	"NULL,"
	" name TEXT, created_at TEXT, revoked_at TEXT, secret_hash TEXT);"
	"CREATE UNIQUE INDEX i ON api_keys (secret_hash) WHERE secret_hash IS NOT "
	"NULL;" USAGE_TABLE;

/* As the Python firewall writes it: by position. */
static void insert_usage(const struct fixture *f, const char *id, uint64_t at_us)
{
	char sql[512], at[CLOCK_ISO_LEN];

	clock_format_iso(at_us, at);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO usage_records VALUES ('%s', '" TENANT "', '" KEY_ID "',"
		 " '/v1/guard/check', 'allow', 'INFORM', 0.55, 2.0, '%s')",
		 id, at);
	run_sql(f, TENANT, sql);
}

static void expected_digest(struct fixture *f, uint8_t digest[static CRYPTO_MAC_LEN],
			    char text[static 2 * CRYPTO_MAC_LEN + 1])
{
	crypto_api_key_digest(f->crypto, SECRET, strlen(SECRET), digest);
	hex_encode(digest, CRYPTO_MAC_LEN, text);
}

struct seen {
	unsigned keys, tenants;
	struct store_key active;
	struct store_tenant tenant;
};

static void see_key(void *arg, const struct store_key *key)
{
	struct seen *seen = arg;

	seen->keys++;
	if (!key->revoked_us)
		seen->active = *key;
}

static void see_tenant(void *arg, const struct store_tenant *t)
{
	struct seen *seen = arg;

	seen->tenants++;
	seen->tenant = *t;
}

static struct seen look(struct fixture *f)
{
	struct seen seen = { 0 };

	assert_int_equal(store_each_key(f->store, see_key, &seen), 0);
	assert_int_equal(store_each_tenant(f->store, see_tenant, &seen), 0);
	return seen;
}

/* The file as bytes: is this text anywhere in it? */
static bool file_holds(const struct fixture *f, const char *name, const char *text)
{
	char path[PATH_MAX];
	char *data;
	long size;
	bool found;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	file = fopen(path, "r");
	if (!file)
		return false;
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	data = malloc((size_t)size + 1);
	assert_int_equal(fread(data, 1, (size_t)size, file), size);
	found = memmem(data, (size_t)size, text, strlen(text)) != NULL;
	free(data);
	fclose(file);
	return found;
}

static void check_python_can_go_on(struct fixture *f)
{
	char digest[2 * CRYPTO_MAC_LEN + 1], sql[256];
	uint8_t bytes[CRYPTO_MAC_LEN];

	insert_usage(f, "python-1", clock_wall_us());
	expected_digest(f, bytes, digest);
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM api_keys WHERE secret = 'hashed:' || key_id"
		 " AND secret_hash = '%s' AND revoked_at IS NULL",
		 digest);
	assert_int_equal(query(f, TENANT, sql), 1);
	run_sql(f, "registry",
		"INSERT INTO tenants (tenant_id, email, pw_hash, tier, created_at,"
		" stripe_customer_id, stripe_subscription_id, recovery_hash)"
		" VALUES ('b', 'b@example.org', 'x', 'free', '" CREATED "', NULL, NULL, NULL)");
	assert_int_equal(
		query(f, TENANT, "SELECT count(*) FROM notes WHERE anything = 'untouched'"), 1);
}

static void take_over_plaintext(struct fixture *f, const char *registry, const char *journal_mode)
{
	char digest[2 * CRYPTO_MAC_LEN + 1], sql[64];
	uint8_t bytes[CRYPTO_MAC_LEN];
	struct seen seen;

	snprintf(sql, sizeof(sql), "PRAGMA journal_mode = %s", journal_mode);
	run_sql(f, TENANT, sql);
	run_sql(f, "registry", registry);
	run_sql(f, TENANT, tenant_plaintext);
	insert_usage(f, "old-1", clock_wall_us());
	insert_usage(f, "old-2", clock_wall_us() - 40ull * 86400 * US_PER_S);
	assert_true(file_holds(f, TENANT ".db", SECRET));
	fixture_open(f);
	seen = look(f);
	assert_int_equal(seen.keys, 2);
	expected_digest(f, bytes, digest);
	assert_memory_equal(seen.active.digest, bytes, sizeof(bytes));
	assert_false(seen.active.has_hash);
	assert_string_equal(seen.active.id, KEY_ID);
	assert_string_equal(seen.tenant.tier, "indie");
	assert_int_equal(seen.tenant.used_in_month, 1);
	assert_int_equal(seen.tenant.created_us % US_PER_S, 1);
	store_close(&f->store);
	/* overwritten, not only no longer referred to */
	assert_false(file_holds(f, TENANT ".db", SECRET));
	assert_false(file_holds(f, TENANT ".db", "axfw_revoked"));
	assert_int_equal(count_files(f->dir, "-wal"), 0);
	check_python_can_go_on(f);
	fixture_open(f);
	seen = look(f);
	assert_int_equal(seen.tenants, 2);
	assert_int_equal(seen.keys, 2);
}

static void test_plaintext_keys_and_early_registry(void **state)
{
	take_over_plaintext(*state, registry_early, "wal");
}

static void test_plaintext_keys_in_rollback_mode(void **state)
{
	take_over_plaintext(*state, registry_current, "delete");
}

static void test_hashed_keys(void **state)
{
	struct fixture *f = *state;
	char digest[2 * CRYPTO_MAC_LEN + 1], sql[512];
	uint8_t bytes[CRYPTO_MAC_LEN];
	struct axfw_key_hash hash = { .bytes = { 5 } };
	struct seen seen;

	run_sql(f, "registry", registry_current);
	run_sql(f, TENANT, tenant_hashed);
	expected_digest(f, bytes, digest);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO api_keys VALUES ('" KEY_ID "', '" TENANT "', 'hashed:" KEY_ID
		 "', 'k', '" CREATED "', NULL, '%s')",
		 digest);
	run_sql(f, TENANT, sql);
	fixture_open(f);
	seen = look(f);
	assert_int_equal(seen.keys, 1);
	assert_memory_equal(seen.active.digest, bytes, sizeof(bytes));
	assert_int_equal(store_set_key_hash(f->store, seen.active.number, &hash), 0);
	store_close(&f->store);
	check_python_can_go_on(f);
	/* revoked there while we were down: the number and the hash stay */
	run_sql(f, TENANT, "UPDATE api_keys SET revoked_at = '" CREATED "'");
	fixture_open(f);
	hash = seen.active.hash;
	seen = look(f);
	assert_int_equal(seen.keys, 1);
	assert_int_equal(seen.active.number, 0);
	/* and an account that was deleted there is gone here, with its keys */
	store_close(&f->store);
	run_sql(f, "registry", "DELETE FROM tenants WHERE tenant_id = '" TENANT "'");
	fixture_open(f);
	seen = look(f);
	assert_int_equal(seen.keys, 0);
	assert_int_equal(seen.tenants, 1);
}

static void test_untouched_files_are_not_opened_again(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	struct timespec times[2];
	struct stat st;
	FILE *file;

	run_sql(f, "registry", registry_current);
	run_sql(f, TENANT, tenant_plaintext);
	fixture_open(f);
	store_close(&f->store);
	/* garbage with the size, time and inode that the registry knows: only a start that trusts
	 * its index still knows the key */
	snprintf(path, sizeof(path), "%s/" TENANT ".db", f->dir);
	assert_int_equal(stat(path, &st), 0);
	file = fopen(path, "r+");
	fputs("garbage garbage garbage", file);
	fclose(file);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	fixture_open(f);
	assert_int_equal(look(f).keys, 2);
	/* and one that sees a difference, and finds garbage, goes on with what it knows */
	store_close(&f->store);
	assert_int_equal(utimensat(AT_FDCWD, path, NULL, 0), 0);
	fixture_open(f);
	assert_int_equal(look(f).keys, 2);
}

static void test_ids_that_are_no_file_names_stay_out(void **state)
{
	struct fixture *f = *state;

	run_sql(f, "registry", registry_current);
	run_sql(f, "registry",
		"INSERT INTO tenants VALUES ('../../etc/x', 'b@example.org', 'x', 'free', '" CREATED
		"', NULL, NULL, NULL)");
	fixture_open(f);
	assert_int_equal(look(f).tenants, 1);
}

static void count_progress(void *arg, uint64_t done, uint64_t total)
{
	uint64_t *seen = arg;

	assert_true(done <= total && done >= seen[0]);
	seen[0] = done;
	seen[1] = total;
}

static void test_progress_is_told(void **state)
{
	struct fixture *f = *state;
	uint64_t seen[2] = { 0 };
	struct store_options o = {
		.dir = f->dir, .writers = 1, .progress = count_progress, .arg = seen
	};

	run_sql(f, "registry", registry_current);
	for (int i = 0; i < 40; i++) {
		char id[40], sql[256];

		snprintf(id, sizeof(id), "tenant-%d", i);
		snprintf(sql, sizeof(sql),
			 "INSERT INTO tenants VALUES ('%s', '%s', 'x', 'free', '" CREATED
			 "', NULL, NULL, NULL)",
			 id, id);
		run_sql(f, "registry", sql);
		run_sql(f, id, tenant_hashed);
	}
	assert_int_equal(store_open(&o, f->crypto, &f->store, f->error, sizeof(f->error)), 0);
	assert_int_equal(seen[0], 40);
	assert_int_equal(seen[1], 40);
}

#define STORE_TEST(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_plaintext_keys_and_early_registry),
		STORE_TEST(test_plaintext_keys_in_rollback_mode),
		STORE_TEST(test_hashed_keys),
		STORE_TEST(test_untouched_files_are_not_opened_again),
		STORE_TEST(test_ids_that_are_no_file_names_stay_out),
		STORE_TEST(test_progress_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
