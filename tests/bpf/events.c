// SPDX-License-Identifier: Apache-2.0
/* What reaches the ring buffer: one record per judged request when every one is asked for. */
#include <string.h>
#include <bpf/libbpf.h>
#include "axfw/siphash.h"
#include "run.h"
#include "axfw.skel.h"

#define REQUEST                                                                                    \
	"POST /v1/guard/check HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " KEY_UNKNOWN_TEXT      \
	"\r\nContent-Length: 2\r\n\r\n{}"

struct seen {
	unsigned count;
	struct axfw_event last;
};

static int take(void *arg, void *data, size_t size)
{
	struct seen *seen = arg;

	if (size != sizeof(seen->last))
		return -1;
	seen->count++;
	memcpy(&seen->last, data, size);
	return 0;
}

static bool send_request(struct world *w, uint32_t event_sample, struct connection *c)
{
	struct axfw_config config;
	struct frame frame;

	world_default_config(&config);
	config.event_sample = event_sample;
	world_configure(w, &config);
	frame_build(&c->ends, &(struct shape){ .text = REQUEST }, &frame);
	return world_run(w, &frame) >= 0;
}

static bool is_right(const struct seen *seen, const struct connection *c)
{
	struct axfw_flow_key key;
	const struct axfw_event *e = &seen->last;

	connection_flow_key(c, &key);
	return e->reason == AXFW_REASON_NO_PROOF && e->client_port == key.client_port &&
	       !memcmp(e->client, key.client, sizeof(e->client)) && e->at_ns &&
	       memcmp(&e->key, &(struct axfw_key_hash){ { 0 } }, sizeof(e->key)) && e->ifindex == 1;
}

void run_events(struct world *w, struct tally *tally)
{
	int fd = bpf_map__fd(world_skeleton(w)->maps.events);
	struct seen seen = { 0 };
	struct ring_buffer *ring = ring_buffer__new(fd, take, &seen, NULL);
	struct connection c;
	bool ok;

	connection_open(NOBODY4, 0, &c);
	if (!ring) {
		tally_count(tally, false, "events", "no ring buffer");
		return;
	}
	ok = send_request(w, 0, &c) && !ring_buffer__consume(ring) && !seen.count;
	tally_count(tally, ok, "events", "one although none was asked for");
	ok = send_request(w, 1, &c) && ring_buffer__consume(ring) == 1 && seen.count == 1;
	tally_count(tally, ok, "events", "not exactly one for one request");
	tally_count(tally, is_right(&seen, &c), "events", "the record isn't the request's");
	ring_buffer__free(ring);
}
