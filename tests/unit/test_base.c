/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/base.h"

static void text_grows_and_escapes(void **state)
{
	struct text t = { 0 };

	text_add_html(&t, "<a href=\"x\">Tom & 'Jerry'</a>");
	assert_string_equal(t.data,
			    "&lt;a href=&quot;x&quot;&gt;Tom &amp; &#39;Jerry&#39;&lt;/a&gt;");
	text_clear(&t);
	for (int i = 0; i < 10000; i++)
		text_addf(&t, "%d,", i % 10);
	assert_int_equal(t.len, 20000);
	text_clear(&t);
	text_add_count(&t, 0);
	text_add(&t, " ");
	text_add_count(&t, 999);
	text_add(&t, " ");
	text_add_count(&t, 1000);
	text_add(&t, " ");
	text_add_count(&t, 10000000);
	assert_string_equal(t.data, "0 999 1,000 10,000,000");
	text_free(&t);
}

static void assert_wrapped(const char *s, size_t column, size_t indent, size_t width,
			   const char *expected)
{
	_cleanup_(text_free) struct text t = { 0 };

	text_add_wrapped(&t, s, column, indent, width);
	assert_false(text_failed(&t));
	assert_string_equal(t.data, expected);
}

static void lines_are_broken_at_blanks(void **state)
{
	assert_wrapped("one two three", 0, 2, 8, "one two\n  three");
	assert_wrapped("one two three", 0, 2, 7, "one two\n  three"); /* to the last cell */
	assert_wrapped("one two three", 0, 2, 0, "one two three");
	assert_wrapped("one two", 4, 4, 8, "one\n    two"); /* behind something */
	assert_wrapped("  one two", 0, 2, 80, "  one two");
	assert_wrapped("one much-too-long two", 0, 2, 6, "one\n  much-too-long\n  two");
	assert_wrapped("\033[31mone\033[0m two", 0, 0, 7, "\033[31mone\033[0m two");
	assert_wrapped("äöü äöü", 0, 0, 7, "äöü äöü");
}

static void an_empty_text_is_an_empty_string(void **state)
{
	struct text t = { 0 };
	_cleanup_(freep) char *s = text_take(&t);

	assert_string_equal(s, "");
}

static void utf8_is_strict(void **state)
{
	assert_true(text_is_utf8("", 0));
	assert_true(text_is_utf8("gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x98\x80", 17));
	assert_true(text_is_utf8("a\0b", 3));
	assert_false(text_is_utf8("\xc0\xaf", 2));	   /* overlong */
	assert_false(text_is_utf8("\xed\xa0\x80", 3));	   /* a surrogate */
	assert_false(text_is_utf8("\xf4\x90\x80\x80", 4)); /* above U+10FFFF */
	assert_false(text_is_utf8("caf\xc3", 4));	   /* cut */
	assert_false(text_is_utf8("\x80", 1));
}

static void base64url_has_one_spelling(void **state)
{
	uint8_t bytes[64], back[64];
	char text[BASE64URL_LEN(64) + 1];

	for (size_t len = 0; len <= sizeof(bytes); len++) {
		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)(i * 37 + len);
		base64url_encode(bytes, len, text);
		assert_int_equal(strlen(text), BASE64URL_LEN(len));
		assert_int_equal(base64url_decode(text, strlen(text), back, sizeof(back)), len);
		assert_memory_equal(bytes, back, len);
	}
	/* RFC 4648, section 10 */
	base64url_encode((const uint8_t *)"fooba", 5, text);
	assert_string_equal(text, "Zm9vYmE");
	assert_int_equal(base64url_decode("Zm9vYmF", 7, back, sizeof(back)), -EINVAL);
	assert_int_equal(base64url_decode("Zm9vY", 5, back, sizeof(back)), -EINVAL);
	assert_int_equal(base64url_decode("Zm9v YmE", 8, back, sizeof(back)), -EINVAL);
	assert_int_equal(base64url_decode("Zm9vYmE", 7, back, 4), -ENOSPC);
}

