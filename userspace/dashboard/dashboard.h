/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages a person sees: server-rendered, no script needed. Handlers only; routes.c in http/ says
 * which path leads here. Pages are templates under dashboard/pages/, embedded at build time.
 */
#ifndef DASHBOARD_H
#define DASHBOARD_H

#include "exchange/exchange.h"

void dashboard_landing(struct exchange *x);	 /* GET / */
void dashboard_signup_form(struct exchange *x);	 /* GET /signup */
bool dashboard_signup_limit(struct exchange *x); /* before POST /signup: 429 comes before 422 */
void dashboard_signup(struct exchange *x);	 /* POST /signup (slow) */
void dashboard_login_form(struct exchange *x);	 /* GET /login */
void dashboard_login(struct exchange *x);	 /* POST /login (slow) */
void dashboard_logout(struct exchange *x);	 /* POST /logout */
void dashboard_overview(struct exchange *x);	 /* GET /dashboard */
void dashboard_calls(
	struct exchange *x); /* GET /dashboard/calls: JSON, for the line that turns green */
void dashboard_create_key(struct exchange *x); /* POST /dashboard/keys */
void dashboard_revoke_key(struct exchange *x); /* POST /dashboard/keys/{key_id}/revoke */
void dashboard_static(struct exchange *x);     /* GET /static/{name}: ETag, If-None-Match */

/* The error pages http/ shows to browsers (Accept: text/html). */
void dashboard_error_page(struct exchange *x, unsigned status, const char *sentence);

#endif
