/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a text to its verdict. The rules run over every view of the text, so a disguise has to beat
 * all of them; what only a decoded view has counts, too, and a signal names the view. Then the
 * model has its say, and at last the tenant's policy.
 */
#include "guard/engine.h"

#include <errno.h>
#include <stdio.h>
#include "guard/explain.h"
#include "guard/fusion.h"

/* One text on its way. */
struct evaluation {
	const struct guard *g;
	struct guard_scratch *scratch;
	const struct guard_request *request;
	const struct guard_policy *policy; /* NULL: none */
	const struct view *views;
	size_t view_count;
	struct matches all;	       /* rules that match in any view */
	struct matches new[VIEWS_MAX]; /* those that match in this view and in none before it */
	struct guard_verdict *v;
	struct guard_explanation *e; /* NULL: not asked for */
};

/* What the views before this one don't have. Whether somebody refuses or asks back isn't looked for
 * in what has to be decoded. */
static void keep_new(struct evaluation *e, size_t view, const struct matches *found)
{
	const struct guard *g = e->g;
	const struct matches *usable =
		&g->in_context[e->request->is_document][e->request->is_output];

	for (size_t i = 0; i < ARRAY_SIZE(found->bits); i++) {
		uint64_t bits = found->bits[i] & usable->bits[i] & ~e->all.bits[i];

		e->new[view].bits[i] = view ? bits & g->blocking.bits[i] : bits;
		e->all.bits[i] |= e->new[view].bits[i];
	}
}

static int match_rules(struct evaluation *e)
{
	int r = 0;

	for (size_t i = 0; i < e->view_count && r >= 0; i++) {
		struct matches found = { 0 };

		r = engine_scan(e->g->db, e->g->serial, e->scratch, e->views[i].text,
				e->views[i].len, &found);
		keep_new(e, i, &found);
	}
	return r;
}

static bool has_any(const struct matches *m)
{
	uint64_t any = 0;

	for (size_t i = 0; i < ARRAY_SIZE(m->bits); i++)
		any |= m->bits[i];
	return any;
}

static void name_views(struct evaluation *e)
{
	char signal[GUARD_SIGNAL_LEN];

	for (size_t i = 1; i < e->view_count; i++) {
		if (!has_any(&e->new[i]))
			continue;
		snprintf(signal, sizeof(signal), "view:%s", view_kind_name(e->views[i].kind));
		verdict_add_signal(e->v, signal);
	}
}

static int explain(struct evaluation *e)
{
	int r = 0;

	for (size_t i = 0; i < e->view_count && r >= 0; i++) {
		if (has_any(&e->new[i]))
			r = explain_rules(e->g, e->scratch, &e->views[i], &e->new[i], e->e);
	}
	return r;
}

static int evaluate_default(struct evaluation *e)
{
	const struct guard_request *request = e->request;
	int r;

	if (engine_is_blank(request->text, request->len)) {
		verdict_of_nothing(e->v);
		return 0;
	}
	r = views_make(e->scratch->views, request->text, request->len, &e->views, &e->view_count);
	if (r >= 0)
		r = match_rules(e);
	if (r < 0)
		return r;
	verdict_of_rules(e->g, &e->all, e->v);
	name_views(e);
	if (e->e)
		r = explain(e);
	if (r >= 0 && e->g->model)
		fuse_model(e->g->model, e->policy, request, e->views, e->view_count, e->v, e->e);
	return r;
}

int guard_evaluate(const struct guard *g, struct guard_scratch *scratch,
		   const struct guard_policy *policy, const struct guard_request *request,
		   struct guard_verdict *ret, struct guard_explanation *ret_explanation)
{
	struct guard_verdict v;
	struct evaluation e = { .g = g,
				.scratch = scratch,
				.request = request,
				.policy = policy,
				.v = &v,
				.e = ret_explanation };
	int r;

	v.block = v.is_shadow = v.shadow_block = false;
	v.signal_count = 0;
	if (ret_explanation)
		ret_explanation->count = 0;
	r = evaluate_default(&e);
	if (r >= 0 && policy)
		r = policy_apply(policy, scratch, request, &v, ret_explanation);
	if (r < 0)
		return r;
	*ret = v;
	return 0;
}

int guard_find_pii(const struct guard *g, struct guard_scratch *scratch, const char *text,
		   size_t len, struct guard_pii *ret, struct text *redacted)
{
	const struct pii_span *spans;
	size_t count;
	int r = pii_find(g->pii, scratch->pii, text, len, &spans, &count);

	if (r < 0)
		return r;
	*ret = (struct guard_pii){ .level = pii_level(spans, count) };
	for (size_t i = 0; i < count; i++)
		ret->types |= 1U << spans[i].type;
	return redacted ? pii_redact(text, len, spans, count, redacted) : 0;
}
