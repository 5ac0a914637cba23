/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tenants' patterns mean what they meant to Python's re (the expected results are what Python 3.11
 * said), and none of them can hold a thread up, whatever the text.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "guard/policy.h"
#include "guard_fixture.h"

/* A policy of `count` times the same pattern. */
static int parse(const char *regex, size_t len, unsigned count, struct guard_policy **ret,
		 char *error, size_t size)
{
	_cleanup_(json_decrefp) json_t *list = json_array();
	_cleanup_(json_decrefp) json_t *document = NULL;
	_cleanup_(freep) char *json = NULL;

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s%}", "class", "HARM", "regex", regex, len));
	document = json_pack("{s:O}", "additional_block_patterns", list);
	json = json_dumps(document, 0);
	return guard_policy_parse(json, strlen(json), 1, ret, error, size);
}

static struct guard_policy *compile(const char *regex, unsigned count)
{
	struct guard_policy *p = NULL;
	char error[256] = "";

	if (parse(regex, strlen(regex), count, &p, error, sizeof(error)) < 0)
		fail_msg("%s: %s", regex, error);
	return p;
}

static bool matches(const struct guard_policy *p, const char *text, size_t len)
{
	int r = policy_find_match(p, scratch, text, len, NULL);

	assert_true(r >= 0 || r == -ENOENT);
	return r >= 0;
}

/* --- meaning --------------------------------------------------------------------------------- */

