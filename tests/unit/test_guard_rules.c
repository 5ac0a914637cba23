/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule file: every rule responds to its own examples and to none of its counter-examples, the
 * compiled form is kept and believed only when it is whole, and a mistake in the file is named by
 * its line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "guard/database.h"
#include "guard/engine.h"
#include "guard/receipt.h"
#include "guard/rules.h"

static struct guard *guard;
static struct guard_scratch *scratch;

/* Of this process: how busy the machine is doesn't count. */
static uint64_t cpu_ns(void)
{
	return (uint64_t)clock() * (NS_PER_S / CLOCKS_PER_SEC);
}
static struct rules *rules;

static int make(void **state)
{
	char error[256] = "";
	const char *text;
	size_t len;

	text = rules_text(&len);
	if (rules_parse(text, len, &rules, error, sizeof(error)) < 0) {
		print_error("the rules: %s\n", error);
		return -1;
	}
	return guard_new(NULL, &guard) < 0 || guard_scratch_new(guard, &scratch) < 0;
}

static int unmake(void **state)
{
	guard_scratch_free(&scratch);
	guard_free(&guard);
	rules_free(&rules);
	return 0;
}

/* --- the rules ------------------------------------------------------------------------------- */

static bool responds(size_t rule, const char *text)
{
	struct matches m = { 0 };

	assert_int_equal(engine_scan(guard->db, guard->serial, scratch, text, strlen(text), &m), 0);
	return matches_has(&m, rule);
}

static void every_rule_keeps_to_its_examples(void **state)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->items[i];

		for (size_t k = 0; k < rule->match.count; k++) {
			if (responds(i, rule->match.items[k]))
				continue;
			print_error("%s doesn't match: %s\n", rule->id, rule->match.items[k]);
			wrong++;
		}
		for (size_t k = 0; k < rule->no_match.count; k++) {
			if (!responds(i, rule->no_match.items[k]))
				continue;
			print_error("%s matches: %s\n", rule->id, rule->no_match.items[k]);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void the_families_are_all_there(void **state)
{
	unsigned count[GUARD_CLASS_COUNT] = { 0 };

	for (size_t i = 0; i < rules->count; i++)
		count[rules->items[i].intent_class]++;
	assert_in_range(count[GUARD_HARM], 16, RULES_MAX);
	assert_in_range(count[GUARD_DECEIVE], 14, RULES_MAX);
	assert_int_equal(count[GUARD_REFUSE], 4);
	assert_int_equal(count[GUARD_CLARIFY], 5);
}

static void case_and_line_breaks_dont_matter(void **state)
{
	for (size_t i = 0; i < rules->count; i++) {
		for (size_t k = 0; k < rules->items[i].match.count; k++) {
			_cleanup_(freep) char *text = strdup(rules->items[i].match.items[k]);

			for (char *c = text; *c; c++) {
				if (*c >= 'a' && *c <= 'z')
					*c = (char)(*c - 'a' + 'A');
				else if (*c == ' ')
					*c = "\n\t "[(c - text) % 3];
			}
			if (!responds(i, text))
				fail_msg("%s: %s", rules->items[i].id, text);
		}
	}
}

/* Words are whole: a letter on either side of an example's ends takes the match away, unless it is
 * there without the first or the last word. */
static void only_whole_words_count(void **state)
{
	static const char *const rows[][2] = {
		{ "kill him", "skill him" },
		{ "send gift cards", "send gift cardsharps" },
		{ "methods of self-harm", "methods of shelf-harm" },
		{ "act as an evil bot", "act as an evil boat" },
		{ "ignore the rules", "ignore the rulers" },
		{ "cp", "cpu" },
		{ "bypass security", "bypass securityx" },
		{ "I refuse", "wifi refuse" },
		{ "which case", "sandwich case" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct matches with = { 0 }, without = { 0 };

		engine_scan(guard->db, guard->serial, scratch, rows[i][0], strlen(rows[i][0]),
			    &with);
		engine_scan(guard->db, guard->serial, scratch, rows[i][1], strlen(rows[i][1]),
			    &without);
		if (!memcmp(&with, &without, sizeof(with)))
			fail_msg("%s / %s", rows[i][0], rows[i][1]);
	}
}

/* --- reading the file ------------------------------------------------------------------------ */

#define GOOD "rule a\nclass HARM\nweight 1\npurpose p\nregex x\nmatch x\nno-match y\n"

static void mistakes_are_named_by_their_line(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "regex x\n", "line 1: 'regex' stands outside a rule" },
		{ "# c\n\nfoo bar\n", "line 3: 'foo' isn't a keyword" },
		{ "rule\n", "line 1: 'rule' has no value" },
		{ GOOD GOOD, "line 8: there is a rule 'a' already" },
		{ "rule a\nclass HARMS\n", "line 2: no rule can have the class 'HARMS'" },
		{ "rule a\nclass INFORM\n", "line 2: no rule can have the class 'INFORM'" },
		{ "rule a\nweight 0\n", "line 2: a weight is a number from 1 to 100" },
		{ "rule a\nweight -1\n", "line 2: a weight is a number from 1 to 100" },
		{ "rule a\nweight 101\n", "line 2: a weight is a number from 1 to 100" },
		{ "rule a\ncontext input\n", "line 2: a context is 'output' or 'document'" },
		{ "rule a\nregex ${b}\n", "line 2: no fragment is called 'b'" },
		{ "let b = x\nrule a\nregex ${b\n  y\n", "line 3: no fragment is called 'by'" },
		{ "let b = x\nlet c = $[b]\n", "line 2: $[...] is for regexes" },
		{ "let b\n", "line 1: write it as: let NAME = REGEX" },
		{ "rule a\npurpose x\npurpose y\n", "line 3: a second purpose" },
	};
	struct rules *r = NULL;
	char error[256];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(
			rules_parse(rows[i].text, strlen(rows[i].text), &r, error, sizeof(error)),
			-EINVAL);
		assert_string_equal(error, rows[i].error);
	}
	assert_null(r);
}

