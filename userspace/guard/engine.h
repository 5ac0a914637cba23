/* SPDX-License-Identifier: Apache-2.0 */
/* What guard's files share: the engine, a thread's scratch space, and a policy's patterns. */
#ifndef GUARD_ENGINE_H
#define GUARD_ENGINE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <hs.h>
#include <pcre2.h>
#include "base/base.h"
#include "crypto/crypto.h"
#include "guard/guard.h"
#include "guard/rules.h"
#include "model/model.h"
#include "views/views.h"

/* A set of rules or patterns that matched, by index. */
#define MATCHES_MAX RULES_MAX
struct matches {
	uint64_t bits[MATCHES_MAX / 64];
};

static inline bool matches_has(const struct matches *m, size_t i)
{
	return m->bits[i / 64] >> (i % 64) & 1;
}

#define MANIFEST_ID_LEN 16
#define ENGINE_ID_LEN	12 /* of what is in the engine, in its version */

struct guard {
	struct rules *parsed; /* for explanations: their ids and regexes */
	struct pii_detector *pii;
	struct model *builtin;
	const struct model *model; /* whose word counts: builtin, another, or NULL */
	hs_database_t *db;
	uint64_t serial;
	size_t rule_count;
	struct {
		enum guard_class intent_class;
		unsigned weight;
	} rules[RULES_MAX];
	struct matches blocking; /* rules of HARM and DECEIVE */
	/* Those that are for a text; by [is_document][is_output]. */
	struct matches in_context[2][2];
	char rules_id[ENGINE_ID_LEN + 1];
	char version[64];
	char manifest_id[MANIFEST_ID_LEN + 1];
};

/* Databases that the scratch is known to be big enough for, by serial: asking Vectorscan takes it a
 * walk over the whole database (8 us for 80 KB). */
#define SCRATCH_FITTED 1024 /* a power of two */

struct guard_scratch {
	hs_scratch_t *hs;
	uint64_t fitted[SCRATCH_FITTED];
	struct views *views;
	struct pii_scratch *pii;
	pcre2_match_data *match_data;
	pcre2_match_context *match_context;
	/* The rules that had to be explained, for PCRE2; of the engine with this serial. */
	pcre2_code *explained[RULES_MAX];
	uint64_t explained_serial;
	char *clean; /* text with what isn't UTF-8 replaced; owned, grows */
	size_t clean_size;
};

/* Unlike any other's in this process; never 0. */
uint64_t engine_serial(void);
/* Adds the ids of the expressions that match to *ret. -ENOMEM, -EIO, -E2BIG. */
int engine_scan(const hs_database_t *db, uint64_t serial, struct guard_scratch *scratch,
		const char *text, size_t len, struct matches *ret);
/* The same for the rules, with the first end of each that matches. */
int engine_scan_ends(const struct guard *g, struct guard_scratch *scratch, const char *text,
		     size_t len, struct matches *ret, uint32_t ret_ends[static RULES_MAX]);
/* Nothing but white space, as Python's str.strip() sees it? */
bool engine_is_blank(const char *text, size_t len);

/* What a policy says about a text whose default verdict is *v: changes *v. e may be NULL. */
int policy_apply(const struct guard_policy *p, struct guard_scratch *scratch,
		 const struct guard_request *request, struct guard_verdict *v,
		 struct guard_explanation *e);
/* Reads from the parsed rules which are for which texts. */
void engine_sort_rules(struct guard *g);
/* The contract's arithmetic: what these rules say together, and what a blank text is. */
void verdict_of_rules(const struct guard *g, const struct matches *m, struct guard_verdict *v);
void verdict_of_nothing(struct guard_verdict *v);
void verdict_add_signal(struct guard_verdict *v, const char *name);

#endif
