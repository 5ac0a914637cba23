/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "bench.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} programs[] = {
	{ "bare", bench_bare,
	  "--port PORT --threads N --like FILE [--reuse]: libmicrohttpd alone, sending what FILE "
	  "holds" },
	{ "flood", bench_flood,
	  "--to ADDR --port PORT [--rate N] [--seconds S] [--path PATH] [--key KEY] [--body BODY]\n"
	  "            [--sources-from ADDR --sources N]: new connections, whatever becomes of "
	  "them" },
	{ "intent", bench_intent,
	  "[--cache DIR] [--regexes]: times evaluations; or prints the rules' expressions" },
	{ "kernel", bench_kernel,
	  "[--keys N] [--pin-dir DIR]: loads, attaches to lo, holds N keys; adopts and does it "
	  "again" },
	{ "load", bench_load,
	  "--connect ADDR:PORT --keys FILE [--zipf E] [--connections N] [--seconds S] [--warm-up "
	  "S]\n"
	  "            [--fresh] [--text TEXT] [--save FILE]: asks for verdicts and times them" },
	{ "populate", bench_populate,
	  "--dir DIR --tenants N --keys FILE: a store with N tenants of one key each" },
	{ "start", bench_start,
	  "--port PORT --log FILE -- COMMAND…: starts a daemon and times its first 200" },
	{ "syn-flood", bench_syn_flood,
	  "--object FILE --interface NAME --to ADDR --to-mac MAC --sources-from ADDR --sources N\n"
	  "            [--rate N] [--seconds S]: SYNs with forged sources" },
	{ "xdp-pass", bench_xdp_pass,
	  "INTERFACE: an XDP program that passes everything (veth answers need one on the peer)" },
};

const char *bench_option(int argc, char **argv, const char *name, const char *fallback)
{
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--"))
			break;
		if (strcmp(argv[i], name))
			continue;
		if (i + 1 < argc)
			return argv[i + 1];
		fprintf(stderr, "axfw-bench: a value is missing after %s\n", name);
		exit(2);
	}
	return fallback;
}

double bench_number(int argc, char **argv, const char *name, double fallback)
{
	const char *text = bench_option(argc, argv, name, NULL);

	return text ? strtod(text, NULL) : fallback;
}

bool bench_switch(int argc, char **argv, const char *name)
{
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], name))
			return true;
	}
	return false;
}

int bench_fail(int r, const char *what)
{
	fprintf(stderr, "axfw-bench: %s: %s\n", what, strerror(-r));
	return 1;
}

int bench_print(json_t *value)
{
	_cleanup_(json_decrefp) json_t *owned = value;
	_cleanup_(freep) char *text = value ? json_canonical(owned) : NULL;

	if (!text)
		return fprintf(stderr, "axfw-bench: out of memory\n"), 1;
	puts(text);
	return 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(programs); i++) {
		if (!strcmp(programs[i].name, argv[1]))
			return programs[i].run(argc - 2, argv + 2);
	}
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		fprintf(stderr, "  axfw-bench %s %s\n", programs[i].name, programs[i].help);
	return 2;
}
