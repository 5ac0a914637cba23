/* SPDX-License-Identifier: Apache-2.0 */
/* The files that are part of the program: page templates and what /static/ serves. Any thread. */
#ifndef DASHBOARD_ASSETS_H
#define DASHBOARD_ASSETS_H

#include <stddef.h>

#define ASSET_ETAG_LEN 16 /* hex digits of the content's SHA-256 */

struct asset {
	const char *name;
	const char *type; /* NULL for templates */
	const unsigned char *data, *end;
};

static inline size_t asset_len(const struct asset *a)
{
	return (size_t)(a->end - a->data);
}

/* NULL: no such file. */
const struct asset *asset_page(const char *name);
const struct asset *asset_static(const char *name);
void asset_etag(const struct asset *a, char ret[static ASSET_ETAG_LEN + 1]);

#endif
