/* SPDX-License-Identifier: Apache-2.0 */
/* The dashboard's first page, which the keys' forms come back to when something is wrong with them.
 */
#ifndef DASHBOARD_OVERVIEW_H
#define DASHBOARD_OVERVIEW_H

#include "exchange/exchange.h"

/* name_error is shown beside the field for a new key's name; "" for none. */
void overview_reply(struct exchange *x, unsigned status, const char *name_error);

#endif
