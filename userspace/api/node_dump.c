/* SPDX-License-Identifier: Apache-2.0 */
/*
 * axfw maps dump: what is in a map, in words. Times are told from now (boot time says nothing to a
 * person), addresses and states by name. One describing function per map; docs/maps.md has the
 * fields as they are.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include "api/api.h"
#include "api/names.h"
#include "axfw/maps.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     100000 /* 16 MiB of JSON, which is what axfw takes */

struct dump {
	struct exchange *x;
	json_t *(*describe)(const struct dump *d, const void *key, const void *value, unsigned cpu);
	json_t *entries;
	uint64_t limit, total, now_ns, generation;
};

/* --- parts ----------------------------------------------------------------------------------- */

static json_t *json_prefix(const uint8_t address[static 16], unsigned bits)
{
	char text[PREFIX_TEXT_LEN];
	struct prefix p = { .len = bits };

	memcpy(p.address.bytes, address, sizeof(p.address.bytes));
	prefix_format(&p, text);
	return json_string(text);
}

/* As the limits see it: an IPv6 client is its /64. */
static json_t *json_client(const uint8_t address[static 16])
{
	struct address a;

	memcpy(a.bytes, address, sizeof(a.bytes));
	return json_prefix(address, address_is_v4(&a) ? 128 : 64);
}

static json_t *json_endpoint(const uint8_t address[static 16], uint16_t port)
{
	char text[ADDRESS_TEXT_LEN];
	struct address a;

	memcpy(a.bytes, address, sizeof(a.bytes));
	address_format(&a, text);
	return json_sprintf(address_is_v4(&a) ? "%s:%u" : "[%s]:%u", text, ntohs(port));
}

static json_t *json_ago(const struct dump *d, uint64_t at_ns)
{
	return json_real(d->now_ns > at_ns ? (double)(d->now_ns - at_ns) / NS_PER_S : 0);
}

/* null: it has no end. */
static json_t *json_left(const struct dump *d, uint64_t until_ns)
{
	if (until_ns == UINT64_MAX)
		return json_null();
	return json_real(until_ns > d->now_ns ? (double)(until_ns - d->now_ns) / NS_PER_S : 0);
}

/* --- maps ------------------------------------------------------------------------------------ */

static json_t *describe_tiers(uint32_t tiers)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{ AXFW_TIER_DENIED, "denied" },
		{ AXFW_TIER_DENIED_HOSTS, "denied hosts" },
		{ AXFW_TIER_ALLOWED, "allowed" },
		{ AXFW_TIER_PROXIES, "proxies" },
		{ AXFW_TIER_PROXY_PROTOCOL, "proxy protocol" },
		{ AXFW_TIER_ANY_PROXY, "any proxy" },
		{ AXFW_TIER_SYN_BUDGET, "syn budget" },
		{ AXFW_TIER_SYN_COOKIES, "syn cookies" },
		{ AXFW_TIER_PENALTY, "penalty" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (tiers & names[i].bit)
			json_array_append_new(list, json_string(names[i].name));
	return list;
}

static json_t *describe_numbers(const void *numbers, size_t size, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		uint32_t n = size == sizeof(uint16_t) ? ((const uint16_t *)numbers)[i]
						      : ((const uint32_t *)numbers)[i];

		if (n)
			json_array_append_new(list, json_integer(n));
	}
	return list;
}

static json_t *describe_limits(const struct axfw_config *c)
{
	return json_pack(
		"{s:{s:i, s:f}, s:{s:I, s:I}, s:{s:i, s:f}}", "signup", "limit",
		(int)c->signup.limit, "window_seconds", (double)c->signup.window_ns / NS_PER_S,
		"syn_rate", "interval_ns", (json_int_t)c->syn_rate.interval_ns, "burst_ns",
		(json_int_t)c->syn_rate.burst_ns, "penalty", "refusals", (int)c->penalty.refusals,
		"window_seconds", (double)c->penalty.window_ns / NS_PER_S);
}

