/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a packet is to the two hooks. One decision code runs in both; the few things in which they
 * differ have one name here, and each program's file says with one define which of them it is
 * (HOOK_XDP or HOOK_TC). `struct hook_ctx` is the program's context, GLOBAL(name) a global
 * function's name: both objects are linked into one, and each hook has its own because a global
 * function's context has a type.
 */
#ifndef AXFW_BPF_CONTEXT_H
#define AXFW_BPF_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "axfw/abi.h"

/* What becomes of a packet. */
enum fate {
	FATE_PASS, /* on to the stack */
	FATE_SEND_BACK,
	FATE_DROP,
};

/* Can a packet be given the length that it is to be sent with? */
enum room {
	ROOM_NONE,
	ROOM_MADE,
	ROOM_SUM_LATER, /* made, and whoever takes the packet next completes the TCP checksum */
};

/* Subtracts pointers, not the context's 32-bit fields: those the compiler would keep as half a
 * pointer. */
static __always_inline __u32 bytes_between(void *data, void *end)
{
	asm volatile("" : "+r"(data), "+r"(end));
	return end - data;
}

#if defined(HOOK_XDP)
#include "context_xdp.h"
#elif defined(HOOK_TC)
#include "context_tc.h"
#else
#error "which hook?"
#endif

#endif
