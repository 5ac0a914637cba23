/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: a page's text with {{name}} for a value, {{#name}}…{{/name}} for a list's items, an
 * object or "if", {{^name}}…{{/name}} for "unless", {{.}} for the item itself and {{>page}} for
 * another page. Every value is escaped and there is no way to leave that out, so data can't become
 * markup. Names are looked up from the innermost section outwards.
 */
#ifndef DASHBOARD_TEMPLATE_H
#define DASHBOARD_TEMPLATE_H

#include "base/base.h"

/* -ENOENT: no such page, or a {{name}} that no section has; -EINVAL: tags that don't match. */
int template_render(const char *page, const json_t *data, struct text *out);

#endif
