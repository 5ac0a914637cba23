/* SPDX-License-Identifier: Apache-2.0 */
/* What run.c (the rows, one after another) and check.c (what each left behind) share. */
#ifndef BPF_TESTS_RUN_INTERNAL_H
#define BPF_TESTS_RUN_INTERNAL_H

#include "rows.h"
#include "run.h"

/* What is known of the connection that a sequence of rows goes on with. */
struct state {
	struct connection connection;
	uint32_t request_end; /* seq behind the refused segment */
	uint32_t highest;     /* seq behind everything sent */
	struct frame answer;  /* the first one */
	bool acknowledged;    /* the client has the answer */
	unsigned response;
	char problem[256];
};

/* Says what is wrong; false. */
bool row_fail(struct state *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Is it one of the reasons for which a request is refused? */
bool row_is_answer(unsigned why);
/* What acknowledges all of the answer. */
uint32_t row_answer_end(const struct state *s);
bool row_check_frame(struct state *s, const struct row *r, const struct frame *in,
		     const struct frame *out);

#endif
