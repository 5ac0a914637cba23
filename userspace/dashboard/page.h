/* SPDX-License-Identifier: Apache-2.0 */
/* What the pages' handlers share: answering with a page, the session cookie, values as people read
 * them. */
#ifndef DASHBOARD_PAGE_H
#define DASHBOARD_PAGE_H

#include "exchange/exchange.h"

#define HTML_TYPE "text/html; charset=utf-8"

/* Answers with a page. Takes data (an object; NULL, from an allocation that failed, becomes 500)
 * and adds what every page shows. */
void page_reply(struct exchange *x, unsigned status, const char *page, const char *title,
		json_t *data);
/* x->session, also on routes that don't ask for one. */
bool page_has_session(struct exchange *x);
void page_set_cookie(struct exchange *x, const char *cookie);
void page_clear_cookie(struct exchange *x);

/* Where clients reach this node, for commands to copy: a scheme, a host and nothing a shell would
 * read. */
void page_base_url(const struct exchange *x, struct text *ret);

json_t *page_count(uint64_t n);			     /* "1,234" */
json_t *page_ago(uint64_t then_us, uint64_t now_us); /* "3 hours ago" */

#endif
