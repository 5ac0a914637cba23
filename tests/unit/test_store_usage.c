/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promise of the journal: what store_record_usage() returned 0 for is in the tenant's file
 * exactly once, whatever happens to the process in between, and every count agrees with the rows.
 */
#include "store_fixture.h"
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "store/segment.h"

static struct store_usage_summary summary(struct fixture *f, uint32_t tenant)
{
	struct store_usage_summary ret = { 0 };

	assert_int_equal(store_usage_summary(f->store, tenant, &ret), 0);
	return ret;
}

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

static void record(struct fixture *f, unsigned slot, uint32_t tenant, uint32_t key)
{
	struct store_usage u = fixture_usage(f, slot, tenant, key);

	assert_int_equal(store_record_usage(f->store, slot, &u), 0);
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

static void see_used(void *arg, const struct store_tenant *t)
{
	uint64_t *used = arg;

	used[t->number] = t->usage_month == clock_month(clock_wall_us()) ? t->used_in_month : 0;
}

static uint64_t used_in_month(struct fixture *f, uint32_t tenant)
{
	uint64_t used[512] = { 0 };

	assert_int_equal(store_each_tenant(f->store, see_used, used), 0);
	return used[tenant];
}

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
		record(f, i % 2, tenant, key);
	u = fixture_usage(f, 0, tenant, key);
	u.verdict = "block";
	u.latency_ms = 11.25f;
	assert_int_equal(store_record_usage(f->store, 0, &u), 0);
	assert_int_equal(summary(f, tenant).calls, 11);
	assert_int_equal(summary(f, tenant).blocked, 1);
	assert_true(summary(f, tenant).latency_ms_mean == 1.25);
	assert_int_equal(summary(f, other).calls, 0);
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(summary(f, tenant).calls, 11);
	assert_int_equal(query(f, id, "SELECT count(*) FROM usage_records"), 11);
	assert_int_equal(used_in_month(f, tenant), 11);
	/* by position, as the Python firewall does, while we run and while we don't */
	clock_format_iso(clock_wall_us(), now);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO usage_records VALUES ('p1', '%s', 'k', '/v1/guard/check', 'block',"
		 " 'HARM', 0.5, 1.25, '%s')",
		 id, now);
	run_sql(f, id, sql);
	assert_int_equal(summary(f, tenant).calls, 12);
	record(f, 0, tenant, key);
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(summary(f, tenant).calls, 13);
	store_close(&f->store);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO usage_records VALUES ('p2', '%s', 'k', '/v1/guard/check', 'block',"
		 " 'HARM', 0.5, 1.25, '%s')",
		 id, now);
	run_sql(f, id, sql);
	fixture_open(f);
	assert_int_equal(used_in_month(f, tenant), 14);
	assert_int_equal(summary(f, tenant).calls, 14);
	assert_int_equal(summary(f, tenant).blocked, 3);
	/* rows that went are no longer counted */
	run_sql(f, id, "DELETE FROM usage_records WHERE record_id IN ('p2')");
	assert_int_equal(summary(f, tenant).calls, 13);
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
	assert_int_equal(used_in_month(f, tenant), 2);
	assert_int_equal(summary(f, tenant).calls, 6);
	assert_int_equal(query(f, id, "SELECT count(*) FROM axfw_usage_totals"), 2);
	store_close(&f->store);
	fixture_open(f);
	assert_int_equal(used_in_month(f, tenant), 2);
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
			record(f, i & 1, tenants[i], 0);
		assert_int_equal(store_drain(f->store), 0);
	}
	for (int i = 0; i < TENANTS; i++)
		assert_int_equal(summary(f, tenants[i]).calls, 3);
	open_files = count_files("/proc/self/fd", "");
	assert_true(open_files > 128);
	assert_true(open_files < 3 * 128 + 64);
	store_close(&f->store);
	assert_int_equal(count_files(f->dir, "-wal"), 0);
	fixture_open(f);
	for (int i = 0; i < TENANTS; i++)
		assert_int_equal(used_in_month(f, tenants[i]), 3);
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
		uint64_t calls = summary(load->f, load->tenants[0]).calls;

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
		assert_int_equal(summary(f, tenants[i]).calls, WRITERS * RECORDS / LOAD_TENANTS);
}

/* --- death -------------------------------------------------------------------------------------
 */

#define ACKED_MAX    400000
#define KILL_TENANTS 7

struct acknowledged {
	_Atomic uint32_t counts[2];
	uint8_t ids[2][ACKED_MAX][16];
	uint32_t tenants[KILL_TENANTS];
	atomic_bool ready;
};