static void patterns_mean_what_python_meant(void **state)
{
	static const struct {
		const char *regex, *yes, *no; /* either may be NULL */
	} rows[] = {
		{ "hello", "say HELLO", "hell o" },
		{ "", "", NULL },
		{ "a*", "b", NULL },
		{ "^abc$", "ABC\n", "xabc" },
		{ "^abc\\Z", "abc", "abc\n" },
		{ "\\Aabc", "abcd", "\nabc" },
		{ "^b", "b", "a\nb" },
		{ "(?m)^b$", "a\nb\nc", "a\nbc" },
		{ "a.b", "aéb", "a\nb" },
		{ "(?s)a.b", "a\nb", "ab" },
		{ "a..b", "a😀éb", "aéb" }, /* characters, not bytes */
		{ "größe", "GRÖßE", "grosse" },
		{ "kill", "\xe2\x84\xaaill", "ill" }, /* the Kelvin sign */
		{ "\\bärger\\b", "viel Ärger!", "verärgert" },
		{ "\\bkill\\b", "do kill it", "skill" },
		{ "\\bkill\\b", "(kill)", "ékill" },
		{ "ab\\B", "abc", "ab" },
		{ "\\w+ist", "größist", "\xc2\xa0ist" },
		{ "^\\W$", "!", "é" },
		{ "^[^\\W]$", "é", "!" },
		{ "^[\\w-]+$", "é-1", "é 1" },
		{ "^[\\W\\d]$", "1", "é" },
		{ "a\\sb",
		  "a\xc2\xa0"
		  "b",
		  "a-b" },
		{ "^\\S$", "é", "\xc2\xa0" },
		{ "^\\d$", "\xd9\xa3", "a" }, /* an Arabic-Indic three */
		{ "^\\D$", "a", "\xd9\xa3" },
		{ "(?a)^\\w$", "a", "é" },
		{ "(?a)\\bkill\\b", "ékillé", "skill" },
		{ "(?i)a(?-i:B)c", "ABC", "AbC" },
		{ "(?x) a b # c\n [ #]", "ab#", "ab" },
		{ "a(?#comment)*b", "aaab", "ac" },
		{ "a{,2}b$", "aab", "aac" },
		{ "^a{,2}b$", "b", "aaab" },
		{ "a{2}b", "aab", "ab" },
		{ "a{x}", "a{x}", "a" },
		{ "a{}", "a{}", "a" },
		{ "x{,y", "x{,y", "x" },
		{ "[[:alpha:]]", "a]", "b]" }, /* a set of [, :, a, l, p, h and a bracket */
		{ "[]a]", "]", "[" },
		{ "[^]a]", "b", "]" },
		{ "[a\\]b]", "]", "c" },
		{ "[\\b]", "\b", "b" },
		{ "\\v", "\v", "\n" },
		{ "\\x41\\u00e9\\U0001F600", "Aé😀", "Aé" },
		{ "\\101\\0", NULL, "A" },
		{ "\\.\\-\\/\\\"", ".-/\"", "x-/\"" },
		{ "(a)(b)\\2\\1", "abba", "abab" },
		{ "(?P<x>a|b)(?P=x)", "bb", "ab" },
		{ "(a)?(?(1)b|c)", "ab", "b" },
		{ "^(?P<q>a)?(?(q)b|c)$", "c", "b" },
		{ "a(?=b)", "ab", "ac" },
		{ "a(?!b)", "ac", "ab" },
		{ "(?<=a)b", "ab", "cb" },
		{ "(?<!a)b", "cb", "ab" },
		{ "(?>a+)b", "aab", "aa" },
		{ "^(?>a+)ab", NULL, "aab" },
		{ "a++b", "aab", "b" },
		{ "foo|bar", "a bar", "baz" },
		{ "日本", "東京日本", "日 本" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(guard_policy_free) struct guard_policy *p = compile(rows[i].regex, 1);

		if (rows[i].yes && !matches(p, rows[i].yes, strlen(rows[i].yes)))
			fail_msg("%s doesn't match %s", rows[i].regex, rows[i].yes);
		if (rows[i].no && matches(p, rows[i].no, strlen(rows[i].no)))
			fail_msg("%s matches %s", rows[i].regex, rows[i].no);
	}
}

static void nul_is_a_character(void **state)
{
	static const char regex[] = "a\0b", text[] = "xa\0bx";
	_cleanup_(guard_policy_free) struct guard_policy *p = NULL, *octal = NULL;
	char error[256] = "";

	assert_int_equal(parse(regex, sizeof(regex) - 1, 1, &p, error, sizeof(error)), 0);
	assert_true(matches(p, text, sizeof(text) - 1));
	assert_false(matches(p, "ab", 2));
	octal = compile("a\\0b", 1);
	assert_true(matches(octal, text, sizeof(text) - 1));
}

static void errors_are_explained(void **state)
{
	static const struct {
		const char *regex, *error;
	} rows[] = {
		{ "(", "missing ), unterminated subpattern" },
		{ ")", "unbalanced parenthesis" },
		{ "[a", "unterminated character set" },
		{ "[", "unterminated character set" },
		{ "[a\\", "unterminated character set" },
		{ "a\\", "bad escape (end of pattern)" },
		{ "*", "nothing to repeat" },
		{ "a|*", "nothing to repeat" },
		{ "(*UTF)a", "nothing to repeat" },
		{ "a**", "nothing to repeat" },
		{ "a{3,1}", "min repeat greater than max repeat" },
		{ "a{70000}", "a repeat of more than 65535" },
		{ "\\q", "bad escape \\q" },
		{ "\\K", "bad escape \\K" },
		{ "\\Qa\\E", "bad escape \\Q" },
		{ "\\p{L}", "bad escape \\p" },
		{ "[\\B]", "bad escape \\B" },
		{ "\\x4", "incomplete escape \\x" },
		{ "\\u12", "incomplete escape \\u" },
		{ "\\ud800", "bad escape \\u: not a character" },
		{ "\\U00110000", "bad escape \\U: not a character" },
		{ "\\777", "octal escape value outside of range 0-0o377" },
		{ "\\N{DASH}", "\\N{...} isn't supported; write the character itself" },
		{ "(?", "unexpected end of pattern" },
		{ "(?R)", "unknown extension ?R" },
		{ "(?1)", "unknown extension ?1" },
		{ "(?<n>a)", "unknown extension ?<" },
		{ "(?|a)", "unknown extension ?|" },
		{ "(?C1)", "unknown extension ?C" },
		{ "(?P<>a)", "missing group name" },
		{ "(?P<a", "missing >, unterminated name" },
		{ "(?P<a-b>x)", "bad character in group name" },
		{ "(?i", "missing -, : or )" },
		{ "(?iz)", "unknown flag" },
		{ "a(?i)", "global flags not at the start of the expression" },
		{ "(?#a", "missing ), unterminated comment" },
		{ "(?<=a+)b", "lookbehind assertion is not fixed length" },
		{ "\\1", "reference to non-existent subpattern" },
	};
	char error[512], expected[512];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct guard_policy *p = NULL;
		int r = parse(rows[i].regex, strlen(rows[i].regex), 1, &p, error, sizeof(error));

		if (r != -EINVAL)
			fail_msg("%s: %d", rows[i].regex, r);
		snprintf(expected, sizeof(expected),
			 "additional_block_patterns[0]: invalid regex: %s", rows[i].error);
		assert_string_equal(error, expected);
	}
}

static void nesting_is_bounded(void **state)
{
	struct guard_policy *p = NULL;
	char regex[1000] = "", error[256];

	memset(regex, '(', 400);
	memset(regex + 400, ')', 400);
	assert_int_equal(parse(regex, 800, 1, &p, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "more than 100 groups inside each other"));
	memset(regex, 'a', sizeof(regex));
	memset(regex, '(', 100);
	memset(regex + 900, ')', 100);
	assert_int_equal(parse(regex, 1000, 1, &p, error, sizeof(error)), 0);
	guard_policy_free(&p);
}

static void text_that_isnt_utf8_is_judged(void **state)
{
	_cleanup_(guard_policy_free) struct guard_policy *plain = compile("secret", 1);
	_cleanup_(guard_policy_free) struct guard_policy *edges = compile("\\bsecret\\b", 1);
	static const char *const texts[] = { "\xff secret", "secret\xc3", "\xed\xa0\x80secret\xf5",
					     "\x80\x80secret \xe2\x82" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_true(matches(plain, texts[i], strlen(texts[i])));
		assert_true(matches(edges, texts[i], strlen(texts[i])));
	}
	assert_false(matches(plain, "\xffsec\xffret", 8));
}

