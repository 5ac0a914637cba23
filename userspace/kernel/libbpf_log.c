/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libbpf explains failures only by printing. Its lines, the verifier's log among them, go to our
 * debug log, and the last one that says something is kept per thread, because "-22" tells an
 * operator nothing.
 */
#include "kernel/libbpf_log.h"

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "base/base.h"
#include "kernel/kernel.h"

#define LINES_MAX 40 /* of one message */

static _Thread_local char reason[KERNEL_REASON_MAX];

/* Lines that only say that something said before failed, or how long the verifier took. */
static const char *const noise[] = {
	"-- BEGIN PROG LOAD LOG --",
	"-- END PROG LOAD LOG --",
	"failed to load object",
	"failed to load BPF skeleton",
	": failed to load: ",
	"processed ",
	"verification time",
	"stack depth",
	"max_states_per_insn",
	"failed to auto-attach",
	"permission error while running as root",
};

static bool is_meaningful(const char *line)
{
	if (!*line)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(noise); i++)
		if (strstr(line, noise[i]))
			return false;
	return true;
}

static void keep_reason(const char *line)
{
	if (!strncmp(line, "libbpf: ", 8))
		line += 8;
	if (is_meaningful(line))
		snprintf(reason, sizeof(reason), "%.*s", (int)sizeof(reason) - 1, line);
}

/* The start of the last lines: the verifier tells its whole walk, but why it stopped is at the end.
 */
static char *last_lines(char *message, size_t len)
{
	unsigned lines = 0;

	for (char *c = message + len; c > message; c--)
		if (c[-1] == '\n' && lines++ == LINES_MAX)
			return c;
	return message;
}

static int _printf_(2, 0) on_print(enum libbpf_print_level level, const char *format, va_list args)
{
	_cleanup_(freep) char *message = NULL;
	char *save = NULL, *line;
	int len;

	if (level == LIBBPF_DEBUG)
		return 0;
	len = vasprintf(&message, format, args);
	if (len < 0) {
		message = NULL;
		return 0;
	}
	for (line = strtok_r(last_lines(message, (size_t)len), "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		line = text_trim(line);
		log_debug("%s", line);
		if (level == LIBBPF_WARN)
			keep_reason(line);
	}
	return len;
}

void libbpf_log_begin(void)
{
	reason[0] = '\0';
	libbpf_set_print(on_print);
}

const char *libbpf_log_reason(void)
{
	return reason;
}
