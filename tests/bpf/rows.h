/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict table: one row per behaviour. What a row means is in run.c. */
#ifndef BPF_TESTS_ROWS_H
#define BPF_TESTS_ROWS_H

#include "world.h"

struct row {
	const char *name;
	enum peer on;
	struct shape packet;
	int then;     /* enum xdp_action */
	unsigned why; /* enum axfw_reason, counted once */

	/* what the row needs to be so */
	void (*configure)(struct axfw_config *config);
	void (*arrange)(struct world *w); /* the maps of tiers.h, which are empty before */
	unsigned signups;		  /* attempts of this client, ten minutes ago */
	uint32_t mss;			  /* what the client announced */
	const char *first;		  /* sent on the real connection before */
	bool no_tc; /* too short, or too long, for BPF_PROG_TEST_RUN to make a buffer of it */
	bool full;  /* `flows` holds one flow, another's */

	/* rows of one connection: the next after a refusal */
	bool same;	    /* goes on with the connection of the row before */
	bool after_request; /* seq counts from the end of the refused segment */
	bool acks_answer;   /* ack is the answer's end */
	bool ends;	    /* the flow's close is over with this row, and not before */
	bool long_ago;	    /* the flow's last segment was minutes before */
};

extern const struct row rows[];
extern const unsigned row_count;
extern const struct row tier_rows[];
extern const unsigned tier_row_count;

#endif
