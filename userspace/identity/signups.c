/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signup limit: the rule of axfw/signup.h over a table of clients. Exact under concurrency (one
 * short lock; signing up is rare), bounded (the client whose last attempt is oldest makes room),
 * and it outlives a restart through the store. The kernel is told of an attempt before it is
 * answered.
 *
 * Windows are in boot time, as the kernel reads them; the store keeps wall time. An attempt from
 * before the last boot can't be said in boot time: it counts as made at boot, so a window that a
 * reboot cuts is never shorter.
 */
#include <errno.h>
#include <stdlib.h>
#include "identity/internal.h"

#define NONE	   UINT32_MAX
#define TIDY_US	   (600 * US_PER_S) /* how often the store forgets old attempts */
#define LOADED_MAX (AXFW_SIGNUPS_MAX * AXFW_SIGNUP_LIMIT_MAX)

struct client {
	struct axfw_client key;
	struct axfw_signup_window window;
	uint32_t bucket_next;  /* chain of its bucket; NONE ends */
	uint32_t older, newer; /* by last attempt; NONE ends */
};

struct signups {
	pthread_mutex_t lock;
	struct axfw_signup_rule rule;
	uint32_t used; /* of clients[] */
	uint32_t oldest, newest;
	uint64_t tidied_us; /* the tick's own */
	uint32_t buckets[AXFW_SIGNUPS_MAX];
	struct client clients[AXFW_SIGNUPS_MAX]; /* pages are touched as they fill */
};

static uint32_t *bucket_of(struct identity *i, const struct axfw_client *key)
{
	unsigned long hash = directory_hash_bytes(i, key->address, sizeof(key->address));

	return &i->signups->buckets[hash % AXFW_SIGNUPS_MAX];
}

static struct client *find(struct identity *i, const struct axfw_client *key)
{
	struct signups *s = i->signups;

	for (uint32_t n = *bucket_of(i, key); n != NONE; n = s->clients[n].bucket_next)
		if (!memcmp(&s->clients[n].key, key, sizeof(*key)))
			return &s->clients[n];
	return NULL;
}

static void unlink_age(struct signups *s, struct client *c)
{
	if (c->older != NONE)
		s->clients[c->older].newer = c->newer;
	else
		s->oldest = c->newer;
	if (c->newer != NONE)
		s->clients[c->newer].older = c->older;
	else
		s->newest = c->older;
}

static void link_newest(struct signups *s, struct client *c)
{
	uint32_t n = (uint32_t)(c - s->clients);

	c->older = s->newest;
	c->newer = NONE;
	if (s->newest != NONE)
		s->clients[s->newest].newer = n;
	else
		s->oldest = n;
	s->newest = n;
}

static void tell(struct identity *i, const struct client *c)
{
	if (i->watcher.signup_recorded)
		i->watcher.signup_recorded(i->watcher.arg, &c->key, &c->window);
}

/* The kernel must not go on refusing a client whose window we no longer know: it gets an empty one.
 */
static struct client *evict_oldest(struct identity *i)
{
	struct signups *s = i->signups;
	struct client *c = &s->clients[s->oldest];
	uint32_t n = s->oldest, *at = bucket_of(i, &c->key);

	while (*at != n)
		at = &s->clients[*at].bucket_next;
	*at = c->bucket_next;
	unlink_age(s, c);
	c->window = (struct axfw_signup_window){ 0 };
	tell(i, c);
	return c;
}

static struct client *add(struct identity *i, const struct axfw_client *key)
{
	struct signups *s = i->signups;
	struct client *c = s->used < AXFW_SIGNUPS_MAX ? &s->clients[s->used++] : evict_oldest(i);
	uint32_t *bucket = bucket_of(i, key);

	c->key = *key;
	c->window = (struct axfw_signup_window){ 0 };
	c->bucket_next = *bucket;
	*bucket = (uint32_t)(c - s->clients);
	link_newest(s, c);
	return c;
}

static struct client *record(struct identity *i, const struct axfw_client *key, uint64_t at_ns)
{
	struct client *c = find(i, key);

	if (c) {
		unlink_age(i->signups, c);
		link_newest(i->signups, c);
	} else {
		c = add(i, key);
	}
	axfw_signup_record(&c->window, at_ns, &i->signups->rule);
	return c;
}

static struct axfw_client client_of(const struct address *address)
{
	struct address client = address_client(address);
	struct axfw_client key;

	memcpy(key.address, client.bytes, sizeof(key.address));
	return key;
}

/* Under the lock: 0, or -EDQUOT with the wait. */
static int check(struct identity *i, const struct axfw_client *key, uint64_t now_ns,
		 uint32_t *ret_retry_after_s)
{
	const struct client *c = find(i, key);
	uint64_t wait_ns = c ? axfw_signup_wait_ns(&c->window, now_ns, &i->signups->rule) : 0;

	if (!wait_ns)
		return 0;
	*ret_retry_after_s = axfw_signup_retry_after_s(wait_ns);
	return -EDQUOT;
}

