/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tenants with few records are carried over while a load goes on: their files aren't visited, what
 * is shown counts them, and each of their rows is written once, however the process ends.
 */
#include "store_fixture.h"
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "store/segment.h"

/* More tenants than files may be open. The first HOT get what the load brings. */
#define TENANTS	    200
#define COLD_CALLS  20
#define JOURNAL_MAX (16 * SEGMENT_BYTES)
/* So many records make a pass due. */
#define MUCH (JOURNAL_MAX / 4 / sizeof(struct journal_record))

struct load {
	_Atomic uint64_t counts[TENANTS];
	uint32_t tenants[TENANTS];
	char ids[TENANTS][UUID_TEXT_LEN];
	int hot;
	atomic_bool stop;
};

/* Shared with the child that is going to die. */
static struct load *load_new(struct fixture *f, int hot)
{
	struct load *load = mmap(NULL, sizeof(*load), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(load != MAP_FAILED);
	load->hot = hot;
	assert_int_equal(fixture_open_with(f, 1, JOURNAL_MAX), 0);
	for (int i = 0; i < TENANTS; i++) {
		char email[32];

		snprintf(email, sizeof(email), "t%d@example.org", i);
		load->tenants[i] = fixture_tenant(f, email);
		find_tenant_id(f, email, load->ids[i]);
	}
	return load;
}

static void load_free(struct load *load)
{
	munmap(load, sizeof(*load));
}

static void record(struct fixture *f, struct load *load, int tenant, uint64_t calls)
{
	for (uint64_t i = 0; i < calls; i++) {
		fixture_record(f, 0, load->tenants[tenant], 0);
		atomic_fetch_add(&load->counts[tenant], 1);
	}
}

static void record_cold(struct fixture *f, struct load *load, uint64_t calls)
{
	for (int i = load->hot; i < TENANTS; i++)
		record(f, load, i, calls);
}

static void record_hot(struct fixture *f, struct load *load, uint64_t calls)
{
	for (int i = 0; i < load->hot; i++)
		record(f, load, i, calls / (unsigned)load->hot);
}

struct writer {
	struct fixture *f;
	struct load *load;
	pthread_t thread;
};

/* Many more a second than make a node busy, however slow the machine is. */
static void *go_on(void *arg)
{
	struct writer *w = arg;

	while (!atomic_load(&w->load->stop)) {
		record_hot(w->f, w->load, 50);
		usleep(1000);
	}
	return NULL;
}

static int64_t rows(const struct fixture *f, const struct load *load, int tenant)
{
	return query(f, load->ids[tenant], "SELECT count(*) FROM usage_records");
}

static bool has_rows(const struct fixture *f, const struct load *load, int tenant)
{
	for (int i = 0; i < 6000 && !rows(f, load, tenant); i++)
		usleep(10000);
	return rows(f, load, tenant) > 0;
}

static uint64_t pending(struct fixture *f)
{
	struct store_journal_state state;

	store_journal_state(f->store, &state);
	return state.records_pending;
}

static void check_all(struct fixture *f, const struct load *load, uint64_t unacknowledged)
{
	uint64_t more = 0;

	for (int i = 0; i < TENANTS; i++) {
		uint64_t calls = fixture_summary(f, load->tenants[i]).calls;

		assert_int_equal(rows(f, load, i), calls);
		assert_int_equal(fixture_used_in_month(f, load->tenants[i]), calls);
		assert_true(calls >= load->counts[i]);
		more += calls - load->counts[i];
	}
	assert_in_range(more, 0, unacknowledged);
}

static void test_few_records_wait_for_more(void **state)
{
	struct fixture *f = *state;
	struct load *load = load_new(f, 1);
	struct writer w = { .f = f, .load = load };
	struct store_journal_state journal;
	uint64_t began = clock_wall_us();

	record_cold(f, load, COLD_CALLS);
	record_hot(f, load, MUCH);
	assert_int_equal(pthread_create(&w.thread, NULL, go_on, &w), 0);
	assert_true(has_rows(f, load, 0));
	for (int i = load->hot; i < TENANTS; i++) {
		assert_int_equal(rows(f, load, i), 0);
		assert_int_equal(fixture_summary(f, load->tenants[i]).calls, COLD_CALLS);
	}
	store_journal_state(f->store, &journal);
	assert_true(journal.records_pending >= (TENANTS - 1) * COLD_CALLS);
	assert_true(journal.oldest_pending_us >= began);
	assert_true(journal.oldest_pending_us <= clock_wall_us() - US_PER_S / 1000);
	/* the load ends, and nobody asks for anything */
	atomic_store(&load->stop, true);
	pthread_join(w.thread, NULL);
	for (int i = 0; i < 6000 && pending(f); i++)
		usleep(10000);
	assert_int_equal(pending(f), 0);
	check_all(f, load, 0);
	load_free(load);
}

/* Whoever asks gets everything, also while the load goes on. */
static void test_who_asks_gets_what_was_carried_too(void **state)
{
	struct fixture *f = *state;
	struct load *load = load_new(f, 1);
	struct writer w = { .f = f, .load = load };

	record_cold(f, load, COLD_CALLS);
	record_hot(f, load, MUCH);
	assert_int_equal(pthread_create(&w.thread, NULL, go_on, &w), 0);
	assert_true(has_rows(f, load, 0));
	assert_int_equal(rows(f, load, TENANTS - 1), 0);
	assert_int_equal(store_drain(f->store), 0);
	for (int i = load->hot; i < TENANTS; i++)
		assert_int_equal(rows(f, load, i), COLD_CALLS);
	atomic_store(&load->stop, true);
	pthread_join(w.thread, NULL);
	store_close(&f->store);
	assert_int_equal(fixture_open_with(f, 1, JOURNAL_MAX), 0);
	check_all(f, load, 0);
	load_free(load);
}

/* Runs what `of` says on a name of every segment. */
static void each_segment(const struct fixture *f, const char *from, const char *to,
			 void (*of)(const char *from, const char *to))
{
	char path[PATH_MAX], other[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", f->dir, from);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (!strstr(entry->d_name, ".segment"))
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", f->dir, from, entry->d_name);
		snprintf(other, sizeof(other), "%s/%s/%s", f->dir, to, entry->d_name);
		of(path, other);
	}
	if (dir)
		closedir(dir);
}

static unsigned whole_segments;

static void count_if_whole(const char *from, const char *to)
{
	struct stat st;

	whole_segments += stat(from, &st) == 0 && st.st_size == SEGMENT_BYTES;
}

/* No copy can be made: then the files are visited. */
static void test_no_room_for_copies(void **state)
{
	struct fixture *f = *state;
	struct load *load = load_new(f, 100); /* none with a file that is as big as a segment */
	struct rlimit small = { .rlim_cur = SEGMENT_BYTES / 2, .rlim_max = RLIM_INFINITY };
	const struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

	_Static_assert(MUCH > 4 * SEGMENT_RECORDS, "in the fifth segment");
	signal(SIGXFSZ, SIG_IGN);
	record_cold(f, load, COLD_CALLS);
	record_hot(f, load, MUCH - 100 * COLD_CALLS);
	record(f, load, 0, MUCH - 1 - atomic_load(&load->counts[0]) * 100 - 100 * COLD_CALLS);
	/* the sixth is the last that will be needed */
	for (int i = 0; i < 6000 && whole_segments < 6; i++) {
		usleep(10000);
		whole_segments = 0;
		each_segment(f, "axfw_journal", "", count_if_whole);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	record_hot(f, load, 1000);
	assert_true(has_rows(f, load, TENANTS - 1));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(store_drain(f->store), 0);
	check_all(f, load, 0);
	load_free(load);
}

/* --- death -------------------------------------------------------------------------------------
 */

static void copy_file(const char *from, const char *to)
{
	static char bytes[SEGMENT_BYTES];
	int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_EXCL | O_WRONLY, 0600);

	if (in < 0 || out < 0 || read(in, bytes, sizeof(bytes)) != sizeof(bytes) ||
	    write(out, bytes, sizeof(bytes)) != sizeof(bytes))
		_exit(1);
	close(in);
	close(out);
}

/* Those that the journal still has are newer. */
static void bring_back(const char *from, const char *to)
{
	if (link(from, to) < 0)
		assert_int_equal(errno, EEXIST);
}

static void live_until_carried(struct fixture *f, struct load *load)
{
	struct writer w = { .f = f, .load = load };

	if (fixture_open_with(f, 1, JOURNAL_MAX) < 0)
		_exit(1);
	record_cold(f, load, COLD_CALLS);
	record_hot(f, load, MUCH / 2);
	each_segment(f, "axfw_journal", "saved", copy_file);
	record_hot(f, load, MUCH / 2);
	pthread_create(&w.thread, NULL, go_on, &w);
	if (!has_rows(f, load, 0) || rows(f, load, TENANTS - 1))
		_exit(1);
	_exit(0); /* as good as killed */
}

/* A process that dies when it has carried over and has yet to free what it copied leaves both. */
static void test_copies_and_what_they_were_made_of(void **state)
{
	struct fixture *f = *state;
	struct load *load = load_new(f, 1);
	char saved[PATH_MAX];
	pid_t child;
	int status;

	store_close(&f->store);
	snprintf(saved, sizeof(saved), "%s/saved", f->dir);
	assert_int_equal(mkdir(saved, 0700), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		live_until_carried(f, load);
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(rows(f, load, TENANTS - 1), 0);
	each_segment(f, "saved", "axfw_journal", bring_back);
	fixture_open(f);
	check_all(f, load, 1);
	load_free(load);
}

static void live_until_killed(struct fixture *f, struct load *load)
{
	if (fixture_open_with(f, 1, JOURNAL_MAX) < 0)
		_exit(1);
	/* One light pass after another. */
	for (;;) {
		record_cold(f, load, 1);
		record_hot(f, load, 5000);
		usleep(5000);
	}
}

static void test_kill_while_carrying(void **state)
{
	struct fixture *f = *state;
	enum { ROUNDS = 6 };
	struct load *load = load_new(f, 1);

	store_close(&f->store);
	srandom((unsigned)clock_wall_us());
	for (int round = 0; round < ROUNDS; round++) {
		pid_t child = fork();
		uint64_t before = load->counts[0];
		int status;

		assert_true(child >= 0);
		if (!child)
			live_until_killed(f, load);
		while (load->counts[0] - before < MUCH && waitpid(child, &status, WNOHANG) == 0)
			usleep(1000);
		/* it looks once a second */
		usleep((useconds_t)(random() % 1500000));
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		assert_true(WIFSIGNALED(status));
		fixture_open(f);
		/* a record may be whole without its writer having come to say so: one a round */
		check_all(f, load, (uint64_t)round + 1);
		store_close(&f->store);
	}
	load_free(load);
}

#define STORE_TEST(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_few_records_wait_for_more),
		STORE_TEST(test_who_asks_gets_what_was_carried_too),
		STORE_TEST(test_no_room_for_copies),
		STORE_TEST(test_copies_and_what_they_were_made_of),
		STORE_TEST(test_kill_while_carrying),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
