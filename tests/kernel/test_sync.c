/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in step: puts, revocations, the reconcile, growing, and what happens when a write fails. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>
#include "kernel/internal.h"
#include "lab.h"

struct fixture {
	struct kernel *k;
	int map; /* the pinned admissions */
};

static int start(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	lab_new_pin_dir();
	f->k = lab_start("lo");
	f->map = lab_pinned_fd("admissions");
	*state = f;
	return f->map < 0;
}

static int stop(void **state)
{
	struct fixture *f = *state;

	kernel_stop(&f->k);
	close(f->map);
	free(f);
	return 0;
}

static void put(struct fixture *f, uint32_t number, uint8_t state)
{
	struct axfw_admission admission = lab_admission(state, number);
	struct axfw_key_hash hash = lab_hash(number);

	assert_int_equal(kernel_put_key(f->k, &hash, &admission), 0);
}

/* 0: not there */
static uint8_t state_in(int map, uint32_t number, uint64_t *ret_hits)
{
	struct axfw_key_hash hash = lab_hash(number);
	struct axfw_admission admission;

	if (bpf_map_lookup_elem(map, &hash, &admission) < 0)
		return 0;
	if (ret_hits)
		*ret_hits = admission.hits;
	return admission.state;
}

static void add_hits(int map, uint32_t number, uint64_t hits)
{
	struct axfw_key_hash hash = lab_hash(number);
	struct axfw_admission admission;

	assert_int_equal(bpf_map_lookup_elem(map, &hash, &admission), 0);
	admission.hits += hits;
	assert_int_equal(bpf_map_update_elem(map, &hash, &admission, BPF_EXIST), 0);
}

static void reconcile(struct fixture *f, uint32_t from, uint32_t to, uint8_t state, bool complete)
{
	assert_int_equal(kernel_reconcile_begin(f->k), 0);
	for (uint32_t i = from; i < to; i++) {
		struct axfw_admission admission = lab_admission(state, i);
		struct axfw_key_hash hash = lab_hash(i);

		assert_int_equal(kernel_reconcile_put(f->k, &hash, &admission), 0);
	}
	assert_int_equal(kernel_reconcile_end(f->k, complete), 0);
}

static uint64_t entries(struct kernel *k, const char *name, uint64_t *ret_capacity)
{
	struct kernel_map_state maps[MAP_COUNT];
	unsigned n = kernel_map_states(k, maps, ARRAY_SIZE(maps));

	for (unsigned i = 0; i < n; i++) {
		if (strcmp(maps[i].name, name))
			continue;
		if (ret_capacity)
			*ret_capacity = maps[i].capacity;
		assert_true(maps[i].bytes > 0);
		return maps[i].entries;
	}
	return 0;
}

static bool is_complete(struct kernel *k)
{
	struct kernel_state s;

	kernel_state(k, &s);
	return s.complete;
}

static void test_put_replaces_and_keeps_hits(void **state)
{
	struct fixture *f = *state;
	struct axfw_key_hash hash = lab_hash(1);
	uint64_t hits = 0;

	put(f, 1, AXFW_ADMITTED);
	add_hits(f->map, 1, 41);
	put(f, 1, AXFW_REVOKED);
	assert_int_equal(state_in(f->map, 1, &hits), AXFW_REVOKED);
	assert_int_equal(hits, 41);
	assert_int_equal(kernel_forget_key(f->k, &hash), 0);
	assert_int_equal(state_in(f->map, 1, NULL), 0);
	assert_int_equal(kernel_forget_key(f->k, &hash), 0);
}

static void test_unknown_keys(void **state)
{
	struct fixture *f = *state;
	struct axfw_key_hash hash = lab_hash(5);
	struct axfw_unknown unknown = {};
	uint64_t generation = kernel_generation(f->k);
	int map = lab_pinned_fd("unknown");

	kernel_bump_generation(f->k);
	kernel_remember_unknown(f->k, &hash, generation); /* judged before a key came to life */
	assert_int_equal(bpf_map_lookup_elem(map, &hash, &unknown), -ENOENT);
	kernel_remember_unknown(f->k, &hash, generation + 1);
	assert_int_equal(bpf_map_lookup_elem(map, &hash, &unknown), 0);
	assert_int_equal(unknown.generation, generation + 1);
	close(map);
}

