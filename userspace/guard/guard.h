/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The intent engine: text in, class, confidence, signals and verdict out. Deterministic for a given
 * text, policy and engine version; knows no storage and no HTTP. struct guard and struct
 * guard_policy are immutable after creation, so any thread may evaluate with them; each thread
 * brings its own scratch.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/text.h"
#include "pii/pii.h"

enum guard_class {
	GUARD_INFORM,
	GUARD_CLARIFY,
	GUARD_REFUSE,
	GUARD_HARM,
	GUARD_DECEIVE,
	GUARD_UNCERTAIN,
	GUARD_CLASS_COUNT,
};
const char *guard_class_name(enum guard_class c);

#define GUARD_SIGNALS_MAX 16
#define GUARD_SIGNAL_LEN  32

struct guard_verdict {
	bool block;
	enum guard_class intent_class;
	unsigned confidence_e4; /* confidence * 10,000, so that it prints and compares exactly */
	unsigned signal_count;
	/* "harm:2", "view:base64", "model:0.87", "custom_harm", "empty_input" */
	char signals[GUARD_SIGNALS_MAX][GUARD_SIGNAL_LEN];
	/* The policy only watches: nothing is blocked, and this is what would have been. */
	bool is_shadow;
	bool shadow_block;
};

/* What is to be judged: any bytes, may hold NUL. */
struct guard_request {
	const char *text;
	size_t len;
	bool is_document; /* somebody else's text that the assistant is to work on */
	bool is_output;	  /* of the model, not for it */
};

#define GUARD_REASONS_MAX 32

struct guard_reason {
	uint32_t begin, end; /* bytes of the text as it was given, at the borders of characters */
	const char *why; /* a rule's id, "model:harm", "custom_harm"; lives as long as the engine */
	const char *view; /* "base64", ...: found only when the place was decoded; else NULL */
};

/* What in the text led to the verdict, in the order of the rules. */
struct guard_explanation {
	unsigned count;
	struct guard_reason reasons[GUARD_REASONS_MAX];
};

struct guard;
struct guard_policy;
struct guard_scratch;

/* Compiles the built-in rules into one Vectorscan database, or loads it from cache_dir (may be NULL
 * or ""), where it is stored and checked. -EINVAL: a rule doesn't compile. */
int guard_new(const char *cache_dir, struct guard **ret);
/* Will guard_new() take milliseconds, or the seconds that compiling takes? For telling a person. */
bool guard_is_cached(const char *cache_dir);
void guard_free(struct guard **g);
/* Another model instead of the built-in one; NULL: the rules alone. Borrowed. Before any thread
 * evaluates. */
struct model;
void guard_use_model(struct guard *g, const struct model *m);
/* Changes whenever an answer could: part of every receipt. */
const char *guard_engine_version(const struct guard *g);

/* Scratch space for any policy and the engine; one per thread. Grows by itself. */
int guard_scratch_new(const struct guard *g, struct guard_scratch **ret);
void guard_scratch_free(struct guard_scratch **s);

/* A tenant's document, version 1 of the Python firewall. On -EINVAL its message is in error.
 * version is what the store calls this document; shown in receipts. */
int guard_policy_parse(const char *json, size_t len, uint32_t version, struct guard_policy **ret,
		       char *error, size_t error_size);
void guard_policy_free(struct guard_policy **p);
uint32_t guard_policy_version(const struct guard_policy *p); /* 0 for NULL */

/* policy may be NULL. ret_explanation may be NULL: finding the places takes several times as long
 * as finding that there are some. -ENOMEM, -EIO, -E2BIG: 4 GiB and more. */
int guard_evaluate(const struct guard *g, struct guard_scratch *scratch,
		   const struct guard_policy *policy, const struct guard_request *request,
		   struct guard_verdict *ret, struct guard_explanation *ret_explanation);

/* Personal data and secrets in a text, as kinds: never what they are. */
struct guard_pii {
	enum pii_level level;
	unsigned types; /* a bit for each enum pii_type */
};

/* Appends the text with a mark in each one's place to redacted, unless that is NULL. -ENOMEM;
 * -E2BIG: 4 GiB and more. */
int guard_find_pii(const struct guard *g, struct guard_scratch *scratch, const char *text,
		   size_t len, struct guard_pii *ret, struct text *redacted);

#endif
