/* SPDX-License-Identifier: Apache-2.0 */
/* A thread may have a network namespace of its own: it goes when the thread does, with all that was
 * attached in it. */
#include "kernel/trial.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <pthread.h>
#include <sched.h>
#include "base/base.h"
#include "kernel/libbpf_log.h"

#define LOOPBACK_INDEX 1 /* in every new namespace */

static int load_passing(enum bpf_prog_type type, uint32_t flags)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = flags);
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
		  .dst_reg = BPF_REG_0,
		  .imm = type == BPF_PROG_TYPE_XDP ? XDP_PASS : TC_ACT_UNSPEC },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(type, "axfw_trial", "GPL", pass, ARRAY_SIZE(pass), &opts);
}

static int attach_filter(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LOOPBACK_INDEX, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts);
	_cleanup_(closep) int prog_fd = -1;

	libbpf_log_begin();
	prog_fd = load_passing(BPF_PROG_TYPE_SCHED_CLS, 0);
	if (prog_fd < 0)
		return prog_fd;
	if (bpf_tc_hook_create(&hook) < 0)
		return -ENOENT;
	opts.prog_fd = prog_fd;
	return bpf_tc_attach(&hook, &opts);
}

static void *try_filter(void *arg)
{
	*(int *)arg = unshare(CLONE_NEWNET) < 0 ? -EPERM : attach_filter();
	return NULL;
}

int trial_tc(void)
{
	pthread_t thread;
	int result = -EAGAIN, r = pthread_create(&thread, NULL, try_filter, &result);

	if (r)
		return -r;
	pthread_join(thread, NULL);
	return result;
}

int trial_frags(void)
{
	_cleanup_(closep) int fd = load_passing(BPF_PROG_TYPE_XDP, BPF_F_XDP_HAS_FRAGS);

	return fd < 0 ? fd : 0;
}
