// SPDX-License-Identifier: Apache-2.0
/* E-mail, links and addresses of machines; what overlaps; redaction; any bytes at all. */
#include "pii_fixture.h"

static const struct row emails[] = {
	{ PII_EMAIL, "write to {{joe.smith+tag@mail.example.co.uk}}." },
	{ PII_EMAIL, "<{{joe@example.com}}>, '{{ann@example.org}}'; mailto:{{bob@example.net}}" },
	{ PII_EMAIL, "{{O'Brien@example.com}} {{m\xc3\xbcller@example.de}}" },
	{ PII_EMAIL, "邮箱{{wang@example.cn}}，谢谢" },
	{ PII_EMAIL, "{{joe@[192.0.2.1]}}" },
	{ PII_EMAIL, "email={{joe@example.com}}&x=1" },
	{ PII_EMAIL, "{{a@b.co}}" },
	{ PII_EMAIL, "@joe, joe@, joe@localhost, joe@1.2.3, @example.com" },
	{ PII_EMAIL, "git@host.example:me/repo, logo@2x.png, pkg@1.2.3, joe@.com" },
};

static const struct row urls[] = {
	{ PII_URL, "see {{https://example.com/a?b=c#d}}." },
	{ PII_URL,
	  "({{http://example.com/a_(b)}}) {{ftp://files.example.com}}, {{www.example.com}}" },
	{ PII_URL, "{{http://FightListings.se/}}" },
	{ PII_URL, "{{example.com}} or {{shop.example.co.uk}}, {{example.de/path/x.html}}" },
	{ PII_URL, "看{{https://example.com/x}}。" },
	{ PII_URL, "{{http://[2001:db8::1]:8080/}}" },
	{ PII_URL, "java.io.File, os.path.join(a), self.net(x), e.g. this.That, end.It was" },
	{ PII_URL, "import java.net.*; std::cout; a://; ://b" },
};

static const struct row ips[] = {
	{ PII_IP, "from {{192.168.0.1}}, {{8.8.8.8}}:53 and ({{10.0.0.1}}/8)" },
	{ PII_IP, "{{2001:db8::1}} {{fe80::1}} [{{2001:db8:0:0:0:0:0:1}}]" },
	{ PII_IP, "{{::1}} is this machine; {{::ffff:192.0.2.128}}" },
	{ PII_IP, "256.1.1.1 1.2.3 1.2.3.4.5 01.2.3.4 v1.2.3.4 version 1.2.3.4" },
	{ PII_IP, "x_1.2.3.4 a1.2.3.4 section 1.2.3.4" },
	{ PII_IP, "12:30:45 00:1A:2B:3C:4D:5E a::b std::string x[::2] x[1::2] 1:2:3:4:5" },
};

#define CHECK(name, rows)                                                                          \
	static void name(void **state)                                                             \
	{                                                                                          \
		check_rows(rows, ARRAY_SIZE(rows));                                                \
	}

CHECK(check_emails, emails)
CHECK(check_urls, urls)
CHECK(check_ips, ips)

static void redacts(void **state)
{
	static const char text[] = "joe@example.com, +1 415-555-2671, 4111111111111111, "
				   "GB82WEST12345698765432, 123-45-6789, 10.1.2.3, "
				   "http://example.com/ and 912-70-1234";
	_cleanup_(text_free) struct text t = { 0 };
	const struct pii_span *found;
	size_t count;

	find(text, sizeof(text) - 1, &found, &count);
	assert_int_equal(count, 8);
	assert_int_equal(pii_redact(text, sizeof(text) - 1, found, count, &t), 0);
	assert_string_equal(t.data,
			    "[EMAIL], [PHONE], [CARD], [IBAN], [SSN], [IP], [URL] and [ID]");
	assert_int_equal(pii_level(found, count), PII_RESTRICTED);
}

static void says_how_grave(void **state)
{
	static const struct {
		const char *text;
		enum pii_level level;
	} rows[] = {
		{ "", PII_PUBLIC },
		{ "nothing here", PII_PUBLIC },
		{ "at 10.1.2.3", PII_INTERNAL },
		{ "http://example.com/ and joe@example.com", PII_CONFIDENTIAL },
		{ "joe@example.com has 4111111111111111", PII_RESTRICTED },
	};
	const struct pii_span *found;
	size_t count;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		find(rows[i].text, strlen(rows[i].text), &found, &count);
		assert_string_equal(pii_level_name(pii_level(found, count)),
				    pii_level_name(rows[i].level));
	}
}

