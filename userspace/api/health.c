/* SPDX-License-Identifier: Apache-2.0 */
/* Is the process there, can it do its job, and with which keys does it sign? */
#include <string.h>
#include "api/api.h"

static void reply_fixed(struct exchange *x, unsigned status, const char *body)
{
	exchange_reply_static(x, status, "application/json", body, strlen(body));
}

void api_healthz(struct exchange *x)
{
	reply_fixed(x, 200, "{\"status\":\"ok\"}");
}

/* What is wrong stands in the log: the answer is public. */
void api_readyz(struct exchange *x)
{
	int r = store_check(x->services->store);

	if (r < 0) {
		log_error_r(r, "not ready: the store can't be written");
		reply_fixed(x, 503,
			    "{\"status\":\"unready\",\"error\":\"the store can't be written\"}");
		return;
	}
	reply_fixed(x, 200, "{\"status\":\"ready\"}");
}

/* A JSON Web Key Set (RFC 7517) with an Ed25519 key (RFC 8037). */
void api_public_keys(struct exchange *x)
{
	uint8_t key[CRYPTO_ED25519_PUBLIC_LEN];
	char encoded[BASE64URL_LEN(sizeof(key)) + 1], kid[17];

	crypto_receipt_public_key(x->services->crypto, key);
	crypto_receipt_key_id(x->services->crypto, kid);
	base64url_encode(key, sizeof(key), encoded);
	exchange_reply_json(x, 200,
			    json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:s}]}", "keys", "kid", kid,
				      "kty", "OKP", "crv", "Ed25519", "alg", "EdDSA", "use", "sig",
				      "x", encoded));
}
