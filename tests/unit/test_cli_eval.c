/* SPDX-License-Identifier: Apache-2.0 */
/* axfw eval's counting and its reader: figures that are known, and files that aren't good. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../../tools/axfw/eval_rows.h"
#include "../../tools/axfw/eval_score.h"

static void assert_about(double value, double expected)
{
	if (value < expected - 1e-9 || value > expected + 1e-9)
		fail_msg("%f, not %f", value, expected);
}

static void figures_are_right(void **state)
{
	struct eval_score s = { 0 };
	struct eval_counts all, rest;

	eval_source(&s, "a")->counts = (struct eval_counts){ .block = 10, .tp = 5 };
	eval_source(&s, "b")->counts = (struct eval_counts){ .allow = 100, .fp = 1 };
	eval_source(&s, "c")->counts =
		(struct eval_counts){ .block = 4, .tp = 4, .allow = 4, .fp = 2 };
	assert_int_equal(s.count, 3);
	assert_ptr_equal(eval_source(&s, "a"), &s.sources[0]);
	all = eval_pool(&s, NULL);
	assert_about(eval_recall(&all), 9 / 14.0);
	assert_about(eval_false_positives(&all), 3 / 104.0);
	assert_about(eval_f1(&all), 18 / 26.0);
	rest = eval_pool(&s, &s.sources[2]);
	assert_about(eval_recall(&rest), 0.5);
	assert_true(eval_recall(&s.sources[1].counts) < 0);
	assert_about(eval_mean(&s, eval_recall, NULL), 0.75);
	assert_about(eval_mean(&s, eval_false_positives, NULL), (0.01 + 0.5) / 2);
	eval_score_free(&s);
}

static void quantiles_are_of_the_sorted_times(void **state)
{
	struct eval_score s = { 0 };

	assert_about(eval_quantile_us(&s, 0.5), 0);
	for (uint64_t i = 10000; i > 0; i--)
		assert_int_equal(eval_add_time(&s, i * 1000), 0);
	assert_about(eval_quantile_us(&s, 0.5), 5000);
	assert_about(eval_quantile_us(&s, 0.99), 9900);
	assert_about(eval_quantile_us(&s, 1), 10000);
	eval_score_free(&s);
}

static char path[] = "/tmp/axfw-eval-XXXXXX";

/* What comes of a file: rows, then the last answer. */
static int read_all(const char *text, unsigned *ret_rows, char *error)
{
	struct eval_reader r = { 0 };
	struct eval_row row;
	FILE *f = fopen(path, "w");
	int n;

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(eval_open(path, &r), 0);
	for (*ret_rows = 0; (n = eval_next(&r, &row)) > 0;)
		++*ret_rows;
	strcpy(error, r.error);
	eval_close(&r);
	return n;
}

static void files_are_read_strictly(void **state)
{
	static const struct {
		const char *text, *error;
		unsigned rows;
	} rows[] = {
		{ "", NULL, 0 },
		{ "{\"text\":\"a\",\"label\":\"block\",\"name\":\"x\"}\n"
		  "{\"text\":\"\\u0000\",\"label\":\"allow\"}",
		  NULL, 2 },
		{ "{\"text\":\"a\",\"label\":\"block\"}\n{\"text\":1,\"label\":\"block\"}\n",
		  "line 2: 'text' must be a string", 1 },
		{ "{\"text\":\"a\",\"label\":\"harm\"}\n", "line 1: 'label' must be block or allow",
		  0 },
		{ "[]\n", "line 1: 'text' must be a string", 0 },
		{ "text\n", "line 1: '[' or '{' expected near 'text'", 0 },
		{ "\x1f\x8b\x08", "line 1: can't be read: not gzip, or cut off", 0 },
	};
	char error[160];
	unsigned count;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int n = read_all(rows[i].text, &count, error);

		assert_int_equal(count, rows[i].rows);
		assert_int_equal(n, rows[i].error ? -EBADMSG : 0);
		assert_string_equal(error, rows[i].error ? rows[i].error : "");
	}
}

static void names_that_cant_be_opened_are_errors(void **state)
{
	struct eval_reader r = { 0 };

	assert_int_equal(eval_open("/nowhere/at/all", &r), -ENOENT);
	assert_int_equal(eval_open("/tmp", &r), -EISDIR);
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_right),
		cmocka_unit_test(quantiles_are_of_the_sorted_times),
		cmocka_unit_test(files_are_read_strictly),
		cmocka_unit_test(names_that_cant_be_opened_are_errors),
	};

	return cmocka_run_group_tests_name("axfw eval", tests, make_file, remove_file);
}
