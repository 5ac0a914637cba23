/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two stored forms. pbkdf2$200000$<salt hex>$<digest hex> is the Python firewall's, and stays until
 * the operator says that there is no way back; then Argon2id in its own usual text. What is stored
 * says what checking it costs, so both readers bound that: a damaged row must not take the node's
 * memory or minutes.
 */
#include "crypto/crypto.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <argon2.h>
#include <openssl/evp.h>
#include "base/base.h"
#include "crypto/keys.h"

#define SALT_LEN	      16
#define SALT_LEN_MAX	      64
#define PBKDF2_ITERATIONS     200000   /* the Python firewall's */
#define PBKDF2_ITERATIONS_MAX 10000000 /* 4 s: nobody stores more on purpose */
#define PBKDF2_TAG	      "pbkdf2$"
/* OWASP's first choice for Argon2id: 19 MiB, two passes; two at once fit beside everything else. */
#define ARGON2_KIB	  19456
#define ARGON2_PASSES	  2
#define ARGON2_LANES	  1
#define ARGON2_KIB_MAX	  (64 * 1024)
#define ARGON2_PASSES_MAX 16
#define ARGON2_LANES_MAX  4
#define ARGON2_TAG	  "$argon2id$"

#define TEXT(x)	 #x
#define VALUE(x) TEXT(x)
#define ZEROS_16 "00000000000000000000000000000000"
#define AAAAA	 "AAAAAAAAAAAAAAAAAAAAA" /* 21: what is behind it makes 22 and 43 */

/* Texts that nobody's password leads to, as new ones would be: same parameters, salt and digest of
 * the same length. */
static const char *const pretended[] = {
	[CRYPTO_PBKDF2] = PBKDF2_TAG VALUE(PBKDF2_ITERATIONS) "$" ZEROS_16 "$" ZEROS_16 ZEROS_16,
	[CRYPTO_ARGON2ID] = ARGON2_TAG "v=19$m=" VALUE(ARGON2_KIB) ",t=" VALUE(
		ARGON2_PASSES) ",p=" VALUE(ARGON2_LANES) "$" AAAAA "A$" AAAAA AAAAA "A",
};

struct pbkdf2 {
	unsigned iterations;
	uint8_t salt[SALT_LEN_MAX];
	size_t salt_len;
	uint8_t digest[CRYPTO_MAC_LEN];
};

static int pbkdf2(const char *password, const struct pbkdf2 *p, uint8_t ret[static CRYPTO_MAC_LEN])
{
	return from_openssl(PKCS5_PBKDF2_HMAC(password, (int)strlen(password), p->salt,
					      (int)p->salt_len, (int)p->iterations, EVP_sha256(),
					      CRYPTO_MAC_LEN, ret) == 1);
}

static int pbkdf2_hash(const char *password, char ret[static CRYPTO_PASSWORD_TEXT_LEN])
{
	char salt[2 * SALT_LEN + 1], digest[2 * CRYPTO_MAC_LEN + 1];
	struct pbkdf2 p = { .iterations = PBKDF2_ITERATIONS, .salt_len = SALT_LEN };
	int r = crypto_random(p.salt, p.salt_len);

	if (r < 0)
		return r;
	r = pbkdf2(password, &p, p.digest);
	if (r < 0)
		return r;
	hex_encode(p.salt, p.salt_len, salt);
	hex_encode(p.digest, sizeof(p.digest), digest);
	snprintf(ret, CRYPTO_PASSWORD_TEXT_LEN, PBKDF2_TAG "%u$%s$%s", p.iterations, salt, digest);
	wipe(p.digest, sizeof(p.digest));
	wipe(digest, sizeof(digest));
	return 0;
}

