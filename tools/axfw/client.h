/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the daemon over its unix socket, and one to anywhere else: the keys of axfw verify.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "cli.h"

struct answer {
	long status;
	char *text;   /* the body as it came; owned */
	json_t *json; /* owned */
};
void answer_free(struct answer *a);

/*
 * Sends body (taken; NULL for none) to "/node/…". Every failure, a refusal by the daemon included,
 * is reported to the user here; CLI_DONE means a 2xx answer that is a JSON object.
 */
enum cli_status client_call(const struct cli *cli, const char *method, const char *path,
			    json_t *body, struct answer *ret);
/* The same for an http(s):// address. */
enum cli_status client_fetch(const struct cli *cli, const char *url, struct answer *ret);
/* Percent-encodes one path segment or query value. Caller frees; NULL without memory. */
char *client_escape(const char *value);

/* For --json: the daemon's answer as it came. */
enum cli_status client_print(const struct answer *a);

#endif
