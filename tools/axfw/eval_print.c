/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table: sources first, then what they come to. A pooled figure is one big source's figure when
 * there is one, so each that is over a tenth of the rows is also left out.
 */
#include <string.h>
#include "eval.h"
#include "output.h"

#define BIG_SHARE 10 /* a source is big from a tenth on */
#define BAR_WIDTH 40

void eval_progress(const struct cli *cli, unsigned percent)
{
	static unsigned shown = 101;
	char bar[BAR_WIDTH + 1] = "";

	if (cli->json || !isatty(STDERR_FILENO) || percent == shown)
		return;
	shown = percent;
	if (percent >= 100) {
		fprintf(stderr, "\r%*s\r", BAR_WIDTH + 8, "");
		return;
	}
	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', BAR_WIDTH * percent / 100);
	fprintf(stderr, "\r[%s] %2u %%", bar, percent);
}

static void format_share(double share, char ret[static HUMAN_LEN])
{
	snprintf(ret, HUMAN_LEN, share < 0 ? "-" : "%.1f %%", 100 * share);
}

static void add_row(struct table *t, enum style style, const char *name,
		    const struct eval_counts *c, double recall, double false_positives, double f1)
{
	char counts[2][HUMAN_LEN], shares[2][HUMAN_LEN], f[HUMAN_LEN];

	human_count(c->block, counts[0]);
	human_count(c->allow, counts[1]);
	format_share(recall, shares[0]);
	format_share(false_positives, shares[1]);
	snprintf(f, sizeof(f), f1 < 0 ? "-" : "%.3f", f1);
	table_add(t, style,
		  (const char *[]){ name, c->block ? counts[0] : "-", c->allow ? counts[1] : "-",
				    shares[0], shares[1], f });
}

static void add_counts(struct table *t, enum style style, const char *name,
		       const struct eval_counts *c)
{
	add_row(t, style, name, c, eval_recall(c), eval_false_positives(c), eval_f1(c));
}

static bool is_direct(const struct eval_source *source)
{
	return source->is_direct;
}

static bool is_general(const struct eval_source *source)
{
	return source->is_general;
}

static void add_pooled(struct table *t, const struct eval_score *s)
{
	struct eval_counts all = eval_pool(s, NULL);

	add_counts(t, STYLE_BOLD, "pooled", &all);
	for (size_t i = 0; i < s->count && s->count > 1; i++) {
		const struct eval_counts *c = &s->sources[i].counts;
		struct eval_counts rest = eval_pool(s, &s->sources[i]);
		char name[64];

		if (c->block * BIG_SHARE <= all.block && c->allow * BIG_SHARE <= all.allow)
			continue;
		snprintf(name, sizeof(name), " without %.40s", s->sources[i].name);
		add_counts(t, STYLE_PLAIN, name, &rest);
	}
}

static void add_means(struct table *t, const struct eval_score *s, bool with_folds)
{
	static const struct eval_counts none;

	add_row(t, STYLE_BOLD, "macro", &none, eval_mean(s, eval_recall, NULL),
		eval_mean(s, eval_false_positives, NULL), eval_mean(s, eval_f1, NULL));
	if (!with_folds)
		return;
	add_row(t, STYLE_PLAIN, " direct attacks", &none, eval_mean(s, eval_recall, is_direct), -1,
		-1);
	add_row(t, STYLE_PLAIN, " general prompts", &none, -1,
		eval_mean(s, eval_false_positives, is_general), -1);
}

static enum cli_status print_table(const struct cli *cli, struct eval_score *s, bool with_folds)
{
	static const struct table_column columns[] = { { "SOURCE", false }, { "BLOCK", true },
						       { "ALLOW", true },   { "RECALL", true },
						       { "FALSE", true },   { "F1", true } };
	_cleanup_(table_free) struct table t = { .columns = columns,
						 .column_count = ARRAY_SIZE(columns) };

	for (size_t i = 0; i < s->count; i++)
		add_counts(&t, STYLE_PLAIN, s->sources[i].name, &s->sources[i].counts);
	add_pooled(&t, s);
	add_means(&t, s, with_folds);
	if (table_print(cli, &t, stdout) < 0)
		return cli_fail(cli, CLI_NO, NULL, "out of memory");
	printf("\nan evaluation: median %.1f us, p99 %.1f us\n", eval_quantile_us(s, 0.5),
	       eval_quantile_us(s, 0.99));
	return CLI_DONE;
}

static enum cli_status print_json(const struct cli *cli, struct eval_score *s, bool with_folds)
{
	_cleanup_(json_decrefp) json_t *sources = json_array(), *whole = NULL;
	_cleanup_(freep) char *text = NULL;

	for (size_t i = 0; i < s->count; i++) {
		const struct eval_source *source = &s->sources[i];
		const struct eval_counts *c = &source->counts;
		json_t *row = json_pack("{s:s, s:i, s:i, s:i, s:i}", "name", source->name, "block",
					(int)c->block, "allow", (int)c->allow, "tp", (int)c->tp,
					"fp", (int)c->fp);

		if (with_folds && row) {
			json_object_set_new(row, "direct", json_boolean(source->is_direct));
			json_object_set_new(row, "general", json_boolean(source->is_general));
		}
		json_array_append_new(sources, row);
	}
	whole = json_pack("{s:O, s:f, s:f}", "sources", sources, "median_us",
			  eval_quantile_us(s, 0.5), "p99_us", eval_quantile_us(s, 0.99));
	text = whole ? json_text(whole) : NULL;
	if (!text)
		return cli_fail(cli, CLI_NO, NULL, "out of memory, or a name isn't UTF-8");
	puts(text);
	return CLI_DONE;
}

enum cli_status eval_print(const struct cli *cli, struct eval_score *s, bool with_folds)
{
	return cli->json ? print_json(cli, s, with_folds) : print_table(cli, s, with_folds);
}