struct doomed {
	struct fixture *f;
	struct acknowledged *acked;
	unsigned slot;
};

static void *write_until_killed(void *arg)
{
	struct doomed *d = arg;

	for (uint32_t i = 0; i < ACKED_MAX; i++) {
		struct store_usage u =
			fixture_usage(d->f, d->slot, d->acked->tenants[i % KILL_TENANTS], 0);

		if (store_record_usage(d->f->store, d->slot, &u) < 0)
			break;
		memcpy(d->acked->ids[d->slot][i], u.id, sizeof(u.id));
		atomic_store(&d->acked->counts[d->slot], i + 1);
		if (i % 64 == 63)
			usleep(200); /* so that a round covers some drains, not only a full journal
				      */
	}
	return NULL;
}

static void live_until_killed(struct fixture *f, struct acknowledged *acked)
{
	struct doomed d[2] = { { f, acked, 0 }, { f, acked, 1 } };
	pthread_t threads[2];

	if (fixture_open_with(f, 2, 0) < 0)
		_exit(1);
	atomic_store(&acked->ready, true);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, write_until_killed, &d[i]);
	for (;;)
		store_drain(f->store); /* so that death finds a pass at work, not only appends */
}

/* Every acknowledged id is in its tenant's file; the sum of rows leaves no room for a second. */
static void check_ids(struct fixture *f, struct acknowledged *acked, char ids[][UUID_TEXT_LEN])
{
	for (uint32_t t = 0; t < KILL_TENANTS; t++) {
		char path[PATH_MAX];
		sqlite3 *db = NULL;
		sqlite3_stmt *q = NULL;

		snprintf(path, sizeof(path), "%s/%s.db", f->dir, ids[t]);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_prepare_v2(db,
						    "SELECT count(*) FROM usage_records"
						    " WHERE record_id = ?",
						    -1, &q, NULL),
				 SQLITE_OK);
		for (unsigned slot = 0; slot < 2; slot++)
			for (uint32_t i = t; i < acked->counts[slot]; i += KILL_TENANTS) {
				char text[UUID_TEXT_LEN];

				uuid_format(acked->ids[slot][i], text);
				sqlite3_bind_text(q, 1, text, -1, SQLITE_STATIC);
				assert_int_equal(sqlite3_step(q), SQLITE_ROW);
				assert_int_equal(sqlite3_column_int64(q, 0), 1);
				sqlite3_reset(q);
			}
		sqlite3_finalize(q);
		sqlite3_close(db);
	}
}

static void test_kill_loses_nothing_and_repeats_nothing(void **state)
{
	struct fixture *f = *state;
	enum { ROUNDS = 20 };
	struct acknowledged *acked = mmap(NULL, sizeof(*acked), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char ids[KILL_TENANTS][UUID_TEXT_LEN];
	uint64_t rows_before = 0, total = 0;

	assert_true(acked != MAP_FAILED);
	fixture_open(f);
	for (int i = 0; i < KILL_TENANTS; i++) {
		char email[32];

		snprintf(email, sizeof(email), "t%d@example.org", i);
		acked->tenants[i] = fixture_tenant(f, email);
		find_tenant_id(f, email, ids[i]);
	}
	store_close(&f->store);
	srandom((unsigned)clock_wall_us());
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t rows = 0, acknowledged;
		pid_t child;
		int status;

		acked->counts[0] = acked->counts[1] = 0;
		acked->ready = false;
		child = fork();
		assert_true(child >= 0);
		if (!child)
			live_until_killed(f, acked);
		while (!atomic_load(&acked->ready) && waitpid(child, &status, WNOHANG) == 0)
			usleep(1000);
		usleep((useconds_t)(random() % 60000));
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		assert_true(WIFSIGNALED(status));
		acknowledged = acked->counts[0] + acked->counts[1];
		fixture_open(f);
		for (int t = 0; t < KILL_TENANTS; t++) {
			uint64_t calls = summary(f, acked->tenants[t]).calls;

			rows += calls;
			assert_int_equal(used_in_month(f, acked->tenants[t]), calls);
			assert_int_equal(query(f, ids[t], "SELECT count(*) FROM usage_records"),
					 calls);
		}
		/* a record may be whole without its writer having come to say so: one per thread */
		assert_in_range(rows - rows_before, acknowledged, acknowledged + 2);
		rows_before = rows;
		total += acknowledged;
		store_close(&f->store);
		check_ids(f, acked, ids);
	}
	print_message("%d kills, %llu acknowledged records\n", ROUNDS, (unsigned long long)total);
	munmap(acked, sizeof(*acked));
}

