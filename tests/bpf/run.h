/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of bpf-tests, and their count. */
#ifndef BPF_TESTS_RUN_H
#define BPF_TESTS_RUN_H

#include <stdbool.h>
#include "world.h"

struct tally {
	unsigned passed, failed;
};
/* Prints failures only: a test that holds has nothing to say. */
void tally_count(struct tally *tally, bool ok, const char *name, const char *problem);

void run_rows(struct world *w, struct tally *tally);   /* run.c: the verdict table */
void run_events(struct world *w, struct tally *tally); /* events.c: the ring buffer */
void run_random(struct world *w, struct tally *tally); /* random.c: damaged frames */
void run_wire(struct world *w, struct tally *tally);   /* wire.c: TC between real sockets */
int run_bench(struct world *w);			       /* bench.c: JSON on stdout; exit status */

#endif
