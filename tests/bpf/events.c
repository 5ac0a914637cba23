// SPDX-License-Identifier: Apache-2.0
/*
 * What reaches the ring buffer: as many records as were asked for and no more, weights that add up,
 * traced packets whatever became of them, and a word about who keeps being refused.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "axfw/siphash.h"
#include "run.h"
#include "tiers.h"
#include "axfw.skel.h"

#define WITH_KEY(key)                                                                              \
	"POST /v1/guard/check HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " key                   \
	"\r\nContent-Length: 2\r\n\r\n{}"
#define REQUEST WITH_KEY(KEY_UNKNOWN_TEXT)
#define FORWARDED                                                                                  \
	"POST /v1/guard/check HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: "                            \
	"192.0.2.1\r\nx-api-key: " KEY_UNKNOWN_TEXT "\r\nContent-Length: 2\r\n\r\n{}"
#define NS_PER_S    1000000000ULL
#define MANY	    2000
#define CPUS_MAX    1024
#define RING_EVENTS (AXFW_EVENTS_BYTES / (sizeof(struct axfw_event) + 8))

struct seen {
	unsigned count, by_kind[4];
	uint64_t weight;
	struct axfw_event last;
};

struct part {
	struct world *world;
	struct tally *tally;
	struct axfw_config config;
	struct ring_buffer *ring;
	struct seen seen; /* since the last look */
	const char *hook;
};

static int take(void *arg, void *data, size_t size)
{
	struct seen *seen = arg;

	if (size != sizeof(seen->last))
		return -1;
	memcpy(&seen->last, data, size);
	seen->count++;
	seen->by_kind[seen->last.kind & 3]++;
	seen->weight += seen->last.weight;
	return 0;
}

/* --- what happens ---------------------------------------------------------------------------- */

static void begin(struct part *p)
{
	static const struct axfw_event_budget none[CPUS_MAX];
	uint32_t zero = 0;

	world_default_config(&p->config);
	tiers_clear(p->world);
	world_forget_flows(p->world);
	bpf_map_update_elem(bpf_map__fd(world_skeleton(p->world)->maps.event_budget), &zero, none,
			    BPF_ANY);
	ring_buffer__consume(p->ring);
	p->config.events_per_second = MANY;
}

static void send_shape(struct part *p, const struct connection *c, const struct shape *shape)
{
	struct frame frame;

	world_configure(p->world, &p->config);
	frame_build(&c->ends, shape, &frame);
	world_run(p->world, &frame);
}

static void send_text(struct part *p, const struct connection *c, const char *text)
{
	send_shape(p, c, &(struct shape){ .text = text });
}

/* The same refusal on a new connection each time. */
static void be_refused(struct part *p, unsigned times, const char *text)
{
	for (unsigned i = 0; i < times; i++) {
		struct connection c;

		if (!connection_open(ESTABLISHED4, 0, &c))
			send_text(p, &c, text);
		connection_close(&c);
	}
}

static unsigned look(struct part *p)
{
	memset(&p->seen, 0, sizeof(p->seen));
	ring_buffer__consume(p->ring);
	return p->seen.count;
}

static void check(struct part *p, bool ok, const char *problem)
{
	char name[32];

	snprintf(name, sizeof(name), "%s: events", p->hook);
	tally_count(p->tally, ok, name, problem);
}

static void read_budget(struct part *p, struct axfw_event_budget *ret)
{
	static struct axfw_event_budget cpus[CPUS_MAX];
	uint32_t zero = 0;

	memset(ret, 0, sizeof(*ret));
	bpf_map_lookup_elem(bpf_map__fd(world_skeleton(p->world)->maps.event_budget), &zero, cpus);
	for (int i = 0; i < libbpf_num_possible_cpus(); i++) {
		ret->left_out += cpus[i].left_out;
		ret->ring_full += cpus[i].ring_full;
		ret->owed += cpus[i].owed;
	}
}

static uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* --- samples --------------------------------------------------------------------------------- */

static bool is_right(const struct part *p, const struct connection *c, unsigned reason)
{
	const struct axfw_event *e = &p->seen.last;
	struct axfw_flow_key key;

	connection_flow_key(c, &key);
	return e->reason == reason && e->client_port == key.client_port && e->ifindex == 1 &&
	       !memcmp(e->client, key.client, sizeof(e->client)) && e->at_ns && e->bytes > 100 &&
	       memcmp(&e->key, &(struct axfw_key_hash){ { 0 } }, sizeof(e->key));
}

