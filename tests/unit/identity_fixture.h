/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real store in a temporary directory with an identity above it, and a watcher that remembers
 * what the kernel would hold. include after cmocka.h's headers.
 */
#ifndef IDENTITY_FIXTURE_H
#define IDENTITY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include "identity/identity.h"

#define MASTER	 "a master key for tests only, of some length"
#define SECRET	 "a session secret for tests only, of some length"
#define PASSWORD "correct horse"
#define SEEN_MAX 512

struct seen_key {
	struct axfw_key_hash hash;
	struct axfw_admission admission;
};

struct fixture {
	char dir[64];
	struct crypto *crypto;
	struct store *store;
	struct identity *identity;
	/* what the watcher was told */
	struct seen_key keys[SEEN_MAX];
	size_t key_count;
	unsigned keys_announced, added, signups;
	struct axfw_client client;
	struct axfw_signup_window window;
	int complete; /* -1: nothing was said */
	int key_error;
	enum crypto_password_scheme passwords;
	struct axfw_rate key_rate;
};

static inline struct seen_key *seen(struct fixture *f, const struct axfw_key_hash *hash)
{
	for (size_t n = 0; n < f->key_count; n++)
		if (!memcmp(&f->keys[n].hash, hash, sizeof(*hash)))
			return &f->keys[n];
	return NULL;
}

static inline void saw_before_key(void *arg)
{
	((struct fixture *)arg)->added++;
}

static inline int saw_key(void *arg, const struct axfw_key_hash *hash,
			  const struct axfw_admission *admission)
{
	struct fixture *f = arg;
	struct seen_key *key = seen(f, hash);

	if (f->key_error)
		return f->key_error;
	if (!key) {
		assert_true(f->key_count < SEEN_MAX);
		key = &f->keys[f->key_count++];
	}
	f->keys_announced++;
	key->hash = *hash;
	key->admission = *admission;
	return 0;
}

static inline void saw_signup(void *arg, const struct axfw_client *client,
			      const struct axfw_signup_window *window)
{
	struct fixture *f = arg;

	f->signups++;
	f->client = *client;
	f->window = *window;
}

static inline void saw_complete(void *arg, bool complete)
{
	((struct fixture *)arg)->complete = complete;
}

static inline void saw_forgotten(void *arg, const struct axfw_key_hash *hash)
{
	struct fixture *f = arg;
	struct seen_key *key = seen(f, hash);

	assert_non_null(key);
	*key = f->keys[--f->key_count];
}

static inline void open_node_as(struct fixture *f, const char *secret, bool watched)
{
	const struct identity_watcher watcher = {
		.arg = f,
		.before_key_added = saw_before_key,
		.key_changed = saw_key,
		.signup_recorded = saw_signup,
		.complete_changed = saw_complete,
		.key_forgotten = saw_forgotten,
	};
	const struct store_options store = { .dir = f->dir, .writers = 1 };
	struct identity_options options;
	char error[256] = "";
	int r;

	assert_int_equal(crypto_new(MASTER, secret, &f->crypto), 0);
	r = store_open(&store, f->crypto, &f->store, error, sizeof(error));
	if (r < 0)
		fail_msg("store_open: %s", error);
	options = (struct identity_options){
		.store = f->store,
		.crypto = f->crypto,
		.signup = { .window_ns = 3600 * NS_PER_S, .limit = 5 },
		.passwords = f->passwords,
		.key_rate = f->key_rate,
	};
	assert_int_equal(identity_open(&options, &f->identity), 0);
	f->complete = -1;
	if (watched)
		identity_watch(f->identity, &watcher);
}

static inline void open_node(struct fixture *f)
{
	open_node_as(f, SECRET, true);
}

static inline void close_node(struct fixture *f)
{
	identity_close(&f->identity);
	store_close(&f->store);
	crypto_free(&f->crypto);
}

static inline void reopen_node(struct fixture *f)
{
	close_node(f);
	open_node(f);
}

static inline int new_directory(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/axfw-test-XXXXXX");
	*state = f;
	return mkdtemp(f->dir) ? 0 : -1;
}

static inline int setup(void **state)
{
	if (new_directory(state) < 0)
		return -1;
	open_node(*state);
	return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	close_node(f);
	nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline uint32_t sign_up(struct fixture *f, const char *email)
{
	char code[CRYPTO_RECOVERY_CODE_LEN + 1];
	uint32_t tenant = 0;

	assert_int_equal(identity_sign_up(f->identity, email, PASSWORD, "free", &tenant, code), 0);
	return tenant;
}

/* Without the time a password takes: for tests of anything else. */
static inline uint32_t add_tenant(struct fixture *f, const char *email)
{
	struct store_tenant row;

	assert_int_equal(store_add_tenant(f->store, email, "-", "-", "free", &row), 0);
	reopen_node(f);
	return row.number;
}

static inline struct address address_of(const char *text)
{
	struct address a;

	assert_int_equal(address_parse(text, &a), 0);
	return a;
}

#endif
