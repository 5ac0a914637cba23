/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promise of the journal: what store_record_usage() returned 0 for is in the tenant's file
 * exactly once, whatever happens to the process or the disk in between.
 */
#include "store_fixture.h"
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "store/internal.h"
#include "store/segment.h"

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
			uint64_t calls = fixture_summary(f, acked->tenants[t]).calls;

			rows += calls;
			assert_int_equal(fixture_used_in_month(f, acked->tenants[t]), calls);
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
	fixture_record(f, 0, tenant, 0);
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(fixture_summary(f, tenant).calls, accepted + 1);
}

static void test_journal_limit_pushes_back(void **state)
{
	struct fixture *f = *state;
	uint64_t accepted = 0;
	uint32_t tenant;
	char id[UUID_TEXT_LEN], path[PATH_MAX];
	struct store_journal_state journal;
	sqlite3 *db = NULL;
	int r = 0, patience = 10000;

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
		/* on a busy machine the third segment is still in the making */
		if (r == -ENOSPC && accepted < 3 * SEGMENT_RECORDS && patience--) {
			usleep(1000);
			r = 0;
		}
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
	fixture_record(f, 0, tenant, 0);
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(fixture_summary(f, tenant).calls, accepted + 1);
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

/* Appending to a mapped file goes on when the file is gone, so somebody has to look. */
static void test_directory_removed(void **state)
{
	struct fixture *f = *state;
	uint32_t tenant;

	fixture_open(f);
	tenant = fixture_tenant(f, "a@example.org");
	fixture_record(f, 0, tenant, 0);
	assert_int_equal(store_drain(f->store), 0);
	assert_true(store_is_writable(f->store));
	remove_directory(f->dir);
	fixture_record(f, 0, tenant, 0);
	assert_true(becomes_writable(f, false));
	assert_int_equal(store_check(f->store), -ENOENT);
}

static void test_directory_that_cannot_be_written(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	struct store s = { .dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY) };

	snprintf(path, sizeof(path), "%s/lock", f->dir);
	s.lock_fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(directory_probe(&s), 0);
	close(s.lock_fd);
	s.lock_fd = open(path, O_RDONLY);
	assert_int_equal(directory_probe(&s), -EBADF);
	close(s.lock_fd);
	close(s.dir_fd);
}

/* One tenant's file that somebody keeps locked is no reason to refuse anybody's calls. */
static void test_busy_file_delays_only(void **state)
{
	struct fixture *f = *state;
	char id[UUID_TEXT_LEN], path[PATH_MAX];
	sqlite3 *db = NULL;
	uint32_t tenant;

	fixture_open(f);
	tenant = fixture_tenant(f, "a@example.org");
	find_tenant_id(f, "a@example.org", id);
	snprintf(path, sizeof(path), "%s/%s.db", f->dir, id);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	fixture_record(f, 0, tenant, 0);
	assert_int_equal(store_drain(f->store), -EBUSY);
	assert_true(store_is_writable(f->store));
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(fixture_summary(f, tenant).calls, 1);
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
	fixture_record(f, 0, good, 0);
	fixture_record(f, 0, bad, 0);
	fixture_record(f, 1, bad, 0);
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(fixture_summary(f, good).calls, 1);
	assert_int_equal(query(f, "registry", "SELECT count(*) FROM axfw_held_usage"), 2);
	assert_true(store_is_writable(f->store));
	store_close(&f->store);
	/* mended: here, by starting over */
	assert_int_equal(unlink(path), 0);
	fixture_open(f);
	assert_int_equal(fixture_summary(f, bad).calls, 2);
	assert_int_equal(query(f, "registry", "SELECT count(*) FROM axfw_held_usage"), 0);
}

static void spoil(const char *path)
{
	char garbage[8192];
	int fd = open(path, O_WRONLY | O_TRUNC);

	memset(garbage, 'g', sizeof(garbage));
	if (fd < 0 || write(fd, garbage, sizeof(garbage)) != sizeof(garbage))
		_exit(1);
	close(fd);
}

/* Records wait in the registry, newer ones of the same tenant in the journal: both arrive. */
static void test_held_records_and_newer_ones_in_the_journal(void **state)
{
	struct fixture *f = *state;
	char id[UUID_TEXT_LEN], path[PATH_MAX];
	uint32_t tenant;
	pid_t child;
	int status;

	fixture_open(f);
	tenant = fixture_tenant(f, "a@example.org");
	find_tenant_id(f, "a@example.org", id);
	store_close(&f->store);
	snprintf(path, sizeof(path), "%s/%s.db", f->dir, id);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		spoil(path);
		CHECK(fixture_open_with(f, 1, 0) == 0);
		fixture_record(f, 0, tenant, 0);
		fixture_record(f, 0, tenant, 0);
		CHECK(store_drain(f->store) == 0);
		CHECK(unlink(path) == 0); /* mended */
		fixture_record(f, 0, tenant, 0);
		_exit(0); /* as good as killed */
	}
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(query(f, "registry", "SELECT count(*) FROM axfw_held_usage"), 2);
	fixture_open(f);
	assert_int_equal(fixture_summary(f, tenant).calls, 3);
	assert_int_equal(query(f, id, "SELECT count(*) FROM usage_records"), 3);
	assert_int_equal(fixture_used_in_month(f, tenant), 3);
}

static void test_durability_power(void **state)
{
	struct fixture *f = *state;
	struct store_options o = { .dir = f->dir, .writers = 1, .durability = DURABILITY_POWER };
	uint32_t tenant;

	assert_int_equal(store_open(&o, f->crypto, &f->store, f->error, sizeof(f->error)), 0);
	tenant = fixture_tenant(f, "a@example.org");
	for (int i = 0; i < 50; i++)
		fixture_record(f, 0, tenant, 0);
	assert_int_equal(store_drain(f->store), 0);
	assert_int_equal(fixture_summary(f, tenant).calls, 50);
}

#define STORE_TEST(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_kill_loses_nothing_and_repeats_nothing),
		STORE_TEST(test_segments_that_are_no_segments),
		STORE_TEST(test_no_room_for_a_segment),
		STORE_TEST(test_journal_limit_pushes_back),
		STORE_TEST(test_disk_full),
		STORE_TEST(test_directory_removed),
		STORE_TEST(test_directory_that_cannot_be_written),
		STORE_TEST(test_busy_file_delays_only),
		STORE_TEST(test_damaged_file_stops_nobody_else),
		STORE_TEST(test_held_records_and_newer_ones_in_the_journal),
		STORE_TEST(test_durability_power),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
