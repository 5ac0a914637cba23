/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions. The cookie is a random token and its HMAC under the session secret, so that rotating
 * the secret ends every session; what the session is lives here and in the registry, under the
 * token's SHA-256, so that neither a stolen registry nor a stolen cookie from before the logout
 * opens anything. What is shown once (a new key, a recovery code) waits sealed beside it and never
 * rides in the cookie.
 *
 * Finding one takes no lock. Changes hold sessions.lock over their write to disk.
 */
#include <errno.h>
#include <stdio.h>
#include "identity/internal.h"

#define TOKEN_LEN      32 /* random bytes */
#define TOKEN_TEXT_LEN BASE64URL_LEN(TOKEN_LEN)
#define MAC_TEXT_LEN   BASE64URL_LEN(CRYPTO_MAC_LEN)
#define COOKIE_LEN     (TOKEN_TEXT_LEN + 1 + MAC_TEXT_LEN)
_Static_assert(COOKIE_LEN < SESSION_COOKIE_MAX, "fits the caller's buffer");
_Static_assert(MAC_TEXT_LEN == SESSION_CSRF_LEN, "a CSRF token is a MAC");

#define ID_LEN	   16
#define MAX_AGE_US (SESSION_MAX_AGE_S * US_PER_S)
#define SLIDE_US   (3600 * US_PER_S) /* an expiry moves once an hour, not at every page view */
#define TIDY_US	   (60 * US_PER_S)   /* how often slid and expired ones are looked for */
#define FLASH_LEN  sizeof(struct session_flash)
#define SEALED_LEN (FLASH_LEN + CRYPTO_SEAL_OVERHEAD)
#define FLASH_SEAL "session-flash"
_Static_assert(_Alignof(struct session_flash) == 1, "only text: it is sealed as it lies in memory");

struct session_entry {
	struct cds_lfht_node node;
	struct rcu_head rcu;
	struct tenant *tenant;
	struct session_entry *next; /* of the tenant; sessions.lock */
	uint64_t created_us;
	_Atomic uint64_t expires_us;
	_Atomic bool slid; /* the expiry on disk is older */
	bool has_flash;	   /* sessions.lock */
	uint8_t id[ID_LEN];
	uint8_t sealed[SEALED_LEN]; /* sessions.lock */
};

static int match_id(struct cds_lfht_node *node, const void *key)
{
	return memcmp(caa_container_of(node, struct session_entry, node)->id, key, ID_LEN) == 0;
}

static unsigned long hash_id(const uint8_t id[static ID_LEN])
{
	unsigned long word;

	memcpy(&word, id, sizeof(word)); /* of a SHA-256 */
	return word;
}

static struct session_entry *find(struct identity *i, const uint8_t id[static ID_LEN])
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	cds_lfht_lookup(i->sessions.by_id, hash_id(id), match_id, id, &iter);
	node = cds_lfht_iter_get_node(&iter);
	return node ? caa_container_of(node, struct session_entry, node) : NULL;
}

/* Each use of the session secret has its own label, so that no cookie is ever a CSRF token. */
static void mac_text(const struct identity *i, const char *label, const char *token,
		     char ret[static MAC_TEXT_LEN + 1])
{
	char message[16 + TOKEN_TEXT_LEN + 1];
	uint8_t mac[CRYPTO_MAC_LEN];
	int len = snprintf(message, sizeof(message), "%s:%.*s", label, (int)TOKEN_TEXT_LEN, token);

	crypto_session_mac(i->crypto, message, (size_t)len, mac);
	base64url_encode(mac, sizeof(mac), ret);
}

static void token_id(const char *token, uint8_t ret[static ID_LEN])
{
	uint8_t digest[CRYPTO_DIGEST_LEN];

	crypto_sha256(token, TOKEN_TEXT_LEN, digest);
	memcpy(ret, digest, ID_LEN);
}

/* --- in memory and on disk ------------------------------------------------------------------- */

static void free_entry(struct rcu_head *head)
{
	free(caa_container_of(head, struct session_entry, rcu));
}

static void add(struct identity *i, struct session_entry *e)
{
	e->next = e->tenant->sessions;
	e->tenant->sessions = e;
	e->tenant->session_count++;
	cds_lfht_add(i->sessions.by_id, hash_id(e->id), &e->node);
}

static void drop(struct identity *i, struct session_entry *e)
{
	struct session_entry **at = &e->tenant->sessions;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	e->tenant->session_count--;
	cds_lfht_del(i->sessions.by_id, &e->node);
	urcu_bp_call_rcu(&e->rcu, free_entry);
}

static int put(struct identity *i, struct session_entry *e)
{
	struct store_session row = {
		.tenant = e->tenant->number,
		.created_us = e->created_us,
		.expires_us = atomic_load(&e->expires_us),
		.flash = e->has_flash ? e->sealed : NULL,
		.flash_len = e->has_flash ? SEALED_LEN : 0,
	};

	memcpy(row.id, e->id, ID_LEN);
	return store_put_session(i->store, &row);
}

