/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often userspace refused a client within the rule's window, as the kernel counts its own
 * refusals. Bounded: sets of eight clients, and who was refused least makes room, so sources that
 * come once can't hide one that keeps coming. Refusals are rare or a flood; in a flood the locks,
 * one for many sets, are short and spread.
 */
#include <errno.h>
#include <string.h>
#include "denials/internal.h"

#define WAYS  8
#define SETS  (AXFW_REFUSALS_MAX / WAYS)
#define LOCKS 64

struct refused {
	struct address client;
	uint64_t began_ns; /* 0: free */
	uint32_t count;
};

struct refusals {
	struct mixer mixer;
	struct axfw_penalty_rule rule;
	pthread_mutex_t locks[LOCKS];
	struct refused clients[SETS][WAYS];
};

int refusals_new(const struct axfw_penalty_rule *rule, struct refusals **ret)
{
	_cleanup_(freep) struct refusals *new = calloc(1, sizeof(*new));
	int r;

	if (!new)
		return -ENOMEM;
	r = mixer_new(&new->mixer);
	if (r < 0)
		return r;
	new->rule = *rule;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&new->locks[i], NULL);
	*ret = TAKE_PTR(new);
	return 0;
}

void refusals_free(struct refusals **r)
{
	free(*r);
	*r = NULL;
}

static bool is_over(const struct refusals *r, const struct refused *c, uint64_t now_ns)
{
	return !c->began_ns || now_ns - c->began_ns >= r->rule.window_ns;
}

/* The client's own, or the one that matters least: over, else refused least often. */
static struct refused *find(const struct refusals *r, struct refused *set,
			    const struct address *client, uint64_t now_ns)
{
	struct refused *least = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		bool over = is_over(r, &set[i], now_ns);

		if (!memcmp(&set[i].client, client, sizeof(*client)))
			return &set[i];
		if (is_over(r, least, now_ns))
			continue;
		if (over || set[i].count < least->count)
			least = &set[i];
	}
	return least;
}

static bool count(const struct refusals *r, struct refused *c, const struct address *client,
		  uint64_t now_ns)
{
	if (is_over(r, c, now_ns) || memcmp(&c->client, client, sizeof(*client)))
		*c = (struct refused){ .client = *client, .began_ns = now_ns };
	if (++c->count < r->rule.refusals)
		return false;
	c->began_ns = 0;
	return true;
}

bool refusals_add(struct refusals *r, const struct address *client, uint64_t monotonic_ns)
{
	size_t set = mix(&r->mixer, client) % SETS;
	pthread_mutex_t *lock = &r->locks[set % LOCKS];
	bool reached;

	if (!r->rule.refusals)
		return false;
	pthread_mutex_lock(lock);
	reached = count(r, find(r, r->clients[set], client, monotonic_ns), client, monotonic_ns);
	pthread_mutex_unlock(lock);
	return reached;
}