int identity_signup_check(struct identity *i, const struct address *client,
			  uint32_t *ret_retry_after_s)
{
	struct axfw_client key = client_of(client);

	HOLD(&i->signups->lock);
	return check(i, &key, clock_boot_ns(), ret_retry_after_s);
}

static int admit(struct identity *i, const struct axfw_client *key, uint32_t *ret_retry_after_s)
{
	uint64_t now_ns = clock_boot_ns();
	int r;

	HOLD(&i->signups->lock);
	r = check(i, key, now_ns, ret_retry_after_s);
	if (r < 0)
		return r;
	tell(i, record(i, key, now_ns)); /* under the lock: the kernel hears attempts in order */
	return 0;
}

int identity_signup_attempt(struct identity *i, const struct address *client,
			    uint32_t *ret_retry_after_s)
{
	struct axfw_client key = client_of(client);
	struct address shown = address_client(client);
	char text[ADDRESS_TEXT_LEN];
	int r;

	r = admit(i, &key, ret_retry_after_s);
	if (r < 0)
		return r;
	address_format(&shown, text);
	return store_add_signup_attempt(i->store, text, clock_wall_us());
}

/* --- start and tidying ----------------------------------------------------------------------- */

struct attempt {
	struct axfw_client client;
	uint64_t at_us;
};

struct loading {
	struct attempt *list;
	size_t count, size;
	int r;
};

static int grow(struct loading *l)
{
	size_t size = l->size ? 2 * l->size : 64;
	struct attempt *list = reallocarray(l->list, size, sizeof(*list));

	if (!list)
		return -ENOMEM;
	l->list = list;
	l->size = size;
	return 0;
}

static void collect(void *arg, const char *client, uint64_t at_us)
{
	struct loading *l = arg;
	struct address address;

	if (l->r < 0 || l->count == LOADED_MAX)
		return;
	if (address_parse(client, &address) < 0)
		return; /* the Python firewall took any text for an address */
	if (l->count == l->size)
		l->r = grow(l);
	if (l->r < 0)
		return;
	l->list[l->count++] = (struct attempt){ client_of(&address), at_us };
}

static int by_time(const void *a, const void *b)
{
	const struct attempt *x = a, *y = b;

	return x->at_us < y->at_us ? -1 : x->at_us > y->at_us;
}

static uint64_t boot_time(uint64_t at_us, uint64_t now_us, uint64_t now_ns)
{
	uint64_t ago_ns = at_us < now_us ? (now_us - at_us) * 1000 : 0;

	return ago_ns < now_ns ? now_ns - ago_ns : 1; /* 0 would mean "no attempt" */
}

static uint64_t window_start_us(const struct identity *i, uint64_t now_us)
{
	uint64_t window_us = i->signups->rule.window_ns / 1000;

	return now_us > window_us ? now_us - window_us : 0;
}

static int restore(struct identity *i)
{
	uint64_t now_us = clock_wall_us(), now_ns = clock_boot_ns();
	struct loading l = { 0 };
	int r;

	r = store_each_signup_attempt(i->store, window_start_us(i, now_us), collect, &l);
	if (r >= 0)
		r = l.r;
	if (r >= 0 && l.count)
		qsort(l.list, l.count, sizeof(*l.list), by_time);
	for (size_t n = 0; r >= 0 && n < l.count; n++)
		record(i, &l.list[n].client, boot_time(l.list[n].at_us, now_us, now_ns));
	free(l.list);
	return r < 0 ? r : 0;
}

int signups_load(struct identity *i, const struct axfw_signup_rule *rule)
{
	i->signups = calloc(1, sizeof(*i->signups));
	if (!i->signups)
		return -ENOMEM;
	pthread_mutex_init(&i->signups->lock, NULL);
	i->signups->rule = *rule;
	i->signups->oldest = i->signups->newest = NONE;
	memset(i->signups->buckets, 0xff, sizeof(i->signups->buckets));
	return restore(i);
}

void signups_free(struct signups **s)
{
	if (*s)
		pthread_mutex_destroy(&(*s)->lock);
	free(*s);
	*s = NULL;
}

void signups_hand_over(struct identity *i)
{
	HOLD(&i->signups->lock);
	for (uint32_t n = i->signups->oldest; n != NONE; n = i->signups->clients[n].newer)
		tell(i, &i->signups->clients[n]);
}

void signups_tidy(struct identity *i, uint64_t now_us)
{
	struct signups *s = i->signups;

	if (now_us >= s->tidied_us && now_us - s->tidied_us < TIDY_US)
		return;
	/* What can't be deleted now is tried again at the next round. */
	if (store_forget_signup_attempts(i->store, window_start_us(i, now_us)) >= 0)
		s->tidied_us = now_us;
}
