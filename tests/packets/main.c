// SPDX-License-Identifier: Apache-2.0
/*
 * packet-fuzz: the program of build/axfw.bpf.o (it is inside this binary) against a model written
 * from the documents. Needs root; enters a network namespace of its own.
 *
 *   packet-fuzz [--seed N] [--cases N] [SEEDS]   kept cases (SEEDS/NAME.case) first, then N
 * generated packet-fuzz --seed N --case N                one of them, made as small as it goes if
 * it fails packet-fuzz --play FILE                      a case that was written down
 *
 * Ends with "N passed, N failed". A difference is printed with the command that shows it again.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "../bpf/world.h"
#include "agree.h"
#include "generate.h"
#include "minimise.h"
#include "stage.h"

#define CASES_DEFAULT 1000000
#define FAILURES_MAX  10 /* then the rest says nothing new */
/* In so many cases the rarest reason is there some dozens of times: a run that never produced one
 * has stopped trying it. */
#define CASES_FOR_ALL 500000

struct options {
	uint64_t seed, cases, one;
	bool has_one;
	const char *play, *kept;
	struct daemon_fact daemon; /* port 0: none */
};

struct run {
	struct stage *stage;
	struct options options;
	struct script script;
	unsigned passed, failed;
};

/* --- kept cases ------------------------------------------------------------------------------ */

static void count_kept(struct run *run, const char *name, const char *problem)
{
	if (problem)
		printf("FAILED: %s: %s\n", name, problem);
	run->passed += !problem;
	run->failed += !!problem;
}

static void play_file(struct run *run, const char *path)
{
	const char *problem = "not a case";
	FILE *f = fopen(path, "re");
	unsigned line = 0;

	if (!f) {
		count_kept(run, path, strerror(errno));
		return;
	}
	if (script_read(f, &run->script, &line))
		printf("%s: line %u\n", path, line);
	else if (stage_play(run->stage, &run->script, &problem))
		problem = NULL;
	for (uint32_t i = 0; !problem && i < run->script.segment_count; i++)
		printf("%s: %s\n", path, reason_name(stage_reason(run->stage, i)));
	count_kept(run, path, problem);
	fclose(f);
}

static int is_case(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && !strcmp(dot, ".case");
}

