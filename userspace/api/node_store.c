/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator decides about the store as a whole. */
#include "api/api.h"

void api_node_store_finalize(struct exchange *x)
{
	int r = identity_finalize(x->services->identity);

	if (r < 0) {
		exchange_fail(x, r, "the store can't be made final");
		return;
	}
	log_info("the store is final: passwords become Argon2id's, the Python firewall can't read "
		 "those");
	exchange_reply_json(x, 200, json_pack("{s:b, s:s}", "final", 1, "passwords", "argon2id"));
}
