/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the text: each token adds to the block it is in; two neighbouring blocks make a
 * window, and the worst window counts. What a block remembers is small, so nothing is allocated
 * however long the text is.
 */
#include <math.h>
#include <string.h>
#include "base/base.h"
#include "model/internal.h"

/* Channels as vectors of what every x86-64 and ARMv8 has. */
#define LANES 8
#define PARTS (MODEL_CHANNELS / LANES)
typedef int16_t lanes16 __attribute__((vector_size(LANES * sizeof(int16_t))));
typedef int8_t lanes8 __attribute__((vector_size(LANES)));
_Static_assert(PARTS *LANES == MODEL_CHANNELS, "no channel is left over");

struct block {
	int16_t greatest[MODEL_CHANNELS];
	int32_t sum[MODEL_CHANNELS];
	int32_t linear[BLOCK_COUNT][MODEL_HEAD_COUNT];
	uint32_t ngrams[BLOCK_COUNT];
	uint32_t tokens;
	uint32_t begin, end;
};

/* --- the word part ---------------------------------------------------------------------------- */

static void add_ngram(const struct model *m, struct block *b, enum ngram_block block,
		      uint32_t index)
{
	const int8_t *weights = m->linear[block][index];

	for (int h = 0; h < MODEL_HEAD_COUNT; h++)
		b->linear[block][h] += weights[h];
	b->ngrams[block]++;
}

static void add_bytes(const struct model *m, struct block *b, const char *word, size_t len)
{
	struct ngram_word w;

	ngram_word_set(&w, word, len);
	for (unsigned n = NGRAM_BYTES_MIN; n <= NGRAM_BYTES_MAX; n++)
		for (unsigned i = 0; i + n <= w.len; i++)
			add_ngram(m, b, BLOCK_BYTES, ngram_of_bytes(&w, i, n));
}

static void add_words(const struct model *m, struct block *b, const char *text,
		      const struct token *t, const struct token *before)
{
	add_ngram(m, b, BLOCK_WORDS, ngram_of_word(t->hash));
	if (before->end)
		add_ngram(m, b, BLOCK_WORDS, ngram_of_pair(before->hash, t->hash));
	if (t->kind == TOKEN_WORD)
		add_bytes(m, b, text + t->begin, t->end - t->begin);
}

/* --- the text part ---------------------------------------------------------------------------- */

static const struct weights_row *find_row(const struct model *m, uint64_t hash)
{
	uint32_t fingerprint = weights_fingerprint(hash), slot = fingerprint % SLOTS;

	while (m->slots[slot].row != SLOT_EMPTY) {
		if (m->slots[slot].fingerprint == fingerprint)
			return &m->rows[m->slots[slot].row];
		slot = (slot + 1) % SLOTS;
	}
	return &m->rows[m->head.words + hash % MODEL_UNKNOWN_ROWS];
}

static lanes16 load_place(const struct weights_row *row, int place, int part)
{
	lanes8 narrow;

	memcpy(&narrow, &row->places[place][part * sizeof(narrow)], sizeof(narrow));
	return __builtin_convertvector(narrow, lanes16);
}

/* Takes in the middle one of three neighbours; NULL: there is none. */
static void add_trigram(const struct model *m, struct block *b,
			const struct weights_row *const three[static MODEL_PLACES])
{
	for (int part = 0; part < PARTS; part++) {
		size_t at = (size_t)part * LANES;
		lanes16 sum, greatest, positive;

		memcpy(&sum, m->head.bias + at, sizeof(sum));
		for (int place = 0; place < MODEL_PLACES; place++)
			if (three[place])
				sum += load_place(three[place], place, part);
		positive = sum & (sum > 0);
		memcpy(&greatest, b->greatest + at, sizeof(greatest));
		greatest = (positive & (positive > greatest)) | (greatest & ~(positive > greatest));
		memcpy(b->greatest + at, &greatest, sizeof(greatest));
		for (size_t c = 0; c < LANES; c++)
			b->sum[at + c] += positive[c];
	}
}