static void check_spans(const struct pii_span *found, size_t count, size_t len)
{
	for (size_t i = 0; i < count; i++) {
		assert_true(found[i].type < PII_TYPE_COUNT);
		assert_true(found[i].begin < found[i].end && found[i].end <= len);
		assert_true(i == 0 || found[i].begin >= found[i - 1].end);
	}
}

/* No value that was found is left in what redaction makes of the text. */
static void leaves_nothing(void **state)
{
	static const char *const values[] = {
		"joe@example.com",	 "+1 415-555-2671",
		"4111 1111 1111 1111",	 "GB82 WEST 1234 5698 7654 32",
		"123-45-6789",		 "192.0.2.77",
		"https://example.com/a", "2001:db8::77",
	};
	static const char *const between[] = { " ", ", ", "\n", " and ", " (", "; ", "\t", "." };

	for (unsigned seed = 0; seed < 512; seed++) {
		_cleanup_(text_free) struct text t = { 0 }, redacted = { 0 };
		const struct pii_span *found;
		size_t count;

		for (unsigned i = 0; i < 4; i++) {
			text_add(&t, values[(seed >> i) % ARRAY_SIZE(values)]);
			text_add(&t, between[(seed >> (2 * i)) % (ARRAY_SIZE(between) - 1)]);
		}
		find(t.data, t.len, &found, &count);
		check_spans(found, count, t.len);
		assert_int_equal(pii_redact(t.data, t.len, found, count, &redacted), 0);
		for (unsigned i = 0; i < 4; i++) {
			if (strstr(redacted.data, values[(seed >> i) % ARRAY_SIZE(values)]))
				print_message("%s -> %s\n", t.data, redacted.data);
			assert_null(
				strstr(redacted.data, values[(seed >> i) % ARRAY_SIZE(values)]));
		}
	}
}

/* The letters of every shape that is looked for, in any order. */
static void takes_any_bytes(void **state)
{
	static const char alphabet[] = "0123456789 -./():+@=_xaGBe\n\xc3\xa9\xe2\x80\xaf\xff";
	uint64_t random = 88172645463325252ull;
	char text[300];

	for (unsigned round = 0; round < 20000; round++) {
		const struct pii_span *found;
		size_t count, len = round % sizeof(text);

		for (size_t i = 0; i < len; i++) {
			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			text[i] = round % 2 ? (char)random
					    : alphabet[random % (sizeof(alphabet) - 1)];
		}
		find(text, len, &found, &count);
		check_spans(found, count, len);
	}
}

/* Texts in which every byte is an anchor, or makes a verifier look as far as it may. That this
 * takes linear time shows when it doesn't: each of them would take minutes. */
static void takes_the_worst(void **state)
{
	static const char *const pieces[] = {
		"1 ",
		"123 4567 ",
		"4111 1111 1111 1112 ",
		"1.",
		"(1)",
		"a1",
		"@",
		"a@",
		"a@b.",
		"a.",
		"a://",
		"https://a.b/",
		":",
		"abcd:",
		"=",
		"password=",
		"a1b2c3d4-",
		"12345678Z-",
		"eyJhbGciOiJ.",
		"-----BEGIN PRIVATE KEY-----",
		"Aa 1 ",
		"12 rue ",
		" is a1",
		"call 12 34 ",
		"电话1234567 ",
		"12 Aa Aa Aa Aa ",
	};
	enum { LEN = 256 * 1024 };
	_cleanup_(freep) char *text = malloc(LEN);

	assert_non_null(text);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		size_t n = strlen(pieces[i]), count;
		const struct pii_span *found;

		for (size_t at = 0; at < LEN; at++)
			text[at] = pieces[i][at % n];
		find(text, LEN, &found, &count);
		check_spans(found, count, LEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_emails),	   cmocka_unit_test(check_urls),
		cmocka_unit_test(check_ips),	   cmocka_unit_test(redacts),
		cmocka_unit_test(says_how_grave),  cmocka_unit_test(leaves_nothing),
		cmocka_unit_test(takes_any_bytes), cmocka_unit_test(takes_the_worst),
	};

	return cmocka_run_group_tests(tests, pii_setup, pii_teardown);
}
