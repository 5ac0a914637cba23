/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promise of the journal: what store_record_usage() returned 0 for is in the tenant's file
 * exactly once, whatever happens to the process in between, and every count agrees with the rows.
 */
#include "store_fixture.h"
#include <stdatomic.h>

static uint32_t add_key(struct fixture *f, uint32_t tenant)
{
	static uint8_t digest[CRYPTO_MAC_LEN];
	const struct axfw_key_hash hash = { .bytes = { 1 } };
	struct store_key key;

	digest[1]++;
	digest[2] += !digest[1];
	assert_int_equal(store_add_key(f->store, tenant, "k", digest, &hash, &key), 0);
	return key.number;
}

/* --- what is in a row --------------------------------------------------------------------------
 */

static void test_row_is_what_the_python_firewall_would_write(void **state)
{
	struct fixture *f = *state;
	struct store_usage u;
	char id[UUID_TEXT_LEN], text[UUID_TEXT_LEN], sql[512];
	uint32_t tenant, key;

	fixture_open(f);
	tenant = fixture_tenant(f, "a@example.org");
	find_tenant_id(f, "a@example.org", id);
	key = add_key(f, tenant);
	u = fixture_usage(f, 0, tenant, key);
	u.at_us = 1767225599 * US_PER_S + 1234; /* 2025-12-31T23:59:59.001234 */
	u.endpoint = "/v1/guard/output";
	u.verdict = "block";
	u.intent_class = "DECEIVE";
	u.confidence = 0.7f;
	u.latency_ms = 0.123f;
	assert_int_equal(store_record_usage(f->store, 0, &u), 0);
	assert_int_equal(store_drain(f->store), 0);
	uuid_format(u.id, text);
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM usage_records WHERE record_id = '%s' AND tenant_id = '%s'"
		 " AND api_key_id = (SELECT key_id FROM api_keys)"
		 " AND endpoint = '/v1/guard/output' AND verdict = 'block'"
		 " AND intent_class = 'DECEIVE' AND confidence = 0.7 AND latency_ms = 0.123"
		 " AND timestamp = '2025-12-31T23:59:59.001234'",
		 text, id);
	assert_int_equal(query(f, id, sql), 1);
	assert_int_equal(query(f, id, "SELECT count(*) FROM pragma_table_info('usage_records')"),
			 9);
}

static void test_what_cannot_be_stored_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store_usage u;

	fixture_open(f);
	u = fixture_usage(f, 0, 1, 1);
	u.verdict = "maybe";
	assert_int_equal(store_record_usage(f->store, 0, &u), -EINVAL);
	u = fixture_usage(f, 0, 1, 1);
	u.endpoint = "/";
	assert_int_equal(store_record_usage(f->store, 0, &u), -EINVAL);
	u = fixture_usage(f, 0, 0, 1);
	assert_int_equal(store_record_usage(f->store, 0, &u), -EINVAL);
}

static void test_ids_grow_and_are_version_7(void **state)
{
	struct fixture *f = *state;
	uint8_t id[16], before[16] = { 0 }, other[16];
	uint64_t ms = 0;

	fixture_open(f);
	for (int i = 0; i < 100000; i++) {
		store_new_record_id(f->store, 0, id);
		assert_true(memcmp(before, id, sizeof(id)) < 0);
		memcpy(before, id, sizeof(id));
	}
	assert_int_equal(id[6] >> 4, 7);
	assert_int_equal(id[8] >> 6, 2);
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id[i];
	assert_true(ms / 1000 - clock_wall_us() / US_PER_S + 1 <= 2);
	store_new_record_id(f->store, 1, other);
	assert_memory_not_equal(id + 8, other + 8, 8);
}

/* --- counts ------------------------------------------------------------------------------------
 */

