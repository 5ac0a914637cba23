/* SPDX-License-Identifier: Apache-2.0 */
/* What proxies say of clients: addresses as the C library reads them, lists and PROXY headers
 * within their bounds. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "axfw/client.h"
#include "axfw/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare_address(const char *text, size_t size)
{
	uint8_t ours[16], theirs[16] = { [10] = 0xff, [11] = 0xff };
	struct axfw_address_text t = { 0 };
	int is_ours, is_theirs;

	for (size_t i = 0; i < size; i++)
		axfw_address_step(&t, (uint8_t)text[i]);
	is_ours = axfw_address_end(&t, ours);
	is_theirs = !memchr(text, 0, size) && (inet_pton(AF_INET, text, theirs + 12) == 1 ||
					       inet_pton(AF_INET6, text, theirs) == 1);
	if (is_ours != is_theirs || (is_ours && memcmp(ours, theirs, 16)))
		abort();
}

static void walk_list(const char *text, size_t size)
{
	struct axfw_forwarded f;
	enum axfw_forwarded_said said;
	size_t entries = 0;

	axfw_forwarded_start(&f, 0, (uint32_t)size);
	do {
		do
			said = axfw_forwarded_step(&f, (uint8_t)text[axfw_forwarded_at(&f)]);
		while (said == AXFW_FORWARDED_MORE);
		if (++entries > size + 1)
			abort();
	} while (said == AXFW_FORWARDED_ENTRY && axfw_forwarded_next(&f));
}

static void read_proxy(const char *text, size_t size)
{
	struct axfw_proxy p = { .len = ~0u };
	enum axfw_proxy_said said = axfw_proxy_header(text, (uint32_t)size, &p);

	if (said == AXFW_PROXY_WHOLE && (p.len > size || p.len > AXFW_PROXY_V2_MAX))
		abort();
	if (said == AXFW_PROXY_MORE && size >= AXFW_PROXY_V2_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	compare_address(text, size);
	walk_list(text, size);
	read_proxy(text, size);
	free(text);
	return 0;
}
