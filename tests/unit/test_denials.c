/* SPDX-License-Identifier: Apache-2.0 */
/* Tier 0 in userspace: which prefix counts, how long, who is boxed, and what outlives a restart. */
#include "store_fixture.h"
#include "denials/internal.h"

#define MINUTE_NS (60 * NS_PER_S)

/* --- the list -------------------------------------------------------------------------------- */

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static struct address address(const char *text)
{
	struct address a;

	assert_int_equal(address_parse(text, &a), 0);
	return a;
}

static void put(struct list *l, const char *text, enum axfw_denial_cause cause, uint64_t until_ns)
{
	struct entry e = { .prefix = prefix(text), .cause = cause, .until_ns = until_ns };

	assert_int_equal(list_put(l, &e), 0);
}

static uint64_t end(const struct list *l, const char *text)
{
	const struct prefix p = prefix(text);
	enum axfw_denial_cause cause;

	return list_end(l, &p, &cause);
}

static void the_latest_end_of_all_that_cover_counts(void **state)
{
	struct list l = { 0 };

	put(&l, "192.0.2.0/24", AXFW_DENIED_BY_OPERATOR, 500);
	put(&l, "192.0.2.7", AXFW_DENIED_BY_PENALTY, 100);
	put(&l, "192.0.0.0/16", AXFW_DENIED_BY_OPERATOR, 300);
	assert_int_equal(end(&l, "192.0.2.7"), 500);
	assert_int_equal(end(&l, "192.0.2.8"), 500);
	assert_int_equal(end(&l, "192.0.3.8"), 300);
	assert_int_equal(end(&l, "192.1.3.8"), 0);
	/* and the other way round: the longer one ends later */
	put(&l, "192.0.2.7", AXFW_DENIED_BY_PENALTY, 900);
	assert_int_equal(end(&l, "192.0.2.7"), 900);
	assert_int_equal(end(&l, "192.0.2.6"), 500);
	list_free(&l);
}

static void one_prefix_may_be_listed_for_both_causes(void **state)
{
	const struct prefix p = prefix("192.0.2.7");
	struct list l = { 0 };

	put(&l, "192.0.2.7", AXFW_DENIED_BY_PENALTY, 100);
	put(&l, "192.0.2.7", AXFW_DENIED_BY_OPERATOR, 50);
	assert_int_equal(l.count, 2);
	assert_int_equal(end(&l, "192.0.2.7"), 100);
	assert_true(list_remove(&l, &p, AXFW_DENIED_BY_PENALTY));
	assert_int_equal(end(&l, "192.0.2.7"), 50);
	assert_false(list_remove(&l, &p, AXFW_DENIED_BY_PENALTY));
	list_free(&l);
}

/* Against a plain search over all entries, for thousands of nested prefixes. */
static void every_end_is_that_of_a_plain_search(void **state)
{
	struct list l = { 0 };
	uint32_t random = 1;

	for (unsigned i = 0; i < 3000; i++) {
		struct address a = { .bytes = { 0x20, 1 } };
		struct entry e;

		random = random * 1664525 + 1013904223;
		a.bytes[2] = (uint8_t)(random >> 24) & 3;
		a.bytes[3] = (uint8_t)(random >> 16);
		e = (struct entry){ .prefix = prefix_of(&a, 16 + (random >> 8) % 20),
				    .cause = 1 + (random >> 30) % 2,
				    .until_ns = random % 1000 + 1 };
		if (random % 5 == 0)
			list_remove(&l, &e.prefix, e.cause);
		else
			assert_int_equal(list_put(&l, &e), 0);
	}
	assert_true(l.count > 500);
	for (size_t i = 0; i < l.count; i++) {
		const struct prefix *p = &l.entries[i].prefix;
		enum axfw_denial_cause cause;
		uint64_t latest = 0;
		size_t below, under = 0;

		for (size_t j = 0; j < l.count; j++) {
			if (prefix_covers(&l.entries[j].prefix, p))
				latest = MAX(latest, l.entries[j].until_ns);
			under += prefix_covers(p, &l.entries[j].prefix);
		}
		assert_int_equal(list_end(&l, p, &cause), latest);
		assert_non_null(list_under(&l, p, &below));
		assert_int_equal(below, under);
	}
	list_free(&l);
}

/* --- standing and refusals ------------------------------------------------------------------- */