static void uuids_read_back(void **state)
{
	uint8_t id[16], back[16];
	char text[UUID_TEXT_LEN];

	assert_int_equal(uuid_random(id), 0);
	assert_int_equal(id[6] >> 4, 4);
	uuid_format(id, text);
	assert_int_equal(strlen(text), 36);
	assert_int_equal(uuid_parse(text, back), 0);
	assert_memory_equal(id, back, 16);
	text[8] = 'x';
	assert_int_equal(uuid_parse(text, back), -EINVAL);
	assert_int_equal(uuid_parse("", back), -EINVAL);
}

static void iso_times_read_back(void **state)
{
	char text[CLOCK_ISO_LEN];
	uint64_t us;

	clock_format_iso(1772150399123456ULL, text);
	assert_string_equal(text, "2026-02-26T23:59:59.123456");
	assert_int_equal(clock_parse_iso(text, &us), 0);
	assert_int_equal(us, 1772150399123456ULL);
	assert_int_equal(clock_parse_iso("2026-02-26T23:59:59", &us), 0);
	assert_int_equal(us, 1772150399000000ULL);
	assert_int_equal(clock_parse_iso("2026-02-26 23:59:59.5Z", &us), 0);
	assert_int_equal(us, 1772150399500000ULL);
	assert_int_equal(clock_parse_iso("yesterday", &us), -EINVAL);
	assert_int_equal(clock_parse_iso("2026-02-26T23:59:59.1x", &us), -EINVAL);
}

static void months_roll_at_midnight_utc(void **state)
{
	uint64_t us;

	assert_int_equal(clock_parse_iso("2026-12-31T23:59:59.999999", &us), 0);
	assert_int_equal(clock_month(us) + 1, clock_month(us + 1));
	assert_int_equal(clock_month_start_us(clock_month(us) + 1), us + 1);
}

static void prefixes_match(void **state)
{
	struct prefix_list list;
	struct address a;

	assert_int_equal(prefix_list_parse("10.0.0.0/8, 2001:db8::/32,127.0.0.1", &list), 0);
	assert_int_equal(address_parse("10.255.1.2", &a), 0);
	assert_true(prefix_list_contains(&list, &a));
	assert_int_equal(address_parse("11.0.0.1", &a), 0);
	assert_false(prefix_list_contains(&list, &a));
	assert_int_equal(address_parse("2001:db8:1::9", &a), 0);
	assert_true(prefix_list_contains(&list, &a));
	assert_int_equal(address_parse("2001:db9::", &a), 0);
	assert_false(prefix_list_contains(&list, &a));
	prefix_list_free(&list);

	assert_int_equal(prefix_list_parse("*", &list), 0);
	assert_true(prefix_list_contains(&list, &a));
	prefix_list_free(&list);
	assert_int_equal(prefix_list_parse("", &list), 0);
	assert_false(prefix_list_contains(&list, &a));
	prefix_list_free(&list);
	assert_int_equal(prefix_list_parse("10.0.0.0/33", &list), -EINVAL);
	assert_int_equal(prefix_list_parse("10.0.0.0/-1", &list), -EINVAL);
	assert_int_equal(prefix_list_parse("localhost", &list), -EINVAL);
}

static void clients_are_addresses_or_networks(void **state)
{
	struct address a, b;

	assert_int_equal(address_parse("2001:db8:1:2:3:4:5:6", &a), 0);
	assert_int_equal(address_parse("2001:db8:1:2::", &b), 0);
	a = address_client(&a);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(address_parse("192.0.2.7", &a), 0);
	b = address_client(&a);
	assert_memory_equal(&a, &b, sizeof(a));
}

/* --- settings -------------------------------------------------------------------------------- */

static int load(struct settings **ret, char *error, size_t size, char *flag, char *value)
{
	char *argv[] = { (char *)"axfwd", flag, value, NULL };

	return settings_load(flag ? (value ? 3 : 2) : 1, argv, ret, error, size);
}

