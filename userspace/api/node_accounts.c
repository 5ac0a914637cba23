/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants and their keys, for the operator at the local socket. The JSON is described in
 * docs/cli.md. */
#include <errno.h>
#include <string.h>
#include "api/api.h"
#include "api/json_body.h"

static const char *member(const json_t *body, const char *name)
{
	const char *value = json_string_value(json_object_get(body, name));

	return value ? value : "";
}

/* An id or an e-mail address. 0: an answer stands. */
static uint32_t find_tenant(struct exchange *x, const char *who)
{
	const struct tenant *t;
	uint32_t number = 0;

	identity_enter();
	t = strchr(who, '@') ? identity_find_email(x->services->identity, who)
			     : identity_find_id(x->services->identity, who);
	if (t)
		number = tenant_number(t);
	identity_leave();
	if (!number)
		exchange_error(x, 404, "No tenant '%s'; give its id or e-mail address", who);
	return number;
}

/* The one that a body names; 0: an answer stands, as it does where there is no body. */
static uint32_t find_named_tenant(struct exchange *x, const json_t *body)
{
	return body ? find_tenant(x, member(body, "tenant")) : 0;
}

static json_t *describe_tenant(struct exchange *x, uint32_t number)
{
	const struct tenant *t;
	json_t *out = NULL;
	uint32_t version;

	identity_enter();
	t = identity_find_tenant(x->services->identity, number);
	if (t)
		out = json_pack("{s:s, s:s, s:s, s:s*}", "id", tenant_id(t), "email",
				tenant_email(t), "tier", tenant_tier(t)->name, "policy_fault",
				tenant_policy_fault(t, &version));
	identity_leave();
	return out;
}

static json_t *describe_key(const struct key_info *k)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "id", k->id, "name", k->name, "created",
			 json_time(k->created_us), "revoked", json_time(k->revoked_us));
}

/* What went wrong with what was asked; anything else is ours. invalid: what -EINVAL means here. */
static void refuse(struct exchange *x, int r, const char *invalid, const char *what)
{
	const struct {
		int r;
		unsigned status;
		const char *sentence;
	} refusals[] = {
		{ -EEXIST, 409, "An account with that email already exists." },
		{ -EINVAL, 400, invalid },
		{ -ERANGE, 400, "Password must be at least 8 characters." },
		{ -ENAMETOOLONG, 400, "The name is too long." },
		{ -E2BIG, 409,
		  "The tenant has as many active keys as it may have; revoke one first." },
		{ -ENOENT, 404, "No such tenant, or not an active key of it." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (refusals[i].r != r)
			continue;
		exchange_error(x, refusals[i].status, "%s", refusals[i].sentence);
		return;
	}
	exchange_fail(x, r, what);
}

void api_node_tenant_create(struct exchange *x)
{
	_cleanup_(json_decrefp) json_t *body = json_body_object(x);
	char code[CRYPTO_RECOVERY_CODE_LEN + 1];
	const char *tier;
	uint32_t number;
	int r;

	if (!body)
		return;
	tier = *member(body, "tier") ? member(body, "tier") : "free";
	if (strcmp(tier_find(tier)->name, tier)) {
		exchange_error(x, 400, "No tier '%s'; there are free, indie, team and enterprise",
			       tier);
		return;
	}
	r = identity_sign_up(x->services->identity, member(body, "email"), member(body, "password"),
			     tier, &number, code);
	if (r < 0)
		refuse(x, r, "That is not an e-mail address.", "the tenant can't be created");
	else
		exchange_reply_json(x, 201,
				    json_pack("{s:o, s:s}", "tenant", describe_tenant(x, number),
					      "recovery_code", code));
	wipe(code, sizeof(code));
}

void api_node_key_create(struct exchange *x)
{
	_cleanup_(json_decrefp) json_t *body = json_body_object(x);
	char secret[CRYPTO_API_KEY_LEN + 1];
	uint32_t tenant = find_named_tenant(x, body);
	struct key_info key;
	int r;

	if (!tenant)
		return;
	r = identity_create_key(x->services->identity, tenant, member(body, "name"), secret, &key);
	if (r < 0)
		refuse(x, r, "A key's name is plain text without control characters.",
		       "the key can't be created");
	else
		exchange_reply_json(
			x, 201,
			json_pack("{s:o, s:s}", "key", describe_key(&key), "secret", secret));
	wipe(secret, sizeof(secret));
}

void api_node_key_list(struct exchange *x)
{
	const char *all = exchange_query(x, "all"), *who = exchange_query(x, "tenant");
	_cleanup_(freep) struct key_info *keys = NULL;
	uint32_t tenant;
	json_t *list;
	size_t count;
	int r;

	tenant = find_tenant(x, who ? who : "");
	if (!tenant)
		return;
	r = identity_list_keys(x->services->identity, tenant, all && !strcmp(all, "1"), &keys,
			       &count);
	if (r < 0) {
		refuse(x, r, "That is not a tenant.", "the keys can't be listed");
		return;
	}
	list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, describe_key(&keys[i]));
	exchange_reply_json(
		x, 200,
		json_pack("{s:o, s:o}", "tenant", describe_tenant(x, tenant), "keys", list));
}

void api_node_key_revoke(struct exchange *x)
{
	_cleanup_(json_decrefp) json_t *body = json_body_object(x);
	uint32_t tenant = find_named_tenant(x, body);
	int r;

	if (!tenant)
		return;
	r = identity_revoke_key(x->services->identity, tenant, x->path_value);
	if (r < 0)
		refuse(x, r, "That is not a key's id.", "the key can't be revoked");
	else
		/* 1: the daemon refuses the key, but the kernel goes on passing its calls up. */
		exchange_reply_json(x, 200,
				    json_pack("{s:b, s:s, s:b}", "revoked", 1, "id", x->path_value,
					      "kernel_told", r == 0));
}