static void test_reconcile(void **state)
{
	struct fixture *f = *state;
	uint64_t hits = 0;

	reconcile(f, 0, 10000, AXFW_ADMITTED, true);
	assert_true(is_complete(f->k));
	assert_int_equal(entries(f->k, "admissions", NULL), 10000);
	add_hits(f->map, 42, 7);
	add_hits(f->map, 9000, 8);
	reconcile(f, 20, 9500, AXFW_ADMITTED, true);
	assert_int_equal(entries(f->k, "admissions", NULL), 9480);
	assert_int_equal(state_in(f->map, 19, NULL), 0);
	assert_int_equal(state_in(f->map, 9500, NULL), 0);
	assert_int_equal(state_in(f->map, 42, &hits), AXFW_ADMITTED);
	assert_int_equal(hits, 7);
	reconcile(f, 20, 9500, AXFW_REVOKED, false);
	assert_false(is_complete(f->k));
	assert_int_equal(state_in(f->map, 9000, &hits), AXFW_REVOKED);
	assert_int_equal(hits, 8);
	assert_int_equal(kernel_reconcile_end(f->k, true), -EINVAL);
	assert_false(is_complete(f->k));
}

/* A revocation in the middle of the reconcile, which had read the key as active before. */
static void test_change_during_reconcile(void **state)
{
	struct fixture *f = *state;
	struct axfw_admission admitted = lab_admission(AXFW_ADMITTED, 1);
	struct axfw_key_hash one = lab_hash(1);

	put(f, 2, AXFW_ADMITTED);
	assert_int_equal(kernel_reconcile_begin(f->k), 0);
	assert_int_equal(kernel_reconcile_begin(f->k), -EBUSY);
	assert_int_equal(kernel_reconcile_put(f->k, &one, &admitted), 0);
	put(f, 1, AXFW_REVOKED);
	put(f, 2, AXFW_REVOKED); /* never put by the reconcile: made after it read the store */
	put(f, 3, AXFW_ADMITTED);
	assert_int_equal(kernel_reconcile_end(f->k, true), 0);
	assert_int_equal(state_in(f->map, 1, NULL), AXFW_REVOKED);
	assert_int_equal(state_in(f->map, 2, NULL), AXFW_REVOKED);
	assert_int_equal(state_in(f->map, 3, NULL), AXFW_ADMITTED);
}

static void test_reconcile_grows(void **state)
{
	struct fixture *f = *state;
	const uint32_t count = AXFW_ADMISSIONS_MAX * 2 + 100;
	uint32_t link = lab_pinned_link_id("link_xdp_lo"), program = lab_pinned_program_id();
	uint64_t capacity = 0, hits = 0, from = clock_monotonic_ns();
	struct kernel_state s;
	int map;

	put(f, 3, AXFW_ADMITTED);
	add_hits(f->map, 3, 11);
	reconcile(f, 0, count, AXFW_ADMITTED, true);
	print_message("reconcile of %u keys: %llu ms\n", count,
		      (unsigned long long)((clock_monotonic_ns() - from) / NS_PER_MS));
	assert_int_equal(entries(f->k, "admissions", &capacity), count);
	assert_int_equal(capacity, AXFW_ADMISSIONS_MAX * 4);
	assert_true(is_complete(f->k));
	assert_int_equal(lab_pinned_link_id("link_xdp_lo"), link);
	assert_int_not_equal(lab_pinned_program_id(), program);
	map = lab_pinned_fd("admissions");
	assert_int_equal(state_in(map, 3, &hits), AXFW_ADMITTED);
	assert_int_equal(hits, 11);
	assert_int_equal(state_in(map, count - 1, NULL), AXFW_ADMITTED);
	assert_int_equal(state_in(f->map, count - 1, NULL), 0); /* the old one */
	close(map);

	kernel_keep(f->k); /* and the bigger map is adopted as it is */
	kernel_stop(&f->k);
	f->k = lab_start("lo");
	kernel_state(f->k, &s);
	assert_true(s.adopted);
	assert_int_equal(entries(f->k, "admissions", &capacity), count);
	assert_int_equal(capacity, AXFW_ADMISSIONS_MAX * 4);
}