static struct address numbered(uint32_t n)
{
	struct address a = address("10.0.0.0");

	a.bytes[13] = (uint8_t)(n >> 16);
	a.bytes[14] = (uint8_t)(n >> 8);
	a.bytes[15] = (uint8_t)n;
	return a;
}

static void a_valid_key_is_good_for_an_hour(void **state)
{
	const struct address a = address("192.0.2.1"), b = address("192.0.2.2");
	struct standing *s;

	assert_int_equal(standing_new(&s), 0);
	standing_note(s, &a, 10 * MINUTE_NS);
	assert_true(standing_is_good(s, &a, 10 * MINUTE_NS));
	assert_true(standing_is_good(s, &a, 70 * MINUTE_NS));
	assert_false(standing_is_good(s, &a, 72 * MINUTE_NS));
	assert_false(standing_is_good(s, &b, 10 * MINUTE_NS));
	standing_note(s, &a, 71 * MINUTE_NS);
	assert_true(standing_is_good(s, &a, 120 * MINUTE_NS));
	standing_free(&s);
}

static void nobody_is_forgotten_when_there_are_too_many(void **state)
{
	const struct address stranger = address("192.0.2.1");
	struct standing *s;

	assert_int_equal(standing_new(&s), 0);
	for (uint32_t n = 0; n < 200000; n++) {
		const struct address a = numbered(n);

		standing_note(s, &a, MINUTE_NS);
	}
	for (uint32_t n = 0; n < 200000; n++) {
		const struct address a = numbered(n);

		assert_true(standing_is_good(s, &a, 2 * MINUTE_NS));
	}
	/* an hour after the crowd the sets say again what they know */
	assert_false(standing_is_good(s, &stranger, 80 * MINUTE_NS));
	standing_free(&s);
}

static void the_limit_is_of_one_client_and_one_window(void **state)
{
	const struct axfw_penalty_rule rule = { .window_ns = 10 * NS_PER_S, .refusals = 5 };
	const struct address a = address("192.0.2.1"), b = address("192.0.2.2");
	struct refusals *r;

	assert_int_equal(refusals_new(&rule, &r), 0);
	for (unsigned n = 1; n < 5; n++) {
		assert_false(refusals_add(r, &a, NS_PER_S));
		assert_false(refusals_add(r, &b, NS_PER_S));
	}
	assert_true(refusals_add(r, &a, 2 * NS_PER_S));
	assert_false(refusals_add(r, &a, 2 * NS_PER_S));  /* begins anew */
	assert_false(refusals_add(r, &b, 12 * NS_PER_S)); /* its window is over */
	refusals_free(&r);
}

static void who_comes_once_does_not_hide_who_keeps_coming(void **state)
{
	const struct axfw_penalty_rule rule = { .window_ns = 10 * NS_PER_S, .refusals = 50 };
	const struct address a = address("192.0.2.1");
	unsigned reached = 0;
	struct refusals *r;

	assert_int_equal(refusals_new(&rule, &r), 0);
	for (uint32_t n = 0; n < 50 * 2000; n++) {
		const struct address other = numbered(n);

		if (n % 2000 == 0)
			reached += refusals_add(r, &a, NS_PER_S);
		assert_false(refusals_add(r, &other, NS_PER_S));
	}
	assert_int_equal(reached, 1);
	refusals_free(&r);
}

/* --- the whole, without a kernel half -------------------------------------------------------- */

struct box_fixture {
	struct fixture *store;
	struct kernel *kernel;
	struct denials *denials;
	struct prefix_list proxies;
	atomic_uint boxed;
	atomic_ullong unsaid;
};

static void on_boxed(void *arg, const struct prefix *source, unsigned seconds, uint64_t unsaid)
{
	struct box_fixture *f = arg;

	assert_int_equal(seconds, 60);
	atomic_fetch_add(&f->boxed, 1);
	atomic_fetch_add(&f->unsaid, unsaid);
}

static void open_denials(struct box_fixture *f)
{
	const struct denials_options o = {
		.store = f->store->store,
		.kernel = f->kernel,
		.proxies = &f->proxies,
		.penalty = { .window_ns = 10 * NS_PER_S, .refusals = 3 },
		.penalty_ns = 60 * NS_PER_S,
		.boxed = on_boxed,
		.arg = f,
	};

	assert_int_equal(denials_open(&o, &f->denials), 0);
}

