/* SPDX-License-Identifier: Apache-2.0 */
/* jansson, and the canonical form that signatures cover. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdint.h>
#include <jansson.h>

/* _cleanup_(json_decrefp) json_t *v = NULL; comes with jansson. */

/* Compact, keys in insertion order, non-ASCII as UTF-8. Caller frees; NULL without memory. */
char *json_text(const json_t *value);
/* Sorted keys, no spaces, ASCII escapes: equal bytes to Python's json.dumps(v, sort_keys=True,
 * separators=(",", ":")). Caller frees; NULL without memory, deeper than 64 or wider than 256. */
char *json_canonical(const json_t *value);

/* A wall-clock time as ISO 8601; 0 is null. */
json_t *json_time(uint64_t wall_us);

#endif