static json_t *describe_config(const struct dump *d, const void *key, const void *value,
			       unsigned cpu)
{
	static const char *const refuse[] = { "answer", "pass", "reset", "drop" };
	const struct axfw_config *c = value;
	json_t *out = json_pack(
		"{s:i, s:s, s:I, s:b, s:b, s:o, s:o, s:I, s:I}", "abi_version", (int)c->abi_version,
		"refuse", c->refuse < ARRAY_SIZE(refuse) ? refuse[c->refuse] : "?", "generation",
		(json_int_t)c->generation, "admissions_complete", c->admissions_complete != 0,
		"origin_passes", c->origin_passes != 0, "ports",
		describe_numbers(c->ports, sizeof(*c->ports), AXFW_PORTS_MAX), "tiers",
		describe_tiers(c->tiers), "event_sample", (json_int_t)c->event_sample,
		"events_per_second", (json_int_t)c->events_per_second);

	json_object_update_new(out, describe_limits(c));
	json_object_set_new(out, "answer_ifindex",
			    describe_numbers(c->answer_ifindex, sizeof(*c->answer_ifindex),
					     AXFW_INTERFACES_MAX));
	json_object_set_new(out, "trace",
			    json_pack("{s:o, s:o}", "seconds_left", json_left(d, c->trace.until_ns),
				      "key", json_of_hash(&c->trace.key)));
	return out;
}

static json_t *describe_owner(const struct dump *d, const struct axfw_key_hash *hash,
			      json_t **ret_name)
{
	struct identity *i = d->x->services->identity;
	uint32_t number = 0;
	struct key_info key;
	const struct tenant *t;
	json_t *email = NULL;

	*ret_name = json_null();
	if (!identity_describe_key(i, hash, &key, &number))
		return json_null();
	*ret_name = json_string(key.name);
	identity_enter();
	t = identity_find_tenant(i, number);
	if (t)
		email = json_string(tenant_email(t));
	identity_leave();
	return email ? email : json_null();
}

static json_t *describe_admission(const struct dump *d, const void *key, const void *value,
				  unsigned cpu)
{
	const struct axfw_admission *a = value;
	json_t *name, *tenant = describe_owner(d, key, &name);
	bool ends = a->state == AXFW_QUOTA_EXHAUSTED || a->state == AXFW_RATE_EXCEEDED;

	return json_pack("{s:o, s:s, s:o, s:I, s:o, s:o, s:I, s:I}", "key", json_of_hash(key),
			 "state", name_of_state(a->state), "seconds_left",
			 ends ? json_left(d, a->deny_until_ns) : json_null(), "hits",
			 (json_int_t)a->hits, "tenant", tenant, "name", name, "tenant_number",
			 (json_int_t)a->tenant_number, "key_number", (json_int_t)a->key_number);
}

static json_t *describe_unknown(const struct dump *d, const void *key, const void *value,
				unsigned cpu)
{
	const struct axfw_unknown *u = value;

	return json_pack("{s:o, s:I, s:b}", "key", json_of_hash(key), "generation",
			 (json_int_t)u->generation, "refused", u->generation == d->generation);
}

static json_t *describe_signups(const struct dump *d, const void *key, const void *value,
				unsigned cpu)
{
	const struct axfw_signup_window *w = value;
	const struct axfw_client *client = key;
	json_t *ago = json_array();

	for (size_t i = 0; i < AXFW_SIGNUP_LIMIT_MAX; i++)
		if (w->at_ns[i])
			json_array_append_new(ago, json_ago(d, w->at_ns[i]));
	return json_pack("{s:o, s:o}", "client", json_client(client->address),
			 "attempts_seconds_ago", ago);
}

