/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kernel that refuses the program lacks. Each is asked for by loading a program that uses
 * it, never by the version, which a distribution's backports make meaningless; the version named is
 * the vanilla one.
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include "kernel/internal.h"
#include "kernel/libbpf_log.h"

static const struct {
	enum bpf_func_id helper;
	const char *name, *since;
} wanted[] = {
	{ BPF_FUNC_loop, "bpf_loop", "5.17" },
	{ BPF_FUNC_xdp_load_bytes, "bpf_xdp_load_bytes", "5.18" },
	{ BPF_FUNC_skc_lookup_tcp, "bpf_skc_lookup_tcp", "5.2" },
	{ BPF_FUNC_skc_to_tcp_request_sock, "bpf_skc_to_tcp_request_sock", "5.9" },
	{ BPF_FUNC_ktime_get_boot_ns, "bpf_ktime_get_boot_ns", "5.8" },
	{ BPF_FUNC_ringbuf_reserve, "ring buffers", "5.8" },
};

bool features_missing(char *ret, size_t size)
{
	size_t len = 0;

	*ret = '\0';
	libbpf_log_begin();
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, wanted[i].helper, NULL) == 0 &&
		    len < size)
			len += (size_t)snprintf(ret + len, size - len, "%s%s (Linux %s)",
						len ? ", " : "", wanted[i].name, wanted[i].since);
	return len > 0;
}