/* stored begins behind the tag. */
static int pbkdf2_parse(const char *stored, struct pbkdf2 *ret)
{
	char salt[2 * SALT_LEN_MAX + 1], *end;
	unsigned long iterations;
	size_t len;

	if (*stored < '1' || *stored > '9')
		return -EINVAL;
	errno = 0;
	iterations = strtoul(stored, &end, 10);
	if (errno || *end != '$' || iterations > PBKDF2_ITERATIONS_MAX)
		return -EINVAL;
	stored = end + 1;
	len = strcspn(stored, "$");
	if (stored[len] != '$' || !len || len % 2 || len >= sizeof(salt))
		return -EINVAL;
	memcpy(salt, stored, len);
	salt[len] = '\0';
	ret->iterations = (unsigned)iterations;
	ret->salt_len = len / 2;
	stored += len + 1;
	if (strlen(stored) != 2 * sizeof(ret->digest))
		return -EINVAL;
	if (hex_decode(salt, ret->salt_len, ret->salt) < 0)
		return -EINVAL;
	return hex_decode(stored, sizeof(ret->digest), ret->digest);
}

static int pbkdf2_verify(const char *password, const struct pbkdf2 *p)
{
	uint8_t digest[CRYPTO_MAC_LEN];
	int r = pbkdf2(password, p, digest);

	if (r < 0)
		return r;
	r = crypto_equal(digest, p->digest, sizeof(digest));
	wipe(digest, sizeof(digest));
	return r;
}

static int from_argon2(int r)
{
	switch (r) {
	case ARGON2_OK:
		return 0;
	case ARGON2_MEMORY_ALLOCATION_ERROR:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static int argon2_hash_text(const char *password, char ret[static CRYPTO_PASSWORD_TEXT_LEN])
{
	uint8_t salt[SALT_LEN];
	int r = crypto_random(salt, sizeof(salt));

	if (r < 0)
		return r;
	return from_argon2(argon2id_hash_encoded(ARGON2_PASSES, ARGON2_KIB, ARGON2_LANES, password,
						 strlen(password), salt, sizeof(salt),
						 CRYPTO_MAC_LEN, ret, CRYPTO_PASSWORD_TEXT_LEN));
}

static int argon2_verify_text(const char *password, const char *stored)
{
	unsigned version, kib, passes, lanes;
	int r;

	if (strlen(stored) >= CRYPTO_PASSWORD_TEXT_LEN ||
	    sscanf(stored, ARGON2_TAG "v=%9u$m=%9u,t=%9u,p=%9u$", &version, &kib, &passes,
		   &lanes) != 4 ||
	    kib > ARGON2_KIB_MAX || passes > ARGON2_PASSES_MAX || lanes > ARGON2_LANES_MAX)
		return -EINVAL;
	r = argon2id_verify(stored, password, strlen(password));
	switch (r) {
	case ARGON2_OK:
		return 1;
	case ARGON2_VERIFY_MISMATCH:
		return 0;
	case ARGON2_MEMORY_ALLOCATION_ERROR:
		return -ENOMEM;
	default:
		return -EINVAL; /* everything else is about the stored text */
	}
}

int crypto_password_hash(enum crypto_password_scheme scheme, const char *password,
			 char ret[static CRYPTO_PASSWORD_TEXT_LEN])
{
	return scheme == CRYPTO_ARGON2ID ? argon2_hash_text(password, ret)
					 : pbkdf2_hash(password, ret);
}

int crypto_password_verify(const char *password, const char *stored)
{
	struct pbkdf2 p;
	int r;

	if (!strncmp(stored, ARGON2_TAG, strlen(ARGON2_TAG)))
		return argon2_verify_text(password, stored);
	if (strncmp(stored, PBKDF2_TAG, strlen(PBKDF2_TAG)))
		return -EINVAL;
	r = pbkdf2_parse(stored + strlen(PBKDF2_TAG), &p);
	return r < 0 ? r : pbkdf2_verify(password, &p);
}

int crypto_password_pretend(enum crypto_password_scheme scheme, const char *password)
{
	int r = crypto_password_verify(password, pretended[scheme]);

	return r < 0 ? r : 0;
}

enum crypto_password_scheme crypto_password_scheme_of(const char *stored)
{
	return strncmp(stored, ARGON2_TAG, sizeof(ARGON2_TAG) - 1) ? CRYPTO_PBKDF2
								   : CRYPTO_ARGON2ID;
}
