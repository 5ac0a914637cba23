/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules say why, the model says how much. Where the rules have found harm or deceit the class stays
 * theirs, because a person can read why, and the model can only make it surer. Where they haven't,
 * the head that is furthest over its threshold decides. Below its thresholds the model says
 * nothing: the contract's arithmetic stands.
 */
#include "guard/fusion.h"

#include "guard/explain.h"
#include "guard/policy.h"

/* A decoded view is shown to the model from this length on: of a few letters it knows nothing. */
#define DECODED_MIN	  24
#define CONFIDENCE_MIN_E4 3000
#define CONFIDENCE_MAX_E4 9500

static const struct {
	enum guard_class intent_class;
	const char *why;
} heads[MODEL_HEAD_COUNT] = {
	[MODEL_HARM] = { GUARD_HARM, "model:harm" },
	[MODEL_DECEIVE] = { GUARD_DECEIVE, "model:deceive" },
};

/* A head's highest score in any view. */
struct word {
	int32_t logit_e3, over_e3; /* and how far that is over the threshold */
	unsigned probability_e4;
	bool blocks;
	const struct view *view;
	uint32_t begin, end; /* of the window in the view that scored it */
};

static void hear(const struct model *m, const struct view *view,
		 struct word words[static MODEL_HEAD_COUNT])
{
	struct model_score score;

	model_evaluate(m, view->text, view->len, &score);
	for (int h = 0; h < MODEL_HEAD_COUNT; h++) {
		if (words[h].view && score.logit_e3[h] <= words[h].logit_e3)
			continue;
		words[h].logit_e3 = score.logit_e3[h];
		words[h].view = view;
		words[h].begin = score.begin[h];
		words[h].end = score.end[h];
	}
}

static void weigh(const struct model *m, const struct guard_policy *p, bool is_document,
		  enum model_head head, struct word *w)
{
	enum model_context context = is_document ? MODEL_DOCUMENT : MODEL_PROMPT;

	w->over_e3 = w->logit_e3 - model_threshold_e3(m, context, head);
	w->probability_e4 = model_probability_e4(m, head, w->logit_e3);
	w->blocks = p && p->has_threshold[head] ? w->probability_e4 >= p->threshold_e4[head]
						: w->over_e3 >= 0;
}

/* "model:0.87" */
static void add_signal(struct guard_verdict *v, unsigned confidence_e4)
{
	char signal[] = "model:0.00";
	unsigned hundredths = (confidence_e4 + 50) / 100;

	signal[sizeof("model:0.") - 1] = (char)('0' + hundredths / 10);
	signal[sizeof("model:0.0") - 1] = (char)('0' + hundredths % 10);
	verdict_add_signal(v, signal);
}

/* The head that decides; MODEL_HEAD_COUNT: none does. */
static enum model_head choose(const struct word words[static MODEL_HEAD_COUNT],
			      const struct guard_verdict *v, bool is_output)
{
	const struct word *harm = &words[MODEL_HARM], *deceive = &words[MODEL_DECEIVE];

	if (v->intent_class == GUARD_HARM)
		return harm->blocks ? MODEL_HARM : MODEL_HEAD_COUNT;
	if (v->intent_class == GUARD_DECEIVE)
		return deceive->blocks ? MODEL_DECEIVE : MODEL_HEAD_COUNT;
	/* An answer that refuses repeats what it refuses. */
	if (is_output && v->intent_class == GUARD_REFUSE)
		return MODEL_HEAD_COUNT;
	if (harm->blocks && (!deceive->blocks || harm->over_e3 >= deceive->over_e3))
		return MODEL_HARM;
	return deceive->blocks ? MODEL_DECEIVE : MODEL_HEAD_COUNT;
}

static void decide(enum model_head head, const struct word *w, struct guard_verdict *v,
		   struct guard_explanation *e)
{
	bool agrees = v->intent_class == heads[head].intent_class;
	unsigned confidence_e4 = MAX(CONFIDENCE_MIN_E4, MIN(CONFIDENCE_MAX_E4, w->probability_e4));

	if (agrees && confidence_e4 <= v->confidence_e4)
		return;
	v->intent_class = heads[head].intent_class;
	v->confidence_e4 = confidence_e4;
	v->block = true;
	add_signal(v, confidence_e4);
	if (e)
		explain_add_place(e, w->view, w->begin, w->end, heads[head].why);
}

void fuse_model(const struct model *m, const struct guard_policy *policy,
		const struct guard_request *request, const struct view *views, size_t view_count,
		struct guard_verdict *v, struct guard_explanation *e)
{
	struct word words[MODEL_HEAD_COUNT] = { 0 };
	enum model_head head;

	for (size_t i = 0; i < view_count; i++) {
		if (!i || views[i].kind == VIEW_UNDISGUISED || views[i].len >= DECODED_MIN)
			hear(m, &views[i], words);
	}
	for (int h = 0; h < MODEL_HEAD_COUNT; h++)
		weigh(m, policy, request->is_document, (enum model_head)h, &words[h]);
	head = choose(words, v, request->is_output);
	if (head != MODEL_HEAD_COUNT)
		decide(head, &words[head], v, e);
}
