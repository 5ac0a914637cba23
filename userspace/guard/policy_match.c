/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tenant's patterns against a text. Vectorscan finds in one linear pass which of them match; what
 * it can't express exactly (look-around, back-references, \b among letters of any alphabet) it
 * overestimates, and PCRE2 confirms. PCRE2 backtracks, so every step of it, and every character it
 * moves over, is paid from a budget that is linear in the text and shared by all patterns of one
 * evaluation: the same text always comes to the same end. A pattern that uses it up counts as
 * matching, because a text that is made to be hard to judge must not be let through for it.
 */
#include "guard/policy.h"

#include <errno.h>
#include <string.h>
#include "guard/database.h"

#define BUDGET_BASE	100000 /* steps: 2 ms */
#define BUDGET_PER_BYTE 8
#define STEP_CHARACTERS 16    /* moving over this many costs as much as a step */
#define HEAP_KIB	16384 /* of backtracking points: a thread's share of 256 MB */
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
	uint32_t options = PCRE2_CASELESS | PCRE2_UTF | PCRE2_AUTO_CALLOUT |
			   PCRE2_NEVER_BACKSLASH_C | (s->text.ascii ? 0 : PCRE2_UCP);
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
		if (sources[i].how != MATCH_EXACT)
			continue;
		pcre2_code_free(p->patterns[i].code);
		p->patterns[i].code = NULL;
	}
	return r;
}

/* --- matching -------------------------------------------------------------------------------- */

struct budget {
	uint64_t left;
	PCRE2_SIZE at;
	bool has_references;
};

/* Comparing with what a group captured moves over that much again. */
static uint64_t captured(const pcre2_callout_block *b)
{
	uint64_t total = 0;

	for (uint32_t i = 1; i < b->capture_top; i++) {
		PCRE2_SIZE start = b->offset_vector[2 * i], end = b->offset_vector[2 * i + 1];

		if (start != PCRE2_UNSET && end != PCRE2_UNSET && end > start)
			total += end - start;
	}
	return total + b->capture_top;
}

static int pay(pcre2_callout_block *b, void *arg)
{
	struct budget *budget = arg;
	PCRE2_SIZE at = b->current_position;
	uint64_t moved = at > budget->at ? at - budget->at : budget->at - at;
	uint64_t cost;

	if (budget->has_references)
		moved += captured(b);
	cost = 1 + moved / STEP_CHARACTERS;
	budget->at = at;
	if (cost > budget->left) {
		budget->left = 0;
		return PCRE2_ERROR_CALLOUT;
	}
	budget->left -= cost;
	return 0;
}

/* Made when a thread first needs them: most tenants' patterns never do. */
static int pcre2_fit(struct guard_scratch *s)
{
	if (!s->match_data)
		s->match_data = pcre2_match_data_create(1, NULL);
	if (!s->match_context) {
		s->match_context = pcre2_match_context_create(NULL);
		if (s->match_context)
			pcre2_set_heap_limit(s->match_context, HEAP_KIB);
	}
	return s->match_data && s->match_context ? 0 : -ENOMEM;
}

/* 1: matches, or can't be judged within the budget; 0: doesn't. */
static int confirm(const struct policy_pattern *pattern, struct guard_scratch *s, const char *text,
		   size_t len, struct budget *budget)
{
	int r = pcre2_fit(s);

	if (r < 0)
		return r;
	budget->at = 0;
	budget->has_references = pattern->has_references;
	pcre2_set_callout(s->match_context, pay, budget);
	r = pcre2_match(pattern->code, (PCRE2_SPTR)text, len, 0, PCRE2_NO_UTF_CHECK, s->match_data,
			s->match_context);
	if (r == PCRE2_ERROR_NOMATCH)
		return 0;
	return r == PCRE2_ERROR_NOMEMORY ? -ENOMEM : 1;
}

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

int policy_find_match(const struct guard_policy *p, struct guard_scratch *scratch, const char *text,
		      size_t len)
{
	struct budget budget = { .left = BUDGET_BASE + BUDGET_PER_BYTE * (uint64_t)len };
	struct matches m = { 0 };
	int r = 0;

	if (!p->pattern_count)
		return -ENOENT;
	r = make_clean(scratch, &text, len);
	if (r >= 0 && p->db)
		r = engine_scan(p->db, p->serial, scratch, text, len, &m);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->pattern_count; i++) {
		const struct policy_pattern *pattern = &p->patterns[i];

		r = pattern->always || matches_has(&m, i);
		if (r && pattern->code)
			r = confirm(pattern, scratch, text, len, &budget);
		if (r < 0)
			return r;
		if (r)
			return (int)i;
	}
	return -ENOENT;
}
