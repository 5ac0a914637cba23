/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading is one pass: each line is parsed, normalised as the engine does it, cut into tokens and
 * forgotten. What stays are hashes.
 */
#include "corpus.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>
#include "model/ngrams.h"
#include "sources.h"

#define LINE_MAX_BYTES (1 << 20)
/* Of a longer text the rest is left out of training; the longest sources are cut to some pages. */
#define ROW_TOKENS_MAX 512

static int grow(void *array, size_t *size, size_t used, size_t item)
{
	void **items = array, *more;
	size_t n = *size ? *size * 2 : 4096;

	if (used < *size)
		return 0;
	more = reallocarray(*items, n, item);
	if (!more)
		return -ENOMEM;
	*items = more;
	*size = n;
	return 0;
}

static int find_source(struct corpus *c, const char *name, bool own)
{
	const struct source *k = source_known(name);
	struct source *s;

	for (size_t i = 0; i < c->source_count; i++)
		if (!strcmp(c->sources[i].name, name))
			return (int)i;
	if (c->source_count == SOURCES_MAX || (!k && !own))
		return -EINVAL;
	s = &c->sources[c->source_count++];
	if (k) {
		*s = *k;
		return (int)(s - c->sources);
	}
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->fold = FOLD_NONE;
	s->is_own = true;
	return (int)(s - c->sources);
}

static int add_byte_ngrams(struct corpus *c, const char *word, size_t len)
{
	struct ngram_word w;
	int r;

	ngram_word_set(&w, word, len);
	for (unsigned n = NGRAM_BYTES_MIN; n <= NGRAM_BYTES_MAX; n++) {
		for (unsigned i = 0; i + n <= w.len; i++) {
			r = grow(&c->byte_ngrams, &c->byte_ngrams_size, c->byte_ngram_count,
				 sizeof(*c->byte_ngrams));
			if (r < 0)
				return r;
			c->byte_ngrams[c->byte_ngram_count++] = ngram_of_bytes(&w, i, n);
		}
	}
	return 0;
}

static int add_token(struct corpus *c, const char *text, const struct token *t)
{
	struct corpus_token *ret;
	int r;

	r = grow(&c->tokens, &c->tokens_size, c->token_count, sizeof(*c->tokens));
	if (r < 0)
		return r;
	ret = &c->tokens[c->token_count++];
	*ret = (struct corpus_token){ .hash = t->hash,
				      .first_bytes = (uint32_t)c->byte_ngram_count,
				      .is_word = t->kind == TOKEN_WORD };
	if (t->kind == TOKEN_WORD)
		r = add_byte_ngrams(c, text + t->begin, t->end - t->begin);
	ret->bytes_count = (uint16_t)(c->byte_ngram_count - ret->first_bytes);
	return r;
}

static int add_row(struct corpus *c, const char *text, size_t len, enum row_class label, int source)
{
	struct tokens tokens = { .text = text, .len = len };
	struct row *row;
	struct token t;
	int r;

	r = grow(&c->rows, &c->rows_size, c->row_count, sizeof(*c->rows));
	if (r < 0)
		return r;
	row = &c->rows[c->row_count];
	*row = (struct row){ .label = label,
			     .source = (uint16_t)source,
			     .first_token = (uint32_t)c->token_count };
	while (row->token_count < ROW_TOKENS_MAX && tokens_next(&tokens, &t)) {
		r = add_token(c, text, &t);
		if (r < 0)
			return r;
		row->token_count++;
	}
	if (!row->token_count)
		return 0;
	c->row_count++;
	c->sources[source].rows++;
	c->sources[source].block += label != ROW_BENIGN;
	return 0;
}

static int class_of(const json_t *row, enum row_class *ret)
{
	const char *name = json_string_value(json_object_get(row, "class"));

	if (!name)
		return -EINVAL;
	if (!strcmp(name, "HARM"))
		*ret = ROW_HARM;
	else if (!strcmp(name, "DECEIVE"))
		*ret = ROW_DECEIVE;
	else if (!strcmp(name, "BENIGN"))
		*ret = ROW_BENIGN;
	else
		return -EINVAL;
	return 0;
}

/* The text as the engine sees it. */
static int add_text(struct corpus *c, const json_t *text, enum row_class label, int source)
{
	const struct view *views;
	size_t count;
	int r;

	if (!c->views) {
		r = views_new(&c->views);
		if (r < 0)
			return r;
	}
	r = views_make(c->views, json_string_value(text), json_string_length(text), &views, &count);
	return r < 0 ? r : add_row(c, views[0].text, views[0].len, label, source);
}

static int read_line(struct corpus *c, const char *line, const char *own_name)
{
	_cleanup_(json_decrefp) json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);
	const json_t *text = json_object_get(row, "text");
	const char *name = own_name ? own_name : json_string_value(json_object_get(row, "name"));
	enum row_class label;
	int source;

	if (!json_is_string(text) || !name || class_of(row, &label) < 0)
		return -EINVAL;
	source = find_source(c, name, own_name != NULL);
	return source < 0 ? source : add_text(c, text, label, source);
}

int corpus_read(struct corpus *c, const char *path, bool own)
{
	_cleanup_(freep) char *line = malloc(LINE_MAX_BYTES);
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	gzFile file = gzopen(path, "rb");
	unsigned number = 0;
	int r = 0;

	if (!file || !line)
		r = file ? -ENOMEM : -errno;
	while (r >= 0 && gzgets(file, line, LINE_MAX_BYTES)) {
		number++;
		r = read_line(c, line, own ? base : NULL);
	}
	if (r < 0)
		log_error("%s:%u: not a row of the corpus", path, number);
	if (file)
		gzclose(file);
	return r;
}

void corpus_free(struct corpus *c)
{
	free(c->rows);
	free(c->tokens);
	free(c->byte_ngrams);
	views_free(&c->views);
}

int corpus_fold(const struct corpus *c, const struct row *r)
{
	return c->sources[r->source].fold;
}
