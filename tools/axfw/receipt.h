/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a receipt genuine? Pure: documents in, findings out; no file, no network. Every check is made
 * and reported, so that a person sees which part doesn't fit.
 */
#ifndef RECEIPT_H
#define RECEIPT_H

#include <stdbool.h>
#include "base/base.h"

#define RECEIPT_CHECKS_MAX 10

struct receipt_check {
	const char *name; /* "signature", "verdict", "text" */
	bool ok;
	char found[160];
};

struct receipt_findings {
	bool genuine; /* every check holds */
	unsigned count;
	struct receipt_check checks[RECEIPT_CHECKS_MAX];
	const json_t *payload; /* borrowed from the document; NULL when there is none */
};

/*
 * document: a receipt, or a guard answer with one in it. keys: the published set. text: what the
 * receipt should be about, or NULL. -EINVAL: there is no receipt in the document at all.
 */
int receipt_examine(const json_t *document, const json_t *keys, const char *text, size_t text_len,
		    struct receipt_findings *ret);

#endif
