/* SPDX-License-Identifier: Apache-2.0 */
/* What axfw top and axfw trace show. Sources and keys of every tenant are in it, so it is the
 * operator's alone. The JSON is described in docs/cli.md. */
#include <errno.h>
#include <string.h>
#include "api/metrics.h"
#include "api/names.h"

#define EVENTS_MAX     1000 /* in one answer */
#define EVENTS_DEFAULT 256

/* --- events ---------------------------------------------------------------------------------- */

struct clocks {
	uint64_t boot_ns, wall_us;
};

static json_t *describe_time(const struct clocks *now, uint64_t at_ns)
{
	uint64_t ago_us = now->boot_ns > at_ns ? (now->boot_ns - at_ns) / 1000 : 0;

	return json_time(now->wall_us - MIN(ago_us, now->wall_us - 1));
}

static json_t *describe_interface(const struct kernel_state *state, uint32_t index)
{
	for (unsigned i = 0; i < state->interface_count; i++)
		if (state->interfaces[i].index == index)
			return json_string(state->interfaces[i].name);
	return json_null();
}

static json_t *describe_request_id(uint64_t id)
{
	return id ? json_sprintf("%016llx", (unsigned long long)id) : json_null();
}

static json_t *describe_event(const struct traffic_event *e, const struct clocks *now,
			      const struct kernel_state *state)
{
	const struct axfw_event *v = &e->event;
	char client[ADDRESS_TEXT_LEN];
	struct address address;

	memcpy(address.bytes, v->client, sizeof(address.bytes));
	address_format(&address, client);
	return json_pack("{s:I, s:o, s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:i, s:I, s:o}",
			 "number", (json_int_t)e->number, "time", describe_time(now, v->at_ns),
			 "kind", name_of_kind(v->kind), "hook", name_of_hook(v->hook), "reason",
			 name_of_reason(v->reason), "action",
			 name_of_action(action_of_reason(v->reason)), "client", client, "port",
			 ntohs(v->client_port), "key", json_of_hash(&v->key), "request_id",
			 describe_request_id(v->request_id), "bytes", (int)v->bytes, "weight",
			 (json_int_t)v->weight, "interface", describe_interface(state, v->ifindex));
}

static uint64_t number_asked(struct exchange *x, const char *name, uint64_t fallback)
{
	const char *text = exchange_query(x, name);

	return text ? strtoull(text, NULL, 10) : fallback;
}

void api_node_events(struct exchange *x)
{
	_cleanup_(freep) struct traffic_event *events = calloc(EVENTS_MAX, sizeof(*events));
	const struct clocks now = { clock_boot_ns(), clock_wall_us() };
	uint64_t since = number_asked(x, "since", 0), next, lost;
	uint64_t limit = number_asked(x, "limit", EVENTS_DEFAULT);
	struct kernel_state state;
	json_t *list;
	unsigned count;

	if (!events) {
		exchange_fail(x, -ENOMEM, "events can't be read");
		return;
	}
	list = json_array();
	kernel_state(x->services->kernel, &state);
	count = traffic_read(x->services->traffic, since, events, (unsigned)MIN(limit, EVENTS_MAX),
			     &next, &lost);
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, describe_event(&events[i], &now, &state));
	exchange_reply_json(x, 200,
			    json_pack("{s:I, s:I, s:o}", "next", (json_int_t)next, "lost",
				      (json_int_t)lost, "events", list));
}

/* --- the heaviest ---------------------------------------------------------------------------- */

static json_t *describe_source(struct exchange *x, const struct traffic_heavy *h, double seconds)
{
	char text[PREFIX_TEXT_LEN];
	struct address client;
	struct prefix source;

	memcpy(client.bytes, h->id, sizeof(client.bytes));
	source = prefix_of(&client, address_is_v4(&client) ? 128 : 64);
	prefix_format(&source, text);
	return json_pack("{s:s, s:f, s:f, s:s, s:b}", "source", text, "per_second",
			 (double)h->weight / seconds, "refused_per_second",
			 (double)h->refused / seconds, "reason", name_of_reason(h->reason),
			 "denied", denials_cover(x->services->denials, &client));
}

static json_t *describe_tenant(struct exchange *x, uint32_t number)
{
	const struct tenant *t;
	json_t *email = NULL;

	identity_enter();
	t = identity_find_tenant(x->services->identity, number);
	if (t)
		email = json_string(tenant_email(t));
	identity_leave();
	return email ? email : json_null();
}

static json_t *describe_key(struct exchange *x, const struct traffic_heavy *h, double seconds)
{
	struct axfw_key_hash hash;
	uint32_t tenant = 0;
	struct key_info key;
	bool known;

	memcpy(hash.bytes, h->id, sizeof(hash.bytes));
	known = identity_describe_key(x->services->identity, &hash, &key, &tenant);
	return json_pack("{s:o, s:o, s:o, s:o, s:f, s:f, s:s}", "hash", json_of_hash(&hash), "id",
			 known ? json_string(key.id) : json_null(), "name",
			 known ? json_string(key.name) : json_null(), "tenant",
			 known ? describe_tenant(x, tenant) : json_null(), "per_second",
			 (double)h->weight / seconds, "refused_per_second",
			 (double)h->refused / seconds, "reason", name_of_reason(h->reason));
}

static json_t *describe_top(struct exchange *x, enum traffic_kind kind, double *ret_seconds)
{
	struct traffic_heavy heavy[TRAFFIC_TOP_MAX];
	unsigned count = traffic_top(x->services->traffic, kind, clock_monotonic_ns(), heavy,
				     TRAFFIC_TOP_MAX, ret_seconds);
	/* Just started: a rate over next to no time would be anything. */
	double seconds = MAX(*ret_seconds, 1.0);
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, kind == TRAFFIC_KEYS
						    ? describe_key(x, &heavy[i], seconds)
						    : describe_source(x, &heavy[i], seconds));
	return list;
}

void api_node_top(struct exchange *x)
{
	const struct services *s = x->services;
	json_t *counters = json_of_counters(s->kernel);
	uint64_t now_ns = clock_monotonic_ns();
	struct kernel_state state;
	struct denials_counts d;
	json_t *sources, *keys;
	double seconds;

	kernel_state(s->kernel, &state);
	denials_count(s->denials, &d);
	sources = describe_top(x, TRAFFIC_SOURCES, &seconds);
	keys = describe_top(x, TRAFFIC_KEYS, &seconds);
	exchange_reply_json(
		x, 200,
		json_pack("{s:I, s:s, s:s, s:o, s:o, s:{s:I, s:I}, s:{s:I, s:I}, s:f, s:o, s:o}",
			  "monotonic_ms", (json_int_t)(now_ns / NS_PER_MS), "mode",
			  state.enforcing ? "enforcing" : "userspace", "why", state.reason,
			  "counters", counters, "requests", metrics_describe_requests(s->metrics),
			  "events", "one_in", (json_int_t)kernel_event_sample(s->kernel), "seen",
			  (json_int_t)kernel_events_seen(s->kernel), "denied", "operator",
			  (json_int_t)d.operator_entries, "boxed", (json_int_t)d.boxed_entries,
			  "seconds", seconds, "sources", sources, "keys", keys));
}