static int setup(void **state)
{
	static const uint8_t key[CRYPTO_SIPHASH_KEY];
	static const struct axfw_route routes[1];
	const struct kernel_options k = { .routes = routes,
					  .interfaces = "none",
					  .pin_dir = "/sys/fs/bpf/none",
					  .admission_key = key };
	struct box_fixture *f = calloc(1, sizeof(*f));
	char error[256];

	assert_non_null(f);
	fixture_setup((void **)&f->store);
	fixture_open(f->store);
	assert_int_equal(prefix_list_parse("192.0.2.50,2001:db8:50::/64", &f->proxies), 0);
	assert_int_equal(kernel_start(&k, &f->kernel, error, sizeof(error)), 0);
	open_denials(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct box_fixture *f = *state;

	denials_close(&f->denials);
	kernel_stop(&f->kernel);
	prefix_list_free(&f->proxies);
	fixture_teardown((void **)&f->store);
	free(f);
	return 0;
}

static void restart(struct box_fixture *f)
{
	denials_close(&f->denials);
	store_close(&f->store->store);
	fixture_open(f->store);
	open_denials(f);
}

static int deny(struct box_fixture *f, const char *text, uint64_t until_us, bool force)
{
	struct denial d = { .prefix = prefix(text), .until_us = until_us, .reason = "scans" }, ret;
	int r = denials_add(f->denials, &d, force, &ret);

	if (r == 0)
		assert_false(ret.in_kernel);
	return r;
}

static bool is_denied(struct box_fixture *f, const char *text)
{
	const struct address a = address(text);

	return denials_refuse(f->denials, &a);
}

static void an_order_holds_until_it_is_taken_back(void **state)
{
	const struct prefix p = prefix("203.0.113.0/24");
	struct box_fixture *f = *state;
	struct denial *list;
	size_t count;

	assert_false(is_denied(f, "203.0.113.9"));
	assert_int_equal(deny(f, "203.0.113.0/24", 0, false), 0);
	assert_true(is_denied(f, "203.0.113.9"));
	assert_false(is_denied(f, "203.0.114.9"));
	restart(f);
	assert_true(is_denied(f, "203.0.113.9"));
	assert_int_equal(denials_list(f->denials, &list, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].reason, "scans");
	free(list);
	assert_int_equal(denials_remove(f->denials, &p), 0);
	assert_int_equal(denials_remove(f->denials, &p), -ENOENT);
	assert_false(is_denied(f, "203.0.113.9"));
	restart(f);
	assert_false(is_denied(f, "203.0.113.9"));
}

static void an_order_ends_at_its_end(void **state)
{
	struct box_fixture *f = *state;
	struct denials_counts counts = { .operator_entries = 1 };

	assert_int_equal(deny(f, "203.0.113.9", clock_wall_us() + 150000, false), 0);
	assert_true(is_denied(f, "203.0.113.9"));
	for (int i = 0; i < 10000 && counts.operator_entries; i++) {
		usleep(1000);
		denials_count(f->denials, &counts);
	}
	assert_int_equal(counts.operator_entries, 0);
	assert_false(is_denied(f, "203.0.113.9"));
	restart(f);
	denials_count(f->denials, &counts);
	assert_int_equal(counts.operator_entries, 0);
}

static void what_would_shut_everybody_out_wants_force(void **state)
{
	static const char *const texts[] = { "127.0.0.1",    "127.0.0.0/8",   "::1",
					     "0.0.0.0/0",    "::/0",	      "192.0.2.50",
					     "192.0.2.0/24", "2001:db8:50::7" };
	struct box_fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(deny(f, texts[i], 0, false), -EPERM);
		assert_int_equal(deny(f, texts[i], 0, true), 0);
	}
	assert_true(is_denied(f, "127.0.0.1"));
	assert_true(is_denied(f, "198.51.100.1"));
}

static void orders_that_make_no_sense_are_refused(void **state)
{
	struct denial d = { .prefix = prefix("203.0.113.9") }, ret;
	struct box_fixture *f = *state;

	assert_int_equal(deny(f, "203.0.113.9", 1, false), -ETIME);
	strcpy(d.reason, "two\nlines");
	assert_int_equal(denials_add(f->denials, &d, false, &ret), -EINVAL);
	memset(d.reason, 'x', sizeof(d.reason));
	assert_int_equal(denials_add(f->denials, &d, false, &ret), -EINVAL);
	strcpy(d.reason, "\xff");
	assert_int_equal(denials_add(f->denials, &d, false, &ret), -EINVAL);
}

