// SPDX-License-Identifier: Apache-2.0
/*
 * bpf-tests: the program of build/axfw.bpf.o (it is inside this binary), run by the kernel on built
 * packets. Needs root; enters a network namespace of its own and touches nothing of the host's.
 *
 *   bpf-tests           runs everything, ends with "N passed, N failed"
 *   bpf-tests --bench   measures, prints JSON
 */
#include <stdio.h>
#include <string.h>
#include "run.h"

void tally_count(struct tally *tally, bool ok, const char *name, const char *problem)
{
	if (ok) {
		tally->passed++;
		return;
	}
	tally->failed++;
	printf("FAILED: %s: %s\n", name, problem);
}

static int run_all(struct world *w)
{
	struct tally tally = { 0 };

	run_rows(w, &tally);
	run_events(w, &tally);
	run_random(w, &tally);
	run_wire(w, &tally);
	printf("%u passed, %u failed\n", tally.passed, tally.failed);
	return tally.failed != 0;
}

int main(int argc, char **argv)
{
	bool bench = argc == 2 && !strcmp(argv[1], "--bench");
	struct world *w;
	int r;

	if (argc > 1 && !bench) {
		fprintf(stderr, "usage: bpf-tests [--bench]\n");
		return 2;
	}
	r = world_enter();
	if (r < 0) {
		fprintf(stderr, "bpf-tests: no namespace of our own: %s\n", strerror(-r));
		return 1;
	}
	w = world_new(false);
	if (!w) {
		fprintf(stderr, "bpf-tests: the program doesn't load here\n");
		return 1;
	}
	r = bench ? run_bench(w) : run_all(w);
	world_free(&w);
	return r;
}
