/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator's arithmetic: a wrong histogram or a wrong law of Zipf makes every figure
 * wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../../tools/bench/bench.h"

#define KEYS  1000
#define DRAWS 400000

/* A percentile is never below the true one and at most one bucket's width above it. */
static void test_percentiles_of_a_known_spread(void **state)
{
	static struct histogram h;
	static const double shares[] = { 0.001, 0.01, 0.5, 0.9, 0.99, 0.999, 1 };

	for (uint64_t v = 1; v <= 1000000; v++)
		histogram_add(&h, v);
	for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
		double exact = shares[i] * 1000000, found = (double)histogram_at(&h, shares[i]);

		assert_true(found >= exact);
		assert_true(found <= exact * (1 + 1.0 / (1 << HISTOGRAM_SUB_BITS)) + 1);
	}
	assert_int_equal(h.max, 1000000);
}

static void test_every_value_has_a_bucket(void **state)
{
	static struct histogram h;

	assert_int_equal(histogram_at(&h, 0.5), 0);
	for (unsigned bit = 0; bit < 64; bit++) {
		for (int64_t off = -1; off <= 1; off++) {
			uint64_t value = (1ULL << bit) + (uint64_t)off;

			memset(&h, 0, sizeof(h));
			histogram_add(&h, value);
			assert_int_equal(histogram_at(&h, 0.5),
					 value); /* never above the maximum */
		}
	}
	histogram_add(&h, UINT64_MAX);
	assert_int_equal(histogram_at(&h, 1), UINT64_MAX);
}

static void write_keys(char *path)
{
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	assert_non_null(file);
	for (int i = 0; i < KEYS; i++)
		fprintf(file, "axfw_%043d\n", i);
	fclose(file);
}

/* How often each of the keys is drawn. */
static void draw(double exponent, unsigned counts[static KEYS])
{
	char path[] = "/tmp/axfw-bench-keys-XXXXXX";
	_cleanup_(keys_free) struct keys keys = { 0 };

	write_keys(path);
	assert_int_equal(keys_read(path, exponent, &keys), 0);
	unlink(path);
	assert_int_equal(keys.count, KEYS);
	memset(counts, 0, KEYS * sizeof(*counts));
	for (int i = 0; i < DRAWS; i++)
		counts[atoi(keys_draw(&keys) + 5)]++;
}

static void test_zipf(void **state)
{
	static unsigned counts[KEYS];
	double harmonic = 0;

	for (int i = 1; i <= KEYS; i++)
		harmonic += 1.0 / i;
	draw(1, counts);
	for (int i = 0; i < 20; i++) {
		double expected = DRAWS / harmonic / (i + 1);

		assert_true(fabs(counts[i] - expected) < 6 * sqrt(expected));
	}
}

static void test_exponent_zero_is_even(void **state)
{
	static unsigned counts[KEYS];
	double expected = (double)DRAWS / KEYS;

	draw(0, counts);
	for (int i = 0; i < KEYS; i++)
		assert_true(fabs(counts[i] - expected) < 6 * sqrt(expected));
}

static void test_no_keys(void **state)
{
	struct keys keys;

	assert_true(keys_read("/nonexistent", 1, &keys) < 0);
	assert_true(keys_read("/dev/null", 1, &keys) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles_of_a_known_spread),
		cmocka_unit_test(test_every_value_has_a_bucket),
		cmocka_unit_test(test_zipf),
		cmocka_unit_test(test_exponent_zero_is_even),
		cmocka_unit_test(test_no_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
