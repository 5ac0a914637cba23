/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms and Zipf's law: the arithmetic of the load generator. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include "bench.h"

/* Values below 2^SUB_BITS have a bucket each; above, the leading one and the next SUB_BITS bits
 * choose. */
static unsigned bucket_of(uint64_t value)
{
	unsigned shift = value >> HISTOGRAM_SUB_BITS
				 ? 63 - HISTOGRAM_SUB_BITS - (unsigned)__builtin_clzll(value) + 1
				 : 0;

	if (!(value >> HISTOGRAM_SUB_BITS))
		return (unsigned)value;
	shift--;
	return ((shift + 1) << HISTOGRAM_SUB_BITS) +
	       (unsigned)((value >> shift) & ((1U << HISTOGRAM_SUB_BITS) - 1));
}

/* The largest value of a bucket. */
static uint64_t top_of(unsigned bucket)
{
	unsigned octave = bucket >> HISTOGRAM_SUB_BITS;
	uint64_t rest = bucket & ((1U << HISTOGRAM_SUB_BITS) - 1);

	if (!octave)
		return rest;
	return (((1ULL << HISTOGRAM_SUB_BITS) + rest + 1) << (octave - 1)) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	h->counts[bucket_of(value)]++;
	h->total++;
	h->max = MAX(h->max, value);
}

uint64_t histogram_at(const struct histogram *h, double share)
{
	uint64_t wanted = (uint64_t)ceil(share * (double)h->total), seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && h->total; i++) {
		seen += h->counts[i];
		if (seen >= wanted && seen)
			return MIN(top_of(i), h->max);
	}
	return h->max;
}

static int read_lines(FILE *file, struct keys *k)
{
	char line[sizeof(*k->items)];

	while (fgets(line, sizeof(line), file)) {
		char(*items)[64] = reallocarray(k->items, k->count + 1, sizeof(*items));

		if (!items)
			return -ENOMEM;
		k->items = items;
		line[strcspn(line, "\n")] = '\0';
		memcpy(k->items[k->count++], line, sizeof(line));
	}
	return k->count ? 0 : -ENODATA;
}

static int sum_up(struct keys *k, double exponent)
{
	double sum = 0;

	k->cumulative = calloc(k->count, sizeof(*k->cumulative));
	if (!k->cumulative)
		return -ENOMEM;
	for (size_t i = 0; i < k->count; i++)
		k->cumulative[i] = sum += pow((double)(i + 1), -exponent);
	for (size_t i = 0; i < k->count; i++)
		k->cumulative[i] /= sum;
	return 0;
}

int keys_read(const char *path, double exponent, struct keys *ret)
{
	_cleanup_(keys_free) struct keys k = { .random = 88172645463325252ULL };
	FILE *file = fopen(path, "re");
	int r;

	if (!file)
		return -errno;
	r = read_lines(file, &k);
	fclose(file);
	if (r >= 0)
		r = sum_up(&k, exponent);
	if (r < 0)
		return r;
	*ret = k;
	k = (struct keys){ 0 };
	return 0;
}

const char *keys_draw(struct keys *k)
{
	size_t low = 0, high = k->count - 1;
	double share;

	k->random ^= k->random << 13;
	k->random ^= k->random >> 7;
	k->random ^= k->random << 17;
	share = (double)(k->random >> 11) / (double)(1ULL << 53);
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (k->cumulative[middle] > share)
			high = middle;
		else
			low = middle + 1;
	}
	return k->items[low];
}

void keys_free(struct keys *k)
{
	free(k->items);
	free(k->cumulative);
	*k = (struct keys){ 0 };
}
