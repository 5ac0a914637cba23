/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's enumerations as words, for JSON and metrics. Values that aren't known (of a newer
 * program) are "?". */
#ifndef API_NAMES_H
#define API_NAMES_H

#include "axfw/abi.h"
#include "axfw/reason.h"
#include "base/base.h"
#include "kernel/kernel.h"

const char *name_of_reason(unsigned reason); /* "KEY_UNKNOWN" */
enum axfw_action action_of_reason(unsigned reason);
const char *name_of_action(enum axfw_action action); /* "pass" */
const char *name_of_kind(unsigned kind);	     /* "sampled" */
const char *name_of_hook(unsigned hook);	     /* "xdp" */
const char *name_of_state(unsigned state);	     /* of an admission: "admitted" */
const char *name_of_cause(unsigned cause);	     /* of a denial: "operator" */
const char *name_of_response(unsigned response);     /* "401" */
/* 32 hex digits; null for no key. */
json_t *json_of_hash(const struct axfw_key_hash *hash);
json_t *json_of_interface(const struct kernel_interface *f);
json_t *json_of_counters(struct kernel *k); /* one row per reason */

#endif
