// SPDX-License-Identifier: Apache-2.0
/* Street addresses of several countries, and house numbers that are none. */
#include "pii_fixture.h"

static const struct row addresses[] = {
	{ PII_ADDRESS, "I live at {{12 Main Street}}." },
	{ PII_ADDRESS, "send it to {{1600 Example Ave, Suite 420, Springfield, IL 62704}} please" },
	{ PII_ADDRESS, "office at {{100 E. Palmetto Park Blvd., Suite 4B}}" },
	{ PII_ADDRESS, "{{221b Baker Street}}, London" },
	{ PII_ADDRESS, "{{12 rue de la Paix}}, Paris; {{7, avenue Victor Hugo}}" },
	{ PII_ADDRESS, "{{Hauptstraße 12, 10115 Berlin}}" },
	{ PII_ADDRESS, "{{Kiannonkatu 98 Apt. 105}} and {{Vesterskovvej 79}}" },
	{ PII_ADDRESS,
	  "{{Via delle Coste 41}}, {{ul. Zamkowa 33}}, {{C/ Mayor 8}}, {{Calle de la Luz 12b}}" },
	{ PII_ADDRESS, "{{Rua Cyro Schmutzer Franco 1213}}" },
	{ PII_ADDRESS, "{{P.O. Box 255}} or {{PO Box 12}}; {{Postfach 1234}}" },
	{ PII_ADDRESS,
	  "to {{Unit 4719 Box 7394\nDPO AP 70942}} and {{USNS Bergman\nFPO AP 93757}}" },
	{ PII_ADDRESS, "In 2008 Wall Street fell; since 1999 Main Street" },
	{ PII_ADDRESS, "12 people crossed the street; a 3 minute drive; route 66; via 3 servers" },
	{ PII_ADDRESS, "August 11, 2011; top 10 places; 5 Star Hotels; Chapter 12 The Road Home" },
	{ PII_ADDRESS, "on Baker Street; at the corner of Main and 5" },
};

static void check_addresses(void **state)
{
	check_rows(addresses, ARRAY_SIZE(addresses));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_addresses),
	};

	return cmocka_run_group_tests(tests, pii_setup, pii_teardown);
}
