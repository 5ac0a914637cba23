/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes have views: valid UTF-8, in bounds, with offsets in order that lead back into the text;
 * the same ones the second time, whatever text was in between.
 */
#include <string.h>
#include "../unit/views_properties.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct views *used, *fresh;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	views_require(views_new(&used) == 0, "no memory");
	return 0;
}

static void compare(const struct view *a, size_t a_count, const struct view *b, size_t b_count)
{
	views_require(a_count == b_count, "other views the second time");
	for (size_t i = 0; i < a_count; i++) {
		views_require(a[i].kind == b[i].kind && a[i].len == b[i].len, "another view");
		views_require(!memcmp(a[i].text, b[i].text, a[i].len), "another text");
		views_require(
			!memcmp(a[i].origin, b[i].origin, (a[i].len + 1) * sizeof(*a[i].origin)),
			"other offsets");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct view *first, *second;
	size_t first_count, second_count;

	views_require(views_new(&fresh) == 0, "no memory");
	views_require(views_make(fresh, (const char *)data, size, &first, &first_count) == 0,
		      "refused");
	views_check(first, first_count, size);
	views_require(views_make(used, (const char *)data, size, &second, &second_count) == 0,
		      "refused");
	compare(first, first_count, second, second_count);
	views_free(&fresh);
	return 0;
}
