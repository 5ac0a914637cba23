/* SPDX-License-Identifier: Apache-2.0 */
#include "eval_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_MAX_BYTES (64U << 20)

static int wrong(struct eval_reader *r, const char *format, ...) _printf_(2, 3);
static int wrong(struct eval_reader *r, const char *format, ...)
{
	int n = snprintf(r->error, sizeof(r->error), "line %u: ", r->number);
	va_list args;

	va_start(args, format);
	vsnprintf(r->error + n, sizeof(r->error) - (size_t)n, format, args);
	va_end(args);
	return -EBADMSG;
}

int eval_open(const char *path, struct eval_reader *ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	ret->bytes = (long long)st.st_size;
	ret->file = gzdopen(fd, "rb");
	if (!ret->file)
		return -ENOMEM;
	TAKE_FD(fd);
	return 0;
}

static int grow(struct eval_reader *r)
{
	size_t size = MAX(r->size * 2, (size_t)64 << 10);
	char *line = size > LINE_MAX_BYTES ? NULL : realloc(r->line, size);

	if (!line)
		return wrong(r, "too long");
	r->line = line;
	r->size = size;
	return 0;
}

/* 1: a line, without its end. */
static int read_line(struct eval_reader *r, size_t *ret_len)
{
	size_t len = 0;
	int error = 0;

	r->number++;
	for (;;) {
		if (r->size - len < 2 && grow(r) < 0)
			return -EBADMSG;
		if (!gzgets(r->file, r->line + len, (int)MIN(r->size - len, 1u << 30)))
			break;
		len += strlen(r->line + len);
		if (len && r->line[len - 1] == '\n')
			break;
	}
	gzerror(r->file, &error);
	if (error < 0)
		return wrong(r, "can't be read: not gzip, or cut off");
	*ret_len = len;
	return len > 0;
}

int eval_next(struct eval_reader *r, struct eval_row *ret)
{
	const json_t *text, *name;
	const char *label;
	json_error_t why;
	size_t len;
	int n = read_line(r, &len);

	if (n <= 0)
		return n;
	json_decref(r->row);
	r->row = json_loadb(r->line, len, JSON_ALLOW_NUL, &why);
	if (!r->row)
		return wrong(r, "%s", why.text);
	text = json_object_get(r->row, "text");
	name = json_object_get(r->row, "name");
	label = json_string_value(json_object_get(r->row, "label"));
	if (!json_is_string(text))
		return wrong(r, "'text' must be a string");
	if (!label || (strcmp(label, "block") && strcmp(label, "allow")))
		return wrong(r, "'label' must be block or allow");
	*ret = (struct eval_row){ json_string_value(text), json_string_length(text),
				  !strcmp(label, "block"),
				  json_is_string(name) ? json_string_value(name) : "-" };
	return 1;
}

unsigned eval_percent(const struct eval_reader *r)
{
	long long at = (long long)gzoffset(r->file);

	return r->bytes > 0 && at > 0 ? (unsigned)(MIN(at, r->bytes) * 100 / r->bytes) : 0;
}

void eval_close(struct eval_reader *r)
{
	if (r->file)
		gzclose(r->file);
	free(r->line);
	json_decref(r->row);
}