static void wait_for_boxed(struct box_fixture *f, uint64_t boxed, uint64_t spared)
{
	struct denials_counts counts;

	for (int i = 0; i < 10000; i++) {
		denials_count(f->denials, &counts);
		if (counts.boxed == boxed && counts.spared == spared)
			return;
		usleep(1000);
	}
	fail_msg("boxed %llu, spared %llu", (unsigned long long)counts.boxed,
		 (unsigned long long)counts.spared);
}

static void refuse(struct box_fixture *f, const char *text, unsigned times)
{
	const struct address a = address(text);

	for (unsigned i = 0; i < times; i++)
		denials_count_refusal(f->denials, &a, clock_monotonic_ns());
}

static void who_keeps_being_refused_is_boxed(void **state)
{
	const struct prefix p = prefix("203.0.113.9");
	struct box_fixture *f = *state;

	refuse(f, "203.0.113.9", 2);
	refuse(f, "203.0.113.8", 3);
	wait_for_boxed(f, 1, 0);
	assert_true(is_denied(f, "203.0.113.8"));
	assert_false(is_denied(f, "203.0.113.9"));
	refuse(f, "203.0.113.9", 1);
	wait_for_boxed(f, 2, 0);
	assert_true(is_denied(f, "203.0.113.9"));
	assert_int_equal(denials_remove(f->denials, &p), 0); /* the operator lets it out */
	assert_false(is_denied(f, "203.0.113.9"));
	assert_int_equal(atomic_load(&f->boxed), 2);
}

static uint64_t end_of(struct box_fixture *f, const char *text)
{
	const struct prefix p = prefix(text);
	uint64_t until_us = 0;
	struct denial *list;
	size_t count;

	assert_int_equal(denials_list(f->denials, &list, &count), 0);
	for (size_t i = 0; i < count; i++)
		if (prefix_covers(&list[i].prefix, &p) && prefix_covers(&p, &list[i].prefix))
			until_us = list[i].until_us;
	free(list);
	return until_us;
}

static void a_restart_lets_nobody_out(void **state)
{
	const struct prefix p = prefix("203.0.113.8");
	struct box_fixture *f = *state;
	uint64_t end_us;

	refuse(f, "203.0.113.8", 3);
	refuse(f, "2001:db8:1:2::1", 3);
	wait_for_boxed(f, 2, 0);
	end_us = end_of(f, "203.0.113.8");
	restart(f);
	assert_true(is_denied(f, "203.0.113.8"));
	assert_true(is_denied(f, "2001:db8:1:2:ffff::4"));
	assert_in_range(end_of(f, "203.0.113.8"), end_us - 1000000, end_us + 1000000);
	assert_int_equal(denials_remove(f->denials, &p), 0);
	restart(f);
	assert_false(is_denied(f, "203.0.113.8"));
	assert_true(is_denied(f, "2001:db8:1:2::1"));
}

static void a_restart_boxes_nobody_who_may_not_be(void **state)
{
	const uint64_t now_us = clock_wall_us(), second_us = 1000000;
	struct store_denial rows[] = {
		{ .prefix = prefix("203.0.113.1"), .until_us = now_us + 60 * second_us },
		{ .prefix = prefix("203.0.113.2"), .until_us = now_us - 1 },
		{ .prefix = prefix("203.0.113.3"), .until_us = now_us + 3600 * second_us },
		{ .prefix = prefix("192.0.2.50"), .until_us = now_us + 60 * second_us },
	};
	struct box_fixture *f = *state;

	assert_int_equal(store_put_boxed(f->store->store, rows, ARRAY_SIZE(rows), 0), 0);
	restart(f);
	assert_true(is_denied(f, "203.0.113.1"));
	assert_false(is_denied(f, "203.0.113.2")); /* it was let out meanwhile */
	assert_false(is_denied(f, "203.0.113.3")); /* longer than anybody stays: a stepped clock */
	assert_false(is_denied(f, "192.0.2.50"));  /* a proxy now */
}

