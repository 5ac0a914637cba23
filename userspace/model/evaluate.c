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

/* What a channel says at most of three neighbours, so that a block's sum fits 16 bits. */
#define SAY_MAX (INT16_MAX / MODEL_BLOCK_TOKENS)

struct block {
	int16_t greatest[MODEL_CHANNELS];
	int16_t sum[MODEL_CHANNELS];
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

static const struct weights_row silent_row;

/*
 * Takes in the middle one of three neighbours; NULL: there is none. All in 16 bits, side by side:
 * the compiler makes vectors of it.
 */
static void add_trigram(const struct model *m, struct block *b,
			const struct weights_row *const three[static MODEL_PLACES])
{
	const int8_t *left = (three[0] ? three[0] : &silent_row)->places[0];
	const int8_t *middle = (three[1] ? three[1] : &silent_row)->places[1];
	const int8_t *right = (three[2] ? three[2] : &silent_row)->places[2];
	int16_t *restrict greatest = b->greatest, *restrict sum = b->sum;

	for (int c = 0; c < MODEL_CHANNELS; c++) {
		int16_t say = (int16_t)(m->head.bias[c] + left[c] + middle[c] + right[c]);

		say = MAX(say, 0);
		say = MIN(say, SAY_MAX);
		greatest[c] = MAX(greatest[c], say);
		sum[c] = (int16_t)(sum[c] + say);
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
