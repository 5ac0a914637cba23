/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two instructions on the other end of a veth: without an XDP program there, what ours sends back
 * with XDP_TX vanishes in the ring. The program stays as long as the interface.
 */
#include <errno.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include "bench.h"

int bench_xdp_pass(int argc, char **argv)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	unsigned index = argc > 0 ? if_nametoindex(argv[0]) : 0;
	_cleanup_(closep) int fd = -1;
	int r;

	if (!index)
		return bench_fail(-ENODEV, "the interface");
	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "bench_pass", "GPL", pass, ARRAY_SIZE(pass), NULL);
	if (fd < 0)
		return bench_fail(-errno, "loading a program");
	r = bpf_xdp_attach((int)index, fd, XDP_FLAGS_DRV_MODE, NULL);
	if (r < 0)
		return bench_fail(r, "attaching it");
	return bench_print(json_pack("{s:s}", "attached", argv[0]));
}
