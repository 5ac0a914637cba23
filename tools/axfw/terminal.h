/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole terminal, for a while: the alternate screen, no cursor, keys as they are typed. However
 * it ends (q, a signal, Ctrl-Z and back, an error), the terminal is as it was.
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>
#include <termios.h>

struct terminal {
	struct termios before;
	int signals; /* signalfd */
	bool entered;
};

/* Standard input and output must be a terminal. -ENOTTY, -errno. */
int terminal_enter(struct terminal *t);
void terminal_leave(struct terminal *t);
void terminal_size(unsigned *ret_width, unsigned *ret_height);

enum terminal_event {
	TERMINAL_TIME, /* nothing happened */
	TERMINAL_DRAW, /* another size, or back from Ctrl-Z */
	TERMINAL_END,  /* q, Ctrl-C, Ctrl-D, or a signal that ends */
};
enum terminal_event terminal_wait(struct terminal *t, unsigned ms);

#endif
