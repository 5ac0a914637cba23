// SPDX-License-Identifier: Apache-2.0
/* Scenes: real connections, what is in the maps, and the same as the model's knowledge. */
#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "axfw/siphash.h"
#include "lists.h"
#include "stage_internal.h"
#include "axfw.skel.h"

/* A request socket is asked again after a second and would become an established one. */
#define REQUEST_SOCKET_MS 500
#define FIRST_REQUEST	  "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
#define DENIED_S	  1000 /* how long a denial that lasts does so */
#define NS_PER_S	  1000000000ULL
#define SYN_INTERVAL_S	  3600 /* no case lasts until the next SYN is free */

/* When the quota's denial ends, which world.c has put into the map. */
static uint64_t quota_until_ns(struct house *h, const char *key)
{
	const uint8_t *siphash_key = world_skeleton(h->world)->rodata->axfw_siphash_key;
	struct axfw_admission a = { 0 };
	struct axfw_key_hash hash;

	axfw_siphash128(axfw_load64(siphash_key), axfw_load64(siphash_key + 8),
			(const uint8_t *)key, (uint32_t)strlen(key), &hash);
	bpf_map__lookup_elem(world_skeleton(h->world)->maps.admissions, &hash, sizeof(hash), &a,
			     sizeof(a), 0);
	return a.deny_until_ns;
}

/* As tests/bpf/world.c fills the maps. */
void scene_learn_keys(struct house *h)
{
	struct axfw_config config;

	world_default_config(&config);
	h->keys[0] = (struct key_fact){ KEY_ADMITTED_TEXT, KEY_ACTIVE, 0, 0 };
	h->keys[1] = (struct key_fact){ KEY_REVOKED_TEXT, KEY_REVOKED, 0, 0 };
	h->keys[2] = (struct key_fact){ KEY_QUOTA_TEXT, KEY_NO_QUOTA,
					quota_until_ns(h, KEY_QUOTA_TEXT), 0 };
	h->keys[3] = (struct key_fact){ KEY_RENEWED_TEXT, KEY_NO_QUOTA, 1, 0 };
	h->keys[4] =
		(struct key_fact){ KEY_SEEN_TEXT, KEY_REFUSED, 0, (uint32_t)config.generation };
	h->keys[5] = (struct key_fact){ KEY_UNKNOWN_TEXT, KEY_REFUSED, 0,
					(uint32_t)config.generation - 1 };
	h->keys[6] = (struct key_fact){ KEY_FAST_TEXT, KEY_TOO_FAST,
					quota_until_ns(h, KEY_FAST_TEXT), 0 };
	h->keys[7] = (struct key_fact){ KEY_SLOWED_TEXT, KEY_TOO_FAST, 1, 0 };
}

/* --- connections ----------------------------------------------------------------------------- */

static bool is_request_socket(const struct held *h)
{
	return (h->peer == DEFERRED4 || h->peer == DEFERRED6) && !h->spoken;
}

static int open_held(struct held *h)
{
	int r;

	world_set_syncookies(SYNCOOKIES_UNDER_PRESSURE); /* one made of a cookie is another kind */
	r = connection_open((enum peer)h->peer, h->mss, &h->connection);
	if (!r && h->spoken && h->peer >= DEFERRED4)
		r = connection_send(&h->connection, FIRST_REQUEST);
	h->opened_ms = stage_now_ns() / 1000000;
	return r;
}

struct held *scene_hold(struct stage *s, const struct scene *scene)
{
	struct held *h;
	int r = 0;

	for (h = s->held; h < s->held + s->held_count; h++) {
		if (h->peer == scene->peer && h->mss == scene->mss && h->spoken == scene->spoken)
			break;
	}
	if (h == s->held + CONNECTIONS_MAX)
		return stage_fail(s, "too many kinds of connections"), NULL;
	if (h == s->held + s->held_count) {
		s->held_count++;
		*h = (struct held){ scene->peer, scene->mss, scene->spoken, 0, { .client = -1 } };
		r = open_held(h);
	} else if (is_request_socket(h) &&
		   stage_now_ns() / 1000000 - h->opened_ms > REQUEST_SOCKET_MS) {
		connection_close(&h->connection);
		r = open_held(h);
	}
	if (r < 0)
		return stage_fail(s, "no connection: %s", strerror(-r)), NULL;
	return h;
}

/* --- the scene ------------------------------------------------------------------------------- */

/* The clients whose windows a scene fills: the cases' own, and two behind proxies. */
static const struct axfw_client window_clients[] = {
	{ { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 } },
	{ { 0 } }, /* ::1 as its /64 */
	{ { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 } },
	{ { 0x20, 0x01, 0x0d, 0xb8 } },
};

/* When the window has room again: five attempts, made ten minutes before the scene was set. */
static uint64_t window_free_ns(struct house *h, const struct axfw_client *client)
{
	struct axfw_signup_window window;
	struct axfw_config config;
	uint64_t oldest = 0;

	world_default_config(&config);
	if (bpf_map__lookup_elem(world_skeleton(h->world)->maps.signups, client, sizeof(*client),
				 &window, sizeof(window), 0))
		return 0;
	for (uint32_t i = 0; i < config.signup.limit; i++) {
		if (!window.at_ns[i])
			return 0; /* fewer attempts than the limit */
		if (!oldest || window.at_ns[i] < oldest)
			oldest = window.at_ns[i];
	}
	return oldest + config.signup.window_ns;
}