/* Gone from disk first: one that can't be deleted there would come back at the next start. */
static int end(struct identity *i, struct session_entry *e)
{
	int r = store_delete_session(i->store, e->id);

	if (r < 0 && r != -ENOENT)
		return r;
	drop(i, e);
	return 0;
}

static int make_room(struct identity *i, struct tenant *t)
{
	while (t->session_count >= SESSIONS_MAX) {
		struct session_entry *oldest = t->sessions;
		int r;

		for (struct session_entry *e = oldest; e; e = e->next)
			if (e->created_us <= oldest->created_us)
				oldest = e;
		r = end(i, oldest);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- what is shown once ---------------------------------------------------------------------- */

static void bind_to(const struct session_entry *e, char ret[static 2 * ID_LEN + 1])
{
	hex_encode(e->id, ID_LEN, ret);
}

static int seal(struct identity *i, struct session_entry *e, const struct session_flash *flash)
{
	char bound[2 * ID_LEN + 1];
	int r;

	bind_to(e, bound);
	r = crypto_seal(i->crypto, FLASH_SEAL, bound, flash, FLASH_LEN, e->sealed);
	if (r < 0)
		return r;
	e->has_flash = true;
	return 0;
}

/* One that doesn't open (another master key, a damaged row) is as good as none. */
static bool unseal(struct identity *i, const struct session_entry *e, struct session_flash *ret)
{
	char bound[2 * ID_LEN + 1];

	*ret = (struct session_flash){ 0 };
	if (!e->has_flash)
		return false;
	bind_to(e, bound);
	if (crypto_open(i->crypto, FLASH_SEAL, bound, e->sealed, SEALED_LEN, (uint8_t *)ret) < 0) {
		*ret = (struct session_flash){ 0 };
		return false;
	}
	return true;
}

static void merge(struct session_flash *into, const struct session_flash *from)
{
	if (*from->new_secret)
		memcpy(into->new_secret, from->new_secret, sizeof(into->new_secret));
	if (*from->recovery_code)
		memcpy(into->recovery_code, from->recovery_code, sizeof(into->recovery_code));
	if (*from->notice)
		memcpy(into->notice, from->notice, sizeof(into->notice));
}

int session_set_flash(struct identity *i, const struct session *s, const struct session_flash *f)
{
	struct session_flash waiting;
	struct session_entry *e;
	int r;

	HOLD(&i->sessions.lock);
	ENTER();
	e = find(i, s->id);
	if (!e)
		return -ENOENT;
	unseal(i, e, &waiting);
	merge(&waiting, f);
	r = seal(i, e, &waiting);
	wipe(&waiting, sizeof(waiting));
	return r < 0 ? r : put(i, e);
}

int session_take_flash(struct identity *i, const struct session *s, struct session_flash *ret)
{
	struct session_flash waiting;
	struct session_entry *e;
	int r;

	HOLD(&i->sessions.lock);
	ENTER();
	e = find(i, s->id);
	if (!e)
		return -ENOENT;
	if (!e->has_flash) {
		*ret = (struct session_flash){ 0 };
		return 0;
	}
	unseal(i, e, &waiting);
	e->has_flash = false;
	r = put(i, e);
	if (r < 0) {
		e->has_flash = true; /* not forgotten on disk, so not yet shown */
	} else {
		*ret = waiting;
		wipe(e->sealed, sizeof(e->sealed));
	}
	wipe(&waiting, sizeof(waiting));
	return r;
}

/* --- opening, finding, closing --------------------------------------------------------------- */

static int new_token(struct identity *i, char ret_cookie[static COOKIE_LEN + 1])
{
	uint8_t bytes[TOKEN_LEN];
	int r = crypto_random(bytes, sizeof(bytes));

	if (r < 0)
		return r;
	base64url_encode(bytes, sizeof(bytes), ret_cookie);
	ret_cookie[TOKEN_TEXT_LEN] = '.';
	mac_text(i, "cookie", ret_cookie, ret_cookie + TOKEN_TEXT_LEN + 1);
	return 0;
}

static struct session_entry *new_entry(struct tenant *t, const char *token)
{
	struct session_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->tenant = t;
	e->created_us = clock_wall_us();
	atomic_init(&e->expires_us, e->created_us + MAX_AGE_US);
	token_id(token, e->id);
	return e;
}

int session_open(struct identity *i, uint32_t tenant, const struct session_flash *flash,
		 char *ret_cookie)
{
	_cleanup_(freep) struct session_entry *e = NULL;
	char cookie[COOKIE_LEN + 1];
	struct tenant *t;
	int r;

	r = new_token(i, cookie);
	if (r < 0)
		return r;
	HOLD(&i->sessions.lock);
	ENTER();
	t = directory_find(i, tenant);
	if (!t)
		return -ENOENT;
	e = new_entry(t, cookie);
	if (!e)
		return -ENOMEM;
	r = flash ? seal(i, e, flash) : 0;
	if (r >= 0)
		r = make_room(i, t);
	if (r >= 0)
		r = put(i, e);
	if (r < 0)
		return r;
	add(i, TAKE_PTR(e));
	memcpy(ret_cookie, cookie, sizeof(cookie));
	return 0;
}

static bool is_genuine(const struct identity *i, const char *cookie)
{
	char mac[MAC_TEXT_LEN + 1];

	if (strlen(cookie) != COOKIE_LEN || cookie[TOKEN_TEXT_LEN] != '.')
		return false;
	mac_text(i, "cookie", cookie, mac);
	return crypto_equal(mac, cookie + TOKEN_TEXT_LEN + 1, MAC_TEXT_LEN);
}

int session_find(struct identity *i, const char *cookie, struct session *ret)
{
	uint64_t now_us = clock_wall_us(), expires_us;
	uint8_t id[ID_LEN];
	struct session_entry *e;

	if (!is_genuine(i, cookie))
		return -ENOENT;
	token_id(cookie, id);
	ENTER();
	e = find(i, id);
	if (!e)
		return -ENOENT;
	expires_us = atomic_load(&e->expires_us);
	if (expires_us <= now_us)
		return -ENOENT;
	if (expires_us + SLIDE_US <= now_us + MAX_AGE_US) {
		atomic_store(&e->expires_us, now_us + MAX_AGE_US);
		atomic_store(&e->slid, true); /* the tick writes it down */
	}
	memcpy(ret->id, id, ID_LEN);
	ret->tenant = e->tenant->number;
	mac_text(i, "csrf", cookie, ret->csrf);
	return 0;
}

int session_close(struct identity *i, const struct session *s)
{
	struct session_entry *e;

	HOLD(&i->sessions.lock);
	ENTER();
	e = find(i, s->id);
	return e ? end(i, e) : 0;
}

int session_close_all(struct identity *i, uint32_t tenant, const struct session *except)
{
	struct session_entry *next;
	struct tenant *t;
	int r;

	HOLD(&i->sessions.lock);
	ENTER();
	t = directory_find(i, tenant);
	if (!t)
		return -ENOENT;
	r = store_delete_sessions(i->store, tenant, except ? except->id : NULL);
	if (r < 0)
		return r;
	for (struct session_entry *e = t->sessions; e; e = next) {
		next = e->next;
		if (!except || memcmp(e->id, except->id, ID_LEN) != 0)
			drop(i, e);
	}
	return 0;
}

/* --- start, tidying, end --------------------------------------------------------------------- */

struct loading {
	struct identity *i;
	int r;
};

static void load(void *arg, const struct store_session *row)
{
	struct loading *l = arg;
	struct tenant *t = directory_find(l->i, row->tenant);
	struct session_entry *e;

	if (!t || l->r < 0)
		return;
	e = calloc(1, sizeof(*e));
	if (!e) {
		l->r = -ENOMEM;
		return;
	}
	e->tenant = t;
	e->created_us = row->created_us;
	atomic_init(&e->expires_us, row->expires_us);
	memcpy(e->id, row->id, ID_LEN);
	if (row->flash && row->flash_len == SEALED_LEN) {
		memcpy(e->sealed, row->flash, SEALED_LEN);
		e->has_flash = true;
	}
	add(l->i, e);
}

int sessions_load(struct identity *i)
{
	struct loading l = { .i = i };
	int r;

	HOLD(&i->sessions.lock);
	ENTER();
	r = store_each_session(i->store, load, &l);
	return r < 0 ? r : l.r;
}

/* Returns whether the entry, which the tick's walk may have seen just before it was closed, is
 * still open. */
static bool is_open(struct identity *i, const struct session_entry *e)
{
	return find(i, e->id) == e;
}

static void tidy(struct identity *i, struct session_entry *e, uint64_t now_us)
{
	HOLD(&i->sessions.lock);
	if (!is_open(i, e))
		return;
	/* What can't be written now is tried again at the next round. */
	if (atomic_load(&e->expires_us) <= now_us) {
		(void)end(i, e);
	} else if (atomic_exchange(&e->slid, false)) {
		if (put(i, e) < 0)
			atomic_store(&e->slid, true);
	}
}

void sessions_tidy(struct identity *i, uint64_t now_us)
{
	struct cds_lfht_iter iter;
	struct session_entry *e;

	/* A clock that was stepped back must not stop the tidying. */
	if (now_us >= i->sessions.tidied_us && now_us - i->sessions.tidied_us < TIDY_US)
		return;
	i->sessions.tidied_us = now_us;
	ENTER();
	cds_lfht_for_each_entry(i->sessions.by_id, &iter, e,
				node) if (atomic_load(&e->slid) ||
					  atomic_load(&e->expires_us) <= now_us) tidy(i, e, now_us);
}

void sessions_free(struct identity *i)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	if (!i->sessions.by_id)
		return;
	ENTER();
	cds_lfht_for_each(i->sessions.by_id, &iter, node)
	{
		struct session_entry *e = caa_container_of(node, struct session_entry, node);

		tidy(i, e, 0); /* writes a slid expiry down, ends nothing */
		drop(i, e);
	}
}
