/* SPDX-License-Identifier: Apache-2.0 */
/* The rule file's parser: it is ours, but people edit it. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include "base/base.h"
#include "guard/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(rules_free) struct rules *rules = NULL;
	char error[256] = "";
	int r = rules_parse((const char *)data, size, &rules, error, sizeof(error));

	if (r != 0 && (r != -EINVAL || !*error))
		abort();
	return 0;
}
