/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to the set of rules that match: one pass of Vectorscan, in time linear in the text
 * whatever is in it. No memory is allocated here once a thread's scratch fits.
 */
#include "guard/engine.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include "guard/database.h"
#include "guard/receipt.h"

#define ENGINE_VERSION                                                                             \
	"1.1.0" /* raise it when code changes an answer; ids of rules and model follow it */

uint64_t engine_serial(void)
{
	static atomic_uint_fast64_t last;

	return ++last;
}

/* --- making ---------------------------------------------------------------------------------- */

static void matches_add(struct matches *m, size_t i)
{
	m->bits[i / 64] |= 1ULL << (i % 64);
}

static bool is_blocking(enum guard_class c)
{
	return c == GUARD_HARM || c == GUARD_DECEIVE;
}

static bool is_for(const struct rule *rule, bool is_document, bool is_output)
{
	return rule->context == RULE_ON_ANY_TEXT ||
	       (rule->context == RULE_ON_OUTPUT && is_output) ||
	       (rule->context == RULE_ON_DOCUMENTS && is_document);
}

void engine_sort_rules(struct guard *g)
{
	memset(&g->blocking, 0, sizeof(g->blocking));
	memset(g->in_context, 0, sizeof(g->in_context));
	for (size_t i = 0; i < g->rule_count; i++) {
		const struct rule *rule = &g->parsed->items[i];

		if (is_blocking(rule->intent_class))
			matches_add(&g->blocking, i);
		for (unsigned k = 0; k < 4; k++) {
			if (is_for(rule, k & 2, k & 1))
				matches_add(&g->in_context[k >> 1][k & 1], i);
		}
	}
}

/* Takes the rules. */
static void adopt_rules(struct guard *g, struct rules *rules,
			const uint8_t digest[static CRYPTO_DIGEST_LEN])
{
	char hex[2 * CRYPTO_DIGEST_LEN + 1];

	g->serial = engine_serial();
	g->parsed = rules;
	g->rule_count = rules->count;
	for (size_t i = 0; i < rules->count; i++) {
		g->rules[i].intent_class = rules->items[i].intent_class;
		g->rules[i].weight = rules->items[i].weight;
	}
	engine_sort_rules(g);
	hex_encode(digest, CRYPTO_DIGEST_LEN, hex);
	memcpy(g->manifest_id, hex, MANIFEST_ID_LEN);
	memcpy(g->rules_id, hex, ENGINE_ID_LEN);
}

bool guard_is_cached(const char *cache_dir)
{
	uint8_t digest[CRYPTO_DIGEST_LEN];
	size_t len;
	const char *text = rules_text(&len);

	crypto_sha256(text, len, digest);
	return database_is_cached(cache_dir, digest);
}

int guard_new(const char *cache_dir, struct guard **ret)
{
	_cleanup_(rules_free) struct rules *rules = NULL;
	_cleanup_(guard_free) struct guard *g = calloc(1, sizeof(*g));
	uint8_t digest[CRYPTO_DIGEST_LEN];
	char error[256] = "";
	const char *text;
	size_t len;
	int r;

	if (!g)
		return -ENOMEM;
	text = rules_text(&len);
	r = rules_parse(text, len, &rules, error, sizeof(error));
	if (r >= 0) {
		crypto_sha256(text, len, digest);
		r = database_open(cache_dir, rules, digest, &g->db, error, sizeof(error));
	}
	if (r < 0) {
		log_debug("the built-in rules: %s", error);
		return r;
	}
	r = pii_detector_new(cache_dir, &g->pii);
	if (r < 0)
		return r;
	adopt_rules(g, TAKE_PTR(rules), digest);
	r = model_builtin(&g->builtin);
	if (r < 0)
		return r;
	guard_use_model(g, g->builtin);
	*ret = TAKE_PTR(g);
	return 0;
}

void guard_free(struct guard **g)
{
	if (!*g)
		return;
	database_freep(&(*g)->db);
	rules_free(&(*g)->parsed);
	pii_detector_free(&(*g)->pii);
	model_free(&(*g)->builtin);
	free(*g);
	*g = NULL;
}