static void check_samples(struct part *p, const struct connection *nobody)
{
	begin(p);
	send_text(p, nobody, REQUEST);
	check(p, !look(p), "one although none was asked for");
	p->config.event_sample = 1;
	send_text(p, nobody, REQUEST);
	check(p, look(p) == 1 && p->seen.by_kind[AXFW_EVENT_SAMPLED] == 1,
	      "not exactly one for one request");
	check(p, is_right(p, nobody, AXFW_REASON_NO_PROOF), "the record isn't the request's");
	send_shape(p, nobody, &(struct shape){ .flags = ACK });
	check(p, !look(p), "one of a packet that nobody judged");
	be_refused(p, 1, REQUEST);
	check(p, look(p) == 1 && p->seen.last.request_id, "a refusal without its answer's id");
	p->config.tiers = AXFW_TIERS_DENIED;
	tiers_deny(p->world, "127.0.0.1", AXFW_DENIED_BY_OPERATOR, 60);
	send_shape(p, nobody, &(struct shape){ .flags = ACK });
	check(p, look(p) == 1 && p->seen.last.reason == AXFW_REASON_DENIED_BY_OPERATOR,
	      "none of a packet that the deny list dropped");
	check(p, tiers_denied_packets(p->world, "127.0.0.1") == 1, "its entry doesn't count it");
}

/* One in eight, and their weights are about all. */
static void check_weights(struct part *p, const struct connection *nobody)
{
	begin(p);
	p->config.event_sample = 8;
	for (unsigned i = 0; i < MANY; i++)
		send_text(p, nobody, REQUEST);
	look(p);
	check(p, p->seen.count > MANY / 16 && p->seen.count < MANY / 4, "not one in eight");
	check(p, p->seen.weight > MANY / 2 && p->seen.weight < MANY * 2, "weights don't add up");
}

/* More than a second's share is left out, counted, and made up for by the next one's weight. */
static void check_budget(struct part *p, const struct connection *nobody)
{
	struct axfw_event_budget b;

	begin(p);
	p->config.event_sample = 1;
	p->config.events_per_second = 10;
	for (unsigned i = 0; i < MANY; i++)
		send_text(p, nobody, REQUEST);
	look(p);
	read_budget(p, &b);
	check(p, p->seen.count >= 10 && p->seen.count < MANY / 2, "the budget isn't kept");
	check(p, b.left_out == MANY - p->seen.count, "what was left out isn't counted");
	check(p, p->seen.weight + b.owed == MANY, "what was left out isn't owed");
	p->config.events_per_second = 0;
	send_text(p, nobody, REQUEST);
	check(p, !look(p), "one with a budget of none");
}

static void check_full_ring(struct part *p, const struct connection *nobody)
{
	struct axfw_event_budget b;

	begin(p);
	p->config.event_sample = 1;
	p->config.events_per_second = ~0u;
	for (unsigned i = 0; i < RING_EVENTS + 100; i++)
		send_text(p, nobody, REQUEST);
	read_budget(p, &b);
	look(p);
	check(p, b.ring_full >= 100 && p->seen.count + b.ring_full == RING_EVENTS + 100,
	      "a full ring isn't counted");
}

/* --- traces ---------------------------------------------------------------------------------- */

static void check_trace(struct part *p, const struct connection *nobody)
{
	struct axfw_flow_key key;

	begin(p);
	connection_flow_key(nobody, &key);
	p->config.trace.until_ns = boot_ns() + 60 * NS_PER_S;
	memcpy(p->config.trace.client, key.client, 16);
	send_shape(p, nobody, &(struct shape){ .flags = SYN });
	check(p,
	      look(p) == 1 && p->seen.last.reason == AXFW_REASON_NO_PAYLOAD &&
		      p->seen.last.kind == AXFW_EVENT_TRACED,
	      "a traced client's SYN");
	send_text(p, nobody, WITH_KEY(KEY_ADMITTED_TEXT));
	check(p, look(p) == 1 && is_right(p, nobody, AXFW_REASON_KEY_ADMITTED),
	      "a traced client's good request");
	send_shape(p, nobody, &(struct shape){ .text = REQUEST, .port = PORT_OTHER });
	check(p, !look(p), "a packet to another port");
	p->config.trace.client[15]++;
	send_text(p, nobody, REQUEST);
	check(p, !look(p), "another client");
	p->config.trace.client[15]--;
	p->config.trace.until_ns = boot_ns() - 1;
	send_text(p, nobody, REQUEST);
	check(p, !look(p), "a trace that is over");
}

static struct axfw_key_hash hash_of(struct part *p, const char *key)
{
	const uint8_t *secret = world_skeleton(p->world)->rodata->axfw_siphash_key;
	struct axfw_key_hash hash;

	axfw_siphash128(axfw_load64(secret), axfw_load64(secret + 8), (const uint8_t *)key,
			(uint32_t)strlen(key), &hash);
	return hash;
}