static void a_flag_wins_over_the_environment(void **state)
{
	struct settings *s = NULL;
	char error[256];

	setenv("AXIOM_FIREWALL_LISTEN", "127.0.0.1:1", 1);
	assert_int_equal(load(&s, error, sizeof(error), NULL, NULL), 0);
	assert_string_equal(s->listen, "127.0.0.1:1");
	settings_free(&s);
	assert_int_equal(load(&s, error, sizeof(error), (char *)"--listen", (char *)"[::1]:2"), 0);
	assert_string_equal(s->listen, "[::1]:2");
	settings_free(&s);
	assert_int_equal(load(&s, error, sizeof(error), (char *)"--listen=[::1]:3", NULL), 0);
	assert_string_equal(s->listen, "[::1]:3");
	settings_free(&s);
	unsetenv("AXIOM_FIREWALL_LISTEN");
}

static void a_wrong_setting_is_named(void **state)
{
	struct settings *s = NULL;
	char error[256];

	assert_int_equal(load(&s, error, sizeof(error), (char *)"--signup-limit", (char *)"17"),
			 -EINVAL);
	assert_non_null(strstr(error, "--signup-limit"));
	assert_non_null(strstr(error, "1 to 16"));
	assert_int_equal(load(&s, error, sizeof(error), (char *)"--durability=never", NULL),
			 -EINVAL);
	assert_non_null(strstr(error, "process, power"));
	assert_int_equal(load(&s, error, sizeof(error), (char *)"--nonsense", NULL), -EINVAL);
	assert_non_null(strstr(error, "--nonsense"));
	assert_int_equal(load(&s, error, sizeof(error), (char *)"--listen", NULL), -EINVAL);
	assert_null(s);
}

/* Under a sanitizer, that all of it is freed, too. */
static void lists_of_addresses_are_read(void **state)
{
	char list[] = "192.0.2.0/24,2001:db8::/32";
	char *argv[] = { (char *)"axfwd",
			 (char *)"--allow-from",
			 list,
			 (char *)"--forwarded-allow-ips",
			 list,
			 (char *)"--metrics-allow",
			 list,
			 NULL };
	struct settings *s = NULL;
	struct address a;
	char error[256];

	assert_int_equal(settings_load(7, argv, &s, error, sizeof(error)), 0);
	assert_int_equal(address_parse("2001:db8::7", &a), 0);
	assert_int_equal(s->allow_from.count, 2);
	assert_true(prefix_list_contains(&s->allow_from, &a));
	assert_true(prefix_list_contains(&s->forwarded_allow_ips, &a));
	assert_true(prefix_list_contains(&s->metrics_allow, &a));
	settings_free(&s);
}

struct complaints {
	unsigned fatal;
	char last[256];
};

static void remember(void *arg, bool fatal, const char *sentence)
{
	struct complaints *c = arg;

	c->fatal += fatal;
	if (fatal)
		snprintf(c->last, sizeof(c->last), "%s", sentence);
}

#define STRONG_A "0123456789abcdef0123456789abcdef"
#define STRONG_B "fedcba9876543210fedcba9876543210"

