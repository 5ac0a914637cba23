/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /metrics in Prometheus' text format (version 0.0.4). One function per family, each with its HELP
 * and TYPE; names are part of what operators rely on.
 */
#include <ctype.h>
#include <string.h>
#include "api/metrics.h"
#include "api/names.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define MAPS_MAX     16

static const char *const refusal_names[METRICS_REFUSAL_COUNT] = {
	[METRICS_REFUSED_KEY] = "key",
	[METRICS_REFUSED_QUOTA] = "quota",
	[METRICS_REFUSED_RATE] = "rate",
	[METRICS_REFUSED_SIGNUP] = "signup",
	[METRICS_REFUSED_MALFORMED] = "malformed",
	[METRICS_REFUSED_TOO_LARGE] = "too_large",
	[METRICS_REFUSED_UNAVAILABLE] = "unavailable",
};

const char *metrics_refusal_name(enum metrics_refusal why)
{
	return refusal_names[why];
}

static void add_family(struct text *t, const char *name, const char *type, const char *help)
{
	text_addf(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_value(struct text *t, const char *name, const char *type, const char *help,
		      uint64_t value)
{
	add_family(t, name, type, help);
	text_addf(t, "%s %llu\n", name, (unsigned long long)value);
}

/* The reasons' names as label values. */
static const char *reason_label(enum axfw_reason reason, char ret[static 32])
{
	const char *name = name_of_reason(reason);
	size_t i = 0;

	for (; i < 31 && name[i]; i++)
		ret[i] = (char)tolower((unsigned char)name[i]);
	ret[i] = '\0';
	return ret;
}

static void add_packets(struct text *t, struct kernel *k)
{
	struct axfw_counter counters[AXFW_REASON_COUNT];
	char label[32];

	kernel_counters(k, counters);
	add_family(t, "axfw_packets_total", "counter",
		   "Packets the kernel program looked at, by what became of them.");
	for (int i = 0; i < AXFW_REASON_COUNT; i++)
		text_addf(t, "axfw_packets_total{reason=\"%s\"} %llu\n", reason_label(i, label),
			  (unsigned long long)counters[i].packets);
	add_family(t, "axfw_packet_bytes_total", "counter", "Bytes of these packets.");
	for (int i = 0; i < AXFW_REASON_COUNT; i++)
		text_addf(t, "axfw_packet_bytes_total{reason=\"%s\"} %llu\n",
			  reason_label(i, label), (unsigned long long)counters[i].bytes);
}

/* A label's value between its quotes (Prometheus text format 0.0.4). */
static void add_label_value(struct text *t, const char *value)
{
	for (const char *c = value; *c; c++) {
		if (*c == '\n')
			text_add(t, "\\n");
		else if (*c == '"' || *c == '\\')
			text_addf(t, "\\%c", *c);
		else
			text_add_n(t, c, 1);
	}
}

/* Why it isn't enforcing is for people: a label of a metric whose value is always 1. */
static void add_kernel_info(struct text *t, const struct kernel_state *state)
{
	add_family(t, "axfw_kernel_info", "gauge", "Mode of the kernel path, and why.");
	text_addf(t, "axfw_kernel_info{mode=\"%s\",reason=\"",
		  state->enforcing ? "enforcing" : "userspace");
	add_label_value(t, state->reason);
	text_add(t, "\"} 1\n");
}

static void add_kernel(struct text *t, struct kernel *k)
{
	struct kernel_state state;

	kernel_state(k, &state);
	add_kernel_info(t, &state);
	add_value(t, "axfw_kernel_enforcing", "gauge",
		  "1 while the kernel program is attached, 0 in userspace mode.", state.enforcing);
	add_value(t, "axfw_kernel_complete", "gauge",
		  "1 while every active API key is in the kernel.", state.complete);
	add_value(t, "axfw_kernel_sync_failures_total", "counter",
		  "Map updates that failed and were retried.", state.sync_failures);
	add_family(t, "axfw_kernel_interface_answers", "gauge",
		   "1 where refusals are answered in the kernel, by interface.");
	for (unsigned i = 0; i < state.interface_count; i++)
		text_addf(t,
			  "axfw_kernel_interface_answers{interface=\"%s\",hook=\"%s\",mode=\"%s\"} "
			  "%d\n",
			  state.interfaces[i].name, state.interfaces[i].hook,
			  state.interfaces[i].mode, state.interfaces[i].answers);
}

static void add_maps(struct text *t, struct kernel *k)
{
	struct kernel_map_state maps[MAPS_MAX];
	unsigned count = kernel_map_states(k, maps, MAPS_MAX);

	add_family(t, "axfw_map_entries", "gauge", "Entries in a kernel map.");
	for (unsigned i = 0; i < count; i++) {
		if (maps[i].entries != UINT64_MAX)
			text_addf(t, "axfw_map_entries{map=\"%s\"} %llu\n", maps[i].name,
				  (unsigned long long)maps[i].entries);
	}
	add_family(t, "axfw_map_capacity", "gauge", "Entries a kernel map has room for.");
	for (unsigned i = 0; i < count; i++)
		text_addf(t, "axfw_map_capacity{map=\"%s\"} %llu\n", maps[i].name,
			  (unsigned long long)maps[i].capacity);
	add_family(t, "axfw_map_bytes", "gauge", "Memory of a kernel map.");
	for (unsigned i = 0; i < count; i++)
		text_addf(t, "axfw_map_bytes{map=\"%s\"} %llu\n", maps[i].name,
			  (unsigned long long)maps[i].bytes);
}

static void add_denials(struct text *t, struct denials *d)
{
	struct denials_counts c;

	denials_count(d, &c);
	add_family(t, "axfw_denied_entries", "gauge",
		   "Prefixes on the deny list, by who put them there.");
	text_addf(t, "axfw_denied_entries{cause=\"operator\"} %llu\n",
		  (unsigned long long)c.operator_entries);
	text_addf(t, "axfw_denied_entries{cause=\"penalty\"} %llu\n",
		  (unsigned long long)c.boxed_entries);
	add_family(t, "axfw_denied_capacity", "gauge", "Prefixes there is room for.");
	text_addf(t, "axfw_denied_capacity{cause=\"operator\"} %d\n", DENIALS_OPERATOR_MAX);
	text_addf(t, "axfw_denied_capacity{cause=\"penalty\"} %d\n", DENIALS_PENALTY_MAX);
	add_value(t, "axfw_denied_unsynced", "gauge",
		  "Prefixes that couldn't be written to the kernel and are tried again.",
		  c.not_in_kernel);
	add_value(t, "axfw_denied_connections_total", "counter",
		  "Connections of denied sources that userspace closed.", c.refused);
	add_value(t, "axfw_penalty_boxed_total", "counter", "Sources put into the penalty box.",
		  c.boxed);
	add_value(t, "axfw_penalty_spared_total", "counter",
		  "Times that a source reached the limit and wasn't boxed: a customer, proxy or "
		  "loopback.",
		  c.spared);
	add_value(t, "axfw_penalty_box_full_total", "counter",
		  "Times that a source reached the limit while the box was full.", c.box_full);
}

static void add_flows(struct text *t, struct kernel *k)
{
	struct kernel_flows flows;

	kernel_flows(k, &flows);
	add_value(t, "axfw_flows_begun_total", "counter", "Connections refused in the kernel.",
		  flows.begun);
	add_value(t, "axfw_flows_ended_total", "counter",
		  "Refused connections that were closed, reset or timed out.", flows.ended);
	add_value(t, "axfw_flows_forgotten", "gauge",
		  "Refused connections for which flows had no room until their close was over.",
		  flows.forgotten);
}

static void add_events(struct text *t, struct kernel *k)
{
	uint64_t left_out, ring_full;

	kernel_events_lost(k, &left_out, &ring_full);
	add_value(t, "axfw_events_left_out_total", "counter",
		  "Events beyond a CPU's share of a second, which the next ones stand for.",
		  left_out);
	add_value(t, "axfw_events_ring_full_total", "counter",
		  "Events for which the kernel's ring had no room.", ring_full);
	add_value(t, "axfw_events_total", "counter", "Events read from the kernel's ring.",
		  kernel_events_seen(k));
	add_value(t, "axfw_event_sample", "gauge",
		  "One decision in so many becomes an event; 0: none.", kernel_event_sample(k));
}

static void add_verdicts(struct text *t, const struct metrics_totals *m)
{
	static const char *const verdicts[] = { "allow", "block" };

	add_family(t, "axfw_verdicts_total", "counter",
		   "Verdicts given, by verdict and intent class.");
	for (int blocked = 0; blocked < 2; blocked++) {
		for (int c = 0; c < GUARD_CLASS_COUNT; c++)
			text_addf(t, "axfw_verdicts_total{verdict=\"%s\",class=\"%s\"} %llu\n",
				  verdicts[blocked], guard_class_name((enum guard_class)c),
				  (unsigned long long)m->verdicts[blocked][c]);
	}
}

static void add_latency(struct text *t, const struct metrics_totals *m)
{
	uint64_t count = 0;

	add_family(t, "axfw_request_seconds", "histogram",
		   "From a guard call's first byte to its answer being ready.");
	for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
		count += m->buckets[i];
		text_addf(t, "axfw_request_seconds_bucket{le=\"%g\"} %llu\n",
			  (double)metrics_bucket_ns(i) / NS_PER_S, (unsigned long long)count);
	}
	count += m->buckets[METRICS_BUCKETS];
	text_addf(t, "axfw_request_seconds_bucket{le=\"+Inf\"} %llu\n", (unsigned long long)count);
	text_addf(t, "axfw_request_seconds_sum %.9f\n", (double)m->sum_ns / NS_PER_S);
	text_addf(t, "axfw_request_seconds_count %llu\n", (unsigned long long)count);
}

static void add_requests(struct text *t, const struct metrics_totals *m)
{
	add_family(t, "axfw_http_requests_total", "counter",
		   "Requests userspace answered, by status.");
	for (int i = 0; i < METRICS_STATUS_COUNT; i++) {
		if (m->statuses[i])
			text_addf(t, "axfw_http_requests_total{status=\"%d\"} %llu\n", i,
				  (unsigned long long)m->statuses[i]);
	}
	add_family(t, "axfw_refused_total", "counter", "Requests userspace refused, by why.");
	for (int i = 0; i < METRICS_REFUSAL_COUNT; i++)
		text_addf(t, "axfw_refused_total{reason=\"%s\"} %llu\n", refusal_names[i],
			  (unsigned long long)m->refusals[i]);
}

static void add_store(struct text *t, const struct services *s)
{
	struct store_journal_state journal;

	store_journal_state(s->store, &journal);
	add_value(t, "axfw_store_writable", "gauge", "1 while calls can be recorded.",
		  store_is_writable(s->store));
	add_value(t, "axfw_journal_bytes", "gauge", "Size of the usage journal.", journal.bytes);
	add_value(t, "axfw_journal_records_pending", "gauge",
		  "Recorded calls not yet in their tenants' files.", journal.records_pending);
	add_value(t, "axfw_tenants", "gauge", "Tenants.", identity_tenant_count(s->identity));
	add_value(t, "axfw_keys", "gauge", "Active API keys.", identity_key_count(s->identity));
}

static void add_process(struct text *t, const struct services *s)
{
	add_family(t, "axfw_build_info", "gauge", "What runs here.");
	text_addf(t, "axfw_build_info{version=\"%s\",engine=\"%s\"} 1\n", s->version,
		  guard_engine_version(s->guard));
	add_family(t, "process_start_time_seconds", "gauge", "Start of the process, Unix time.");
	text_addf(t, "process_start_time_seconds %.3f\n", (double)s->started_us / US_PER_S);
}

void api_metrics(struct exchange *x)
{
	const struct services *s = x->services;
	struct metrics_totals totals;
	struct text page = { 0 };

	metrics_sum(s->metrics, &totals);
	add_packets(&page, s->kernel);
	add_kernel(&page, s->kernel);
	add_maps(&page, s->kernel);
	add_flows(&page, s->kernel);
	add_denials(&page, s->denials);
	add_events(&page, s->kernel);
	add_verdicts(&page, &totals);
	add_latency(&page, &totals);
	add_requests(&page, &totals);
	add_store(&page, s);
	add_process(&page, s);
	exchange_reply_text(x, 200, METRICS_TYPE, &page);
	text_free(&page);
}
