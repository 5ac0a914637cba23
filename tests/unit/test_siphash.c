// SPDX-License-Identifier: Apache-2.0
/* SipHash-2-4-128: the reference's published vectors, and OpenSSL's implementation for every
 * length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include "axfw/siphash.h"

#define LEN_MAX 130

/* vectors_sip128 of the reference (github.com/veorq/SipHash), key 00..0f, input 00, 01, …; by
 * length. */
static const struct {
	unsigned len;
	uint8_t hash[16];
} vectors[] = {
	{ 0,
	  { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55,
	    0x02, 0x93 } },
	{ 1,
	  { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22,
	    0xfc, 0x45 } },
	{ 2,
	  { 0x81, 0x77, 0x22, 0x8d, 0xa4, 0xa4, 0x5d, 0xc7, 0xfc, 0xa3, 0x8b, 0xde, 0xf6, 0x0a,
	    0xff, 0xe4 } },
	{ 3,
	  { 0x9c, 0x70, 0xb6, 0x0c, 0x52, 0x67, 0xa9, 0x4e, 0x5f, 0x33, 0xb6, 0xb0, 0x29, 0x85,
	    0xed, 0x51 } },
	{ 7,
	  { 0xa1, 0xf1, 0xeb, 0xbe, 0xd8, 0xdb, 0xc1, 0x53, 0xc0, 0xb8, 0x4a, 0xa6, 0x1f, 0xf0,
	    0x82, 0x39 } },
	{ 8,
	  { 0x3b, 0x62, 0xa9, 0xba, 0x62, 0x58, 0xf5, 0x61, 0x0f, 0x83, 0xe2, 0x64, 0xf3, 0x14,
	    0x97, 0xb4 } },
	{ 48,
	  { 0xf7, 0xe5, 0xae, 0xf5, 0x49, 0xf7, 0x82, 0xcf, 0x37, 0x90, 0x55, 0xa6, 0x08, 0x26,
	    0x9b, 0x16 } },
	{ 63,
	  { 0x51, 0x50, 0xd1, 0x77, 0x2f, 0x50, 0x83, 0x4a, 0x50, 0x3e, 0x06, 0x9a, 0x97, 0x3f,
	    0xbd, 0x7c } },
};

static void check_vectors(void **state)
{
	uint8_t input[64], key[16];
	struct axfw_key_hash hash;

	for (unsigned i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)i;
	memcpy(key, input, sizeof(key));
	for (unsigned i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		axfw_siphash128(axfw_load64(key), axfw_load64(key + 8), input, vectors[i].len,
				&hash);
		assert_memory_equal(hash.bytes, vectors[i].hash, sizeof(hash.bytes));
	}
}

static void openssl_siphash(const uint8_t key[16], const uint8_t *data, size_t len, uint8_t ret[16])
{
	size_t size = 16;
	OSSL_PARAM params[] = { OSSL_PARAM_construct_size_t("size", &size), OSSL_PARAM_END };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);

	assert_non_null(context);
	assert_true(EVP_MAC_init(context, key, 16, params));
	assert_true(EVP_MAC_update(context, data, len));
	assert_true(EVP_MAC_final(context, ret, &size, 16));
	assert_int_equal(size, 16);
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(mac);
}

/* Exactly sized copies, so that ASan sees a read behind the end. */
static void check_against_openssl(void **state)
{
	uint32_t random = 1;

	for (uint32_t len = 0; len <= LEN_MAX; len++) {
		uint8_t *data = malloc(len + !len), key[16], expected[16];
		struct axfw_key_hash hash;

		assert_non_null(data);
		for (uint32_t i = 0; i < len; i++)
			data[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
		for (uint32_t i = 0; i < sizeof(key); i++)
			key[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
		axfw_siphash128(axfw_load64(key), axfw_load64(key + 8), data, len, &hash);
		openssl_siphash(key, data, len, expected);
		assert_memory_equal(hash.bytes, expected, sizeof(expected));
		free(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_vectors),
		cmocka_unit_test(check_against_openssl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
