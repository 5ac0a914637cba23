/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing up and logging in. Both hash a password, which takes long on purpose: worker pool. A
 * log-in takes the same time whether the account exists or not.
 */
#include <errno.h>
#include <stdio.h>
#include "identity/internal.h"

static int hash_credentials(const struct identity *i, const char *password, char *ret_code,
			    char ret_password[static CRYPTO_PASSWORD_TEXT_LEN],
			    char ret_recovery[static CRYPTO_PASSWORD_TEXT_LEN])
{
	int r;

	r = crypto_recovery_code_new(ret_code);
	if (r < 0)
		return r;
	r = crypto_password_hash(atomic_load(&i->passwords), ret_code, ret_recovery);
	if (r < 0)
		return r;
	return crypto_password_hash(atomic_load(&i->passwords), password, ret_password);
}

/* In characters, as people count them; the text is UTF-8. */
static bool is_long_enough(const char *password)
{
	size_t characters = 0;

	for (; *password; password++)
		characters += (*password & 0xc0) != 0x80;
	return characters >= IDENTITY_PASSWORD_MIN;
}

static bool is_registered(struct identity *i, const char *email)
{
	ENTER();
	return identity_find_email(i, email) != NULL;
}

int identity_sign_up(struct identity *i, const char *email, const char *password, const char *tier,
		     uint32_t *ret_tenant, char *ret_recovery_code)
{
	char normal[STORE_EMAIL_MAX + 1], code[CRYPTO_RECOVERY_CODE_LEN + 1];
	char password_hash[CRYPTO_PASSWORD_TEXT_LEN], recovery_hash[CRYPTO_PASSWORD_TEXT_LEN];
	struct store_tenant row = { 0 };
	int r;

	r = email_normalise(email, normal);
	if (r < 0)
		return r;
	/* An address the Python firewall let in, however odd, is "registered", not "wrong". */
	if (is_registered(i, normal))
		return -EEXIST;
	if (!email_is_sane(normal))
		return -EINVAL;
	if (!is_long_enough(password) || strlen(password) > IDENTITY_PASSWORD_MAX)
		return -ERANGE;
	r = hash_credentials(i, password, code, password_hash, recovery_hash);
	if (r >= 0)
		r = store_add_tenant(i->store, normal, password_hash, recovery_hash, tier, &row);
	if (r >= 0)
		r = directory_add_tenant(i, &row);
	if (r >= 0) {
		*ret_tenant = row.number;
		memcpy(ret_recovery_code, code, sizeof(code));
	}
	wipe(code, sizeof(code));
	return r < 0 ? r : 0;
}

/*
 * Whose work is done for an account that doesn't exist? Once the store is final there are accounts
 * of both kinds, and one kind alone would tell that the others exist: so half of the strangers'
 * addresses get either, each always the same.
 */
static enum crypto_password_scheme pretended_scheme(const struct identity *i, const char *email)
{
	uint8_t mac[CRYPTO_MAC_LEN];
	char message[sizeof("stranger:") + STORE_EMAIL_MAX];
	int len = snprintf(message, sizeof(message), "stranger:%s", email);

	if (!atomic_load(&i->final))
		return atomic_load(&i->passwords);
	crypto_session_mac(i->crypto, message, (size_t)len, mac);
	return mac[0] & 1 ? CRYPTO_ARGON2ID : CRYPTO_PBKDF2;
}

/* What can't be written now is tried again at the next log-in. */
static void modernise(struct identity *i, uint32_t tenant, const char *password, const char *stored)
{
	char hash[CRYPTO_PASSWORD_TEXT_LEN];

	if (!atomic_load(&i->final) || crypto_password_scheme_of(stored) == CRYPTO_ARGON2ID)
		return;
	if (crypto_password_hash(CRYPTO_ARGON2ID, password, hash) == 0)
		(void)store_set_password(i->store, tenant, hash);
	wipe(hash, sizeof(hash));
}

int identity_log_in(struct identity *i, const char *email, const char *password,
		    uint32_t *ret_tenant)
{
	char normal[STORE_EMAIL_MAX + 1] = "", hash[CRYPTO_PASSWORD_TEXT_LEN];
	struct store_tenant row = { 0 };
	bool known = false;
	int r;

	/* Too long for any account's password: said without hashing, for every e-mail alike. */
	if (strlen(password) > IDENTITY_PASSWORD_MAX)
		return -EKEYREJECTED;
	if (email_normalise(email, normal) == 0) {
		r = store_find_login(i->store, normal, &row, hash);
		if (r < 0 && r != -ENOENT)
			return r;
		known = r >= 0;
	}
	r = known ? crypto_password_verify(password, hash) : -EINVAL;
	/* Nothing was computed for an unknown account, nor for a row that can't be read. */
	if (r == -EINVAL)
		r = crypto_password_pretend(pretended_scheme(i, normal), password);
	if (r < 0)
		return r;
	if (r != 1)
		return -EKEYREJECTED;
	modernise(i, row.number, password, hash);
	*ret_tenant = row.number;
	return 0;
}

/* --- no way back ----------------------------------------------------------------------------- */

int accounts_load(struct identity *i)
{
	int r = store_is_final(i->store);

	if (r < 0)
		return r;
	if (r == 1) {
		atomic_store(&i->passwords, CRYPTO_ARGON2ID);
		atomic_store(&i->final, true);
	}
	return 0;
}

int identity_finalize(struct identity *i)
{
	int r = store_finalize(i->store);

	return r < 0 ? r : accounts_load(i);
}
