/* SPDX-License-Identifier: Apache-2.0 */
/* The intent engine inside axfw: what the daemon judges with, without a daemon. */
#ifndef ENGINE_H
#define ENGINE_H

#include "cli.h"
#include "guard/guard.h"

struct engine {
	struct guard *guard;
	struct guard_scratch *scratch;
	struct guard_policy *policy; /* NULL: none */
};

/* policy_path may be NULL. Anything but CLI_DONE: it has been said why. */
enum cli_status engine_open(const struct cli *cli, const char *policy_path, struct engine *ret);
void engine_close(struct engine *e);

#endif