static void production_names_each_weak_setting(void **state)
{
	static const struct {
		const char *variable, *value, *says;
	} weak[] = {
		{ "AXIOM_MASTER_KEY", "", "AXIOM_MASTER_KEY" },
		{ "AXIOM_MASTER_KEY", "short", "AXIOM_MASTER_KEY" },
		{ "AXIOM_FIREWALL_SESSION_SECRET", "", "SESSION_SECRET" },
		{ "AXIOM_FIREWALL_SESSION_SECRET", "dev-session-secret-change-in-production",
		  "SESSION_SECRET" },
		{ "AXIOM_FIREWALL_SESSION_SECRET", STRONG_A, "SESSION_SECRET" },
		{ "AXIOM_FIREWALL_CORS_ORIGINS", "*", "CORS_ORIGINS" },
		{ "AXIOM_FIREWALL_CORS_ORIGINS", "https://a.example/,https://b.example",
		  "CORS_ORIGINS" },
		{ "AXIOM_FIREWALL_CORS_ORIGINS", "https://a.example/ , https://b.example",
		  "CORS_ORIGINS" },
		{ "AXIOM_FIREWALL_CORS_ORIGINS", "https://a.example, https://b.example/ ",
		  "CORS_ORIGINS" },
		{ "AXIOM_FIREWALL_PUBLIC_URL", "http://axfw.example", "PUBLIC_URL" },
		{ "AXIOM_FIREWALL_PUBLIC_URL", "https://", "PUBLIC_URL" },
		{ "AXFW_LOG_LEVEL", "debug", "AXFW_LOG_LEVEL" },
	};
	static const char *const strong[][2] = {
		{ "AXIOM_ENV", "production" },
		{ "AXIOM_MASTER_KEY", STRONG_A },
		{ "AXIOM_FIREWALL_SESSION_SECRET", STRONG_B },
		{ "AXIOM_FIREWALL_PUBLIC_URL", "https://axfw.example/" },
		{ "AXIOM_FIREWALL_CORS_ORIGINS", "https://a.example" },
		{ "AXFW_LOG_LEVEL", "info" },
	};
	char error[256];

	for (size_t i = 0; i <= ARRAY_SIZE(weak); i++) {
		_cleanup_(settings_free) struct settings *s = NULL;
		struct complaints c = { 0 };

		for (size_t k = 0; k < ARRAY_SIZE(strong); k++)
			setenv(strong[k][0], strong[k][1], 1);
		if (i < ARRAY_SIZE(weak))
			setenv(weak[i].variable, weak[i].value, 1);
		assert_int_equal(load(&s, error, sizeof(error), NULL, NULL), 0);
		assert_int_equal(settings_judge(s, remember, &c), i < ARRAY_SIZE(weak));
		if (i < ARRAY_SIZE(weak))
			assert_non_null(strstr(c.last, weak[i].says));
		else
			assert_string_equal(s->public_url, "https://axfw.example");
	}
	for (size_t k = 0; k < ARRAY_SIZE(strong); k++)
		unsetenv(strong[k][0]);
}

/* --- pool ------------------------------------------------------------------------------------ */

static atomic_int ran;
static atomic_bool go;

static void count_after_go(void *arg)
{
	while (!go)
		usleep(100);
	ran++;
}

static void a_full_queue_refuses_and_everything_queued_runs(void **state)
{
	struct pool *p = NULL;
	int accepted = 0;

	assert_int_equal(pool_new("test", 1, 4, &p), 0);
	for (int i = 0; i < 10; i++)
		accepted += !pool_submit(p, count_after_go, NULL);
	assert_in_range(accepted, 4, 5); /* the thread may hold one already */
	go = true;
	pool_free(&p);
	assert_int_equal(ran, accepted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_grows_and_escapes),
		cmocka_unit_test(lines_are_broken_at_blanks),
		cmocka_unit_test(an_empty_text_is_an_empty_string),
		cmocka_unit_test(utf8_is_strict),
		cmocka_unit_test(base64url_has_one_spelling),
		cmocka_unit_test(uuids_read_back),
		cmocka_unit_test(iso_times_read_back),
		cmocka_unit_test(months_roll_at_midnight_utc),
		cmocka_unit_test(prefixes_match),
		cmocka_unit_test(clients_are_addresses_or_networks),
		cmocka_unit_test(a_flag_wins_over_the_environment),
		cmocka_unit_test(a_wrong_setting_is_named),
		cmocka_unit_test(lists_of_addresses_are_read),
		cmocka_unit_test(production_names_each_weak_setting),
		cmocka_unit_test(a_full_queue_refuses_and_everything_queued_runs),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
