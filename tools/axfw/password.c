/* SPDX-License-Identifier: Apache-2.0 */
#include "password.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>

#define PASSWORD_LINE_MAX 1026 /* IDENTITY_PASSWORD_MAX, a line end and a NUL */

#define CTRL_C '\x03'

/* Reads up to a newline, which it drops. -ENODATA: nothing there; -EMSGSIZE: too long; -EINTR:
 * Ctrl-C was typed. */
static int read_line(int fd, char *ret, size_t size)
{
	size_t len = 0;
	ssize_t n = 0;

	while (len + 1 < size && (n = read(fd, ret + len, 1)) == 1 && ret[len] != '\n') {
		if (ret[len++] == CTRL_C)
			return -EINTR;
	}
	if (n < 0)
		return -errno;
	if (n > 0 && len + 1 == size)
		return -EMSGSIZE;
	ret[len] = '\0';
	return len ? 0 : -ENODATA;
}

/* The terminal shows nothing until the line is read; signals wait, so that none leaves it mute. */
static int ask(int tty, const char *prompt, char *ret, size_t size)
{
	struct termios shown, hidden;
	sigset_t all, before;
	int r;

	if (tcgetattr(tty, &shown) < 0)
		return -errno;
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	hidden.c_cc[VEOL] = CTRL_C; /* ends the line, so that it is seen at once */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	if (tcsetattr(tty, TCSAFLUSH, &hidden) < 0)
		r = -errno;
	else
		r = dprintf(tty, "%s", prompt) < 0 ? -EIO : read_line(tty, ret, size);
	tcsetattr(tty, TCSAFLUSH, &shown);
	sigprocmask(SIG_SETMASK, &before, NULL);
	dprintf(tty, "\n");
	return r;
}

static enum cli_status complain(const struct cli *cli, int r)
{
	switch (r) {
	case -ENODATA:
		return cli_fail(cli, CLI_USAGE, NULL, "no password was given");
	case -EMSGSIZE:
		return cli_fail(cli, CLI_USAGE, NULL, "the password is longer than %d bytes",
				PASSWORD_LINE_MAX - 2);
	case -EINTR:
		return cli_fail(cli, CLI_USAGE, NULL, "interrupted; nothing was done");
	}
	return cli_fail(cli, CLI_USAGE, NULL, "can't read the password: %s", strerror(-r));
}

static enum cli_status ask_twice(const struct cli *cli, char *ret)
{
	_cleanup_(closep) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	char again[PASSWORD_LINE_MAX] = "";
	bool same;
	int r;

	if (tty < 0)
		return cli_fail(cli, CLI_USAGE, "Use --password-stdin in scripts.",
				"there is no terminal to ask for the password on");
	r = ask(tty, "Password (at least 8 characters): ", ret, PASSWORD_LINE_MAX);
	if (r >= 0)
		r = ask(tty, "Again: ", again, sizeof(again));
	same = !strcmp(ret, again);
	wipe(again, sizeof(again));
	if (r < 0)
		return complain(cli, r);
	return same ? CLI_DONE : cli_fail(cli, CLI_USAGE, NULL, "the two passwords differ");
}

enum cli_status password_read(const struct cli *cli, bool from_stdin, char **ret)
{
	char line[PASSWORD_LINE_MAX] = "";
	enum cli_status status = CLI_DONE;
	int r;

	if (!from_stdin)
		status = ask_twice(cli, line);
	else if ((r = read_line(STDIN_FILENO, line, sizeof(line))) < 0)
		status = complain(cli, r);
	if (status == CLI_DONE && !(*ret = strdup(line)))
		status = cli_fail(cli, CLI_NO, NULL, "out of memory");
	wipe(line, sizeof(line));
	return status;
}