static json_t *describe_denied(const struct dump *d, const void *key, const void *value,
			       unsigned cpu)
{
	const struct axfw_denial *denial = value;
	const struct axfw_prefix *p = key;

	return json_pack("{s:o, s:s, s:o, s:I}", "prefix", json_prefix(p->address, p->bits),
			 "cause", name_of_cause(denial->cause), "seconds_left",
			 json_left(d, denial->until_ns), "packets", (json_int_t)denial->packets);
}

static json_t *describe_listed(const struct dump *d, const void *key, const void *value,
			       unsigned cpu)
{
	const struct axfw_prefix *p = key;

	return json_pack("{s:o}", "prefix", json_prefix(p->address, p->bits));
}

static json_t *describe_syn_bucket(const struct dump *d, const void *key, const void *value,
				   unsigned cpu)
{
	const struct axfw_syn_bucket *b = value;
	const struct axfw_client *client = key;

	/* 0: its budget is whole again */
	return json_pack("{s:o, s:o}", "client", json_client(client->address), "spent_seconds",
			 json_left(d, b->arrival_ns));
}

static json_t *describe_refusals(const struct dump *d, const void *key, const void *value,
				 unsigned cpu)
{
	const struct axfw_client *client = key;
	const struct axfw_refusals *r = value;

	return json_pack("{s:o, s:I, s:o}", "client", json_client(client->address), "count",
			 (json_int_t)r->count, "window_seconds_ago", json_ago(d, r->window_ns));
}

static json_t *describe_flow(const struct dump *d, const void *key, const void *value, unsigned cpu)
{
	const struct axfw_flow_key *k = key;
	const struct axfw_flow *f = value;

	return json_pack("{s:o, s:o, s:s, s:s, s:o, s:b, s:b, s:o}", "client",
			 json_endpoint(k->client, k->client_port), "server",
			 json_endpoint(k->server, k->server_port), "reason",
			 name_of_reason(f->reason), "response", name_of_response(f->response),
			 "seen_seconds_ago", json_ago(d, f->last_seen_ns), "acknowledged",
			 f->acknowledged, "fin_seen", f->fin_seen, "request_id",
			 json_sprintf("%016llx", (unsigned long long)f->request_id));
}

static json_t *describe_flow_counts(const struct dump *d, const void *key, const void *value,
				    unsigned cpu)
{
	const struct axfw_flow_counts *c = value;

	return json_pack("{s:i, s:I, s:I}", "cpu", (int)cpu, "begun", (json_int_t)c->begun, "ended",
			 (json_int_t)c->ended);
}

/* What is filled in for each answer (digits of a time, a request's id) is zero in it. */
static json_t *describe_response(const struct dump *d, const void *key, const void *value,
				 unsigned cpu)
{
	const struct axfw_response_template *t = value;
	char text[AXFW_ANSWER_MAX];
	size_t len = MIN(t->len, sizeof(text));
	uint32_t number;

	memcpy(&number, key, sizeof(number));
	for (size_t i = 0; i < len; i++)
		text[i] = t->text[i] ? (char)t->text[i] : '#';
	return json_pack("{s:s, s:i, s:s%}", "response", name_of_response(number), "bytes",
			 (int)t->len, "text", text, len);
}

static json_t *describe_budget(const struct dump *d, const void *key, const void *value,
			       unsigned cpu)
{
	const struct axfw_event_budget *b = value;

	return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "cpu", (int)cpu, "sampled",
			 (json_int_t)b->sent[AXFW_EVENT_SAMPLED], "traced",
			 (json_int_t)b->sent[AXFW_EVENT_TRACED], "penalties",
			 (json_int_t)b->sent[AXFW_EVENT_PENALTY], "left_out",
			 (json_int_t)b->left_out, "ring_full", (json_int_t)b->ring_full, "owed",
			 (json_int_t)b->owed);
}

