/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The few fields of the kernel's own structs that a proof reads, as CO-RE fragments: libbpf finds
 * their real offsets in the running kernel's BTF. A vmlinux.h would say the same in three megabytes
 * and pin the build to one kernel.
 */
#ifndef AXFW_BPF_KERNEL_TYPES_H
#define AXFW_BPF_KERNEL_TYPES_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock_common {
	volatile unsigned char skc_state;
};

struct sock {
	struct sock_common __sk_common;
};

struct inet_sock {
	struct sock sk;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 rcv_nxt;
	__u32 snd_nxt;
	__u32 write_seq;
	__u32 mss_cache;
	__u64 bytes_received;
};

struct request_sock {
	__u16 mss; /* what the client's SYN announced */
};

struct inet_request_sock {
	struct request_sock req;
};

struct tcp_request_sock {
	struct inet_request_sock req;
	__u32 rcv_isn;
	__u32 snt_isn;
};

#pragma clang attribute pop

/* TCP_ESTABLISHED of an enum that the kernel's BTF has and no header of its ABI */
#define KERNEL_TCP_ESTABLISHED 1

#endif
