/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prefixes with ends. In the kernel's trie a longer prefix hides a shorter one, so what counts for
 * a prefix is the latest end of all that cover it: list_end(). Sorted by address, then from short
 * to long, so whatever a prefix covers stands right behind it, and what covers it is found by
 * looking for its own start at each length that is in use.
 */
#include <errno.h>
#include <string.h>
#include "denials/internal.h"

static int compare(const struct entry *e, const struct prefix *p, enum axfw_denial_cause cause)
{
	int order = memcmp(e->prefix.address.bytes, p->address.bytes, sizeof(p->address.bytes));

	if (!order)
		order = (int)e->prefix.len - (int)p->len;
	return order ? order : (int)e->cause - (int)cause;
}

/* Where an entry stands, or would. */
static size_t position(const struct list *l, const struct prefix *p, enum axfw_denial_cause cause)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&l->entries[middle], p, cause) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct entry *list_find(const struct list *l, const struct prefix *p, enum axfw_denial_cause cause)
{
	size_t at = position(l, p, cause);

	return at < l->count && !compare(&l->entries[at], p, cause) ? &l->entries[at] : NULL;
}

static bool is_at(const struct list *l, size_t i, const struct prefix *p)
{
	return i < l->count && !compare(&l->entries[i], p, l->entries[i].cause);
}

struct entry *list_find_any(const struct list *l, const struct prefix *p)
{
	size_t at = position(l, p, 0);

	return is_at(l, at, p) ? &l->entries[at] : NULL;
}

static int grow(struct list *l)
{
	size_t size = l->size ? 2 * l->size : 64;
	struct entry *entries = reallocarray(l->entries, size, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	l->entries = entries;
	l->size = size;
	return 0;
}

int list_put(struct list *l, struct entry *e)
{
	size_t at = position(l, &e->prefix, e->cause);
	int r = 0;

	if (at < l->count && !compare(&l->entries[at], &e->prefix, e->cause)) {
		free(l->entries[at].reason);
		l->entries[at] = *e;
		e->reason = NULL;
		return 0;
	}
	if (l->count == l->size)
		r = grow(l);
	if (r < 0)
		return r;
	memmove(&l->entries[at + 1], &l->entries[at], (l->count - at) * sizeof(*e));
	l->entries[at] = *e;
	e->reason = NULL;
	l->count++;
	l->by_length[e->prefix.len]++;
	l->by_cause[e->cause]++;
	return 0;
}

bool list_remove(struct list *l, const struct prefix *p, enum axfw_denial_cause cause)
{
	struct entry *e = list_find(l, p, cause);
	size_t at;

	if (!e)
		return false;
	l->by_length[p->len]--;
	l->by_cause[cause]--;
	free(e->reason);
	at = (size_t)(e - l->entries);
	l->count--;
	memmove(e, e + 1, (l->count - at) * sizeof(*e));
	return true;
}

struct entry *list_under(const struct list *l, const struct prefix *p, size_t *ret_count)
{
	size_t first = position(l, p, 0), end = first;

	while (end < l->count && prefix_covers(p, &l->entries[end].prefix))
		end++;
	*ret_count = end - first;
	return first < end ? &l->entries[first] : NULL;
}

uint64_t list_end(const struct list *l, const struct prefix *p, enum axfw_denial_cause *ret_cause)
{
	uint64_t end = 0;

	for (unsigned len = 0; len <= p->len; len++) {
		struct prefix cover;

		if (!l->by_length[len])
			continue;
		cover = prefix_of(&p->address, len);
		for (size_t i = position(l, &cover, 0); is_at(l, i, &cover); i++) {
			if (l->entries[i].until_ns <= end)
				continue;
			end = l->entries[i].until_ns;
			*ret_cause = l->entries[i].cause;
		}
	}
	return end;
}

bool list_denies(const struct list *l, const struct address *a, uint64_t boot_ns)
{
	const struct prefix p = { .address = *a, .len = 128 };
	enum axfw_denial_cause cause;

	return list_end(l, &p, &cause) > boot_ns;
}

void list_free(struct list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->entries[i].reason);
	free(l->entries);
	*l = (struct list){ 0 };
}
