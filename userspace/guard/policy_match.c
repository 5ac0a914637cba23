/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tenant's patterns against a text. Vectorscan finds in one linear pass which of them match; what
 * it can't express exactly (look-around, back-references, \b among letters of any alphabet) it
 * overestimates, and PCRE2 confirms, within a budget. A pattern that uses it up counts as matching,
 * because a text that is made to be hard to judge must not be let through for it.
 */
#include "guard/policy.h"

#include <errno.h>
#include <string.h>
#include "guard/budget.h"
#include "guard/database.h"

/* Above these, in states (pattern_text.cost), Vectorscan isn't asked to compile it. */
#define COST_PATTERN_MAX  4000
#define COST_POLICY_MAX	  40000
#define COMPILE_TRIES_MAX 4
#define VECTORSCAN_FLAGS                                                                           \
	(HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY | HS_FLAG_UTF8)

DEFINE_CLEANUP(pcre2_compile_context *, compile_context_freep, pcre2_compile_context_free)

/* --- compiling ------------------------------------------------------------------------------- */

static unsigned vectorscan_flags(const struct policy_source *s)
{
	return VECTORSCAN_FLAGS | (s->how == MATCH_CONFIRM ? HS_FLAG_PREFILTER : 0);
}

int policy_compile_pattern(struct policy_source *s, struct policy_pattern *ret, char *error,
			   size_t error_size)
{
	_cleanup_(compile_context_freep)
		pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	uint32_t options = PCRE2_CASELESS | PCRE2_UTF | BUDGET_COMPILE | PCRE2_NEVER_BACKSLASH_C |
			   (s->text.ascii ? 0 : PCRE2_UCP);
	uint32_t references = 0;
	PCRE2_SIZE at;
	int code;

	if (!context)
		return -ENOMEM;
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	ret->code = pcre2_compile((PCRE2_SPTR)s->text.regex.data, s->text.regex.len, options, &code,
				  &at, context);
	if (!ret->code) {
		pcre2_get_error_message(code, (PCRE2_UCHAR *)error, error_size);
		return code == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -EINVAL;
	}
	pcre2_pattern_info(ret->code, PCRE2_INFO_BACKREFMAX, &references);
	ret->has_references = references > 0;
	s->how = s->text.beyond ? MATCH_CONFIRM : MATCH_EXACT;
	return 0;
}

struct expressions {
	const char *regex[POLICY_PATTERNS_MAX];
	unsigned flags[POLICY_PATTERNS_MAX];
	unsigned id[POLICY_PATTERNS_MAX];
	unsigned count;
};

/* What isn't too costly; the rest is PCRE2's. */
static void collect(const struct guard_policy *p, struct policy_source *sources,
		    struct expressions *ret)
{
	uint64_t cost = 0;

	ret->count = 0;
	for (unsigned i = 0; i < p->pattern_count; i++) {
		struct policy_source *s = &sources[i];

		if (s->text.cost > COST_PATTERN_MAX || cost + s->text.cost > COST_POLICY_MAX)
			s->how = MATCH_ALWAYS;
		if (s->how == MATCH_ALWAYS)
			continue;
		cost += s->text.cost;
		ret->regex[ret->count] = s->text.wide.data;
		ret->flags[ret->count] = vectorscan_flags(s);
		ret->id[ret->count++] = i;
	}
}

/* Compiles what is collected. 1: there is something to leave out; it has been marked. */
static int try_compile(struct guard_policy *p, struct policy_source *sources,
		       const struct expressions *e, bool last_try)
{
	hs_compile_error_t *why = NULL;
	int culprit;

	if (!e->count)
		return 0;
	if (hs_compile_multi(e->regex, e->flags, e->id, e->count, HS_MODE_BLOCK, NULL, &p->db,
			     &why) == HS_SUCCESS)
		return 0;
	p->db = NULL;
	culprit = why->expression;
	hs_free_compile_error(why);
	if (culprit >= 0 && !last_try) {
		sources[e->id[culprit]].how = MATCH_ALWAYS;
		return 1;
	}
	for (size_t i = 0; i < p->pattern_count; i++)
		sources[i].how = MATCH_ALWAYS;
	return 0;
}

int policy_compile_database(struct guard_policy *p, struct policy_source *sources)
{
	_cleanup_(freep) struct expressions *e = calloc(1, sizeof(*e));
	int r = 1;

	if (!e)
		return -ENOMEM;
	for (int i = 1; r > 0; i++) {
		collect(p, sources, e);
		r = try_compile(p, sources, e, i == COMPILE_TRIES_MAX);
	}
	for (size_t i = 0; i < p->pattern_count; i++) {
		p->patterns[i].always = sources[i].how == MATCH_ALWAYS;
		p->patterns[i].is_exact = sources[i].how == MATCH_EXACT;
	}
	return r;
}

/* --- matching -------------------------------------------------------------------------------- */

/* Both engines are told that it is UTF-8, and are undefined when it isn't. */
static int make_clean(struct guard_scratch *s, const char **text, size_t len)
{
	if (text_is_utf8(*text, len))
		return 0;
	if (s->clean_size < len) {
		char *clean = realloc(s->clean, len);

		if (!clean)
			return -ENOMEM;
		s->clean = clean;
		s->clean_size = len;
	}
	for (size_t i = 0; i < len; i++)
		s->clean[i] = (unsigned char)(*text)[i] < 0x80 ? (*text)[i] : '?';
	*text = s->clean;
	return 0;
}

/* Vectorscan said "perhaps", or couldn't be asked. */
static int confirm(const struct policy_pattern *pattern, struct guard_scratch *s, const char *text,
		   size_t len, struct budget *budget, struct pattern_match *ret)
{
	/* Vectorscan's word is exact; only where isn't known. */
	if (pattern->is_exact && !ret)
		return 1;
	return budget_match(budget, pattern->code, pattern->has_references, s, text, len, 0, ret);
}

int policy_find_match(const struct guard_policy *p, struct guard_scratch *scratch, const char *text,
		      size_t len, struct pattern_match *ret)
{
	struct matches m = { 0 };
	struct budget budget;
	int r = 0;

	if (!p->pattern_count)
		return -ENOENT;
	budget_begin(&budget, len);
	r = make_clean(scratch, &text, len);
	if (r >= 0 && p->db)
		r = engine_scan(p->db, p->serial, scratch, text, len, &m);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->pattern_count; i++) {
		if (!p->patterns[i].always && !matches_has(&m, i))
			continue;
		r = confirm(&p->patterns[i], scratch, text, len, &budget, ret);
		if (r < 0)
			return r;
		if (r || p->patterns[i].is_exact)
			return (int)i;
	}
	return -ENOENT;
}
