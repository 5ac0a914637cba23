/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectorscan can say where a match begins, but a database that does is several times as big and
 * slow as one that doesn't, and an explanation is asked for seldom. So it says where a match ends,
 * which costs nothing, and PCRE2 finds the beginning, within a budget; where it can't, the words
 * before the end have to do.
 */
#include "guard/explain.h"

#include <errno.h>
#include "guard/budget.h"

#define LOOK_BACK 1024 /* bytes before its end in which a match's beginning is looked for */
#define SHOWN	  64   /* bytes before the end that are shown when it isn't found */

void explain_add(struct guard_explanation *e, size_t begin, size_t end, const char *why,
		 const char *view)
{
	if (e->count < GUARD_REASONS_MAX)
		e->reasons[e->count++] =
			(struct guard_reason){ (uint32_t)begin, (uint32_t)end, why, view };
}

/* The regexes of a rule as one; NULL: PCRE2 doesn't take it. */
static pcre2_code *compile(const struct rule *rule)
{
	_cleanup_(text_free) struct text all = { 0 };
	PCRE2_SIZE at;
	int error;

	for (size_t i = 0; i < rule->regexes.count; i++) {
		text_add(&all, i ? "|(?:" : "(?:");
		text_add(&all, rule->regexes.items[i]);
		text_add(&all, ")");
	}
	if (text_failed(&all))
		return NULL;
	return pcre2_compile((PCRE2_SPTR)all.data, all.len,
			     PCRE2_CASELESS | PCRE2_DOTALL | BUDGET_COMPILE, &error, &at, NULL);
}

static void forget_other_engines(struct guard_scratch *s, uint64_t serial)
{
	if (s->explained_serial == serial)
		return;
	for (size_t i = 0; i < RULES_MAX; i++) {
		pcre2_code_free(s->explained[i]);
		s->explained[i] = NULL;
	}
	s->explained_serial = serial;
}

static const pcre2_code *find_code(const struct guard *g, struct guard_scratch *s, size_t rule)
{
	if (!s->explained[rule])
		s->explained[rule] = compile(&g->parsed->items[rule]);
	return s->explained[rule];
}

static size_t character_start(const char *text, size_t at)
{
	while (at && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	return at;
}

static size_t character_end(const char *text, size_t len, size_t at)
{
	while (at < len && ((unsigned char)text[at] & 0xc0) == 0x80)
		at++;
	return at;
}

/* The match of a rule that ends at `end`, and perhaps goes on. */
static int find_place(const pcre2_code *code, struct guard_scratch *s, struct budget *budget,
		      const char *text, size_t len, size_t end, struct pattern_match *ret)
{
	size_t from = end > LOOK_BACK ? end - LOOK_BACK : 0;
	int r = 0;

	if (code)
		r = budget_match(budget, code, false, s, text, len, from, ret);
	if (r < 0)
		return r;
	if (!r || ret->begin >= ret->end || ret->begin > end) {
		ret->begin = end > SHOWN ? end - SHOWN : 0;
		ret->end = end;
	}
	ret->begin = character_start(text, ret->begin);
	ret->end = character_end(text, len, ret->end);
	return 0;
}

void explain_add_place(struct guard_explanation *e, const struct view *view, size_t begin,
		       size_t end, const char *why)
{
	uint32_t from, to;

	view_span(view, begin, end, &from, &to);
	explain_add(e, from, to, why,
		    view->kind == VIEW_NORMAL ? NULL : view_kind_name(view->kind));
}

int explain_rules(const struct guard *g, struct guard_scratch *s, const struct view *view,
		  const struct matches *rules, struct guard_explanation *e)
{
	uint32_t ends[RULES_MAX];
	struct matches m = { 0 };
	struct pattern_match place = { 0 };
	struct budget budget;
	int r = engine_scan_ends(g, s, view->text, view->len, &m, ends);

	forget_other_engines(s, g->serial);
	budget_begin(&budget, view->len);
	for (size_t i = 0; i < g->rule_count && r >= 0; i++) {
		if (!matches_has(rules, i))
			continue;
		r = find_place(find_code(g, s, i), s, &budget, view->text, view->len, ends[i],
			       &place);
		if (r >= 0)
			explain_add_place(e, view, place.begin, place.end, g->parsed->items[i].id);
	}
	return r;
}
