/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of addresses that a scene may have: into the maps, and as the model's facts. */
#ifndef PACKETS_LISTS_H
#define PACKETS_LISTS_H

#include "model.h"
#include "script.h"

struct axfw_bpf;

/* Numbers of a scene that mean something; 0: no list. */
#define DENIED_LISTS  6
#define ALLOWED_LISTS 4
#define TRUST_LISTS   4

/* Fills the maps. until_ns: when a denial that lasts ends. */
void lists_put(const struct axfw_bpf *skeleton, const struct scene *scene, uint64_t until_ns);
void lists_know(const struct scene *scene, uint64_t until_ns, struct knowledge *ret);
/* enum axfw_tier */
uint32_t lists_tiers(const struct scene *scene);

#endif
