/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "base/base.h"

/* xterm's names: alternate screen, cursor. Everything that is called a terminal knows them. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"

#define WIDTH_DEFAULT  80
#define HEIGHT_DEFAULT 24

static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT };

static void watched_set(sigset_t *ret)
{
	sigemptyset(ret);
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
		sigaddset(ret, watched[i]);
}

static void take_over(struct terminal *t)
{
	struct termios raw = t->before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* signals still come by their keys */
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs(ENTER, stdout);
	fflush(stdout);
}

static void give_back(struct terminal *t)
{
	fputs(LEAVE, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
}

int terminal_enter(struct terminal *t)
{
	sigset_t set;

	*t = (struct terminal){ .signals = -1 };
	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &t->before) < 0)
		return -ENOTTY;
	watched_set(&set);
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (t->signals < 0)
		return -errno;
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	t->entered = true;
	take_over(t);
	return 0;
}

void terminal_leave(struct terminal *t)
{
	sigset_t set;

	if (!t->entered)
		return;
	give_back(t);
	closep(&t->signals);
	watched_set(&set);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	t->entered = false;
}

void terminal_size(unsigned *ret_width, unsigned *ret_height)
{
	struct winsize size = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		size = (struct winsize){ 0 };
	*ret_width = size.ws_col ? size.ws_col : WIDTH_DEFAULT;
	*ret_height = size.ws_row ? size.ws_row : HEIGHT_DEFAULT;
}

static enum terminal_event take_signal(struct terminal *t)
{
	struct signalfd_siginfo info;

	if (read(t->signals, &info, sizeof(info)) != sizeof(info))
		return TERMINAL_TIME;
	switch (info.ssi_signo) {
	case SIGTSTP:
		give_back(t);
		raise(SIGSTOP); /* goes on here after fg */
		take_over(t);
		return TERMINAL_DRAW;
	case SIGWINCH:
	case SIGCONT:
		return TERMINAL_DRAW;
	}
	return TERMINAL_END;
}

static enum terminal_event take_key(void)
{
	char key;
	ssize_t n = read(STDIN_FILENO, &key, 1);

	if (n <= 0)
		return n < 0 && errno == EINTR ? TERMINAL_TIME : TERMINAL_END; /* hung up */
	return key == 'q' || key == 'Q' || key == 4 /* Ctrl-D */ ? TERMINAL_END : TERMINAL_DRAW;
}

enum terminal_event terminal_wait(struct terminal *t, unsigned ms)
{
	struct pollfd fds[] = {
		{ .fd = t->signals, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};

	if (poll(fds, ARRAY_SIZE(fds), (int)ms) <= 0)
		return TERMINAL_TIME;
	return fds[0].revents ? take_signal(t) : take_key();
}