static bool has_grown(void *arg)
{
	uint64_t capacity = 0;

	entries(arg, "admissions", &capacity);
	return capacity == 2 * AXFW_ADMISSIONS_MAX;
}

static void test_grows_by_itself(void **state)
{
	struct fixture *f = *state;
	const uint32_t limit = AXFW_ADMISSIONS_MAX / 4 * 3;
	int map;

	reconcile(f, 0, limit - 1, AXFW_ADMITTED, true);
	assert_false(has_grown(f->k));
	put(f, limit, AXFW_ADMITTED);
	lab_wait(has_grown, f->k, "the admissions are bigger");
	put(f, limit + 1, AXFW_REVOKED);
	map = lab_pinned_fd("admissions");
	assert_int_equal(state_in(map, limit + 1, NULL), AXFW_REVOKED);
	assert_int_equal(state_in(map, limit, NULL), AXFW_ADMITTED);
	close(map);
	assert_true(is_complete(f->k));
}

/* --- from several threads -------------------------------------------------------------------- */

struct worker {
	struct fixture *f;
	uint32_t from;
};

static void *put_and_ask(void *arg)
{
	const struct worker *w = arg;
	struct axfw_counter counters[AXFW_REASON_COUNT];
	struct kernel_map_state maps[MAP_COUNT];
	struct kernel_state s;

	for (uint32_t i = 0; i < 2000; i++) {
		struct axfw_key_hash hash = lab_hash(w->from + i);

		put(w->f, w->from + i, AXFW_ADMITTED);
		kernel_remember_unknown(w->f->k, &hash, kernel_generation(w->f->k));
		if (i % 2)
			kernel_forget_key(w->f->k, &hash);
		if (i % 100)
			continue;
		kernel_bump_generation(w->f->k);
		kernel_state(w->f->k, &s);
		kernel_counters(w->f->k, counters);
		kernel_map_states(w->f->k, maps, ARRAY_SIZE(maps));
	}
	return NULL;
}

