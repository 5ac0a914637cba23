/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for people: colours where they help, aligned columns, numbers with units. Whatever came from
 * elsewhere (key names, reasons) is printed with control characters replaced, so that nobody's key
 * name moves an operator's cursor.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "cli.h"

/* Has the reader of standard output gone, as behind `| head`? Then the command ends, and nothing is
 * wrong. */
bool output_is_unread(void);

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_WARN, STYLE_BAD };

/* "" without colour. */
const char *style_on(const struct cli *cli, enum style style);
const char *style_off(const struct cli *cli);

#define TABLE_COLUMNS_MAX 8
#define CELL_MAX	  256 /* bytes; longer text is cut */

struct table_column {
	const char *title;
	bool right; /* numbers */
};

struct table_row {
	enum style style;
	char *cells[TABLE_COLUMNS_MAX]; /* owned */
};

struct table {
	const struct table_column *columns; /* borrowed */
	unsigned column_count;
	struct table_row *rows; /* owned */
	size_t row_count;
	bool failed; /* without memory: printed as far as it goes, table_print() says so */
};

/* Copies column_count strings; NULL prints as "-". */
void table_add(struct table *t, enum style style, const char *const *cells);
/* -ENOMEM when a row is missing. */
int table_print(const struct cli *cli, const struct table *t, FILE *to);
void table_free(struct table *t);

/* The width of the terminal that is written to; 0: it isn't one, and lines are as long as they are.
 */
unsigned output_width(FILE *to);
/* One line. On a terminal it is broken at blanks, and goes on below after indent blanks. */
void print_wrapped(FILE *to, size_t indent, const char *format, ...) _printf_(3, 4);

/* Cells a text takes on a terminal. */
size_t display_width(const char *s);

/* How many bytes of it fit into so many cells. */
size_t display_cut(const char *s, size_t width);
/* At most CELL_MAX bytes of it, with "?" for what a terminal would obey. Caller frees; NULL without
 * memory. */
char *display_copy(const char *s);

#define HUMAN_LEN 32
void human_count(unsigned long long n, char ret[static HUMAN_LEN]);   /* 1,234,567 */
void human_bytes(unsigned long long n, char ret[static HUMAN_LEN]);   /* 8.0 MiB */
void human_seconds(unsigned long long s, char ret[static HUMAN_LEN]); /* 2 d 3 h */

#endif
