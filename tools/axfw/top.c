/* SPDX-License-Identifier: Apache-2.0 */
/* axfw top: asks the daemon every second and draws, over the whole terminal or, in a pipe, once. */
#include "top.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include "client.h"
#include "terminal.h"

enum { OPTION_ONCE, OPTION_INTERVAL };

#define INTERVAL_MS    1000
#define INTERVAL_S_MAX 3600
#define HEIGHT_ONCE    TOP_LINES_MAX /* paper is long */

static enum cli_status read_interval(const struct cli *cli, const char *text, unsigned *ret_ms)
{
	char *end;
	double seconds;

	*ret_ms = INTERVAL_MS;
	if (!text)
		return CLI_DONE;
	seconds = strtod(text, &end);
	if (end == text || *end || !(seconds >= 0.1 && seconds <= INTERVAL_S_MAX))
		return cli_fail(cli, CLI_USAGE, "Seconds, 0.1 to 3600.", "'%s' isn't an interval",
				text);
	*ret_ms = (unsigned)(seconds * 1000);
	return CLI_DONE;
}

static enum cli_status ask(const struct cli *cli, struct answer *ret)
{
	return client_call(cli, "GET", "/node/top", NULL, ret);
}

static void print_plain(const struct cli *cli, const struct top_screen *screen)
{
	for (unsigned i = 0; i < screen->count; i++)
		printf("%s%s%s\n", style_on(cli, screen->lines[i].style), screen->lines[i].text,
		       style_off(cli));
}

static enum cli_status print_rates(const struct cli *cli, const json_t *before, const json_t *now)
{
	_cleanup_(json_decrefp) json_t *rates = top_rates(before, now);
	_cleanup_(freep) char *text = rates ? json_text(rates) : NULL;

	if (!text)
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	puts(text);
	return CLI_DONE;
}

static enum cli_status once(const struct cli *cli, unsigned interval_ms)
{
	const struct timespec pause = { .tv_sec = interval_ms / 1000,
					.tv_nsec = interval_ms % 1000 * (long)NS_PER_MS };
	_cleanup_(answer_free) struct answer before = { 0 }, now = { 0 };
	_cleanup_(freep) struct top_screen *screen = calloc(1, sizeof(*screen));
	enum cli_status status = ask(cli, &before);

	if (!screen)
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	if (status != CLI_DONE)
		return status;
	nanosleep(&pause, NULL);
	status = ask(cli, &now);
	if (status != CLI_DONE)
		return status;
	if (cli->json)
		return print_rates(cli, before.json, now.json);
	top_draw(before.json, now.json, HEIGHT_ONCE, screen);
	print_plain(cli, screen);
	return CLI_DONE;
}

/* Each line over the one that stood there, so that nothing flickers. */
static void paint(const struct cli *cli, const struct answer *before, const struct answer *now,
		  struct top_screen *screen)
{
	unsigned width, height;

	terminal_size(&width, &height);
	top_draw(before->json, now->json, height, screen);
	fputs("\033[H", stdout);
	for (unsigned i = 0; i < screen->count; i++) {
		const char *text = screen->lines[i].text;

		printf("%s%.*s%s\033[K%s", style_on(cli, screen->lines[i].style),
		       (int)display_cut(text, width), text, style_off(cli),
		       i + 1 < screen->count ? "\r\n" : "");
	}
	fputs("\033[J", stdout);
	fflush(stdout);
}

static void paint_away(const struct cli *cli)
{
	printf("\033[H%sno daemon at %s; trying again (q ends)%s\033[K", style_on(cli, STYLE_WARN),
	       cli->socket_path, style_off(cli));
	fflush(stdout);
}

/* Until the next look is due; false: end. */
static bool pause_live(struct terminal *t, unsigned interval_ms, bool *ret_draw)
{
	uint64_t end_ns = clock_monotonic_ns() + interval_ms * NS_PER_MS, now_ns;

	*ret_draw = false;
	while ((now_ns = clock_monotonic_ns()) < end_ns) {
		unsigned left_ms = (unsigned)((end_ns - now_ns) / NS_PER_MS) + 1;
		enum terminal_event event = terminal_wait(t, left_ms);

		if (event == TERMINAL_END)
			return false;
		*ret_draw = event == TERMINAL_DRAW;
		if (*ret_draw)
			return true;
	}
	return true;
}

struct live {
	struct cli cli;
	struct answer before, now;
	struct top_screen screen;
};

/* A look at the daemon. It may be away for a moment: another one is taking over. */
static enum cli_status look(struct live *l)
{
	struct answer answer = { 0 };
	enum cli_status status = ask(&l->cli, &answer);

	if (status == CLI_UNREACHABLE) {
		paint_away(&l->cli);
		return CLI_DONE;
	}
	if (status != CLI_DONE)
		return status;
	answer_free(&l->before);
	l->before = l->now;
	l->now = answer;
	paint(&l->cli, l->before.json ? &l->before : &l->now, &l->now, &l->screen);
	return CLI_DONE;
}

static enum cli_status run_live(struct live *l, struct terminal *t, unsigned interval_ms)
{
	enum cli_status status = CLI_DONE;
	bool draw = false;

	while (status == CLI_DONE) {
		if (!draw)
			status = look(l);
		else if (l->now.json)
			paint(&l->cli, l->before.json ? &l->before : &l->now, &l->now, &l->screen);
		if (status == CLI_DONE && !pause_live(t, interval_ms, &draw))
			break;
	}
	return status;
}

static enum cli_status live(const struct cli *cli, struct terminal *t, unsigned interval_ms)
{
	_cleanup_(freep) struct live *l = calloc(1, sizeof(*l));
	enum cli_status status;

	if (!l)
		return CLI_NO;
	l->cli = *cli;
	l->cli.silent = true; /* it would be said on the screen that is given back */
	status = run_live(l, t, interval_ms);
	answer_free(&l->before);
	answer_free(&l->now);
	return status;
}

enum cli_status command_top(const struct cli *cli, const struct cli_arguments *a)
{
	_cleanup_(answer_free) struct answer first = { 0 };
	struct terminal t;
	unsigned interval_ms;
	enum cli_status status = read_interval(cli, a->values[OPTION_INTERVAL], &interval_ms);

	if (status == CLI_DONE) /* what is wrong from the start is said as ever */
		status = ask(cli, &first);
	if (status != CLI_DONE)
		return status;
	if (a->values[OPTION_ONCE] || cli->json || terminal_enter(&t) < 0)
		return once(cli, interval_ms);
	status = live(cli, &t, interval_ms);
	terminal_leave(&t);
	if (status != CLI_DONE) {
		answer_free(&first);
		status = ask(cli, &first); /* again, aloud */
	}
	return status;
}
