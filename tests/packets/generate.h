/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases by grammar: requests and frames put together from parts, ordinary ones mostly, because a
 * head that is odd in five ways says nothing about the fifth. How odd a case is, is drawn first.
 */
#ifndef PACKETS_GENERATE_H
#define PACKETS_GENERATE_H

#include "random.h"
#include "script.h"

/* The scene changes every so many cases: setting it costs more than a case. */
#define CASES_PER_SCENE 64

/* Case `number` of run `seed`, the same in every run of the same program. */
void generate_script(uint64_t seed, uint64_t number, struct script *ret);

/* generate_proxy.c: the PROXY header of a connection into *ret. */
void generate_proxy_header(struct random *r, uint32_t odd, struct bytes *ret);
/* generate_http.c: a request into *ret. odd: in 1000, how often a part isn't what it should be. */
void generate_request(struct random *r, uint32_t odd, struct bytes *ret);

#endif
