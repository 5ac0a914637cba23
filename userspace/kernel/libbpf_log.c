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

static void keep_reason(char *message)
{
	char *save = NULL;

	for (char *line = strtok_r(message, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		line = text_trim(line);
		if (!strncmp(line, "libbpf: ", 8))
			line += 8;
		if (is_meaningful(line))
			snprintf(reason, sizeof(reason), "%.*s", (int)sizeof(reason) - 1, line);
	}
}

static int _printf_(2, 0) on_print(enum libbpf_print_level level, const char *format, va_list args)
{
	_cleanup_(freep) char *message = NULL;
	int len;

	if (level == LIBBPF_DEBUG)
		return 0;
	len = vasprintf(&message, format, args);
	if (len < 0) {
		message = NULL;
		return 0;
	}
	log_debug("%.*s", len && message[len - 1] == '\n' ? len - 1 : len, message);
	if (level == LIBBPF_WARN)
		keep_reason(message);
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