static void an_incomplete_rule_is_refused(void **state)
{
	static const char *const lines[] = { "class HARM\n", "weight 1\n", "purpose p\n",
					     "regex x\n",    "match x\n",  "no-match y\n" };
	struct rules *r = NULL;
	char error[256];

	for (size_t without = 0; without <= ARRAY_SIZE(lines); without++) {
		char text[256] = "rule a\n";

		for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
			if (i != without)
				strcat(text, lines[i]);
		}
		assert_int_equal(rules_parse(text, strlen(text), &r, error, sizeof(error)),
				 without < ARRAY_SIZE(lines) ? -EINVAL : 0);
	}
	rules_free(&r);
}

static void regexes_are_written_out(void **state)
{
	static const char text[] = "let a = x|y\nlet b = ${a} z\n" GOOD
				   "regex ${b}[ a] ?q\\[ \\ \n  |more\n\tand   \n";
	_cleanup_(rules_free) struct rules *r = NULL;
	char error[256] = "";

	assert_int_equal(rules_parse(text, strlen(text), &r, error, sizeof(error)), 0);
	assert_int_equal(r->items[0].regexes.count, 2);
	assert_string_equal(r->items[0].regexes.items[1],
			    "(?:(?:x|y)\\sz)[ a]\\s?q\\[\\s\\|moreand");
}

static void alternatives_become_regexes_of_their_own(void **state)
{
	static const char text[] =
		"let a = x(?:1|2)|[|)]|\\|z\nrule a\nclass HARM\nweight 1\npurpose p\n"
		"regex p $[a]q\nmatch x\nno-match y\n";
	static const char *const expected[] = { "p\\s(?:x(?:1|2))q", "p\\s(?:[|)])q",
						"p\\s(?:\\|z)q" };
	_cleanup_(rules_free) struct rules *r = NULL;
	char error[256] = "";

	assert_int_equal(rules_parse(text, strlen(text), &r, error, sizeof(error)), 0);
	assert_int_equal(r->items[0].regexes.count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_string_equal(r->items[0].regexes.items[i], expected[i]);
}

static void a_rule_says_which_texts_it_is_for(void **state)
{
	static const struct {
		const char *line;
		enum rule_context context;
	} rows[] = {
		{ "", RULE_ON_ANY_TEXT },
		{ "context output\n", RULE_ON_OUTPUT },
		{ "context document\n", RULE_ON_DOCUMENTS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(rules_free) struct rules *r = NULL;
		char text[256] = GOOD, error[256] = "";

		strcat(text, rows[i].line);
		assert_int_equal(rules_parse(text, strlen(text), &r, error, sizeof(error)), 0);
		assert_int_equal(r->items[0].context, rows[i].context);
	}
}

static void every_cut_of_the_file_parses_or_fails_cleanly(void **state)
{
	const char *text;
	char error[256];
	size_t len;

	text = rules_text(&len);
	for (size_t cut = 0; cut < len; cut += 997) {
		_cleanup_(rules_free) struct rules *r = NULL;
		int result = rules_parse(text, cut, &r, error, sizeof(error));

		assert_true(result == 0 || result == -EINVAL);
	}
}

/* --- the kept form --------------------------------------------------------------------------- */

static char dir[32];

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/axfw-test-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	return rmdir(dir);
}

/* The one file in it; its path. */
static void kept_path(char ret[static 512])
{
	DIR *d = opendir(dir);
	unsigned count = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.' && strncmp(e->d_name, ".rules", 6))
			continue;
		snprintf(ret, 512, "%s/%s", dir, e->d_name);
		count++;
	}
	closedir(d);
	assert_int_equal(count, 1);
}

static int found(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
		 void *arg)
{
	*(int *)arg = 1;
	return 0;
}

