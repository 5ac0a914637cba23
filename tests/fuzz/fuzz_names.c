/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short texts that people and operators write: prefixes as deny lists, allow lists and trusted
 * proxies have them, and e-mail addresses. What is taken is printed as a text that is taken, too,
 * and is then the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "identity/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static void read_prefix(const char *text)
{
	struct prefix p, back;
	char printed[PREFIX_TEXT_LEN];

	if (prefix_parse(text, &p) < 0)
		return;
	require(p.len <= 128 && prefix_contains(&p, &p.address) && prefix_covers(&p, &p));
	prefix_format(&p, printed);
	require(prefix_parse(printed, &back) == 0);
	require(back.len == p.len && !memcmp(&back.address, &p.address, sizeof(p.address)));
}

static void read_list(const char *text)
{
	_cleanup_(prefix_list_free) struct prefix_list list = { 0 };

	if (prefix_list_parse(text, &list) < 0)
		return;
	require(list.count <= strlen(text));
	for (size_t i = 0; i < list.count; i++)
		require(prefix_list_contains(&list, &list.items[i].address));
}

static void read_email(const char *text)
{
	char name[STORE_EMAIL_MAX + 1], again[STORE_EMAIL_MAX + 1];

	if (email_normalise(text, name) < 0)
		return;
	require(strlen(name) <= STORE_EMAIL_MAX);
	if (!email_is_sane(name))
		return;
	require(strchr(name, '@') && !strpbrk(name, " \r\n\t<>\""));
	require(email_normalise(name, again) == 0 && !strcmp(name, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *text = strndup((const char *)data, size);

	if (!text)
		return 0;
	read_prefix(text);
	read_list(text);
	read_email(text);
	return 0;
}