void guard_use_model(struct guard *g, const struct model *m)
{
	g->model = m;
	snprintf(g->version, sizeof(g->version), "%s+%s%s%s", ENGINE_VERSION, g->rules_id,
		 m ? "." : "", m ? model_id(m) : "");
}

const char *guard_engine_version(const struct guard *g)
{
	return g->version;
}

const char *guard_manifest_id(const struct guard *g)
{
	return g->manifest_id;
}

/* --- scratch --------------------------------------------------------------------------------- */

static int scratch_fit(struct guard_scratch *s, const hs_database_t *db, uint64_t serial)
{
	uint64_t *fitted = &s->fitted[serial % SCRATCH_FITTED];
	int r;

	if (*fitted == serial)
		return 0;
	r = from_hs(hs_alloc_scratch(db, &s->hs));
	if (r >= 0)
		*fitted = serial;
	return r;
}

int guard_scratch_new(const struct guard *g, struct guard_scratch **ret)
{
	_cleanup_(guard_scratch_free) struct guard_scratch *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = scratch_fit(s, g->db, g->serial);
	if (r >= 0)
		r = views_new(&s->views);
	if (r >= 0)
		r = pii_scratch_new(&s->pii);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

void guard_scratch_free(struct guard_scratch **s)
{
	if (!*s)
		return;
	hs_free_scratch((*s)->hs);
	pcre2_match_data_free((*s)->match_data);
	pcre2_match_context_free((*s)->match_context);
	for (size_t i = 0; i < RULES_MAX; i++)
		pcre2_code_free((*s)->explained[i]);
	views_free(&(*s)->views);
	pii_scratch_free(&(*s)->pii);
	free((*s)->clean);
	free(*s);
	*s = NULL;
}

/* --- matching -------------------------------------------------------------------------------- */

static int remember(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
		    void *arg)
{
	struct matches *m = arg;

	(void)from;
	(void)to;
	(void)flags;
	matches_add(m, id);
	return 0;
}

int engine_scan(const hs_database_t *db, uint64_t serial, struct guard_scratch *scratch,
		const char *text, size_t len, struct matches *ret)
{
	int r;

	if (len > UINT_MAX)
		return -E2BIG;
	r = scratch_fit(scratch, db, serial);
	if (r < 0)
		return r;
	return from_hs(hs_scan(db, text, (unsigned)len, 0, scratch->hs, remember, ret));
}

struct ends {
	struct matches *matches;
	uint32_t *ends;
};

static int remember_end(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
			void *arg)
{
	struct ends *e = arg;

	/* A rule of several regexes: the first of all of them. */
	if (!matches_has(e->matches, id) || to < e->ends[id])
		e->ends[id] = (uint32_t)to;
	return remember(id, from, to, flags, e->matches);
}

int engine_scan_ends(const struct guard *g, struct guard_scratch *scratch, const char *text,
		     size_t len, struct matches *ret, uint32_t ret_ends[static RULES_MAX])
{
	struct ends e = { ret, ret_ends };
	int r;

	if (len > UINT_MAX)
		return -E2BIG;
	r = scratch_fit(scratch, g->db, g->serial);
	if (r < 0)
		return r;
	return from_hs(hs_scan(g->db, text, (unsigned)len, 0, scratch->hs, remember_end, &e));
}

/* --- white space, as Python's str.strip() sees it -------------------------------------------- */

/* All of them but the ASCII ones are of two or three bytes in UTF-8. */
static const char *const wide_blanks[] = {
	"\xc2\x85",	"\xc2\xa0",	"\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
	"\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
	"\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
	"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
};

static bool is_ascii_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

static size_t blank_at_start(const char *text, size_t len)
{
	if (len && (unsigned char)*text < 0x80)
		return is_ascii_blank((unsigned char)*text);
	for (size_t i = 0; i < ARRAY_SIZE(wide_blanks); i++) {
		size_t n = strlen(wide_blanks[i]);

		if (n <= len && !memcmp(text, wide_blanks[i], n))
			return n;
	}
	return 0;
}

bool engine_is_blank(const char *text, size_t len)
{
	size_t n;

	while ((n = blank_at_start(text, len))) {
		text += n;
		len -= n;
	}
	return !len;
}
