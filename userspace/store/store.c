/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing, in the order that makes a crash at any point harmless: the lock before the
 * first read, the master key before the first write, the journal's rest into the files before
 * anybody is told a count.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "store/internal.h"

/* What store_check() tries to get from the disk: as much as the journal will want next. */
#define CHECK_BYTES SEGMENT_BYTES
/*
 * A daemon that waits for our lock waits 30 s, and draining what a load left may take ten of them:
 * later than this logs stay where they are. They are part of their databases for whoever opens
 * those next, and are put back then.
 */
#define CLOSE_TIDY_NS	 (10 * NS_PER_S)
#define CLOSE_TIDY_FILES 1024

static void init_locks(struct store *s)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&s->registry_lock, NULL);
	pthread_mutex_init(&s->index_lock, NULL);
	pthread_mutex_init(&s->files_lock, NULL);
	pthread_mutex_init(&s->journal.lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->journal.wake, &monotonic);
	pthread_cond_init(&s->journal.done, &monotonic);
	pthread_condattr_destroy(&monotonic);
	sem_init(&s->journal.prepare_wake, 0, 0);
}

static void destroy_locks(struct store *s)
{
	pthread_mutex_destroy(&s->registry_lock);
	pthread_mutex_destroy(&s->index_lock);
	pthread_mutex_destroy(&s->files_lock);
	pthread_mutex_destroy(&s->journal.lock);
	pthread_cond_destroy(&s->journal.wake);
	pthread_cond_destroy(&s->journal.done);
	sem_destroy(&s->journal.prepare_wake);
}

static struct store *store_new(const struct store_options *o, const struct crypto *crypto)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->dir_fd = s->lock_fd = s->journal.dir_fd = -1;
	s->crypto = crypto;
	s->durability = o->durability;
	init_locks(s);
	return s;
}

/* No-op on NULL and right for half-built ones; drains nothing. */
static void store_free(struct store **store)
{
	struct store *s = *store;

	if (!s)
		return;
	journal_free(s);
	files_close_all(s);
	registry_close(s);
	index_free(s);
	closep(&s->lock_fd); /* from here on another daemon may open */
	closep(&s->dir_fd);
	destroy_locks(s);
	free(s->dir);
	free(s);
	*store = NULL;
}

static int recover(struct store *s, const struct store_options *o)
{
	int64_t r = journal_open(s, o->writers, o->journal_max);

	if (r < 0)
		return (int)r;
	do
		r = drain_pass(s, false);
	while (r > 0);
	if (r < 0)
		return (int)r;
	return held_retry(s);
}

static int open_files(struct store *s, const struct store_options *o)
{
	int r = registry_prepare(s);

	if (r < 0)
		return r;
	r = registry_load(s);
	if (r < 0)
		return r;
	r = keys_load(s);
	if (r < 0)
		return r;
	r = takeover(s, o);
	if (r < 0)
		return r;
	r = recover(s, o);
	return r < 0 ? r : journal_start(s);
}

/* A sentence for people, where the function that failed had none. */
static int explain(int r, const char *dir, char *error, size_t size)
{
	if (r < 0 && size && !error[0])
		snprintf(error, size, "cannot open the store in %s: %s", dir, strerror(-r));
	return r;
}

int store_judge(const char *dir, const struct crypto *crypto, char *error, size_t error_size)
{
	const struct store_options options = { .dir = dir };
	_cleanup_(store_free) struct store *s = store_new(&options, crypto);
	char registry[PATH_MAX];

	if (error_size)
		error[0] = '\0';
	if (!s)
		return -ENOMEM;
	snprintf(registry, sizeof(registry), "%s/registry.db", dir);
	if (access(registry, F_OK) < 0 && errno == ENOENT)
		return 0; /* store_open() will make it */
	s->dir = strdup(dir);
	if (!s->dir)
		return -ENOMEM;
	return explain(registry_open(s, error, error_size), dir, error, error_size);
}

int store_open(const struct store_options *options, const struct crypto *crypto,
	       struct store **ret_store, char *error, size_t error_size)
{
	_cleanup_(store_free) struct store *s = store_new(options, crypto);
	int r;

	if (error_size)
		error[0] = '\0';
	if (!s)
		return -ENOMEM;
	r = directory_open(s, options, error, error_size);
	if (r == 0)
		r = registry_open(s, error, error_size);
	if (r == 0)
		r = open_files(s, options);
	if (r < 0)
		return explain(r, options->dir, error, error_size);
	*ret_store = TAKE_PTR(s);
	return 0;
}

static void tidy_before_close(struct store *s, uint64_t deadline_ns)
{
	unsigned before, left = atomic_load(&s->logs_left);

	while (left && clock_monotonic_ns() < deadline_ns) {
		if (tidy_logs(s, 1, CLOSE_TIDY_FILES, parallel_threads()) < 0)
			return;
		before = left;
		left = atomic_load(&s->logs_left);
		if (left >= before)
			return; /* somebody has them open */
	}
}

void store_close(struct store **store)
{
	struct store *s = *store;
	uint64_t began_ns = clock_monotonic_ns();

	if (!s)
		return;
	/* Whatever fails here is repeated at the next start: the journal keeps what isn't drained,
	 * a log what isn't put back, an unsaved stamp makes a file be looked at. */
	(void)journal_close(s);
	files_close_all(s);
	tidy_before_close(s, began_ns + CLOSE_TIDY_NS);
	(void)registry_save_unsaved(s);
	store_free(store);
}

bool store_is_writable(struct store *s)
{
	const struct journal *j = &s->journal;

	return !atomic_load_explicit(&j->prepare_failed, memory_order_relaxed) &&
	       !atomic_load_explicit(&j->drain_failed, memory_order_relaxed) &&
	       !atomic_load_explicit(&j->unreachable, memory_order_relaxed);
}

static int check_registry(struct store *s)
{
	_cleanup_(mutex_unlockp) pthread_mutex_t *locked = mutex_lock(&s->registry_lock);
	_cleanup_(sql_rollbackp) sqlite3 *open = NULL;
	int r = registry_begin(s, COMMIT_LAZY, &open);

	if (r < 0)
		return r;
	return sql_do(s->registry, "INSERT INTO axfw_meta (name, value) VALUES ('probe', x'00')",
		      "");
}

static int check_space(struct store *s)
{
	_cleanup_(closep) int fd = openat(s->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	return fallocate(fd, 0, 0, CHECK_BYTES) < 0 && errno != EOPNOTSUPP ? -errno : 0;
}

int store_check(struct store *s)
{
	int r = directory_probe(s);

	/* calls needn't wait for the drain to see the same, nor for whether it is over */
	if (r < 0)
		atomic_store(&s->journal.unreachable, true);
	else
		r = check_space(s);
	if (r == 0)
		r = check_registry(s);
	/* Also what a thread met elsewhere: whoever asks is told what a call would be told. */
	return r == 0 && !store_is_writable(s) ? -EIO : r;
}
