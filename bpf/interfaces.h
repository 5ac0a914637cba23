/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Can what we send leave by this interface? The daemon tries, and lists those by which it can. */
#ifndef AXFW_BPF_INTERFACES_H
#define AXFW_BPF_INTERFACES_H

#include "maps.h"
#include "parse.h"

static __always_inline bool may_send(const struct axfw_config *settings, __u32 ifindex)
{
	if (settings->abi_version != AXFW_ABI_VERSION)
		return false;
#pragma clang loop unroll(full)
	for (int i = 0; i < AXFW_INTERFACES_MAX; i++) {
		if (settings->answer_ifindex[i] == ifindex)
			return true;
	}
	return false;
}

#endif