static void test_summary_includes_the_tail_and_python_rows(void **state)
{
	struct fixture *f = *state;
	struct store_usage u;
	char id[UUID_TEXT_LEN], now[CLOCK_ISO_LEN], sql[512];
	uint32_t tenant, other, key;

	fixture_open(f);
	tenant = fixture_tenant(f, "a@example.org");
	other = fixture_tenant(f, "b@example.org");
	find_tenant_id(f, "a@example.org", id);
	key = add_key(f, tenant);
	for (int i = 0; i < 10; i++)
		fixture_record(f, i % 2, tenant, key);
	u = fixture_usage(f, 0, tenant, key);
	u.verdict = "block";
	u.latency_ms = 11.25f;
	assert_int_equal(store_record_usage(f->store, 0, &u), 0);
	assert_int_equal(fixture_summary(f, tenant).calls, 11);
	assert_int_equal(fixture_summary(f, tenant).blocked, 1);
	assert_true(fixture_summary(f, tenant).latency_ms_mean == 1.25);
	assert_int_equal(fixture_summary(f, other).calls, 0);
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(fixture_summary(f, tenant).calls, 11);
	assert_int_equal(query(f, id, "SELECT count(*) FROM usage_records"), 11);
	assert_int_equal(fixture_used_in_month(f, tenant), 11);
	/* by position, as the Python firewall does, while we run and while we don't */
	clock_format_iso(clock_wall_us(), now);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO usage_records VALUES ('p1', '%s', 'k', '/v1/guard/check', 'block',"
		 " 'HARM', 0.5, 1.25, '%s')",
		 id, now);
	run_sql(f, id, sql);
	assert_int_equal(fixture_summary(f, tenant).calls, 12);
	fixture_record(f, 0, tenant, key);
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(fixture_summary(f, tenant).calls, 13);
	store_close(&f->store);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO usage_records VALUES ('p2', '%s', 'k', '/v1/guard/check', 'block',"
		 " 'HARM', 0.5, 1.25, '%s')",
		 id, now);
	run_sql(f, id, sql);
	fixture_open(f);
	assert_int_equal(fixture_used_in_month(f, tenant), 14);
	assert_int_equal(fixture_summary(f, tenant).calls, 14);
	assert_int_equal(fixture_summary(f, tenant).blocked, 3);
	/* rows that went are no longer counted */
	run_sql(f, id, "DELETE FROM usage_records WHERE record_id IN ('p2')");
	assert_int_equal(fixture_summary(f, tenant).calls, 13);
	assert_int_equal(query(f, id, "SELECT sum(calls) FROM axfw_usage_totals"), 13);
}

static void test_months_are_counted_apart(void **state)
{
	struct fixture *f = *state;
	uint32_t tenant, key, month = clock_month(clock_wall_us());
	char id[UUID_TEXT_LEN];

	fixture_open(f);
	tenant = fixture_tenant(f, "a@example.org");
	find_tenant_id(f, "a@example.org", id);
	key = add_key(f, tenant);
	for (uint32_t i = 0; i < 6; i++) {
		struct store_usage u = fixture_usage(f, 0, tenant, key);

		u.at_us = i < 4 ? clock_month_start_us(month) - 1 - i : clock_wall_us();
		assert_int_equal(store_record_usage(f->store, 0, &u), 0);
	}
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(fixture_used_in_month(f, tenant), 2);
	assert_int_equal(fixture_summary(f, tenant).calls, 6);
	assert_int_equal(query(f, id, "SELECT count(*) FROM axfw_usage_totals"), 2);
	store_close(&f->store);
	fixture_open(f);
	assert_int_equal(fixture_used_in_month(f, tenant), 2);
}

/* --- many tenants ------------------------------------------------------------------------------
 */

