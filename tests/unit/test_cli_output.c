/* SPDX-License-Identifier: Apache-2.0 */
/* What axfw prints for people: columns that line up, numbers with units, nothing a terminal obeys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "../../tools/axfw/output.h"

static const struct table_column columns[] = {
	{ "NAME", false },
	{ "COUNT", true },
	{ "HOLDS", false },
};

/* Prints a table of these rows into a string that the caller frees. */
static char *print(bool colour, const char *const (*rows)[ARRAY_SIZE(columns)], size_t count)
{
	_cleanup_(table_free) struct table t = { .columns = columns,
						 .column_count = ARRAY_SIZE(columns) };
	const struct cli cli = { .colour = colour };
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	for (size_t i = 0; i < count; i++)
		table_add(&t, i ? STYLE_PLAIN : STYLE_WARN, rows[i]);
	assert_int_equal(table_print(&cli, &t, to), 0);
	fclose(to);
	return text;
}

static void test_columns_line_up(void **state)
{
	static const char *const rows[][ARRAY_SIZE(columns)] = {
		{ "a", "1", "x" },
		{ "ünïcödé", "12,345", "y" },
		{ "漢字", NULL, "z" },
	};
	_cleanup_(freep) char *text = print(false, rows, ARRAY_SIZE(rows));

	assert_string_equal(text, "NAME      COUNT  HOLDS\n"
				  "a             1  x\n"
				  "ünïcödé  12,345  y\n"
				  "漢字          -  z\n");
}

static void test_colour_only_when_asked_for(void **state)
{
	static const char *const rows[][ARRAY_SIZE(columns)] = { { "a", "1", "x" } };
	_cleanup_(freep) char *plain = print(false, rows, 1), *coloured = print(true, rows, 1);

	assert_null(strchr(plain, '\033'));
	assert_non_null(strstr(coloured, "\033[33ma"));
	assert_non_null(strstr(coloured, "\033[0m\n"));
}

static void test_nobody_moves_the_cursor(void **state)
{
	static const char *const rows[][ARRAY_SIZE(columns)] = {
		{ "a\033[2Jb\r\n",
		  "\x9b"
		  "31m",
		  "\xc2\x9b" },
		/* NOLINTNEXTLINE(misc-misleading-bidirectional): that is what is tested */
		{ "\xe2\x80\xae"
		  "gpj.exe",
		  "\xff\xfe", "\x7f" },
	};
	_cleanup_(freep) char *text = print(false, rows, ARRAY_SIZE(rows));

	assert_string_equal(text, "NAME      COUNT  HOLDS\n"
				  "a?[2Jb??   ?31m  ?\n"
				  "?gpj.exe     ??  ?\n");
}

static void test_long_cells_are_cut_at_a_character(void **state)
{
	char cell[2 * CELL_MAX + 1];
	const char *const rows[][ARRAY_SIZE(columns)] = { { cell, "1", "x" } };
	_cleanup_(freep) char *text = NULL;

	memset(cell, 'a', sizeof(cell));
	memcpy(cell + CELL_MAX - 1, "é", 2);
	cell[sizeof(cell) - 1] = '\0';
	text = print(false, rows, 1);
	assert_true(text_is_utf8(text, strlen(text)));
	assert_null(strstr(text, "é"));
}

static void test_numbers(void **state)
{
	static const struct {
		void (*format)(unsigned long long n, char *ret);
		unsigned long long n;
		const char *text;
	} rows[] = {
		{ human_count, 0, "0" },
		{ human_count, 999, "999" },
		{ human_count, 1000, "1,000" },
		{ human_count, 1234567, "1,234,567" },
		{ human_count, UINT64_MAX, "18,446,744,073,709,551,615" },
		{ human_bytes, 0, "0 B" },
		{ human_bytes, 1023, "1023 B" },
		{ human_bytes, 1024, "1.0 KiB" },
		{ human_bytes, 8392704, "8.0 MiB" },
		{ human_bytes, UINT64_MAX, "16384.0 PiB" },
		{ human_seconds, 59, "59 s" },
		{ human_seconds, 86, "1 min 26 s" },
		{ human_seconds, 7325, "2 h 2 min" },
		{ human_seconds, 200000, "2 d 7 h" },
	};
	char text[HUMAN_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rows[i].format(rows[i].n, text);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_line_up),
		cmocka_unit_test(test_colour_only_when_asked_for),
		cmocka_unit_test(test_nobody_moves_the_cursor),
		cmocka_unit_test(test_long_cells_are_cut_at_a_character),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
