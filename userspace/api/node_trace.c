/* SPDX-License-Identifier: Apache-2.0 */
/*
 * axfw trace: has the kernel report each decision about a client or a key, refused or not. The
 * answers come by /node/events. One filter at a time, which whoever asks last has: it is the
 * operator's own tool. The JSON is described in docs/cli.md.
 */
#include <string.h>
#include "api/api.h"
#include "api/json_body.h"
#include "api/names.h"

/* A trace is a lease: whoever asks renews it, so one that was killed leaves nothing on. */
#define TRACE_LEASE_NS (5 * NS_PER_S)

static bool read_client(struct exchange *x, const char *text, struct axfw_trace *ret)
{
	struct address client;

	if (!text)
		return true;
	if (address_parse(text, &client) < 0) {
		exchange_error(x, 400, "'%s' isn't an address", text);
		return false;
	}
	memcpy(ret->client, client.bytes, sizeof(ret->client));
	return true;
}

static bool read_key(struct exchange *x, const char *key, const char *hash, struct axfw_trace *ret)
{
	if (key)
		crypto_api_key_hash(x->services->crypto, key, strlen(key), &ret->key);
	if (!hash || hex_decode(hash, sizeof(ret->key.bytes), ret->key.bytes) == 0)
		return true;
	exchange_error(x, 400, "'%s' isn't a key's hash: 32 hex digits, as axfw top shows it",
		       hash);
	return false;
}

static bool is_attached(const struct kernel_state *state)
{
	bool any = false;

	for (unsigned i = 0; i < state->interface_count; i++)
		any |= strcmp(state->interfaces[i].mode, "none") != 0;
	return any;
}

void api_node_trace(struct exchange *x)
{
	_cleanup_(json_decrefp) json_t *body = json_body_object(x);
	const char *client = json_string_value(json_object_get(body, "client"));
	const char *key = json_string_value(json_object_get(body, "key"));
	const char *hash = json_string_value(json_object_get(body, "key_hash"));
	bool off = json_is_false(json_object_get(body, "on"));
	struct axfw_trace trace = { 0 };
	struct kernel_state state;
	uint64_t next, lost;

	if (!body || !read_client(x, client, &trace) || !read_key(x, key, hash, &trace))
		return;
	kernel_state(x->services->kernel, &state);
	if (!off && !is_attached(&state)) {
		exchange_error(x, 409,
			       "The kernel judges nothing here, so nothing can be traced: %s",
			       state.reason);
		return;
	}
	if (off)
		trace = (struct axfw_trace){ 0 };
	else
		trace.until_ns = clock_boot_ns() + TRACE_LEASE_NS;
	kernel_trace(x->services->kernel, &trace);
	traffic_read(x->services->traffic, UINT64_MAX, NULL, 0, &next, &lost);
	exchange_reply_json(x, off ? 200 : 201,
			    json_pack("{s:b, s:o, s:I}", "on", !off, "key_hash",
				      json_of_hash(&trace.key), "next", (json_int_t)next));
}
