/* SPDX-License-Identifier: Apache-2.0 */
/* What axfw top shows, as lines; the terminal and the daemon are elsewhere. */
#ifndef TOP_H
#define TOP_H

#include "output.h"

#define TOP_LINES_MAX 256
#define TOP_LINE_MAX  512

struct top_line {
	enum style style;
	char text[TOP_LINE_MAX];
};

struct top_screen {
	unsigned count;
	struct top_line lines[TOP_LINES_MAX];
};

/* Two answers of /node/top, one after the other; at most `height` lines. */
void top_draw(const json_t *before, const json_t *now, unsigned height, struct top_screen *ret);
/* The later answer with per_second in each counter. Caller owns; NULL without memory. */
json_t *top_rates(const json_t *before, const json_t *now);

#endif
