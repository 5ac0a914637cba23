/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The pinned maps, by name. The names are what `bpftool map show` prints and what operators type,
 * so they are part of the ABI. X(name, written by, what it holds)
 */
#ifndef AXFW_MAPS_H
#define AXFW_MAPS_H

#define AXFW_PIN_DIR	  "/sys/fs/bpf/axfw"
#define AXFW_PIN_PROG_XDP "prog_xdp"

#define AXFW_MAPS(X)                                                                               \
	X(config, "daemon", "ports, limits, modes, generation")                                    \
	X(admissions, "daemon", "API keys the kernel may judge")                                   \
	X(unknown, "daemon", "keys that userspace refused")                                        \
	X(signups, "daemon", "signup attempts per client")                                         \
	X(flows, "kernel", "refused connections that are closing")                                 \
	X(responses, "daemon", "HTTP answers")                                                     \
	X(counters, "kernel", "packets and bytes per reason")                                      \
	X(events, "kernel", "sampled decisions")

#endif