static void an_ipv6_network_is_boxed_whole(void **state)
{
	struct box_fixture *f = *state;

	refuse(f, "2001:db8:1:2::1", 1);
	refuse(f, "2001:db8:1:2::2", 1);
	refuse(f, "2001:db8:1:2::3", 1);
	wait_for_boxed(f, 1, 0);
	assert_true(is_denied(f, "2001:db8:1:2:ffff::4"));
	assert_false(is_denied(f, "2001:db8:1:3::1"));
}

static void the_box_spares_who_may_be_somebodys_customer(void **state)
{
	const struct address customer = address("203.0.113.7"), network = address("2001:db8:7::1");
	struct box_fixture *f = *state;

	denials_vouch(f->denials, &customer, clock_monotonic_ns());
	denials_vouch(f->denials, &network, clock_monotonic_ns());
	refuse(f, "203.0.113.7", 3);
	refuse(f, "2001:db8:7::99", 3); /* of the same /64 */
	refuse(f, "127.0.0.1", 3);
	refuse(f, "::1", 3);
	refuse(f, "192.0.2.50", 3); /* a trusted proxy */
	refuse(f, "2001:db8:50::1", 3);
	wait_for_boxed(f, 0, 6);
	assert_false(is_denied(f, "127.0.0.1"));
	assert_false(is_denied(f, "203.0.113.7"));
}

static void a_flood_of_sources_is_not_a_flood_of_lines(void **state)
{
	struct box_fixture *f = *state;
	struct denials_counts counts;
	char text[32];

	for (unsigned n = 0; n < 200; n++) {
		snprintf(text, sizeof(text), "203.0.113.%u", n);
		refuse(f, text, 3);
		wait_for_boxed(f, n + 1, 0);
	}
	denials_count(f->denials, &counts);
	assert_int_equal(counts.boxed_entries, 200);
	assert_in_range(atomic_load(&f->boxed), 1, 20); /* 10 a minute, and a minute may turn */
}

/* Fills one half of the list without a disk. */
static void fill(struct box_fixture *f, enum axfw_denial_cause cause, unsigned count)
{
	pthread_mutex_lock(&f->denials->change);
	pthread_rwlock_wrlock(&f->denials->lock);
	for (unsigned n = 0; n < count; n++) {
		const struct address a = numbered(n);
		struct entry e = { .prefix = prefix_of(&a, 128),
				   .cause = cause,
				   .in_kernel = true,
				   .until_ns = UINT64_MAX };

		assert_int_equal(list_put(&f->denials->list, &e), 0);
	}
	pthread_rwlock_unlock(&f->denials->lock);
	pthread_mutex_unlock(&f->denials->change);
}

static void a_full_list_is_said(void **state)
{
	struct box_fixture *f = *state;

	fill(f, AXFW_DENIED_BY_OPERATOR, DENIALS_OPERATOR_MAX - 1);
	assert_int_equal(deny(f, "203.0.113.1", 0, false), 0);
	assert_int_equal(deny(f, "203.0.113.2", 0, false), -ENOSPC);
	assert_int_equal(deny(f, "203.0.113.1", 0, false), 0); /* said again */
	refuse(f, "203.0.113.3", 3);			       /* the box has its own half */
	wait_for_boxed(f, 1, 0);
}

static void a_full_box_boxes_nobody(void **state)
{
	struct box_fixture *f = *state;
	struct denials_counts counts = { 0 };

	fill(f, AXFW_DENIED_BY_PENALTY, DENIALS_PENALTY_MAX);
	refuse(f, "203.0.113.3", 3);
	for (int i = 0; i < 10000 && !counts.box_full; i++) {
		usleep(1000);
		denials_count(f->denials, &counts);
	}
	assert_int_equal(counts.box_full, 1);
	assert_false(is_denied(f, "203.0.113.3"));
	assert_int_equal(deny(f, "203.0.113.3", 0, false), 0); /* the operator has his */
}

static uint64_t end_of_first(struct box_fixture *f)
{
	uint64_t until_ns;

	pthread_rwlock_rdlock(&f->denials->lock);
	until_ns = f->denials->list.entries[0].until_ns;
	pthread_rwlock_unlock(&f->denials->lock);
	return until_ns;
}

/* A clock that is stepped forward by an hour brings an end an hour nearer: the same as an end that
 * is an hour too far for the clock. */
