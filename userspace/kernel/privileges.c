/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the process lacks, named before the kernel says only "Operation not permitted".
 * CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON, as in the kernel.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "kernel/internal.h"

static const struct {
	unsigned capability;
	bool admin_will_do;
	const char *name, *why;
} needed[] = {
	{ CAP_BPF, true, "CAP_BPF", "load programs and maps" },
	{ CAP_NET_ADMIN, false, "CAP_NET_ADMIN", "attach them to an interface" },
	{ CAP_PERFMON, true, "CAP_PERFMON", "read the server's sockets" },
};

bool privileges_have(unsigned capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	return data[capability / 32].effective & (1u << (capability % 32));
}

int privileges_check(char *reason, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (privileges_have(needed[i].capability) ||
		    (needed[i].admin_will_do && privileges_have(CAP_SYS_ADMIN)))
			continue;
		snprintf(reason, size, "no %s: the daemon may not %s", needed[i].name,
			 needed[i].why);
		return -EPERM;
	}
	return 0;
}