/* Four threads change keys while the map grows under them; nothing is lost. */
static void test_threads_while_growing(void **state)
{
	struct fixture *f = *state;
	const uint32_t limit = AXFW_ADMISSIONS_MAX / 4 * 3, first = 1000000;
	struct worker workers[4];
	pthread_t threads[4];
	int map;

	reconcile(f, 0, limit - 100, AXFW_ADMITTED, false);
	for (uint32_t i = 0; i < ARRAY_SIZE(threads); i++) {
		workers[i] = (struct worker){ .f = f, .from = first * (i + 1) };
		assert_int_equal(pthread_create(&threads[i], NULL, put_and_ask, &workers[i]), 0);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	lab_wait(has_grown, f->k, "the admissions are bigger");
	map = lab_pinned_fd("admissions");
	for (uint32_t i = 0; i < ARRAY_SIZE(threads); i++)
		for (uint32_t j = 0; j < 2000; j++)
			assert_int_equal(state_in(map, workers[i].from + j, NULL),
					 j % 2 ? 0 : AXFW_ADMITTED);
	close(map);
	assert_int_equal(entries(f->k, "admissions", NULL), limit - 100 + 4 * 1000);
}

/* --- writes that fail: the map is taken away from under the module --------------------------- */

static int take_map_away(struct kernel *k)
{
	int fd;

	pthread_mutex_lock(&k->sync_lock);
	fd = k->object.map_fd[MAP_admissions];
	k->object.map_fd[MAP_admissions] = -1;
	pthread_mutex_unlock(&k->sync_lock);
	return fd;
}

static void give_map_back(struct kernel *k, int fd)
{
	pthread_mutex_lock(&k->sync_lock);
	k->object.map_fd[MAP_admissions] = fd;
	pthread_mutex_unlock(&k->sync_lock);
}

static bool complete_again(void *arg)
{
	return is_complete(arg);
}

static void test_failed_put_is_retried(void **state)
{
	struct fixture *f = *state;
	struct kernel_state s;
	int fd;

	kernel_set_complete(f->k, true);
	fd = take_map_away(f->k);
	put(f, 1, AXFW_ADMITTED);
	assert_false(is_complete(f->k)); /* a miss is not a refusal now */
	kernel_set_complete(f->k, true); /* nor because the store knows all its keys */
	assert_false(is_complete(f->k));
	give_map_back(f->k, fd);
	lab_wait(complete_again, f->k, "the entry is written");
	assert_int_equal(state_in(f->map, 1, NULL), AXFW_ADMITTED);
	assert_int_equal(f->k->config->refuse, AXFW_REFUSE_ANSWER);
	kernel_state(f->k, &s);
	assert_true(s.sync_failures > 0);
}

static void test_failed_revocation_is_told(void **state)
{
	struct fixture *f = *state;
	struct axfw_admission revoked = lab_admission(AXFW_REVOKED, 1);
	struct axfw_key_hash hash = lab_hash(1);
	int fd;

	put(f, 1, AXFW_ADMITTED);
	kernel_set_complete(f->k, true);
	fd = take_map_away(f->k);
	assert_true(kernel_put_key(f->k, &hash, &revoked) < 0);
	assert_false(is_complete(f->k));
	give_map_back(f->k, fd);
	lab_wait(complete_again, f->k, "the revocation is written");
	assert_int_equal(state_in(f->map, 1, NULL), AXFW_REVOKED);
}

/* An old entry that might refuse what userspace now admits, and can't be replaced or deleted. */
static void test_stale_refusal_stops_refusing(void **state)
{
	struct fixture *f = *state;
	int fd;

	put(f, 1, AXFW_QUOTA_EXHAUSTED);
	fd = take_map_away(f->k);
	put(f, 1, AXFW_ADMITTED);
	assert_int_equal(f->k->config->refuse, AXFW_REFUSE_PASS);
	kernel_set_complete(f->k, true);
	assert_int_equal(f->k->config->refuse, AXFW_REFUSE_PASS);
	give_map_back(f->k, fd);
	lab_wait(complete_again, f->k, "the entry is written");
	assert_int_equal(f->k->config->refuse, AXFW_REFUSE_ANSWER);
	assert_int_equal(state_in(f->map, 1, NULL), AXFW_ADMITTED);
}

static void test_too_much_to_retry(void **state)
{
	struct fixture *f = *state;
	int fd = take_map_away(f->k);

	for (uint32_t i = 0; i < PENDING_MAX + 10; i++)
		put(f, i, AXFW_ADMITTED);
	give_map_back(f->k, fd);
	kernel_set_complete(f->k, true);
	assert_false(is_complete(f->k)); /* ten keys are lost until the next reconcile */
	reconcile(f, 0, PENDING_MAX + 10, AXFW_ADMITTED, true);
	lab_wait(complete_again, f->k, "the reconcile has made up for it");
	assert_int_equal(entries(f->k, "admissions", NULL), PENDING_MAX + 10);
}

/* What a node does: it knows all keys. */
static void reconcile_again(void *arg)
{
	reconcile(arg, 0, PENDING_MAX + 10, AXFW_ADMITTED, true);
}

static void test_loss_is_made_up_for(void **state)
{
	struct fixture *f = *state;
	int fd = take_map_away(f->k);

	for (uint32_t i = 0; i < PENDING_MAX + 10; i++)
		put(f, i, AXFW_ADMITTED);
	give_map_back(f->k, fd);
	kernel_on_loss(f->k, reconcile_again, f);
	lab_wait(complete_again, f->k, "the node was asked for a reconcile");
	assert_int_equal(entries(f->k, "admissions", NULL), PENDING_MAX + 10);
	kernel_on_loss(f->k, NULL, NULL);
}

/* No room and no bigger map: what doesn't fit passes, is counted, and is written when there is. */
static void test_map_is_full(void **state)
{
	const uint32_t over = 10;
	struct fixture *f = *state;
	struct kernel_state s;

	f->k->admissions_max = ADMISSIONS_GROWN_MAX; /* as big as it will get */
	reconcile(f, 0, AXFW_ADMISSIONS_MAX, AXFW_ADMITTED, true);
	assert_true(is_complete(f->k));
	for (uint32_t i = 0; i < over; i++)
		put(f, AXFW_ADMISSIONS_MAX + i, AXFW_ADMITTED);
	assert_false(is_complete(f->k)); /* so a miss passes */
	assert_int_equal(f->k->config->refuse, AXFW_REFUSE_ANSWER);
	kernel_state(f->k, &s);
	assert_true(s.sync_failures >= over);
	put(f, 0, AXFW_REVOKED); /* what is there can be changed */
	assert_int_equal(state_in(f->map, 0, NULL), AXFW_REVOKED);
	for (uint32_t i = 1; i <= over; i++) {
		struct axfw_key_hash hash = lab_hash(i);

		assert_int_equal(kernel_forget_key(f->k, &hash), 0);
	}
	lab_wait(complete_again, f->k, "there is room again");
	assert_int_equal(state_in(f->map, AXFW_ADMISSIONS_MAX + over - 1, NULL), AXFW_ADMITTED);
}

static void note_set(void *arg)
{
	atomic_fetch_add((_Atomic unsigned *)arg, 1);
}

static bool was_set_once(void *arg)
{
	return atomic_load((_Atomic unsigned *)arg) == 1;
}

static bool was_set_twice(void *arg)
{
	return atomic_load((_Atomic unsigned *)arg) == 2;
}

/* To the time that it shows: that it was set is what counts. */
static void set_wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	assert_int_equal(clock_settime(CLOCK_REALTIME, &now), 0);
}