static void ends_follow_the_wall_clock(void **state)
{
	struct box_fixture *f = *state;
	uint64_t right_ns, now_ns = 0;

	assert_int_equal(deny(f, "203.0.113.1", clock_wall_us() + 7200 * US_PER_S, false), 0);
	right_ns = end_of_first(f);
	pthread_rwlock_wrlock(&f->denials->lock);
	f->denials->list.entries[0].until_ns += 3600 * NS_PER_S;
	pthread_rwlock_unlock(&f->denials->lock);
	keeper_wake(f->denials);
	for (int i = 0; i < 10000 && (now_ns = end_of_first(f)) > right_ns + NS_PER_S; i++)
		usleep(1000);
	assert_in_range(now_ns, right_ns - NS_PER_S, right_ns + NS_PER_S);
}

/* Requests, connections and an operator at once. */
struct crowd {
	struct box_fixture *f;
	unsigned number;
	atomic_bool *stop;
};

static void *be_served(void *arg)
{
	struct crowd *c = arg;
	uint32_t n = 0;

	while (!atomic_load(c->stop)) {
		const struct address a = numbered(c->number * 65536 + n++ % 300);
		uint64_t now_ns = clock_monotonic_ns();

		denials_refuse(c->f->denials, &a);
		if (n % 3)
			denials_vouch(c->f->denials, &a, now_ns);
		else
			denials_count_refusal(c->f->denials, &a, now_ns);
	}
	return NULL;
}

static void everything_at_once(void **state)
{
	struct box_fixture *f = *state;
	struct crowd crowds[3];
	pthread_t threads[ARRAY_SIZE(crowds)];
	atomic_bool stop = false;
	struct denial *list;
	size_t count;

	for (unsigned i = 0; i < ARRAY_SIZE(crowds); i++) {
		crowds[i] = (struct crowd){ f, i, &stop };
		assert_int_equal(pthread_create(&threads[i], NULL, be_served, &crowds[i]), 0);
	}
	for (unsigned n = 0; n < 200; n++) {
		struct denial d = { .prefix = prefix("10.0.0.0/8"), .reason = "all" }, ret;

		assert_int_equal(denials_add(f->denials, &d, false, &ret), 0);
		assert_int_equal(denials_list(f->denials, &list, &count), 0);
		assert_true(count >= 1);
		free(list);
		assert_int_equal(denials_remove(f->denials, &d.prefix), 0);
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < ARRAY_SIZE(crowds); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(denials_list(f->denials, &list, &count), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(list[i].cause, AXFW_DENIED_BY_PENALTY);
	free(list);
}

static void no_list_denies_nobody(void **state)
{
	const struct address a = address("203.0.113.7");
	struct denials_counts counts;

	assert_false(denials_refuse(NULL, &a));
	denials_vouch(NULL, &a, 1);
	denials_count_refusal(NULL, &a, 1);
	denials_count(NULL, &counts);
	assert_int_equal(counts.boxed, 0);
}

int main(void)
{
#define WHOLE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_latest_end_of_all_that_cover_counts),
		cmocka_unit_test(one_prefix_may_be_listed_for_both_causes),
		cmocka_unit_test(every_end_is_that_of_a_plain_search),
		cmocka_unit_test(a_valid_key_is_good_for_an_hour),
		cmocka_unit_test(nobody_is_forgotten_when_there_are_too_many),
		cmocka_unit_test(the_limit_is_of_one_client_and_one_window),
		cmocka_unit_test(who_comes_once_does_not_hide_who_keeps_coming),
		WHOLE(an_order_holds_until_it_is_taken_back),
		WHOLE(an_order_ends_at_its_end),
		WHOLE(what_would_shut_everybody_out_wants_force),
		WHOLE(orders_that_make_no_sense_are_refused),
		WHOLE(who_keeps_being_refused_is_boxed),
		WHOLE(a_restart_lets_nobody_out),
		WHOLE(a_restart_boxes_nobody_who_may_not_be),
		WHOLE(an_ipv6_network_is_boxed_whole),
		WHOLE(the_box_spares_who_may_be_somebodys_customer),
		WHOLE(a_flood_of_sources_is_not_a_flood_of_lines),
		WHOLE(a_full_list_is_said),
		WHOLE(a_full_box_boxes_nobody),
		WHOLE(ends_follow_the_wall_clock),
		WHOLE(everything_at_once),
		cmocka_unit_test(no_list_denies_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
