/* SPDX-License-Identifier: Apache-2.0 */
#include "vocabulary.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "random.h"

#define SLOTS  (1u << 17) /* over twice the words */
#define COUNTS (1u << 20)
/* A word that our corpora hold this often has a row even when nobody published a vector for it. */
#define UNPUBLISHED_MIN 3
#define PUBLISHED_MIN	2
#define UNKNOWN_SCALE	0.3f
#define UNKNOWN_SEED	1

/* --- how often each word occurs in the corpora ------------------------------------------------ */

struct count {
	uint64_t hash;
	uint32_t n;
	bool published;
};

static struct count *count_find(struct count *counts, uint64_t hash)
{
	size_t i = hash >> 44;

	while (counts[i].hash && counts[i].hash != hash)
		i = (i + 1) % COUNTS;
	counts[i].hash = hash;
	return &counts[i];
}

static struct count *count_words(const struct corpus *c)
{
	struct count *counts = calloc(COUNTS, sizeof(*counts));

	for (size_t i = 0; counts && i < c->token_count; i++)
		count_find(counts, c->tokens[i].hash)->n++;
	return counts;
}

/* --- the words -------------------------------------------------------------------------------- */

static uint32_t *find_slot(const struct vocabulary *v, uint64_t hash)
{
	size_t i = hash % SLOTS;

	while (v->slots[i] && v->hashes[v->slots[i] - 1] != hash)
		i = (i + 1) % SLOTS;
	return &v->slots[i];
}

static float *add_word(struct vocabulary *v, uint64_t hash)
{
	uint32_t *slot = find_slot(v, hash);

	if (*slot || v->count == MODEL_WORDS_MAX)
		return NULL;
	v->hashes[v->count] = hash;
	*slot = (uint32_t)++v->count;
	return v->vectors[v->count - 1];
}

uint32_t vocabulary_row(const struct vocabulary *v, uint64_t hash)
{
	uint32_t slot = *find_slot(v, hash);

	return slot ? slot - 1 : (uint32_t)(MODEL_WORDS_MAX + hash % MODEL_UNKNOWN_ROWS);
}

static void fill_at_random(float *vector, struct random *random)
{
	for (int i = 0; i < VECTOR_LEN; i++)
		vector[i] = random_normal(random) * UNKNOWN_SCALE;
}

/* --- the published vectors -------------------------------------------------------------------- */

/* The file is one JSON object; `words` has them by frequency, `vectors` has a list for each. */
struct published {
	char *text;
	size_t len;
	const char *words, *vectors;
};

static int open_published(const char *path, struct published *ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	ret->len = (size_t)st.st_size;
	ret->text = mmap(NULL, ret->len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (ret->text == MAP_FAILED)
		return -errno;
	ret->words = memmem(ret->text, MIN(ret->len, 4096u), "\"words\":[", 9);
	ret->vectors = memmem(ret->text, ret->len, "\"vectors\":{", 11);
	return ret->words && ret->vectors ? 0 : -EINVAL;
}

/* The string that begins at *at (on its quote); *at is then behind it. */
static bool next_string(const char **at, const char **ret, size_t *ret_len)
{
	const char *end;

	if (**at == ',')
		++*at;
	if (**at != '"')
		return false;
	*ret = *at + 1;
	for (end = *ret; *end != '"'; end++)
		if (*end == '\\')
			end++;
	*ret_len = (size_t)(end - *ret);
	*at = end + 1;
	return true;
}

static void read_vector(const char **at, float *ret)
{
	char *end;

	*at += 2; /* :[ */
	for (int i = 0; **at != ']'; i++) {
		float x = strtof(*at, &end);

		if (ret && i < VECTOR_LEN)
			ret[i] = x;
		*at = end + (*end == ',');
	}
	++*at;
}

/* Words of the corpora that have a vector first; then, in the language's order, what else fits. */
static void choose_words(const struct published *p, struct count *counts, struct vocabulary *v)
{
	for (int pass = 0; pass < 2; pass++) {
		const char *at = p->words + 9, *word;
		size_t len;

		while (next_string(&at, &word, &len)) {
			uint64_t hash = token_hash(word, len);
			struct count *n = count_find(counts, hash);

			n->published = true;
			if (pass || n->n >= PUBLISHED_MIN)
				add_word(v, hash);
		}
		for (size_t i = 0; !pass && i < COUNTS; i++)
			if (!counts[i].published && counts[i].n >= UNPUBLISHED_MIN)
				add_word(v, counts[i].hash);
	}
}

static void read_vectors(const struct published *p, struct vocabulary *v)
{
	const char *at = p->vectors + 11, *word;
	size_t len;

	while (next_string(&at, &word, &len)) {
		uint32_t row = vocabulary_row(v, token_hash(word, len));

		read_vector(&at, row < MODEL_WORDS_MAX ? v->vectors[row] : NULL);
		v->published[row] = row < MODEL_WORDS_MAX;
	}
}

/* To a mean of nothing and a length of about VECTOR_LEN's root, so that one learning rate fits. */
static void normalise(struct vocabulary *v)
{
	float mean[VECTOR_LEN] = { 0 };

	for (size_t i = 0; i < v->count; i++) {
		float sum = 0;

		for (int k = 0; k < VECTOR_LEN; k++)
			sum += v->vectors[i][k] * v->vectors[i][k];
		for (int k = 0; k < VECTOR_LEN && sum > 1; k++)
			v->vectors[i][k] *= sqrtf(VECTOR_LEN / sum);
		for (int k = 0; k < VECTOR_LEN; k++)
			mean[k] += v->vectors[i][k] / (float)v->count;
	}
	for (size_t i = 0; i < v->count; i++)
		for (int k = 0; k < VECTOR_LEN; k++)
			v->vectors[i][k] -= mean[k];
}

int vocabulary_make(const char *embeddings_path, const struct corpus *c, struct vocabulary *ret)
{
	_cleanup_(freep) struct count *counts = count_words(c);
	struct random random = random_seed(UNKNOWN_SEED);
	struct published p = { 0 };
	int r;

	ret->count = 0;
	ret->vectors = calloc(ROWS_MAX, sizeof(*ret->vectors));
	ret->published = calloc(ROWS_MAX, sizeof(*ret->published));
	ret->slots = calloc(SLOTS, sizeof(*ret->slots));
	if (!counts || !ret->vectors || !ret->published || !ret->slots)
		return -ENOMEM;
	r = open_published(embeddings_path, &p);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ROWS_MAX; i++)
		fill_at_random(ret->vectors[i], &random);
	choose_words(&p, counts, ret);
	read_vectors(&p, ret);
	munmap(p.text, p.len);
	normalise(ret);
	return 0;
}

void vocabulary_free(struct vocabulary *v)
{
	free(v->vectors);
	free(v->published);
	free(v->slots);
}
