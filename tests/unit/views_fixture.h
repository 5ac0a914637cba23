/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of views share: a thread's memory for them, and one view of a text. */
#ifndef VIEWS_FIXTURE_H
#define VIEWS_FIXTURE_H

#include "views_properties.h"
#include "views/views.h"

static struct views *views;

static inline int make_views(void **state)
{
	return views_new(&views);
}

static inline int drop_views(void **state)
{
	views_free(&views);
	return 0;
}

/* The text's view of this kind, or NULL; all of its views keep what views keep to. */
static inline const struct view *view_of(const char *text, size_t len, enum view_kind kind)
{
	const struct view *v;
	size_t count;

	assert_int_equal(views_make(views, text, len, &v, &count), 0);
	views_check(v, count, len);
	for (size_t i = 0; i < count; i++) {
		if (v[i].kind == kind)
			return &v[i];
	}
	return NULL;
}

#endif
