/* SPDX-License-Identifier: Apache-2.0 */
/* What axfw status and axfw maps print. The JSON is described in docs/cli.md. */
#include <unistd.h>
#include "api/metrics.h"
#include "api/names.h"

#define MAPS_MAX 16

static json_t *describe_interfaces(const struct kernel_state *state)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < state->interface_count; i++)
		json_array_append_new(list, json_of_interface(&state->interfaces[i]));
	return list;
}

static json_t *describe_kernel(struct kernel *k)
{
	struct kernel_state state;

	kernel_state(k, &state);
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:o, s:o}", "mode",
			 state.enforcing ? "enforcing" : "userspace", "reason", state.reason,
			 "pin_dir", state.pin_dir, "adopted", state.adopted, "complete",
			 state.complete, "generation", (json_int_t)state.generation,
			 "sync_failures", (json_int_t)state.sync_failures, "interfaces",
			 describe_interfaces(&state), "counters", json_of_counters(k));
}

static json_t *describe_store(const struct services *s)
{
	struct store_journal_state journal;

	store_journal_state(s->store, &journal);
	return json_pack("{s:s, s:b, s:{s:I, s:I, s:o}}", "dir", s->settings->tenant_dir,
			 "writable", store_is_writable(s->store), "journal", "bytes",
			 (json_int_t)journal.bytes, "records_pending",
			 (json_int_t)journal.records_pending, "oldest_pending",
			 json_time(journal.oldest_pending_us));
}

static json_t *describe_denied(const struct services *s)
{
	struct denials_counts c;

	denials_count(s->denials, &c);
	return json_pack("{s:I, s:I, s:I, s:I}", "operator", (json_int_t)c.operator_entries,
			 "boxed", (json_int_t)c.boxed_entries, "boxed_total", (json_int_t)c.boxed,
			 "connections_refused", (json_int_t)c.refused);
}

void api_node_status(struct exchange *x)
{
	const struct services *s = x->services;

	exchange_reply_json(
		x, 200,
		json_pack("{s:s, s:i, s:o, s:f, s:s, s:I, s:I, s:o, s:o, s:o, s:o}", "version",
			  s->version, "pid", (int)getpid(), "started", json_time(s->started_us),
			  "uptime_seconds", (double)(x->now_us - s->started_us) / US_PER_S,
			  "listen", s->settings->listen, "tenants",
			  (json_int_t)identity_tenant_count(s->identity), "keys",
			  (json_int_t)identity_key_count(s->identity), "kernel",
			  describe_kernel(s->kernel), "store", describe_store(s), "denied",
			  describe_denied(s), "requests", metrics_describe_requests(s->metrics)));
}

void api_node_maps(struct exchange *x)
{
	struct kernel_map_state maps[MAPS_MAX];
	struct kernel_state state;
	unsigned count = kernel_map_states(x->services->kernel, maps, MAPS_MAX);
	json_t *list = json_array();

	kernel_state(x->services->kernel, &state);
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:o, s:I, s:I}", "name", maps[i].name, "entries",
					maps[i].entries == UINT64_MAX
						? json_null()
						: json_integer((json_int_t)maps[i].entries),
					"capacity", (json_int_t)maps[i].capacity, "bytes",
					(json_int_t)maps[i].bytes));
	exchange_reply_json(x, 200,
			    json_pack("{s:s, s:o}", "pin_dir", state.pin_dir, "maps", list));
}
