/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

char *json_text(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

char *json_canonical(const json_t *value)
{
	return json_dumps(value,
			  JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
}