static void test_segments_that_are_no_segments(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX], garbage[SEGMENT_BYTES / 16];
	int fd;

	fixture_open(f);
	store_close(&f->store);
	snprintf(path, sizeof(path), "%s/axfw_journal/00000000000000aa.segment", f->dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600); /* died before the space was there */
	close(fd);
	snprintf(path, sizeof(path), "%s/axfw_journal/00000000000000ab.segment", f->dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	memset(garbage, 'g', sizeof(garbage));
	for (int i = 0; i < 16; i++)
		assert_int_equal(write(fd, garbage, sizeof(garbage)), sizeof(garbage));
	close(fd);
	fixture_open(f);
	store_close(&f->store);
	snprintf(path, sizeof(path), "%s/axfw_journal", f->dir);
	assert_int_equal(count_files(path, ".segment"), 0);
	assert_int_equal(count_files(path, ".damaged"), 1);
}

/* --- a disk that won't take it -----------------------------------------------------------------
 */

static bool becomes_writable(struct fixture *f, bool wanted)
{
	for (int i = 0; i < 1000 && store_is_writable(f->store) != wanted; i++)
		usleep(10000);
	return store_is_writable(f->store) == wanted;
}

static void test_no_room_for_a_segment(void **state)
{
	struct fixture *f = *state;
	struct rlimit small = { .rlim_cur = SEGMENT_BYTES / 2, .rlim_max = RLIM_INFINITY };
	const struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	uint64_t accepted = 0;
	uint32_t tenant;
	int r = 0;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(fixture_open_with(f, 1, 0), 0);
	tenant = fixture_tenant(f, "a@example.org");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	while (r == 0 && accepted < 4 * SEGMENT_RECORDS) {
		struct store_usage u = fixture_usage(f, 0, tenant, 0);

		r = store_record_usage(f->store, 0, &u);
		accepted += r == 0;
	}
	assert_int_equal(r, -EFBIG);
	assert_true(accepted >= SEGMENT_RECORDS && accepted <= 2 * SEGMENT_RECORDS);
	assert_false(store_is_writable(f->store));
	assert_int_equal(store_check(f->store), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_true(becomes_writable(f, true));
	record(f, 0, tenant, 0);
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(summary(f, tenant).calls, accepted + 1);
}

static void test_journal_limit_pushes_back(void **state)
{
	struct fixture *f = *state;
	uint64_t accepted = 0;
	uint32_t tenant;
	char id[UUID_TEXT_LEN], path[PATH_MAX];
	struct store_journal_state journal;
	sqlite3 *db = NULL;
	int r = 0;

	assert_int_equal(fixture_open_with(f, 1, 3 * SEGMENT_BYTES), 0);
	tenant = fixture_tenant(f, "a@example.org");
	find_tenant_id(f, "a@example.org", id);
	/* somebody sits on the tenant's file, so nothing can leave the journal */
	snprintf(path, sizeof(path), "%s/%s.db", f->dir, id);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	while (r == 0 && accepted < 4 * SEGMENT_RECORDS) {
		struct store_usage u = fixture_usage(f, 0, tenant, 0);

		r = store_record_usage(f->store, 0, &u);
		accepted += r == 0;
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(accepted, 3 * SEGMENT_RECORDS);
	assert_false(store_is_writable(f->store));
	store_journal_state(f->store, &journal);
	assert_int_equal(journal.bytes, 3 * SEGMENT_BYTES);
	assert_int_equal(journal.records_pending, accepted);
	assert_true(journal.oldest_pending_us > 0);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_true(becomes_writable(f, true));
	record(f, 0, tenant, 0);
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(summary(f, tenant).calls, accepted + 1);
	store_journal_state(f->store, &journal);
	assert_int_equal(journal.records_pending, 0);
	assert_int_equal(journal.oldest_pending_us, 0);
}

/* In a child with a small file system of its own. Exits with the line that was wrong, or 0. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			_exit(__LINE__ % 250 + 1);                                                 \
	} while (0)
#define SKIPPED 255

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* Root, or a user who may be root in a namespace. */
static bool mount_small_file_system(const char *dir)
{
	char users[32], groups[32];
	uid_t uid = getuid();

	snprintf(users, sizeof(users), "0 %u 1", uid);
	snprintf(groups, sizeof(groups), "0 %u 1", getgid());
	if (unshare(uid ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS) < 0)
		return false;
	if (uid && !(write_text("/proc/self/uid_map", users) &&
		     write_text("/proc/self/setgroups", "deny") &&
		     write_text("/proc/self/gid_map", groups)))
		return false;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("axfw-test", dir, "tmpfs", 0, "size=64m,mode=700") == 0;
}

static void live_on_a_full_disk(struct fixture *f)
{
	char path[PATH_MAX];
	struct store_usage_summary sum;
	struct store_tenant tenant;
	uint64_t accepted = 0;
	int r = 0, filler;

	if (!mount_small_file_system(f->dir))
		_exit(SKIPPED);
	CHECK(fixture_open_with(f, 1, 0) == 0);
	CHECK(store_add_tenant(f->store, "a@example.org", "h", "r", "free", &tenant) == 0);
	snprintf(path, sizeof(path), "%s/filler", f->dir);
	filler = open(path, O_CREAT | O_WRONLY, 0600);
	for (size_t size = 1 << 20; size >= 4096; size /= 2)
		for (off_t end = lseek(filler, 0, SEEK_END);
		     fallocate(filler, 0, end, (off_t)size) == 0; end += (off_t)size)
			;
	while (r == 0 && accepted < 4 * SEGMENT_RECORDS) {
		struct store_usage u = fixture_usage(f, 0, tenant.number, 0);

		r = store_record_usage(f->store, 0, &u);
		accepted += r == 0;
	}
	CHECK(r == -ENOSPC);
	CHECK(!store_is_writable(f->store));
	CHECK(store_check(f->store) == -ENOSPC);
	CHECK(store_drain(f->store) == -ENOSPC); /* no room in the tenant's file either */
	CHECK(unlink(path) == 0 && close(filler) == 0);
	for (int i = 0; i < 1000 && !store_is_writable(f->store); i++)
		usleep(10000);
	CHECK(store_is_writable(f->store));
	CHECK(store_drain(f->store) == 0);
	store_close(&f->store);
	CHECK(fixture_open_with(f, 1, 0) == 0);
	CHECK(store_usage_summary(f->store, tenant.number, &sum) == 0);
	CHECK(sum.calls == accepted);
	store_close(&f->store);
	_exit(0);
}

static void test_disk_full(void **state)
{
	struct fixture *f = *state;
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (!child)
		live_on_a_full_disk(f);
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED) {
		print_message(
			"skipped: needs root or user namespaces, for a file system to fill\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_damaged_file_stops_nobody_else(void **state)
{
	struct fixture *f = *state;
	char id[UUID_TEXT_LEN], path[PATH_MAX], garbage[8192];
	uint32_t good, bad;
	FILE *file;

	fixture_open(f);
	good = fixture_tenant(f, "good@example.org");
	bad = fixture_tenant(f, "bad@example.org");
	find_tenant_id(f, "bad@example.org", id);
	store_close(&f->store);
	snprintf(path, sizeof(path), "%s/%s.db", f->dir, id);
	memset(garbage, 'g', sizeof(garbage));
	file = fopen(path, "w");
	assert_int_equal(fwrite(garbage, 1, sizeof(garbage), file), sizeof(garbage));
	fclose(file);
	fixture_open(f);
	record(f, 0, good, 0);
	record(f, 0, bad, 0);
	record(f, 1, bad, 0);
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(summary(f, good).calls, 1);
	assert_int_equal(query(f, "registry", "SELECT count(*) FROM axfw_held_usage"), 2);
	assert_true(store_is_writable(f->store));
	store_close(&f->store);
	/* mended: here, by starting over */
	assert_int_equal(unlink(path), 0);
	fixture_open(f);
	assert_int_equal(summary(f, bad).calls, 2);
	assert_int_equal(query(f, "registry", "SELECT count(*) FROM axfw_held_usage"), 0);
}

static void test_durability_power(void **state)
{
	struct fixture *f = *state;
	struct store_options o = { .dir = f->dir, .writers = 1, .durability = DURABILITY_POWER };
	uint32_t tenant;

	assert_int_equal(store_open(&o, f->crypto, &f->store, f->error, sizeof(f->error)), 0);
	tenant = fixture_tenant(f, "a@example.org");
	for (int i = 0; i < 50; i++)
		record(f, 0, tenant, 0);
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(summary(f, tenant).calls, 50);
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
		STORE_TEST(test_kill_loses_nothing_and_repeats_nothing),
		STORE_TEST(test_segments_that_are_no_segments),
		STORE_TEST(test_no_room_for_a_segment),
		STORE_TEST(test_journal_limit_pushes_back),
		STORE_TEST(test_disk_full),
		STORE_TEST(test_damaged_file_stops_nobody_else),
		STORE_TEST(test_durability_power),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
