/* SPDX-License-Identifier: Apache-2.0 */
/* The template engine through its pages, and the pages' own health: every one renders for all and
 * for no data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "dashboard/assets.h"
#include "dashboard/template.h"

static const char *const pages[] = { "landing", "signup", "login", "overview", "error" };

#define FRAME                                                                                      \
	"\"title\":\"T\",\"version\":\"1\",\"feedback\":\"\",\"csrf\":\"\",\"style_version\":"     \
	"\"s\","                                                                                   \
	"\"script_version\":\"j\""

static int render(const char *page, const char *json, struct text *out)
{
	_cleanup_(json_decrefp) json_t *data = json_loads(json, 0, NULL);

	assert_non_null(data);
	return template_render(page, data, out);
}

static void values_are_escaped(void **state)
{
	_cleanup_(text_free) struct text out = { 0 };

	assert_int_equal(render("error",
				"{" FRAME ",\"session\":false,\"status\":404,\"request_id\":\"r\","
				"\"sentence\":\"<script>alert('x')&\\\"</script>\"}",
				&out),
			 0);
	assert_null(strstr(out.data, "<script>alert"));
	assert_non_null(
		strstr(out.data, "&lt;script&gt;alert(&#39;x&#39;)&amp;&quot;&lt;/script&gt;"));
	assert_non_null(strstr(out.data, ">404<"));
	assert_null(strstr(out.data, "{{"));
}

static void a_missing_value_is_an_error(void **state)
{
	_cleanup_(text_free) struct text out = { 0 };

	assert_int_equal(render("error", "{" FRAME ",\"status\":404,\"request_id\":\"r\"}", &out),
			 -ENOENT);
	assert_int_equal(render("no such page", "{}", &out), -ENOENT);
}

static void sections_choose(void **state)
{
	_cleanup_(text_free) struct text in = { 0 }, out = { 0 };
	const char *rest = ",\"email\":\"e\",\"problem\":\"\"}";
	char json[512];

	snprintf(json, sizeof(json), "{" FRAME ",\"session\":true%s", rest);
	assert_int_equal(render("login", json, &in), 0);
	snprintf(json, sizeof(json), "{" FRAME ",\"session\":false%s", rest);
	assert_int_equal(render("login", json, &out), 0);
	assert_non_null(strstr(in.data, "Log out"));
	assert_null(strstr(out.data, "Log out"));
	assert_non_null(strstr(out.data, "href=\"/signup\""));
	assert_null(strstr(in.data, "role=\"alert\"")); /* an empty string is "no" */
}

/* Sections that are left out are walked too, so a page without data has all its tags checked. */
static void pages_are_well_formed(void **state)
{
	for (size_t n = 0; n < ARRAY_SIZE(pages); n++) {
		_cleanup_(text_free) struct text out = { 0 };
		_cleanup_(json_decrefp) json_t *data = json_object();
		int r = template_render(pages[n], data, &out);

		assert_true(r == 0 || r == -ENOENT);
	}
}

/* The policy the pages are sent with forbids all of these. */
static void pages_have_no_inline_script_or_style_and_no_other_host(void **state)
{
	static const char *const forbidden[] = { "style=",	"<style",      "onclick",
						 "onload",	"javascript:", "src=\"http",
						 "href=\"http", "src=\"//",    "@import",
						 "url(" };

	for (size_t n = 0; n < ARRAY_SIZE(pages); n++) {
		const struct asset *page = asset_page(pages[n]);

		for (size_t f = 0; f < ARRAY_SIZE(forbidden); f++)
			assert_null(memmem(page->data, asset_len(page), forbidden[f],
					   strlen(forbidden[f])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_escaped),
		cmocka_unit_test(a_missing_value_is_an_error),
		cmocka_unit_test(sections_choose),
		cmocka_unit_test(pages_are_well_formed),
		cmocka_unit_test(pages_have_no_inline_script_or_style_and_no_other_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