/* --- time ------------------------------------------------------------------------------------ */

static const char *const hard[] = {
	"(x+x+)+y",
	"(?=x)(x+x+)+y",
	"(a*)*b",
	"^(a+)+$",
	"(?!b)(a|a?)+c",
	"(a*)\\1b",
	"(a+)+\\1b",
	"(.*)(.*)(.*)\\1\\2\\3q",
	"(?=.)[^y]*+y",
	"(?=a).*y",
	"(?!y)(.*)*z",
	"(?<=a)(.*)(.*)(.*)(.*)q",
	"(\\w+\\s?)*\\bend",
	"(?:\\w{1,20}\\s){1,20}x",
	"(?:(?:\\w\\s?){1,9}x){1,9}y",
	"(?:.{1,30}x){1,30}y",
	"(((a{1,9}){1,9}){1,9}){1,9}b",
	"(?i)(?:é|ü|ö|[^a]|\\w|\\W){1,500}z",
	"[^a]{1,1000}[^b]{1,1000}[^c]{1,1000}d",
};

static void compiling_never_takes_long(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(hard); i++) {
		_cleanup_(guard_policy_free) struct guard_policy *p = NULL;
		uint64_t start = cpu_ns();

		p = compile(hard[i], 100);
		if (cpu_ns() - start > 10 * NS_PER_S)
			fail_msg("%s: %.1f s", hard[i], (double)(cpu_ns() - start) / 1e9);
	}
}

static void matching_never_takes_long(void **state)
{
	static const char *const fills[] = { "a",	 "x", "ab ", "é ", "aaaaaaaaaaaaaaaaaab",
					     "foo bar! " };
	_cleanup_(freep) char *text = malloc(TEXT_MAX);

	for (size_t i = 0; i < ARRAY_SIZE(hard); i++) {
		_cleanup_(guard_policy_free) struct guard_policy *p = compile(hard[i], 20);

		for (size_t f = 0; f < ARRAY_SIZE(fills); f++) {
			size_t n = strlen(fills[f]), len = TEXT_MAX - TEXT_MAX % n;
			uint64_t start, took;

			for (size_t k = 0; k < len; k++)
				text[k] = fills[f][k % n];
			start = cpu_ns();
			policy_find_match(p, scratch, text, len, NULL);
			took = cpu_ns() - start;
			if (took > 3 * NS_PER_S) /* 0.1 s without a sanitizer */
				fail_msg("%s on '%s': %.0f ms", hard[i], fills[f],
					 (double)took / 1e6);
		}
	}
}

/* What can't be judged within the budget isn't let through. */
static void an_exhausted_budget_blocks(void **state)
{
	_cleanup_(guard_policy_free) struct guard_policy *p = compile("(a+a+)+(?!b)b", 1);
	_cleanup_(freep) char *text = malloc(TEXT_MAX);

	memset(text, 'a', TEXT_MAX);
	text[TEXT_MAX - 1] = 'b';
	assert_true(matches(p, text, TEXT_MAX));
	assert_false(matches(p, "aaaab", 5)); /* no text matches it, and a short one is judged */
}

/* --- many policies, many threads ------------------------------------------------------------- */

#define POLICIES 40

static struct guard_policy *shared[POLICIES];

static void *evaluate_all(void *arg)
{
	_cleanup_(guard_scratch_free) struct guard_scratch *s = NULL;
	unsigned *wrong = arg;
	char text[64];

	if (guard_scratch_new(guard, &s) < 0) {
		++*wrong;
		return NULL;
	}
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < POLICIES; i++) {
			int len = snprintf(text, sizeof(text), "x word%d.", (i + round) % POLICIES);
			struct guard_verdict v;

			if (guard_evaluate(
				    guard, s, shared[i],
				    &(struct guard_request){ .text = text, .len = (size_t)len }, &v,
				    NULL) < 0 ||
			    v.block != (round % POLICIES == 0))
				++*wrong;
		}
	}
	return NULL;
}

static void policies_and_threads_dont_mix(void **state)
{
	unsigned wrong[4] = { 0 };
	pthread_t threads[4];
	char regex[64];

	for (int i = 0; i < POLICIES; i++) {
		snprintf(regex, sizeof(regex), i % 2 ? "\\bword%d\\b" : "word%d[.]", i);
		shared[i] = compile(regex, 1 + (unsigned)i % 7);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, evaluate_all, &wrong[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
	for (int i = 0; i < POLICIES; i++)
		guard_policy_free(&shared[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_mean_what_python_meant),
		cmocka_unit_test(nul_is_a_character),
		cmocka_unit_test(errors_are_explained),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(text_that_isnt_utf8_is_judged),
		cmocka_unit_test(compiling_never_takes_long),
		cmocka_unit_test(matching_never_takes_long),
		cmocka_unit_test(an_exhausted_budget_blocks),
		cmocka_unit_test(policies_and_threads_dont_mix),
	};

	return cmocka_run_group_tests_name("guard_policy", tests, make, unmake);
}