static const struct {
	const char *name;
	json_t *(*describe)(const struct dump *d, const void *key, const void *value, unsigned cpu);
} maps[] = {
	{ "config", describe_config },
	{ "admissions", describe_admission },
	{ "unknown", describe_unknown },
	{ "signups", describe_signups },
	{ "denied", describe_denied },
	{ "denied_hosts", describe_denied },
	{ "allowed", describe_listed },
	{ "proxies", describe_listed },
	{ "syn_budget", describe_syn_bucket },
	{ "refusals", describe_refusals },
	{ "flows", describe_flow },
	{ "flow_counts", describe_flow_counts },
	{ "responses", describe_response },
	{ "counters", NULL }, /* summed over CPUs: dump_counters() */
	{ "event_budget", describe_budget },
	{ "events", NULL }, /* a ring buffer: axfw top and trace read it */
};
#define X(name, since, writer, text) +1
_Static_assert(ARRAY_SIZE(maps) == 0 AXFW_MAPS(X), "a row for each map");
#undef X

/* --- all of it ------------------------------------------------------------------------------- */

static void add_entry(void *arg, const void *key, const void *value, unsigned cpu)
{
	struct dump *d = arg;

	if (d->total++ < d->limit)
		json_array_append_new(d->entries, d->describe(d, key, value, cpu));
}

static void dump_counters(struct dump *d)
{
	struct axfw_counter counters[AXFW_REASON_COUNT];

	kernel_counters(d->x->services->kernel, counters);
	for (unsigned i = 0; i < AXFW_REASON_COUNT; i++) {
		if (d->total++ >= d->limit)
			continue;
		json_array_append_new(d->entries,
				      json_pack("{s:s, s:s, s:I, s:I}", "reason", name_of_reason(i),
						"verdict", name_of_action(action_of_reason(i)),
						"packets", (json_int_t)counters[i].packets, "bytes",
						(json_int_t)counters[i].bytes));
	}
}

static void pass_over(void *arg, const void *key, const void *value, unsigned cpu)
{
}

static int dump_map(struct dump *d, const char *name)
{
	struct kernel *k = d->x->services->kernel;
	int r;

	if (d->describe)
		return kernel_each_entry(k, name, add_entry, d);
	r = kernel_each_entry(k, name, pass_over, NULL);
	if (r == 0)
		dump_counters(d);
	return r;
}

static bool find_map(const char *name, struct dump *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		if (strcmp(maps[i].name, name) != 0)
			continue;
		ret->describe = maps[i].describe;
		return true;
	}
	return false;
}

static void refuse(struct exchange *x, int r, const char *name)
{
	struct kernel_state state;

	if (r == -ENODEV) {
		kernel_state(x->services->kernel, &state);
		exchange_error(x, 409, "There are no maps in userspace mode: %s", state.reason);
		return;
	}
	if (r == -EOPNOTSUPP) {
		exchange_error(x, 409,
			       "'%s' is a ring buffer, which the daemon reads: see axfw top and "
			       "axfw trace",
			       name);
		return;
	}
	exchange_fail(x, r, "a map can't be read");
}

void api_node_dump(struct exchange *x)
{
	struct dump d = { .x = x, .now_ns = clock_boot_ns(), .limit = LIMIT_DEFAULT };
	const char *limit = exchange_query(x, "limit"), *name = x->path_value;
	int r;

	if (limit)
		d.limit = MIN(strtoull(limit, NULL, 10), (uint64_t)LIMIT_MAX);
	if (!find_map(name, &d)) {
		exchange_error(x, 404, "There is no map '%s'; axfw maps lists them", name);
		return;
	}
	d.generation = kernel_generation(x->services->kernel);
	d.entries = json_array();
	r = dump_map(&d, name);
	if (r < 0) {
		json_decref(d.entries);
		refuse(x, r, name);
		return;
	}
	exchange_reply_json(x, 200,
			    json_pack("{s:s, s:I, s:o}", "map", name, "total", (json_int_t)d.total,
				      "entries", d.entries));
}