static void test_more_tenants_than_files_may_be_open(void **state)
{
	struct fixture *f = *state;
	enum { TENANTS = 300 };
	uint32_t tenants[TENANTS];
	int open_files;

	fixture_open(f);
	for (int i = 0; i < TENANTS; i++) {
		char email[32];

		snprintf(email, sizeof(email), "t%d@example.org", i);
		tenants[i] = fixture_tenant(f, email);
	}
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < TENANTS; i++)
			fixture_record(f, i & 1, tenants[i], 0);
		assert_int_equal(store_drain(f->store), 0);
	}
	for (int i = 0; i < TENANTS; i++)
		assert_int_equal(fixture_summary(f, tenants[i]).calls, 3);
	open_files = count_files("/proc/self/fd", "");
	assert_true(open_files > 128);
	assert_true(open_files < 3 * 128 + 64);
	store_close(&f->store);
	assert_int_equal(count_files(f->dir, "-wal"), 0);
	fixture_open(f);
	for (int i = 0; i < TENANTS; i++)
		assert_int_equal(fixture_used_in_month(f, tenants[i]), 3);
}

struct load {
	struct fixture *f;
	unsigned slot;
	uint32_t *tenants;
	unsigned records;
	atomic_bool *stop;
};

#define LOAD_TENANTS 20

static void *write_load(void *arg)
{
	struct load *load = arg;

	for (unsigned i = 0; i < load->records; i++) {
		struct store_usage u =
			fixture_usage(load->f, load->slot, load->tenants[i % LOAD_TENANTS], 0);
		int r = store_record_usage(load->f->store, load->slot, &u);

		assert_int_equal(r, 0);
	}
	return NULL;
}

static void *watch_load(void *arg)
{
	struct load *load = arg;
	uint64_t before = 0;

	while (!atomic_load(load->stop)) {
		uint64_t calls = fixture_summary(load->f, load->tenants[0]).calls;

		/* neither lost nor counted twice on its way from the journal to the file */
		assert_true(calls >= before);
		before = calls;
		usleep(2000);
	}
	return NULL;
}

static void test_writers_at_once_with_readers_and_key_changes(void **state)
{
	struct fixture *f = *state;
	enum { WRITERS = 3, RECORDS = 40000 };
	uint32_t tenants[LOAD_TENANTS];
	pthread_t writers[WRITERS], watcher;
	struct load loads[WRITERS], watch;
	atomic_bool stop = false;

	assert_int_equal(fixture_open_with(f, WRITERS, 0), 0);
	for (int i = 0; i < LOAD_TENANTS; i++) {
		char email[32];

		snprintf(email, sizeof(email), "t%d@example.org", i);
		tenants[i] = fixture_tenant(f, email);
	}
	watch = (struct load){ .f = f, .tenants = tenants, .stop = &stop };
	assert_int_equal(pthread_create(&watcher, NULL, watch_load, &watch), 0);
	for (unsigned i = 0; i < WRITERS; i++) {
		loads[i] = (struct load){ f, i, tenants, RECORDS, &stop };
		assert_int_equal(pthread_create(&writers[i], NULL, write_load, &loads[i]), 0);
	}
	for (int i = 0; i < 20; i++) {
		add_key(f, tenants[i % LOAD_TENANTS]);
		assert_int_equal(store_drain(f->store), 0);
	}
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	assert_int_equal(store_drain(f->store), 0);
	atomic_store(&stop, true);
	pthread_join(watcher, NULL);
	for (int i = 0; i < LOAD_TENANTS; i++)
		assert_int_equal(fixture_summary(f, tenants[i]).calls,
				 WRITERS * RECORDS / LOAD_TENANTS);
}

#define STORE_TEST(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_row_is_what_the_python_firewall_would_write),
		STORE_TEST(test_what_cannot_be_stored_is_refused),
		STORE_TEST(test_ids_grow_and_are_version_7),
		STORE_TEST(test_summary_includes_the_tail_and_python_rows),
		STORE_TEST(test_months_are_counted_apart),
		STORE_TEST(test_more_tenants_than_files_may_be_open),
		STORE_TEST(test_writers_at_once_with_readers_and_key_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
