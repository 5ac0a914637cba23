/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One write(2) per line, so that lines of two threads never mix. What a client sent may stand in a
 * line: control characters are replaced, so that nobody forges a line or moves the cursor.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOG_LINE_MAX 1024 /* longer lines are cut: a log is not a dump */

static _Atomic enum log_level log_max = LOG_LEVEL_INFO;

static const struct {
	const char *name;
	const char *priority; /* sd-daemon(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", "<3>" },
	[LOG_LEVEL_WARNING] = { "warning", "<4>" },
	[LOG_LEVEL_INFO] = { "info", "<6>" },
	[LOG_LEVEL_DEBUG] = { "debug", "<7>" },
};

void log_set_level(enum log_level level)
{
	log_max = level;
}

int log_level_from_name(const char *name, enum log_level *ret_level)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(name, levels[i].name))
			continue;
		*ret_level = (enum log_level)i;
		return 0;
	}
	return -EINVAL;
}

/* The journal stamps lines itself; a person at a terminal wants the time of day. */
static int format_head(char *buf, size_t size, enum log_level level)
{
	struct timespec now;
	struct tm tm;

	if (getenv("JOURNAL_STREAM"))
		return snprintf(buf, size, "%s", levels[level].priority);
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	return snprintf(buf, size, "%02d:%02d:%02d.%03ld %-7s ", tm.tm_hour, tm.tm_min, tm.tm_sec,
			now.tv_nsec / 1000000, levels[level].name);
}

static _printf_(2, 0) void write_line(enum log_level level, const char *format, va_list args,
				      const char *tail)
{
	char line[LOG_LINE_MAX];
	size_t head, len;

	if (level > log_max)
		return;
	head = (size_t)format_head(line, sizeof(line), level);
	vsnprintf(line + head, sizeof(line) - head, format, args);
	len = strlen(line);
	snprintf(line + len, sizeof(line) - len, "%s", tail);
	len = strlen(line);
	for (size_t i = head; i < len; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	if (len == sizeof(line) - 1)
		len--;
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return; /* nowhere left to say it */
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(level, format, args, "");
	va_end(args);
}

int log_error_r(int r, const char *format, ...)
{
	char reason[128], tail[140];
	va_list args;

	snprintf(tail, sizeof(tail), ": %s", strerror_r(-r, reason, sizeof(reason)));
	va_start(args, format);
	write_line(LOG_LEVEL_ERROR, format, args, tail);
	va_end(args);
	return r;
}
