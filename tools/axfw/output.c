/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <utf8proc.h>
#include "base/text.h"

bool output_is_unread(void)
{
	struct pollfd out = {
		.fd = STDOUT_FILENO
	}; /* errors and the other end's are always told */

	return poll(&out, 1, 0) == 1 && out.revents & (POLLERR | POLLHUP);
}

unsigned output_width(FILE *to)
{
	struct winsize size = { 0 };
	int fd = fileno(to);

	return isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void print_wrapped(FILE *to, size_t indent, const char *format, ...)
{
	_cleanup_(text_free) struct text out = { 0 };
	_cleanup_(freep) char *line = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&line, format, args);
	va_end(args);
	if (len < 0) {
		line = NULL;
		return;
	}
	text_add_wrapped(&out, line, 0, indent, output_width(to));
	fprintf(to, "%s\n", text_failed(&out) || !out.len ? line : out.data);
}

static const char *const escapes[] = {
	[STYLE_PLAIN] = "",	   [STYLE_BOLD] = "\033[1m",  [STYLE_DIM] = "\033[2m",
	[STYLE_GOOD] = "\033[32m", [STYLE_WARN] = "\033[33m", [STYLE_BAD] = "\033[31m",
};

const char *style_on(const struct cli *cli, enum style style)
{
	return cli->colour ? escapes[style] : "";
}

const char *style_off(const struct cli *cli)
{
	return cli->colour ? "\033[0m" : "";
}

size_t display_width(const char *s)
{
	size_t width = 0, len = strlen(s);
	utf8proc_int32_t c;

	for (size_t i = 0; i < len;) {
		utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s + i,
						      (utf8proc_ssize_t)(len - i), &c);

		if (n <= 0)
			return len; /* not UTF-8: as many as bytes */
		width += (size_t)utf8proc_charwidth(c);
		i += (size_t)n;
	}
	return width;
}

/* Would a terminal act on it, or show the text in another order than it is? */
static bool is_control(utf8proc_int32_t c)
{
	return c < ' ' || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

char *display_copy(const char *s)
{
	char buf[CELL_MAX + 1];
	size_t used = 0, left = strlen(s);
	utf8proc_int32_t c;

	while (left) {
		utf8proc_ssize_t n =
			utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)left, &c);
		bool odd = n <= 0 || is_control(c);
		size_t len = n <= 0 ? 1 : (size_t)n;

		if (used + len > CELL_MAX)
			break;
		memcpy(buf + used, odd ? "?" : s, odd ? 1 : len);
		used += odd ? 1 : len;
		s += len;
		left -= len;
	}
	buf[used] = '\0';
	return strdup(buf);
}

size_t display_cut(const char *s, size_t width)
{
	size_t len = strlen(s), used = 0;
	utf8proc_int32_t c;

	for (size_t i = 0; i < len;) {
		utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s + i,
						      (utf8proc_ssize_t)(len - i), &c);

		if (n <= 0)
			return MIN(len, width);
		used += (size_t)utf8proc_charwidth(c);
		if (used > width)
			return i;
		i += (size_t)n;
	}
	return len;
}

void table_add(struct table *t, enum style style, const char *const *cells)
{
	struct table_row *rows = reallocarray(t->rows, t->row_count + 1, sizeof(*rows));
	struct table_row *row;

	if (!rows) {
		t->failed = true;
		return;
	}
	t->rows = rows;
	row = &rows[t->row_count++];
	*row = (struct table_row){ .style = style };
	for (unsigned c = 0; c < t->column_count; c++) {
		row->cells[c] = display_copy(cells[c] ? cells[c] : "-");
		t->failed |= !row->cells[c];
	}
}

#define LAST_COLUMN_MIN 16 /* cells: a narrower one is left to the terminal to break */

/* The last column takes the room that is left, in as many lines as it wants. */
static void print_last(const char *text, size_t column, FILE *to)
{
	_cleanup_(text_free) struct text out = { 0 };
	unsigned width = output_width(to);

	if (width >= column + LAST_COLUMN_MIN)
		text_add_wrapped(&out, text, column, column, width);
	fputs(text_failed(&out) || !out.len ? text : out.data, to);
}

static void print_cell(const struct table *t, unsigned c, const char *text, size_t width, FILE *to)
{
	int padding = (int)(width - MIN(width, display_width(text)));

	if (t->columns[c].right)
		fprintf(to, "%*s%s", padding, "", text);
	else
		fprintf(to, "%s%*s", text, padding, "");
}

static void print_row(const struct cli *cli, const struct table *t, const struct table_row *row,
		      const size_t *widths, FILE *to)
{
	size_t column = 0;

	fputs(style_on(cli, row->style), to);
	for (unsigned c = 0; c < t->column_count; c++) {
		const char *text = row->cells[c] ? row->cells[c] : "";

		if (c + 1 == t->column_count && !t->columns[c].right)
			print_last(text, column, to);
		else
			print_cell(t, c, text, widths[c], to);
		fputs(c + 1 == t->column_count ? "" : "  ", to);
		column += widths[c] + 2;
	}
	fputs(style_off(cli), to);
	fputc('\n', to);
}

int table_print(const struct cli *cli, const struct table *t, FILE *to)
{
	struct table_row head = { .style = STYLE_DIM };
	size_t widths[TABLE_COLUMNS_MAX] = { 0 };

	for (unsigned c = 0; c < t->column_count; c++) {
		head.cells[c] = (char *)t->columns[c].title;
		widths[c] = display_width(t->columns[c].title);
		for (size_t r = 0; r < t->row_count; r++) {
			const char *cell = t->rows[r].cells[c] ? t->rows[r].cells[c] : "";

			widths[c] = MAX(widths[c], display_width(cell));
		}
	}
	print_row(cli, t, &head, widths, to);
	for (size_t r = 0; r < t->row_count; r++)
		print_row(cli, t, &t->rows[r], widths, to);
	return t->failed ? -ENOMEM : 0;
}

void table_free(struct table *t)
{
	for (size_t r = 0; r < t->row_count; r++) {
		for (unsigned c = 0; c < t->column_count; c++)
			free(t->rows[r].cells[c]);
	}
	free(t->rows);
	t->rows = NULL;
	t->row_count = 0;
}

void human_count(unsigned long long n, char ret[static HUMAN_LEN])
{
	char digits[HUMAN_LEN];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%llu", n), out = 0;

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			ret[out++] = ',';
		ret[out++] = digits[i];
	}
	ret[out] = '\0';
}

void human_bytes(unsigned long long n, char ret[static HUMAN_LEN])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB" };
	double value = (double)n / 1024;
	size_t unit = 0;

	if (n < 1024) {
		snprintf(ret, HUMAN_LEN, "%llu B", n);
		return;
	}
	for (; value >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
		value /= 1024;
	snprintf(ret, HUMAN_LEN, "%.1f %s", value, units[unit]);
}

/* The two largest units: an operator reads an age, not a stopwatch. */
void human_seconds(unsigned long long s, char ret[static HUMAN_LEN])
{
	if (s < 60)
		snprintf(ret, HUMAN_LEN, "%llu s", s);
	else if (s < 3600)
		snprintf(ret, HUMAN_LEN, "%llu min %llu s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(ret, HUMAN_LEN, "%llu h %llu min", s / 3600, s % 3600 / 60);
	else
		snprintf(ret, HUMAN_LEN, "%llu d %llu h", s / 86400, s % 86400 / 3600);
}