static void test_wall_clock_is_set(void **state)
{
	struct fixture *f = *state;
	_Atomic unsigned count = 0;

	kernel_on_clock_set(f->k, note_set, &count);
	set_wall_clock();
	lab_wait(was_set_once, &count, "the clock's being set is noticed");
	set_wall_clock();
	lab_wait(was_set_twice, &count, "it is noticed again");
	kernel_on_clock_set(f->k, NULL, NULL);
}

int run_sync_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_put_replaces_and_keeps_hits, start, stop),
		cmocka_unit_test_setup_teardown(test_unknown_keys, start, stop),
		cmocka_unit_test_setup_teardown(test_reconcile, start, stop),
		cmocka_unit_test_setup_teardown(test_change_during_reconcile, start, stop),
		cmocka_unit_test_setup_teardown(test_reconcile_grows, start, stop),
		cmocka_unit_test_setup_teardown(test_grows_by_itself, start, stop),
		cmocka_unit_test_setup_teardown(test_threads_while_growing, start, stop),
		cmocka_unit_test_setup_teardown(test_failed_put_is_retried, start, stop),
		cmocka_unit_test_setup_teardown(test_failed_revocation_is_told, start, stop),
		cmocka_unit_test_setup_teardown(test_stale_refusal_stops_refusing, start, stop),
		cmocka_unit_test_setup_teardown(test_too_much_to_retry, start, stop),
		cmocka_unit_test_setup_teardown(test_loss_is_made_up_for, start, stop),
		cmocka_unit_test_setup_teardown(test_map_is_full, start, stop),
		cmocka_unit_test_setup_teardown(test_wall_clock_is_set, start, stop),
	};

	return cmocka_run_group_tests_name("kernel: sync", tests, NULL, NULL);
}
