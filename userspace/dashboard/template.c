/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The template engine: one pass over the text, no parse tree. A section that is left out is still
 * walked (with its output switched off), so a page is either well-formed for all data or for none.
 */
#include <errno.h>
#include <string.h>
#include "dashboard/assets.h"
#include "dashboard/template.h"

#define DEPTH_MAX                                                                                  \
	16 /* sections and pages inside each other: a page that includes itself ends here */
#define NAME_MAX_ 32 /* of a name in a tag */

struct scope {
	const json_t *value;
	const struct scope *outer;
};

struct tag {
	char kind; /* '#', '^', '/', '>' or 0 for a value */
	char name[NAME_MAX_ + 1];
};

struct walk {
	const char *at, *end;
	struct text *out; /* NULL: a section that is left out */
	unsigned depth;
};

static int render(struct walk *w, const struct scope *scope, const char *until);

/* Reads a tag; w->at stands behind its "{{". */
static int read_tag(struct walk *w, struct tag *ret)
{
	const char *close = memmem(w->at, (size_t)(w->end - w->at), "}}", 2);
	size_t len;

	if (!close || close == w->at)
		return -EINVAL;
	ret->kind = '\0';
	if (strchr("#^/>", *w->at))
		ret->kind = *w->at++;
	len = (size_t)(close - w->at);
	if (!len || len > NAME_MAX_)
		return -EINVAL;
	memcpy(ret->name, w->at, len);
	ret->name[len] = '\0';
	w->at = close + 2;
	return 0;
}

static const json_t *look_up(const struct scope *scope, const char *name)
{
	if (!strcmp(name, "."))
		return scope->value;
	for (; scope; scope = scope->outer) {
		const json_t *value = json_object_get(scope->value, name);

		if (value)
			return value;
	}
	return NULL;
}

static int add_value(struct text *out, const json_t *value)
{
	if (json_is_string(value))
		text_add_html(out, json_string_value(value));
	else if (json_is_integer(value))
		text_addf(out, "%lld", (long long)json_integer_value(value));
	else
		return -ENOENT;
	return 0;
}

static bool is_shown(const json_t *value)
{
	if (json_is_array(value))
		return json_array_size(value) > 0;
	if (json_is_string(value))
		return json_string_length(value) > 0;
	return value && !json_is_false(value) && !json_is_null(value);
}

/* One walk through a section's text, from just behind its opening tag to behind its closing one. */
static int walk_section(struct walk *w, const char *start, const struct scope *scope,
			const char *name, struct text *out)
{
	struct walk inner = { .at = start, .end = w->end, .out = out, .depth = w->depth + 1 };
	int r = render(&inner, scope, name);

	if (r >= 0)
		w->at = inner.at;
	return r;
}

static int render_list(struct walk *w, const char *start, const struct scope *scope,
		       const char *name, const json_t *list)
{
	for (size_t n = 0; n < json_array_size(list); n++) {
		struct scope item = { json_array_get(list, n), scope };
		int r = walk_section(w, start, &item, name, w->out);

		if (r < 0)
			return r;
	}
	return 0;
}

static int render_section(struct walk *w, const struct scope *scope, const struct tag *tag)
{
	const json_t *value = look_up(scope, tag->name);
	bool shown = w->out && is_shown(value) == (tag->kind == '#');
	struct scope inner = { value, scope };
	const char *start = w->at;

	if (!shown)
		return walk_section(w, start, scope, tag->name, NULL);
	if (tag->kind == '#' && json_is_array(value))
		return render_list(w, start, scope, tag->name, value);
	return walk_section(w, start, tag->kind == '#' ? &inner : scope, tag->name, w->out);
}

static int render_page(struct walk *w, const struct scope *scope, const char *name)
{
	const struct asset *page = asset_page(name);
	struct walk inner = { .out = w->out, .depth = w->depth + 1 };

	if (!page)
		return -ENOENT;
	inner.at = (const char *)page->data;
	inner.end = inner.at + asset_len(page);
	return render(&inner, scope, NULL);
}

static int render_tag(struct walk *w, const struct scope *scope, const struct tag *tag)
{
	switch (tag->kind) {
	case '#':
	case '^':
		return render_section(w, scope, tag);
	case '>':
		return render_page(w, scope, tag->name);
	case '/':
		return -EINVAL; /* closes nothing */
	default:
		return w->out ? add_value(w->out, look_up(scope, tag->name)) : 0;
	}
}

static int render(struct walk *w, const struct scope *scope, const char *until)
{
	if (w->depth > DEPTH_MAX)
		return -EINVAL;
	for (;;) {
		const char *open = memmem(w->at, (size_t)(w->end - w->at), "{{", 2);
		struct tag tag;
		int r;

		if (w->out)
			text_add_n(w->out, w->at, (size_t)((open ? open : w->end) - w->at));
		if (!open)
			return until ? -EINVAL : 0;
		w->at = open + 2;
		r = read_tag(w, &tag);
		if (r < 0)
			return r;
		if (tag.kind == '/' && until && !strcmp(tag.name, until))
			return 0;
		r = render_tag(w, scope, &tag);
		if (r < 0)
			return r;
	}
}

int template_render(const char *page, const json_t *data, struct text *out)
{
	const struct scope scope = { data, NULL };
	struct walk w = { .out = out };

	return render_page(&w, &scope, page);
}
