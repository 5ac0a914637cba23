/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays a case: puts the scene into the real maps, has the kernel run the program on each segment,
 * asks the model, and compares the reason that was counted (and nothing else was), the action, the
 * frame to the byte and what is remembered of the flow.
 */
#ifndef PACKETS_STAGE_H
#define PACKETS_STAGE_H

#include "model.h"
#include "script.h"

struct stage;

/* Enters a network namespace of its own: once per process. NULL: said why. */
struct stage *stage_new(void);
void stage_free(struct stage **s);

/* False: they differ; *ret_problem says how, until the next case. */
bool stage_play(struct stage *s, const struct script *script, const char **ret_problem);
/* The reason of each of the last case's segments that agreed. */
enum axfw_reason stage_reason(const struct stage *s, uint32_t segment);
/* Is what was counted in all what the model said? Also what no case looks at one by one. */
bool stage_settle(struct stage *s, const char **ret_problem);

/* Cases and segments so far, and how often each reason was right. How many reasons never were, at
 * one hook or the other. */
unsigned stage_report(const struct stage *s, FILE *to);

#endif
