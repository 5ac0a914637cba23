/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever logs in wrongly makes us do the same work, whether the account exists or not and whatever
 * its row looks like. The work is counted where it is done, at the libraries' functions, so no
 * clock is asked: these definitions come before the libraries' own and pass the call on.
 */
#include <argon2.h>
#include <dlfcn.h>
#include <openssl/evp.h>
#include <sqlite3.h>
#include "identity_fixture.h"

#define EMAIL	 "me@example.org"
#define PASSWORD "correct horse"

static struct work {
	unsigned pbkdf2_calls, argon2_calls;
	int iterations, salt_len, key_len;
	unsigned kib, passes, lanes;
	size_t encoded_len;
} work;

static void *real(const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	assert_non_null(symbol);
	return symbol;
}

int PKCS5_PBKDF2_HMAC(const char *pass, int passlen, const unsigned char *salt, int saltlen,
		      int iter, const EVP_MD *digest, int keylen, unsigned char *out)
{
	int (*call)(const char *, int, const unsigned char *, int, int, const EVP_MD *, int,
		    unsigned char *) = real("PKCS5_PBKDF2_HMAC");

	work.pbkdf2_calls++;
	work.iterations += iter;
	work.salt_len += saltlen;
	work.key_len += keylen;
	return call(pass, passlen, salt, saltlen, iter, digest, keylen, out);
}

int argon2id_verify(const char *encoded, const void *pwd, const size_t pwdlen)
{
	int (*call)(const char *, const void *, size_t) = real("argon2id_verify");

	work.argon2_calls++;
	assert_int_equal(sscanf(encoded, "$argon2id$v=19$m=%u,t=%u,p=%u$", &work.kib, &work.passes,
				&work.lanes),
			 3);
	work.encoded_len = strlen(encoded);
	return call(encoded, pwd, pwdlen);
}

static struct work work_of(struct fixture *f, const char *email, const char *password, int expected)
{
	uint32_t tenant;

	work = (struct work){ 0 };
	assert_int_equal(identity_log_in(f->identity, email, password, &tenant), expected);
	return work;
}

static void damage_row(struct fixture *f)
{
	char path[128];
	sqlite3 *db;

	close_node(f);
	snprintf(path, sizeof(path), "%s/registry.db", f->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "UPDATE tenants SET pw_hash = 'nonsense'", NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	open_node(f);
}

static void judge(struct fixture *f, enum crypto_password_scheme scheme)
{
	static const char *const strangers[] = { "you@example.org", "", "no address", "a@b@c" };
	char code[CRYPTO_RECOVERY_CODE_LEN + 1];
	struct work right, wrong, other;
	uint32_t tenant;

	close_node(f);
	f->passwords = scheme;
	open_node(f);
	assert_int_equal(identity_sign_up(f->identity, EMAIL, PASSWORD, "free", &tenant, code), 0);
	right = work_of(f, EMAIL, PASSWORD, 0);
	assert_int_equal(right.pbkdf2_calls, scheme == CRYPTO_PBKDF2);
	assert_int_equal(right.argon2_calls, scheme == CRYPTO_ARGON2ID);
	wrong = work_of(f, EMAIL, "wrong horse", -EKEYREJECTED);
	assert_memory_equal(&wrong, &right, sizeof(work));
	for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
		other = work_of(f, strangers[i], "wrong horse", -EKEYREJECTED);
		assert_memory_equal(&other, &right, sizeof(work));
	}
	damage_row(f);
	other = work_of(f, EMAIL, PASSWORD, -EKEYREJECTED);
	assert_memory_equal(&other, &right, sizeof(work));
}

static void with_pbkdf2(void **state)
{
	judge(*state, CRYPTO_PBKDF2);
}

static void with_argon2id(void **state)
{
	judge(*state, CRYPTO_ARGON2ID);
}

static void stored_hash(struct fixture *f, const char *email, char ret[CRYPTO_PASSWORD_TEXT_LEN])
{
	struct store_tenant row;

	assert_int_equal(store_find_login(f->store, email, &row, ret), 0);
}

/* An old account: its password becomes Argon2id's at the first right log-in, and not before. */
static void after_there_is_no_way_back(void **state)
{
	struct fixture *f = *state;
	char before[CRYPTO_PASSWORD_TEXT_LEN], after[CRYPTO_PASSWORD_TEXT_LEN];
	char code[CRYPTO_RECOVERY_CODE_LEN + 1];
	struct work done;
	uint32_t tenant;

	assert_int_equal(identity_sign_up(f->identity, EMAIL, PASSWORD, "free", &tenant, code), 0);
	stored_hash(f, EMAIL, before);
	assert_int_equal(identity_log_in(f->identity, EMAIL, PASSWORD, &tenant), 0);
	stored_hash(f, EMAIL, after);
	assert_string_equal(after, before); /* as long as there is one */
	assert_int_equal(crypto_password_scheme_of(after), CRYPTO_PBKDF2);

	assert_int_equal(identity_finalize(f->identity), 0);
	done = work_of(f, EMAIL, "wrong horse", -EKEYREJECTED);
	assert_int_equal(done.pbkdf2_calls, 1);
	stored_hash(f, EMAIL, after);
	assert_string_equal(after, before);
	done = work_of(f, EMAIL, PASSWORD, 0);
	assert_int_equal(done.pbkdf2_calls, 1);
	stored_hash(f, EMAIL, after);
	assert_int_equal(crypto_password_scheme_of(after), CRYPTO_ARGON2ID);
	close_node(f);
	open_node(f);
	done = work_of(f, EMAIL, PASSWORD, 0);
	assert_int_equal(done.pbkdf2_calls, 0);
	assert_int_equal(done.argon2_calls, 1);
	assert_int_equal(identity_log_in(f->identity, EMAIL, "wrong horse", &tenant),
			 -EKEYREJECTED);
	assert_int_equal(
		identity_sign_up(f->identity, "new@example.org", PASSWORD, "free", &tenant, code),
		0);
	stored_hash(f, "new@example.org", after);
	assert_int_equal(crypto_password_scheme_of(after), CRYPTO_ARGON2ID);
}

/* Then accounts cost either, so strangers do, and each always the same. */
static void strangers_are_of_both_kinds_then(void **state)
{
	struct fixture *f = *state;
	unsigned kinds[2] = { 0 };

	assert_int_equal(identity_finalize(f->identity), 0);
	for (int n = 0; n < 24; n++) {
		char email[32];
		struct work first, second;

		snprintf(email, sizeof(email), "u%d@example.org", n);
		first = work_of(f, email, "wrong horse", -EKEYREJECTED);
		second = work_of(f, email, "another horse", -EKEYREJECTED);
		assert_memory_equal(&first, &second, sizeof(work));
		assert_int_equal(first.pbkdf2_calls + first.argon2_calls, 1);
		kinds[first.argon2_calls]++;
	}
	assert_true(kinds[0] && kinds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(with_pbkdf2, setup, teardown),
		cmocka_unit_test_setup_teardown(with_argon2id, setup, teardown),
		cmocka_unit_test_setup_teardown(after_there_is_no_way_back, setup, teardown),
		cmocka_unit_test_setup_teardown(strangers_are_of_both_kinds_then, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
