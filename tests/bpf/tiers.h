/* SPDX-License-Identifier: Apache-2.0 */
/* The maps of tiers 0 and 1, of proxies and of penalties, as a row wants them. */
#ifndef BPF_TESTS_TIERS_H
#define BPF_TESTS_TIERS_H

#include "world.h"

/* Back to where every row starts: all of them empty. */
void tiers_clear(struct world *w);
/* "192.0.2.0/24", "::1". The denial ends in so many seconds; negative: it has ended. */
void tiers_deny(struct world *w, const char *prefix, enum axfw_denial_cause cause, int seconds);
uint64_t tiers_denied_packets(struct world *w, const char *prefix);
void tiers_allow(struct world *w, const char *prefix);
void tiers_trust(struct world *w, const char *prefix);
/* The signup window of a client: full since ten minutes. */
void tiers_fill_window(struct world *w, const char *client);

#endif
