/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The learned part of the intent engine: how much a text reads like a harmful request, and how much
 * like an attempt to deceive the assistant. Integers from end to end, so a text has the same score
 * on every machine. A model is immutable and of any thread; a scratch is of one.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>
#include <stdint.h>

enum model_head { MODEL_HARM, MODEL_DECEIVE, MODEL_HEAD_COUNT };

/* What the text is: a threshold is frozen for each when the model is trained. */
enum model_context {
	MODEL_PROMPT,	/* what a person wrote to the assistant */
	MODEL_DOCUMENT, /* what somebody else wrote: an instruction to the assistant is an attack */
	MODEL_CONTEXT_COUNT,
};

struct model;

struct model_score {
	int32_t logit_e3[MODEL_HEAD_COUNT]; /* log-odds * 1,000 of the worst window */
	/* The bytes of that window. */
	uint32_t begin[MODEL_HEAD_COUNT], end[MODEL_HEAD_COUNT];
};

/* Of a text without a token. */
#define MODEL_LOGIT_NOTHING (-100000)

/* Weights as axfw-train writes them; copied. -EINVAL: why is in error. -ENOMEM. */
int model_parse(const void *bytes, size_t len, struct model **ret, char *error, size_t error_size);
/* Those that are part of the program. */
int model_builtin(struct model **ret);
void model_free(struct model **m);

/* The first 12 hex digits of the weights' SHA-256. */
const char *model_id(const struct model *m);
/* A score of at least this is a block. */
int32_t model_threshold_e3(const struct model *m, enum model_context context, enum model_head head);
/* The calibrated probability that a text with this score is what the head looks for, * 10,000. */
unsigned model_probability_e4(const struct model *m, enum model_head head, int32_t logit_e3);

/* The text is a normal view (views/views.h), at most 4 GiB; time is linear in it, no memory is
 * taken. */
void model_evaluate(const struct model *m, const char *text, size_t len, struct model_score *ret);

#endif
