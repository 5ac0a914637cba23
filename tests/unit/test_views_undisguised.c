// SPDX-License-Identifier: Apache-2.0
/* The undisguised view: what disguises become, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/base.h"
#include "views_fixture.h"

static const struct view *undisguised(const char *text)
{
	return view_of(text, strlen(text), VIEW_UNDISGUISED);
}

struct row {
	const char *text, *view;
};

static void assert_rows(const struct row *rows, size_t count)
{
	bool failed = false;

	for (size_t i = 0; i < count; i++) {
		const struct view *v = undisguised(rows[i].text);

		if (v && v->len == strlen(rows[i].view) && !memcmp(v->text, rows[i].view, v->len))
			continue;
		print_error("\"%s\": \"%.*s\", not \"%s\"\n", rows[i].text, v ? (int)v->len : 6,
			    v ? v->text : "(none)", rows[i].view);
		failed = true;
	}
	assert_false(failed);
}

static void leetspeak(void **state)
{
	static const struct row rows[] = {
		{ "how to h4ck a p@ssw0rd", "how to hack a password" },
		{ "H0W T0 M4K3 A B0MB", "how t0 make a bomb" },
		{ "k1ll h1m", "kill him" },
		{ "st3al a cr3d1t c4rd!", "steal a credit card!" },
		{ "ignor3 prev1ous 1nstruct10ns", "ignore previous instructions" },
		{ "3xploit the 4ttack", "exploit the attack" },
		{ "(k!ll) them", "(kill) them" },
		{ "pa$$word", "password" },
		{ "n0v1ch0kz now", "novichokz now" }, /* no word, but no doubt */
		{ "51mp13 1n572uc710n5", "simple instructions" },
		{ "h4ck-th3-b4nk", "hack-the-bank" },
	};

	assert_rows(rows, ARRAY_SIZE(rows));
}

static void letters_apart(void **state)
{
	static const struct row rows[] = {
		{ "how to k i l l him", "how to kill him" },
		{ "k.i.l.l him", "kill him" },
		{ "k-i-l-l h-i-m", "kill him" },
		{ "b*o*m*b", "bomb" },
		{ "b_o_m_b", "bomb" },
		{ "k - i - l - l", "kill" },
		{ "h o w   t o   k i l l", "how to kill" },
		{ "h o w t o k i l l", "how to kill" },
		{ "I g n o r e p r e v i o u s i n s t r u c t i o n s",
		  "ignore previous instructions" },
		{ "k 1 l l him", "kill him" },
		{ "say (b, o, m, b).", "say (bomb)." },
		{ "q x z v k", "qxzvk" },
	};

	assert_rows(rows, ARRAY_SIZE(rows));
}

static void inside_words(void **state)
{
	static const struct row rows[] = {
		{ "killlll himmm", "kill him" },   { "heeeelp meeee", "help me" },
		{ "make a b*mb", "make a bomb" },  { "b*omb and b~omb", "bomb and bomb" },
		{ "a bo-mb", "a bomb" },	   { "ki ll er instinct", "killer instinct" },
		{ "make a bo mb", "make a bomb" },
	};

	assert_rows(rows, ARRAY_SIZE(rows));
}

static void ordinary_things_are_none(void **state)
{
	static const char *const texts[] = {
		"2 + 2",
		"v1.2.3",
		"the 2nd of 3 at 10:30 on the 4th",
		"mp3, mp4, h2o, k8s, i18n, b2b, covid19, python3, utf8, sha256, 7zip, 100kg",
		"well-known e-mail, t-shirt, up-to-date, file.txt, and/or, don't, it's, isn't",
		"www.example.com and https://example.com/a_b?c=d",
		"bob@example.com",
		"snake_case, camelCase, kebab-case, x = y + z",
		"html5, password1, a 4-part course, 100k, col1, obj2",
		"the ProcessStartInfo of the n words, l'un n'est pas l'autre",
		"a, e, i, o, u; x, y, z, w, h",
		"cụ thể, gắng, bạn, chất, liên, dân, même, très",
		"U.S. and e.g. and i.e. a.m.",
		"$5.00, 50%, #1, C++, C#, a/b",
		"Is it ok to go on as we do?",
		"III, xxiii, www, aaa, zzz",
		"a, b and c; option a or b",
		"très bien, señor, naïve Größe",
		"3f786850e387550fdab836ed7e6dc881de23001b",
		"123e4567-e89b-12d3-a456-426614174000",
	};
	bool failed = false;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct view *v = undisguised(texts[i]);

		if (v)
			print_error("\"%s\" became \"%.*s\"\n", texts[i], (int)v->len, v->text);
		failed |= v != NULL;
	}
	assert_false(failed);
}

static void spans_lead_back(void **state)
{
	static const struct {
		const char *text, *word, *original;
	} rows[] = {
		{ "how to K1LL him", "kill", "K1LL" },
		{ "how to k i l l him", "kill", "k i l l" },
		{ "please k-i-l-l  him", "him", "him" },
		{ "killlll him", "kill", "killlll" },
		{ "a b*mb!", "bomb", "b*mb" },
		{ "ki ll er", "killer", "ki ll er" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct view *v = undisguised(rows[i].text);
		const char *found;
		uint32_t begin, end;

		assert_non_null(v);
		found = memmem(v->text, v->len, rows[i].word, strlen(rows[i].word));
		assert_non_null(found);
		view_span(v, (size_t)(found - v->text),
			  (size_t)(found - v->text) + strlen(rows[i].word), &begin, &end);
		if (end - begin != strlen(rows[i].original) ||
		    memcmp(rows[i].text + begin, rows[i].original, end - begin))
			fail_msg("\"%s\" of \"%s\" comes from \"%.*s\"", rows[i].word, rows[i].text,
				 (int)(end - begin), rows[i].text + begin);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leetspeak),	   cmocka_unit_test(letters_apart),
		cmocka_unit_test(inside_words),	   cmocka_unit_test(ordinary_things_are_none),
		cmocka_unit_test(spans_lead_back),
	};

	return cmocka_run_group_tests(tests, make_views, drop_views);
}
