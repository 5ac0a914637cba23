/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule files, read: data/rules/, which are part of the program. The head of fragments.txt says
 * how they are written. Inside guard/ and for its tests only.
 */
#ifndef GUARD_RULES_H
#define GUARD_RULES_H

#include <stddef.h>
#include <stdint.h>
#include "guard/guard.h"

#define RULES_MAX	 256 /* bits of what one evaluation remembers */
#define RULES_WEIGHT_MAX 100

struct strings {
	char **items; /* owned, terminated */
	size_t count;
};

/* Which texts a rule is for. */
enum rule_context {
	RULE_ON_ANY_TEXT,
	RULE_ON_OUTPUT,	   /* only what a model said */
	RULE_ON_DOCUMENTS, /* only what the caller calls a document */
};

struct rule {
	char *id;
	char *purpose;
	enum rule_context context;
	enum guard_class intent_class;
	unsigned weight;
	struct strings regexes; /* fragments and spaces written out; any of them */
	struct strings match, no_match;
};

struct rules {
	struct rule *items;
	size_t count;
};

/* The text as it was built in. */
const char *rules_text(size_t *ret_len);
/* -EINVAL with the line's number and what is wrong with it in error. */
int rules_parse(const char *text, size_t len, struct rules **ret, char *error, size_t error_size);
void rules_free(struct rules **rules);

#endif
