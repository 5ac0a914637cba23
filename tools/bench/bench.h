/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs that measure, in one binary; tools/bench/bench.py runs them beside each other and
 * compares. Each prints one JSON object on stdout.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"

int bench_bare(int argc, char **argv);
int bench_flood(int argc, char **argv);
int bench_intent(int argc, char **argv);
int bench_kernel(int argc, char **argv);
int bench_load(int argc, char **argv);
int bench_populate(int argc, char **argv);
int bench_start(int argc, char **argv);
int bench_syn_flood(int argc, char **argv);
int bench_xdp_pass(int argc, char **argv);

/* --name VALUE in argv, else fallback. Ends the program when the value is missing. */
const char *bench_option(int argc, char **argv, const char *name, const char *fallback);
double bench_number(int argc, char **argv, const char *name, double fallback);
bool bench_switch(int argc, char **argv, const char *name);
/* Prints "axfw-bench: …: reason" and returns the exit status 1. */
int bench_fail(int r, const char *what);
/* Prints value (taken) and a newline; returns the exit status. */
int bench_print(json_t *value);

/* --- latencies: buckets of 1/64 of their power of two, so that a percentile is within 1.6 % -----
 */

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_BUCKETS  ((64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t total;
	uint64_t max;
};
void histogram_add(struct histogram *h, uint64_t value);
/* The value that a share (0..1) of all is not above; 0 when empty. */
uint64_t histogram_at(const struct histogram *h, double share);

/* --- API keys by Zipf's law: the n-th is asked for in proportion to 1 / n^exponent ---------------
 */

struct keys {
	char (*items)[64];  /* owned */
	double *cumulative; /* owned; ends at 1 */
	size_t count;
	uint64_t random; /* xorshift state: the same sequence every time */
};
int keys_read(const char *path, double exponent, struct keys *ret);
const char *keys_draw(struct keys *k);
void keys_free(struct keys *k);

#endif
