// SPDX-License-Identifier: Apache-2.0
/* National identifiers: those that their issuers publish as examples, and neighbours of them that
 * have a wrong check digit, a wrong date or no word before them. */
#include "pii_fixture.h"

static const struct row ids[] = {
	{ PII_NATIONAL_ID, "{{AB123456C}} or {{AB 12 34 56 C}}" },
	{ PII_NATIONAL_ID, "{{86095742719}}, {{86 095 742 719}}" },
	{ PII_NATIONAL_ID, "{{255081416802538}} {{2 55 08 14 168 025 38}}" },
	{ PII_NATIONAL_ID, "{{12345678Z}} {{12345678-Z}} {{X1234567L}}" },
	{ PII_NATIONAL_ID, "{{RSSMRA85T10A562S}}, {{rssmra85t10a562s}}" },
	{ PII_NATIONAL_ID, "{{44051401359}}" },
	{ PII_NATIONAL_ID, "{{111.444.777-35}}; {{11144477735}}" },
	{ PII_NATIONAL_ID, "{{2341 2341 2346}}" },
	{ PII_NATIONAL_ID, "Aadhaar {{234123412346}}" },
	{ PII_NATIONAL_ID, "BSN: {{111222333}}" },
	{ PII_NATIONAL_ID, "{{85.07.30-033.28}}" },
	{ PII_NATIONAL_ID, "{{811218-9876}} {{19811218-9876}}" },
	{ PII_NATIONAL_ID, "CPR-nummer: {{070761-4285}}" },
	{ PII_NATIONAL_ID, "{{756.9217.0769.85}}" },
	{ PII_NATIONAL_ID, "{{8001015009087}}" },
	{ PII_NATIONAL_ID, "{{800101-1234567}}" },
	{ PII_NATIONAL_ID, "{{10000000146}}" },
	{ PII_NATIONAL_ID, "{{1800101221144}}" },
	{ PII_NATIONAL_ID, "{{710319/2745}}" },
	{ PII_NATIONAL_ID, "{{11010519491231002X}}" },
	{ PII_NATIONAL_ID, "{{20-12345678-6}}" },
	{ PII_NATIONAL_ID, "{{12.345.678-5}}" },
	{ PII_NATIONAL_ID, "{{112-233-445 95}}" },
	{ PII_NATIONAL_ID, "NHS number {{943 476 5919}}" },
	{ PII_NATIONAL_ID, "SIN {{046 454 286}}" },
	{ PII_NATIONAL_ID, "TFN: {{123 456 782}}" },
	{ PII_NATIONAL_ID, "NIF {{123456789}}" },
	{ PII_NATIONAL_ID, "taxpayer {{94577403194}}" },
	{ PII_NATIONAL_ID, "{{131052-308T}}, {{110519A2215}}" },
	{ PII_NATIONAL_ID, "{{1234567FA}}, {{1234567T}}" },
	{ PII_NATIONAL_ID, "{{S1234567D}}" },
	{ PII_NATIONAL_ID, "{{A123456789}}" },
	{ PII_NATIONAL_ID, "{{HEGG560427MVZRRL04}}" },
	{ PII_NATIONAL_ID, "{{01010012356}}" },
	{ PII_NATIONAL_ID, "My passport is {{X12345678}}." },
	{ PII_NATIONAL_ID, "driver's license number: {{F162823540116}}" },
};

static const struct row others[] = {
	{ PII_NATIONAL_ID, "AB123456E, GB123456A, QQ123456C, 1AB123456C" },
	{ PII_NATIONAL_ID, "86095742718 12345678901" },
	{ PII_NATIONAL_ID, "255081416802539, 12345678A, X1234567M" },
	{ PII_NATIONAL_ID, "RSSMRA85T10A562T RSSMRA85T10A562SS" },
	{ PII_NATIONAL_ID, "44051401358, 44951401359" },
	{ PII_NATIONAL_ID, "111.111.111-11, 111.444.777-36" },
	{ PII_NATIONAL_ID, "2341 2341 2347, 234123412346" },
	{ PII_NATIONAL_ID, "111222333, 311299-1234, 046454286" },
	{ PII_NATIONAL_ID, "811218-9875, 811318-9876, 710319/2744" },
	{ PII_NATIONAL_ID, "756.9217.0769.86, 8013015009087, 801301-1234567" },
	{ PII_NATIONAL_ID, "11010519491231002x1 110105194912310020" },
	{ PII_NATIONAL_ID, "S1234567E, A123456788, 131052-308U" },
	{ PII_NATIONAL_ID, "the passport of 2023; a license fee of 123456.50" },
};

static void finds_ids(void **state)
{
	check_rows(ids, ARRAY_SIZE(ids));
}

static void leaves_others(void **state)
{
	check_rows(others, ARRAY_SIZE(others));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_ids),
		cmocka_unit_test(leaves_others),
	};

	return cmocka_run_group_tests(tests, pii_setup, pii_teardown);
}
