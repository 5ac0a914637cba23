/* SPDX-License-Identifier: Apache-2.0 */
/* A request's body as JSON, in any of the encodings that Python's json.loads() takes. */
#ifndef API_JSON_BODY_H
#define API_JSON_BODY_H

#include "exchange/exchange.h"

/* -EBADMSG: not JSON. Strings may hold NUL (\u0000). Caller owns *ret. */
int json_body_parse(const char *body, size_t len, json_t **ret);
/* The same for a body that must be an object; else a 400 is said and NULL returned. */
json_t *json_body_object(struct exchange *x);

#endif