static void assert_works(const hs_database_t *db)
{
	hs_scratch_t *s = NULL;
	int yes = 0, no = 0;

	assert_int_equal(hs_alloc_scratch(db, &s), HS_SUCCESS);
	assert_int_equal(hs_scan(db, "ax b", 4, 0, s, found, &yes), HS_SUCCESS);
	assert_int_equal(hs_scan(db, "y", 1, 0, s, found, &no), HS_SUCCESS);
	assert_int_equal(yes, 1);
	assert_int_equal(no, 0);
	hs_free_scratch(s);
}

/* One small rule: compiling all of them takes seconds under a sanitizer. */
static void open_and_works(const char *in)
{
	_cleanup_(rules_free) struct rules *small = NULL;
	_cleanup_(database_freep) hs_database_t *db = NULL;
	uint8_t digest[CRYPTO_DIGEST_LEN] = { 1 };
	char error[256] = "";

	assert_int_equal(rules_parse(GOOD, strlen(GOOD), &small, error, sizeof(error)), 0);
	assert_int_equal(database_open(in, small, digest, &db, error, sizeof(error)), 0);
	assert_works(db);
}

static void the_kept_form_is_fast(void **state)
{
	_cleanup_(guard_free) struct guard *compiled = NULL;
	uint64_t best = UINT64_MAX;
	char path[512];
	struct stat st;

	assert_int_equal(guard_new(dir, &compiled), 0);
	kept_path(path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	for (int i = 0; i < 5; i++) {
		_cleanup_(guard_free) struct guard *loaded = NULL;
		uint64_t start = cpu_ns();

		assert_int_equal(guard_new(dir, &loaded), 0);
		best = MIN(best, cpu_ns() - start);
		assert_string_equal(guard_engine_version(loaded), guard_engine_version(guard));
	}
	print_message("loading %lld bytes: %.1f ms\n", (long long)st.st_size, (double)best / 1e6);
	assert_true(best < 100 * NS_PER_MS); /* compiling takes many times that */
}

static void flip(const char *path, off_t at)
{
	_cleanup_(closep) int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static ino_t inode(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void a_damaged_form_is_replaced(void **state)
{
	static const off_t places[] = { 0, 20, 60, 75, 80, 800 };
	char path[512];
	ino_t before;

	open_and_works(dir);
	kept_path(path);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		flip(path, places[i]);
		before = inode(path);
		open_and_works(dir);
		assert_int_not_equal(inode(path), before); /* written anew */
		before = inode(path);
		open_and_works(dir);
		assert_int_equal(inode(path), before); /* and believed */
	}
	assert_int_equal(truncate(path, 300), 0);
	open_and_works(dir);
}

static void what_others_could_have_written_isnt_believed(void **state)
{
	char path[512], target[600];
	ino_t before;

	open_and_works(dir);
	kept_path(path);
	assert_int_equal(chmod(path, 0666), 0);
	before = inode(path);
	open_and_works(dir);
	assert_int_not_equal(inode(path), before);
	snprintf(target, sizeof(target), "%s.moved", path);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	open_and_works(dir);
	assert_int_not_equal(inode(path), inode(target));
}

static void a_directory_that_cant_be_written_is_only_slower(void **state)
{
	open_and_works("/proc/nothing/here");
	open_and_works("");
	open_and_works(NULL);
}

static void versions_name_the_rules(void **state)
{
	char digest[2 * CRYPTO_DIGEST_LEN + 1];
	uint8_t sum[CRYPTO_DIGEST_LEN];
	const char *text;
	char expected[64];
	size_t len;

	text = rules_text(&len);
	crypto_sha256(text, len, sum);
	hex_encode(sum, sizeof(sum), digest);
	snprintf(expected, sizeof(expected), "1.1.0+%.12s.%s", digest, model_id(guard->model));
	assert_string_equal(guard_engine_version(guard), expected);
	snprintf(expected, sizeof(expected), "%.16s", digest);
	assert_string_equal(guard_manifest_id(guard), expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_keeps_to_its_examples),
		cmocka_unit_test(the_families_are_all_there),
		cmocka_unit_test(case_and_line_breaks_dont_matter),
		cmocka_unit_test(only_whole_words_count),
		cmocka_unit_test(mistakes_are_named_by_their_line),
		cmocka_unit_test(an_incomplete_rule_is_refused),
		cmocka_unit_test(regexes_are_written_out),
		cmocka_unit_test(alternatives_become_regexes_of_their_own),
		cmocka_unit_test(a_rule_says_which_texts_it_is_for),
		cmocka_unit_test(every_cut_of_the_file_parses_or_fails_cleanly),
		cmocka_unit_test_setup_teardown(the_kept_form_is_fast, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_damaged_form_is_replaced, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(what_others_could_have_written_isnt_believed,
						make_dir, remove_dir),
		cmocka_unit_test(a_directory_that_cant_be_written_is_only_slower),
		cmocka_unit_test(versions_name_the_rules),
	};

	return cmocka_run_group_tests_name("guard_rules", tests, make, unmake);
}