/* --- windows ---------------------------------------------------------------------------------- */

/* Thousandths of log-odds of what two blocks say together. `next` may be empty. */
static int32_t judge(const struct model *m, const struct block *b, const struct block *next,
		     int head)
{
	int64_t sum = 0, means = 0;
	uint32_t tokens = b->tokens + next->tokens;

	for (int c = 0; c < MODEL_CHANNELS; c++) {
		int64_t greatest = MAX(b->greatest[c], next->greatest[c]);

		sum += m->head.greatest_factor[head][c] * greatest;
		means += (int64_t)m->head.mean_factor[head][c] * (b->sum[c] + next->sum[c]);
	}
	sum += means / tokens;
	for (int k = 0; k < BLOCK_COUNT; k++) {
		uint32_t n = b->ngrams[k] + next->ngrams[k];
		int64_t linear = b->linear[k][head] + next->linear[k][head];

		/* The root of n, in 1/256: exact arithmetic by IEEE 754, so the same everywhere. */
		if (n)
			sum += m->head.linear_factor[head][k] * linear * 256 /
			       (int64_t)sqrt((double)n * 65536);
	}
	sum = m->head.head_bias_e3[head] + (sum >> WEIGHTS_SHIFT);
	return (int32_t)MAX(MIN(sum, -MODEL_LOGIT_NOTHING), MODEL_LOGIT_NOTHING + 1);
}

static void judge_window(const struct model *m, const struct block *b, const struct block *next,
			 struct model_score *ret)
{
	for (int h = 0; h < MODEL_HEAD_COUNT; h++) {
		int32_t logit = judge(m, b, next, h);

		if (logit <= ret->logit_e3[h])
			continue;
		ret->logit_e3[h] = logit;
		ret->begin[h] = b->begin;
		ret->end[h] = next->tokens ? next->end : b->end;
	}
}

/* --- the pass --------------------------------------------------------------------------------- */

struct pass {
	const struct model *m;
	const char *text;
	struct block blocks[2]; /* the one that is being filled, and the one before it */
	unsigned current;
	struct token before;
	const struct weights_row *rows[MODEL_PLACES]; /* of the last three tokens */
	struct model_score *score;
};

static struct block *current(struct pass *p)
{
	return &p->blocks[p->current];
}

static void next_block(struct pass *p)
{
	struct block *before = &p->blocks[!p->current];

	if (before->tokens)
		judge_window(p->m, before, current(p), p->score);
	p->current = !p->current;
	memset(current(p), 0, sizeof(struct block));
}

/* The trigram in the middle of which the token before the newest is. */
static void shift_row(struct pass *p, const struct weights_row *row)
{
	p->rows[0] = p->rows[1];
	p->rows[1] = p->rows[2];
	p->rows[2] = row;
	if (p->rows[1])
		add_trigram(p->m, current(p), p->rows);
}

static void add_token(struct pass *p, const struct token *t)
{
	struct block *b;

	shift_row(p, find_row(p->m, t->hash));
	if (current(p)->tokens == MODEL_BLOCK_TOKENS)
		next_block(p);
	b = current(p);
	if (!b->tokens++)
		b->begin = t->begin;
	b->end = t->end;
	add_words(p->m, b, p->text, t, &p->before);
	p->before = *t;
}

void model_evaluate(const struct model *m, const char *text, size_t len, struct model_score *ret)
{
	struct tokens tokens = { .text = text, .len = len };
	struct pass p = { .m = m, .text = text, .score = ret };
	const struct block *before;
	struct token t;

	*ret = (struct model_score){ .logit_e3 = { MODEL_LOGIT_NOTHING, MODEL_LOGIT_NOTHING } };
	while (tokens_next(&tokens, &t))
		add_token(&p, &t);
	if (!current(&p)->tokens)
		return;
	shift_row(&p, NULL);
	before = &p.blocks[!p.current];
	if (before->tokens)
		judge_window(m, before, current(&p), ret);
	else
		judge_window(m, current(&p), before, ret);
}
