/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The pinned maps, by name. The names are what `bpftool map show` prints and what operators type,
 * so they are part of the ABI. X(name, since, written by, what it holds); since: the
 * AXFW_ABI_VERSION in which the map's key, value, type or meaning last changed. A daemon goes on
 * with a map that an older one pinned if it hasn't changed since.
 */
#ifndef AXFW_MAPS_H
#define AXFW_MAPS_H

#define AXFW_PIN_DIR	  "/sys/fs/bpf/axfw"
#define AXFW_PIN_PROG_XDP "prog_xdp"
#define AXFW_PIN_PROG_TC  "prog_tc"

#define AXFW_MAPS(X)                                                                               \
	X(config, 3, "daemon", "ports, limits, modes, generation")                                 \
	X(admissions, 1, "daemon", "API keys the kernel may judge")                                \
	X(unknown, 1, "daemon", "keys that userspace refused")                                     \
	X(signups, 1, "daemon", "signup attempts per client")                                      \
	X(denied, 3, "daemon", "prefixes whose packets are dropped")                               \
	X(denied_hosts, 3, "daemon", "addresses and IPv6 /64s whose packets are dropped")          \
	X(allowed, 2, "daemon", "prefixes of the allow list")                                      \
	X(proxies, 2, "daemon", "trusted proxies")                                                 \
	X(syn_budget, 2, "kernel", "SYNs per source, while tier 1 is on")                          \
	X(refusals, 2, "kernel", "requests refused lately, per client")                            \
	X(flows, 1, "kernel", "refused connections that are closing")                              \
	X(flow_counts, 2, "kernel", "refused connections, begun and ended")                        \
	X(responses, 2, "daemon", "HTTP answers")                                                  \
	X(counters, 2, "kernel", "packets and bytes per reason")                                   \
	X(events, 2, "kernel", "sampled decisions")                                                \
	X(event_budget, 2, "kernel", "events sent this second, and left out, on each CPU")

#endif
