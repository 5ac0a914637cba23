/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine-readable half: guard calls, health, metrics, receipts' public keys, and the node's
 * own routes (local socket). Handlers only; routes.c in http/ says which path leads here. Each runs
 * on an epoll thread unless its row says slow.
 */
#ifndef API_H
#define API_H

#include "exchange/exchange.h"

void api_guard_check(struct exchange *x);
void api_guard_output(struct exchange *x);
void api_guard_batch(struct exchange *x);
void api_moderations(struct exchange *x);
void api_healthz(struct exchange *x);
void api_readyz(struct exchange *x);
void api_metrics(struct exchange *x);
void api_public_keys(struct exchange *x); /* /.well-known/axfw-keys.json */

/* For axfw(1), over the local socket. */
void api_node_status(struct exchange *x);
void api_node_maps(struct exchange *x);
void api_node_dump(struct exchange *x); /* what is in one */
void api_node_attach(struct exchange *x);
void api_node_detach(struct exchange *x);
void api_node_events(struct exchange *x);
void api_node_top(struct exchange *x);
void api_node_trace(struct exchange *x);
void api_node_denials(struct exchange *x);
void api_node_deny(struct exchange *x);
void api_node_undeny(struct exchange *x);
void api_node_tenant_create(struct exchange *x);
void api_node_store_finalize(struct exchange *x);
void api_node_key_create(struct exchange *x);
void api_node_key_list(struct exchange *x);
void api_node_key_revoke(struct exchange *x);

/* Counters of what userspace did, per thread without locks; summed when read. */
int metrics_new(unsigned slots, struct metrics **ret);
void metrics_free(struct metrics **m);
void metrics_count_request(struct metrics *m, unsigned slot, unsigned status);
/* A served verdict and how long it took. */
void metrics_count_verdict(struct metrics *m, unsigned slot, const struct guard_verdict *v,
			   uint64_t elapsed_ns);
enum metrics_refusal {
	METRICS_REFUSED_KEY,
	METRICS_REFUSED_QUOTA,
	METRICS_REFUSED_RATE,
	METRICS_REFUSED_SIGNUP,
	METRICS_REFUSED_MALFORMED,
	METRICS_REFUSED_TOO_LARGE,
	METRICS_REFUSED_UNAVAILABLE,
	METRICS_REFUSAL_COUNT,
};
void metrics_count_refusal(struct metrics *m, unsigned slot, enum metrics_refusal why);

/* What the kernel and userspace both answer, so that both say the same bytes. */
#define API_UNAUTHORIZED_BODY "{\"detail\":\"Invalid or missing API key\"}"
/* Around the seconds until the key may be used again. */
#define API_RATE_BODY_BEFORE                                                                       \
	"{\"detail\":\"This API key is used faster than its rate. Slow down.\","                   \
	"\"retry_after_seconds\":"
#define API_RATE_BODY_AFTER "}"

#endif
