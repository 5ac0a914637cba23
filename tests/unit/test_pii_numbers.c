// SPDX-License-Identifier: Apache-2.0
/* Telephone numbers, cards, accounts, social security numbers: which are found, and exactly where.
 */
#include "pii_fixture.h"

static const struct row phones[] = {
	{ PII_PHONE, "{{+1 415-555-2671}}" },
	{ PII_PHONE, "my number: {{+44 20 7946 0958}}." },
	{ PII_PHONE, "{{+49 (0)30 901820}} oder {{+49 170 1234567}}" },
	{ PII_PHONE, "ring {{+33 1 84 17 61 18}}, please" },
	{ PII_PHONE, "{{+41 (0)96 471 07 95}}" },
	{ PII_PHONE, "{{+447700921916}}" },
	{ PII_PHONE, "({{+1 (212) 555-0187}})" },
	{ PII_PHONE, "{{(212) 555-0187}} or {{212-555-0187}} or {{212.555.0187}}" },
	{ PII_PHONE, "{{1-800-555-0199}} ({{212-555-0187}})" },
	{ PII_PHONE, "{{001-518-640-0854}}" },
	{ PII_PHONE, "{{463-612-6138x036}}, {{(212) 555-0187 ext. 12}}" },
	{ PII_PHONE, "{{01.84.17.61.18}}" },
	{ PII_PHONE, "{{(020) 7946 0958}}" },
	{ PII_PHONE, "{{07700 063 966}}" },
	{ PII_PHONE, "{{98765 43210}}" },
	{ PII_PHONE, "8 is {{8 (495) 123-45-67}}" },
	{ PII_PHONE, "Call me on {{9472 7916}}" },
	{ PII_PHONE, "Phone:\n{{358 0594}}" },
	{ PII_PHONE, "Teléfono {{612345678}}" },
	{ PII_PHONE, "{{12345678}} (office)" },
	{ PII_PHONE, "我的电话是{{13800138000}}。" },
	{ PII_PHONE, "Телефон: {{8 912 345-67-89}}" },
	{ PII_PHONE, "no-break: {{+33\xc2\xa0"
		     "1\xc2\xa0"
		     "84\xc2\xa0"
		     "17\xc2\xa0"
		     "61\xc2\xa0"
		     "18}}" },
	{ PII_PHONE, "{{+1 415-555-2671}} 4111 people" },
	{ PII_PHONE, "I was born on 12/05/1984 and my number is {{07911 123456}}" },
	{ PII_PHONE, "I have called 3 times since 2019-2020; call 10 30 or 11 45" },
	{ PII_PHONE, "{{773 340 284}} is my contact number; {{13995549910}} is her mobile" },
	{ PII_PHONE, "{{12345678}} work\n{{780 6326}} is my work mobile" },
	{ PII_PHONE, "7806 3260 call" },
	{ PII_PHONE, "fax {{06-4/466 9725}}; {{518.190.9378x6579}}; {{+47686750972}}" },
	{ PII_PHONE, "773 340 284 is my favourite; 773 340 284 is the sum I contact" },
	{ PII_PHONE, "order number 212-555-0187" },
	{ PII_PHONE, "order 9498777106 and invoice 2023-000123" },
	{ PII_PHONE, "on 2023-08-28 12:13:52, 28.08.2023 and 01.02.2003 12:30" },
	{ PII_PHONE, "1,234,567,890 people; 12 345 678 euros; 3.14159265" },
	{ PII_PHONE, "0.123456789 and 192837465 and 10000000000" },
	{ PII_PHONE, "pages 123-456, ISBN 978-3-16-148410-0" },
	{ PII_PHONE, "x = 0x12345678; y = 5551234567;" },
	{ PII_PHONE, "in 1990-1995 or 2001 2002 2003" },
	{ PII_PHONE, "+89 123 456 789 in no country, a+4412345678" },
};

static const struct row cards[] = {
	{ PII_CARD, "pay with {{4111111111111111}}." },
	{ PII_CARD, "{{4111 1111 1111 1111}} {{5500-0000-0000-0004}}" },
	{ PII_CARD, "{{3782 822463 10005}}, {{340000000000009}}" },
	{ PII_CARD, "{{3056 930902 5904}}" },
	{ PII_CARD, "{{6011000000000004}} {{3530111333300000}} {{2223003122003222}}" },
	{ PII_CARD, "{{6200000000000005}}" },
	{ PII_CARD, "card: {{180065008155082}}" },
	{ PII_CARD, "4111111111111112 fails Luhn; 41111111111111111 is too long" },
	{ PII_CARD, "4111 1111 11111111" },
	{ PII_CARD, "a4111111111111111, 4111111111111111b, 4111111111111111.5" },
	{ PII_CARD, "0000000000000000 and 9999999999999995" },
};

static const struct row ibans[] = {
	{ PII_IBAN, "{{GB82WEST12345698765432}}" },
	{ PII_IBAN, "IBAN: {{GB82 WEST 1234 5698 7654 32}} and more" },
	{ PII_IBAN, "{{DE89 3704 0044 0532 0130 00}}, {{FR14 2004 1010 0505 0001 3M02 606}}" },
	{ PII_IBAN, "{{de89370400440532013000}}" },
	{ PII_IBAN, "{{NO93 8601 1117 947}} 5" },
	{ PII_IBAN, "{{NL91-ABNA-0417-1643-00}}" },
	{ PII_IBAN, "GB82WEST12345698765433, GB82WEST1234569876543, XX82WEST12345698765432" },
	{ PII_IBAN, "aGB82WEST12345698765432 GB82WEST12345698765432a" },
};

static const struct row ssns[] = {
	{ PII_SSN, "My SSN is {{123-45-6789}}. ({{123-45-6788}})" },
	{ PII_SSN, "{{791 10 5487}}" },
	{ PII_SSN, "social security number {{791105487}}" },
	{ PII_SSN, "000-45-6789, 666-45-6789, 900-45-6789, 123-00-6789, 123-45-0000" },
	{ PII_SSN, "791105487, 1123-45-6789, 123-45-67890, 123-45-6789-1" },
	{ PII_NATIONAL_ID, "an ITIN: {{912-70-1234}}" },
};

#define CHECK(name, rows)                                                                          \
	static void name(void **state)                                                             \
	{                                                                                          \
		check_rows(rows, ARRAY_SIZE(rows));                                                \
	}

CHECK(check_phones, phones)
CHECK(check_cards, cards)
CHECK(check_ibans, ibans)
CHECK(check_ssns, ssns)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_phones),
		cmocka_unit_test(check_cards),
		cmocka_unit_test(check_ibans),
		cmocka_unit_test(check_ssns),
	};

	return cmocka_run_group_tests(tests, pii_setup, pii_teardown);
}
