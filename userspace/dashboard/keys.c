/* SPDX-License-Identifier: Apache-2.0 */
/*
 * API keys made and revoked from the dashboard. The tenant comes from the session and from nowhere
 * else. The new secret waits in the session for the next page view; it is in no cookie and in no
 * URL.
 */
#include <errno.h>
#include <string.h>
#include "dashboard/dashboard.h"
#include "dashboard/overview.h"
#include "dashboard/page.h"

#define REVOKED	      "API key revoked. Calls using that key will be rejected immediately."
#define NOT_REVOKED   "That key is already revoked or doesn't belong to this account."
#define NOT_CONFIRMED "The name you typed isn't the key's: nothing was revoked."

static void refuse_name(struct exchange *x, int r)
{
	switch (r) {
	case -EINVAL:
		overview_reply(x, 400, "A key's name is plain text without control characters.");
		break;
	case -ENAMETOOLONG:
		overview_reply(x, 400, "A key's name has at most 100 bytes.");
		break;
	case -E2BIG:
		overview_reply(x, 400, "100 keys are active, which is the most: revoke one first.");
		break;
	default:
		exchange_fail(x, r, "an API key can't be created");
	}
}
_Static_assert(STORE_NAME_MAX == 100 && IDENTITY_KEYS_MAX == 100, "as the sentences say");

void dashboard_create_key(struct exchange *x)
{
	struct identity *identity = x->services->identity;
	struct session_flash flash = { 0 };
	struct key_info key;
	int r;

	if (!exchange_require_fields(x, "name", NULL))
		return;
	r = identity_create_key(identity, x->session.tenant, exchange_form(x, "name"),
				flash.new_secret, &key);
	if (r < 0) {
		refuse_name(x, r);
		return;
	}
	r = session_set_flash(identity, &x->session, &flash);
	wipe(&flash, sizeof(flash));
	if (r < 0)
		exchange_fail(x, r, "a new key can't be shown");
	else
		exchange_redirect(x, "/dashboard");
}

/* A form that asks for the name must have it right; a client that doesn't ask sends no such field.
 */
static bool is_confirmed(struct exchange *x)
{
	const char *confirm = exchange_form(x, "confirm");
	_cleanup_(freep) struct key_info *keys = NULL;
	size_t count = 0;

	if (!confirm)
		return true;
	if (identity_list_keys(x->services->identity, x->session.tenant, false, &keys, &count) < 0)
		return false;
	for (size_t n = 0; n < count; n++)
		if (!strcmp(keys[n].id, x->path_value))
			return !strcmp(keys[n].name, confirm);
	return true; /* not a key of this account: said as such */
}

void dashboard_revoke_key(struct exchange *x)
{
	struct identity *identity = x->services->identity;
	struct session_flash flash = { 0 };
	const char *notice = NOT_CONFIRMED;
	int r = 0;

	if (is_confirmed(x)) {
		r = identity_revoke_key(identity, x->session.tenant, x->path_value);
		notice = r == -ENOENT ? NOT_REVOKED : REVOKED;
	}
	if (r == 1)
		log_warning("the kernel wasn't told that a key was revoked: its calls are refused "
			    "in userspace");
	if (r < 0 && r != -ENOENT) {
		exchange_fail(x, r, "an API key can't be revoked");
		return;
	}
	memcpy(flash.notice, notice, strlen(notice) + 1);
	r = session_set_flash(identity, &x->session, &flash);
	if (r < 0)
		exchange_fail(x, r, "a notice can't be kept");
	else
		exchange_redirect(x, "/dashboard");
}
_Static_assert(sizeof(REVOKED) <= sizeof(((struct session_flash *)0)->notice), "fits");
_Static_assert(sizeof(NOT_REVOKED) <= sizeof(((struct session_flash *)0)->notice), "fits");
_Static_assert(sizeof(NOT_CONFIRMED) <= sizeof(((struct session_flash *)0)->notice), "fits");
