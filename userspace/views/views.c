/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The views of a text, in order. Owns a thread's memory: buffers grow to what the longest text so
 * far took and are written over by the next.
 */
#include <errno.h>
#include "views/decode.h"
#include "views/hints.h"
#include "views/turned.h"
#include "views/words.h"

/* What the words around decoded stretches may take, beside half a text's length. The promise of
 * 4 × len and a constant: what isn't ASCII is at most doubled in the normal view and in no other
 * but as such words; of ASCII, the normal view has each byte once, the undisguised one once, and of
 * the others only one has it, once, or one and a half times where base64 becomes characters that
 * NFKC makes longer. */
#define CONTEXT_FREE (32u << 10)

static const char *const kind_names[] = {
	[VIEW_NORMAL] = "normal", [VIEW_UNDISGUISED] = "undisguised", [VIEW_BASE64] = "base64",
	[VIEW_HEX] = "hex",	  [VIEW_PERCENT] = "percent",	      [VIEW_ENTITIES] = "entities",
	[VIEW_ROT13] = "rot13",	  [VIEW_REVERSED] = "reversed",
};
_Static_assert(ARRAY_SIZE(kind_names) == VIEW_KIND_COUNT, "each kind has a name");

const char *view_kind_name(enum view_kind k)
{
	return kind_names[k];
}

int views_new(struct views **ret)
{
	struct views *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	words_load();
	turned_load();
	*ret = v;
	return 0;
}

void views_free(struct views **v)
{
	if (!*v)
		return;
	for (unsigned i = 0; i < VIEW_KIND_COUNT; i++)
		buffer_free(&(*v)->buffers[i]);
	buffer_free(&(*v)->raw[0]);
	buffer_free(&(*v)->raw[1]);
	buffer_free(&(*v)->piece);
	free((*v)->runes.items);
	free((*v)->words);
	free(*v);
	*v = NULL;
}

int buffer_reserve(struct buffer *b, size_t len)
{
	b->len = 0;
	if (len + VECTOR_SLACK <= b->size)
		return 0;
	buffer_free(b);
	b->size = MAX(len + len / 2, (size_t)1 << 12) + VECTOR_SLACK;
	b->text = malloc(b->size);
	b->origin = malloc((b->size + 1) * sizeof(*b->origin));
	if (!b->text || !b->origin) {
		buffer_free(b);
		return -ENOMEM;
	}
	return 0;
}

void buffer_free(struct buffer *b)
{
	free(b->text);
	free(b->origin);
	*b = (struct buffer){ 0 };
}

void views_add(struct views *v, enum view_kind kind)
{
	const struct buffer *b = &v->buffers[kind];

	v->list[v->count++] = (struct view){ kind, b->text, b->len, b->origin };
}

int views_make(struct views *v, const char *text, size_t len, const struct view **ret,
	       size_t *ret_count)
{
	const struct source in = { text, len, NULL };
	const struct view *normal = &v->list[0];
	unsigned hints;
	int r;

	if (len > VIEWS_TEXT_MAX)
		return -E2BIG;
	v->count = 0;
	r = normalise(v, &in, &v->buffers[VIEW_NORMAL]);
	if (r < 0)
		return r;
	views_add(v, VIEW_NORMAL);
	v->context_left = len / 2 + CONTEXT_FREE;
	hints = hints_of(normal->text, normal->len) | turned_hints(normal->text, normal->len);
	if (hints)
		r = undisguised_view(v, hints);
	if (r == 0 && hints)
		r = decode_views(v, &in, hints);
	if (r == 0 && hints)
		r = turned_views(v, hints);
	if (r < 0)
		return r;
	*ret = v->list;
	*ret_count = v->count;
	return 0;
}

void view_span(const struct view *v, size_t begin, size_t end, uint32_t *ret_begin,
	       uint32_t *ret_end)
{
	uint32_t low = v->origin[begin], high = v->origin[end];

	if (v->kind == VIEW_REVERSED) {
		/* ASCII, a byte each, in any order */
		high = low;
		for (size_t i = begin; i < end; i++) {
			low = MIN(low, v->origin[i]);
			high = MAX(high, v->origin[i]);
		}
		high += end > begin;
	}
	/* A part of what one character became: the whole character. */
	while (high == low && begin < end && end < v->len)
		high = v->origin[++end];
	*ret_begin = low;
	*ret_end = high;
}
