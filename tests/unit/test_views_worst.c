// SPDX-License-Identifier: Apache-2.0
/*
 * 256 KiB of the worst: one pattern over and over, each after what a search stumbles over. What is
 * quadratic somewhere doesn't end within the lifetime of a test; what grows is caught by the
 * bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/base.h"
#include "views_properties.h"
#include "views/views.h"

#define LEN (256u << 10)

static const char *const patterns[] = {
	/* the normal view */
	"\ufdfa",
	"\xff",
	"\xff"
	"a",
	"\u0301\u0300",
	"e\u0301\u0300\u0336",
	"\u1f82",
	"\u1112\u1161\u11ab",
	"\u0915\u093c\u093e",
	"аb",
	"аb ",
	"а ",
	"é aaaaaaaaaaaaaaaa ",
	"\U000e0069",
	"\U000e0069a",
	" ",
	"\t \n",
	"🇩🇪",
	/* disguises */
	"a",
	"4a",
	"1l",
	"k i l l  ",
	"a b ",
	"a-",
	"ab-",
	"k-i-l-l",
	"kiiiillll ",
	"h4ck th3 p@ssw0rd ",
	"k1ll-",
	"ab cd ",
	"b*mb ",
	"*",
	"a*",
	"a.b",
	"@",
	"$",
	"'a",
	/* encodings */
	"aG93IHRvIGtpbGwgaGltIG5vdyBh",
	"aG93IHRvIGtpbGwgaGltIG5vdyBh\n",
	"abcdefghijklmnopqrs\n",
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/ ",
	"686f7720746f206b696c6c",
	"68 6f 77 ",
	"12 ",
	"\\x68",
	"\\u0068 ",
	"\\",
	"0x",
	"u+",
	"%68%6f%77%20",
	"%25",
	"%",
	"%%4",
	"&#104;",
	"&amp;",
	"&",
	"&#",
	"&#0000000",
	"%41&#65;aG93IHRvIGtpbGwgaGlt ",
	/* turned */
	"ubj gb xvyy uvz naq gura tb njnl ",
	"yawa og neht dna mih llik ot woh ",
	"ubj gb xvyy uvz 1234 ",
};

static void each_pattern(void **state)
{
	_cleanup_(freep) char *text = malloc(LEN);
	_cleanup_(views_free) struct views *views = NULL;

	assert_non_null(text);
	assert_int_equal(views_new(&views), 0);
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		size_t len = strlen(patterns[i]), count;
		const struct view *v;

		for (size_t at = 0; at < LEN; at++)
			text[at] = patterns[i][at % len];
		assert_int_equal(views_make(views, text, LEN, &v, &count), 0);
		views_check(v, count, LEN);
		assert_true(v[0].len <= 2 * LEN + 1024);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