static void check_key_trace(struct part *p, const struct connection *nobody)
{
	struct axfw_flow_key key;

	begin(p);
	connection_flow_key(nobody, &key);
	p->config.trace.until_ns = boot_ns() + 60 * NS_PER_S;
	p->config.trace.key = hash_of(p, KEY_UNKNOWN_TEXT);
	send_text(p, nobody, REQUEST);
	check(p, look(p) == 1, "a traced key");
	send_text(p, nobody, WITH_KEY(KEY_ADMITTED_TEXT));
	check(p, !look(p), "another key");
	send_shape(p, nobody, &(struct shape){ .flags = ACK });
	check(p, !look(p), "no key, while only a key is traced");
	memcpy(p->config.trace.client, key.client, 16);
	send_shape(p, nobody, &(struct shape){ .flags = ACK });
	check(p, look(p) == 1, "no key read of a client that is traced");
	send_text(p, nobody, WITH_KEY(KEY_ADMITTED_TEXT));
	check(p, !look(p), "another key of that client");
}

/* Behind a proxy a client is found by what the proxy says, and is what the event says. */
static void check_forwarded_trace(struct part *p, const struct connection *nobody)
{
	static const uint8_t client[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, 0, 2, 1 };

	begin(p);
	tiers_trust(p->world, "127.0.0.1");
	p->config.tiers = AXFW_TIER_PROXIES;
	p->config.trace.until_ns = boot_ns() + 60 * NS_PER_S;
	memcpy(p->config.trace.client, client, 16);
	send_text(p, nobody, FORWARDED);
	check(p, look(p) == 1 && !memcmp(p->seen.last.client, client, 16), "a client of a proxy");
	send_text(p, nobody, REQUEST);
	check(p, !look(p), "the proxy itself");
}

/* --- penalties ------------------------------------------------------------------------------- */

static void check_penalty(struct part *p, const struct connection *nobody)
{
	begin(p);
	p->config.tiers = AXFW_TIER_PENALTY;
	p->config.penalty = (struct axfw_penalty_rule){ .window_ns = 60 * NS_PER_S, .refusals = 3 };
	be_refused(p, 2, REQUEST);
	send_text(p, nobody, REQUEST); /* not proved: not counted */
	check(p, !look(p), "a penalty before the limit");
	be_refused(p, 1, REQUEST);
	check(p,
	      look(p) == 1 && p->seen.last.kind == AXFW_EVENT_PENALTY &&
		      p->seen.last.reason == AXFW_REASON_KEY_UNKNOWN &&
		      p->seen.last.client[12] == 127,
	      "no penalty at the limit");
	be_refused(p, 2, REQUEST);
	check(p, !look(p), "a penalty between its multiples");
	be_refused(p, 1, REQUEST);
	check(p, look(p) == 1, "no penalty at the next multiple");
	be_refused(p, 6, WITH_KEY(KEY_QUOTA_TEXT));
	be_refused(p, 6, WITH_KEY(KEY_FAST_TEXT));
	check(p, !look(p), "a penalty for a key that works");
	p->config.penalty.window_ns = 1;
	be_refused(p, 6, REQUEST);
	check(p, !look(p), "a penalty although each window saw one");
	p->config.penalty.window_ns = 60 * NS_PER_S;
	p->config.tiers = AXFW_TIER_PENALTY | AXFW_TIER_PROXIES;
	tiers_trust(p->world, "127.0.0.1");
	be_refused(p, 6, FORWARDED);
	check(p, !look(p), "a penalty for what a proxy forwards");
	p->config.tiers = 0;
	p->config.penalty.window_ns = 60 * NS_PER_S;
	be_refused(p, 3, REQUEST);
	check(p, !look(p), "a penalty while there is no box");
}

static void run_hook(struct part *p, enum axfw_hook hook)
{
	struct connection nobody;

	connection_open(NOBODY4, 0, &nobody);
	world_use(p->world, hook);
	p->hook = hook == AXFW_HOOK_TC ? "TC" : "XDP";
	check_samples(p, &nobody);
	check_weights(p, &nobody);
	check_budget(p, &nobody);
	check_full_ring(p, &nobody);
	check_trace(p, &nobody);
	check_key_trace(p, &nobody);
	check_forwarded_trace(p, &nobody);
	check_penalty(p, &nobody);
	world_use(p->world, AXFW_HOOK_XDP);
}

void run_events(struct world *w, struct tally *tally)
{
	struct part p = { .world = w, .tally = tally };

	p.ring = ring_buffer__new(bpf_map__fd(world_skeleton(w)->maps.events), take, &p.seen, NULL);
	if (!p.ring) {
		tally_count(tally, false, "events", "no ring buffer");
		return;
	}
	run_hook(&p, AXFW_HOOK_XDP);
	run_hook(&p, AXFW_HOOK_TC);
	begin(&p);
	ring_buffer__free(p.ring);
}
