/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies as JSON, in whichever encoding. What is read is written again in the canonical form, which
 * reads back as the same; and it is examined as a receipt, by itself as its keys.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "../../tools/axfw/receipt.h"
#include "api/json_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static void write_again(const json_t *value)
{
	_cleanup_(json_decrefp) json_t *back = NULL;
	_cleanup_(freep) char *first = json_canonical(value), *second = NULL;

	if (!first)
		return; /* too deep or too wide to be signed */
	back = json_loads(first, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	require(back);
	second = json_canonical(back);
	require(second && !strcmp(first, second));
}

static void examine(const json_t *document)
{
	struct receipt_findings f = { 0 };
	int r = receipt_examine(document, document, "text", 4, &f);

	require(r == 0 || r == -EINVAL);
	require(f.count <= RECEIPT_CHECKS_MAX);
	require(r < 0 || !f.genuine); /* nobody signs by chance */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(json_decrefp) json_t *value = NULL;
	int r = json_body_parse((const char *)data, size, &value);

	require(r == -EBADMSG ? !value : r == -ENOMEM || (r == 0 && value));
	if (r < 0)
		return 0;
	write_again(value);
	examine(value);
	return 0;
}