static void play_kept(struct run *run)
{
	struct dirent **entries;
	int count = scandir(run->options.kept, &entries, is_case, alphasort);
	char path[4096];

	if (count < 0) {
		count_kept(run, run->options.kept, strerror(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", run->options.kept, entries[i]->d_name);
		play_file(run, path);
		free(entries[i]);
	}
	free(entries);
}

/* --- generated cases ------------------------------------------------------------------------- */

/* Is the case the same when it is made from its number again? */
static void report(struct run *run, uint64_t number, const char *problem)
{
	printf("FAILED: %s\n  packet-fuzz --seed %llu --case %llu\n", problem,
	       (unsigned long long)run->options.seed, (unsigned long long)number);
	run->failed++;
}

static void play_one(struct run *run)
{
	const char *problem;

	generate_script(run->options.seed, run->options.one, &run->script);
	if (stage_play(run->stage, &run->script, &problem)) {
		script_write(&run->script, stdout);
		run->passed++;
		return;
	}
	report(run, run->options.one, problem);
	minimise(run->stage, &run->script);
	stage_play(run->stage, &run->script, &problem);
	printf("# smaller: %s\n", problem);
	script_write(&run->script, stdout);
}

static void play_generated(struct run *run)
{
	const char *problem;
	unsigned never;

	for (uint64_t i = 0; i < run->options.cases && run->failed < FAILURES_MAX; i++) {
		generate_script(run->options.seed, i, &run->script);
		if (!stage_play(run->stage, &run->script, &problem))
			report(run, i, problem);
		if (i % CASES_PER_SCENE == 0 && !stage_settle(run->stage, &problem))
			report(run, i, problem);
	}
	if (!stage_settle(run->stage, &problem))
		report(run, run->options.cases, problem);
	run->passed += !run->failed; /* all of them are one test */
	never = stage_report(run->stage, stdout);
	if (run->options.cases < CASES_FOR_ALL)
		return;
	if (never)
		printf("FAILED: %u reasons were never produced at a hook\n", never);
	run->passed += !never;
	run->failed += !!never;
}

static void play_agreement(struct run *run)
{
	const char *problem;
	int compared = agree_run(run->stage, &run->options.daemon, run->options.seed,
				 run->options.cases, &problem);

	if (compared < 0)
		printf("FAILED: %s\n", problem);
	else
		printf("%d refusals compared\n", compared);
	run->passed += compared > 0;
	run->failed += compared <= 0;
}

/* --- the command line ------------------------------------------------------------------------ */

static bool read_number(const char *text, uint64_t *ret)
{
	char *end;

	*ret = strtoull(text, &end, 0);
	return end != text && !*end;
}

static bool read_option(int c, const char *text, struct options *ret)
{
	uint64_t port = 0;
	bool ok = true;

	switch (c) {
	case 's':
		return read_number(text, &ret->seed);
	case 'n':
		return read_number(text, &ret->cases);
	case 'c':
		return ret->has_one = read_number(text, &ret->one);
	case 'p':
		ret->play = text;
		return true;
	case 'a':
		ok = read_number(text, &port) && port && port <= UINT16_MAX;
		ret->daemon.port = (uint16_t)port;
		return ok;
	case 'k':
		ret->daemon.active = text;
		return true;
	case 'r':
		ret->daemon.revoked = text;
		return true;
	case 'e':
		ret->daemon.exhausted = text;
		return true;
	default:
		return false;
	}
}

static bool read_options(int argc, char **argv, struct options *ret)
{
	static const struct option names[] = { { "seed", required_argument, NULL, 's' },
					       { "cases", required_argument, NULL, 'n' },
					       { "case", required_argument, NULL, 'c' },
					       { "play", required_argument, NULL, 'p' },
					       { "agree", required_argument, NULL, 'a' },
					       { "active", required_argument, NULL, 'k' },
					       { "revoked", required_argument, NULL, 'r' },
					       { "exhausted", required_argument, NULL, 'e' },
					       { NULL, 0, NULL, 0 } };
	bool ok = true;
	int c;

	*ret = (struct options){ .seed = 1, .cases = CASES_DEFAULT };
	while (ok && (c = getopt_long(argc, argv, "", names, NULL)) != -1)
		ok = read_option(c, optarg, ret);
	if (optind < argc)
		ret->kept = argv[optind++];
	if (ret->daemon.port)
		ok = ok && ret->daemon.active && ret->daemon.revoked && ret->daemon.exhausted;
	return ok && optind == argc;
}

static void play(struct run *run)
{
	if (run->options.play)
		play_file(run, run->options.play);
	else if (run->options.has_one)
		play_one(run);
	else if (run->options.daemon.port)
		play_agreement(run);
	else {
		if (run->options.kept)
			play_kept(run);
		play_generated(run);
	}
}

int main(int argc, char **argv)
{
	static struct run run;

	if (!read_options(argc, argv, &run.options)) {
		fprintf(stderr, "usage: packet-fuzz [--seed N] [--cases N | --case N] [SEEDS]\n"
				"       packet-fuzz --play FILE\n"
				"       packet-fuzz --agree PORT --active KEY --revoked KEY "
				"--exhausted KEY\n");
		return 2;
	}
	if (run.options.daemon.port && agree_open() < 0)
		return 1;
	run.stage = stage_new();
	if (!run.stage)
		return 1;
	play(&run);
	stage_free(&run.stage);
	printf("%u passed, %u failed\n", run.passed, run.failed);
	return run.failed != 0;
}