/* The same attempts for those behind proxies as the world has for the cases' own. */
static void copy_windows(struct house *h)
{
	struct bpf_map *map = world_skeleton(h->world)->maps.signups;
	struct axfw_signup_window window;
	const struct axfw_client *c = window_clients;

	for (unsigned i = 2; i < 4; i++) {
		if (bpf_map__lookup_elem(map, c, sizeof(*c), &window, sizeof(window), 0))
			bpf_map__delete_elem(map, &c[i], sizeof(*c), 0);
		else
			bpf_map__update_elem(map, &c[i], sizeof(*c), &window, sizeof(window), 0);
	}
}

static uint32_t tiers_of(const struct scene *scene)
{
	uint32_t tiers = lists_tiers(scene);

	if (scene->proxy_protocol)
		tiers |= AXFW_TIER_PROXY_PROTOCOL;
	if (scene->syn_budget)
		tiers |= AXFW_TIER_SYN_BUDGET;
	if (scene->cookies)
		tiers |= AXFW_TIER_SYN_COOKIES;
	return tiers;
}

static void configure(struct house *h, const struct scene *scene)
{
	struct axfw_config config;

	world_default_config(&config);
	config.refuse = scene->refuse;
	config.admissions_complete = !scene->incomplete;
	config.origin_passes = !!scene->origin;
	config.generation += scene->keys_made;
	if (scene->elsewhere)
		config.answer_ifindex[1]++;
	if (scene->unprotected)
		config.ports[0] = 0;
	config.tiers = tiers_of(scene);
	config.syn_rate.interval_ns = SYN_INTERVAL_S * NS_PER_S;
	config.syn_rate.burst_ns =
		scene->syn_budget ? (scene->syn_budget - 1) * config.syn_rate.interval_ns : 0;
	h->denied_until_ns = stage_now_ns() + DENIED_S * NS_PER_S;
	lists_put(world_skeleton(h->world), scene, h->denied_until_ns);
	world_configure(h->world, &config);
	world_set_signups(h->world, false, scene->signups);
	world_set_signups(h->world, true, scene->signups);
	copy_windows(h);
}

void scene_set(struct stage *s, const struct scene *scene)
{
	struct house *h = s->house;

	world_set_syncookies(scene->cookies ? SYNCOOKIES_ALWAYS : SYNCOOKIES_UNDER_PRESSURE);
	if (h->has_scene && !memcmp(&h->scene, scene, sizeof(*scene)))
		return;
	configure(h, scene);
	h->scene = *scene;
	h->has_scene = true;
}

static struct answer_fact answer_fact(enum axfw_response response)
{
	const struct axfw_response_template *t = world_template(response);

	return (struct answer_fact){ t->text,
				     t->len,
				     t->request_id_at,
				     t->retry_after_at,
				     t->body_seconds_at,
				     t->body_unit_at,
				     t->body_unit_s };
}

/* In the model's words. */
static enum refusing refusing_of(const struct scene *scene)
{
	switch ((enum axfw_refuse)scene->refuse) {
	case AXFW_REFUSE_ANSWER:
		return WITH_AN_ANSWER;
	case AXFW_REFUSE_RESET:
		return WITH_A_RESET;
	case AXFW_REFUSE_DROP:
		return WITHOUT_A_WORD;
	case AXFW_REFUSE_PASS:
		break;
	}
	return REFUSES_NOT;
}

void scene_know(struct stage *s, const struct scene *scene, const struct held *h,
		struct knowledge *ret)
{
	struct axfw_config config;

	world_default_config(&config);
	*ret = (struct knowledge){
		.tc = scene->tc,
		.refusing = refusing_of(scene),
		.sends = !scene->elsewhere,
		.full = scene->full,
		.proxy_protocol = scene->proxy_protocol,
		.syn_budget = scene->syn_budget,
		.cookies = scene->cookies,
		.complete = !scene->incomplete,
		.origin_on = scene->origin,
		.generation = (uint32_t)config.generation + scene->keys_made,
		.ports = { scene->unprotected ? 0 : PORT_DEFERRED,
			   scene->unprotected ? 0 : PORT_ESTABLISHED },
		.keys = s->house->keys,
		.key_count = KEYS,
		.answers = { answer_fact(AXFW_RESPONSE_UNAUTHORIZED),
			     answer_fact(AXFW_RESPONSE_SIGNUP_LIMITED),
			     answer_fact(AXFW_RESPONSE_QUOTA), answer_fact(AXFW_RESPONSE_TOO_LARGE),
			     answer_fact(AXFW_RESPONSE_RATE) },
		.has_socket = scene->peer >= DEFERRED4,
		.first = !scene->spoken,
		.ends = h->connection.ends,
		.mss = scene->mss ? scene->mss : 1460,
	};
	for (unsigned i = 0; i < 4; i++) {
		memcpy(ret->windows[i].client, window_clients[i].address, 16);
		ret->windows[i].free_ns = window_free_ns(s->house, &window_clients[i]);
	}
	for (unsigned i = 0; i < s->held_count; i++) {
		if (s->held[i].peer >= DEFERRED4)
			ret->others[ret->other_count++] = s->held[i].connection.ends;
	}
	lists_know(scene, s->house->denied_until_ns, ret);
}
