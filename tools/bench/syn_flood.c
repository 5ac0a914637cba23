/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SYN flood: so many frames a second that leave by an interface without ever having seen a stack
 * (BPF_F_TEST_XDP_LIVE_FRAMES), each from another forged source.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "bench.h"

#define TICK_NS	   NS_PER_MS
#define BATCH_MAX  64 /* frames that the kernel sends at once */
#define SYN_WINDOW 64240

DEFINE_CLEANUP(struct bpf_object *, object_freep, bpf_object__close)

struct syn {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

static bool read_mac(const char *text, uint8_t ret[ETH_ALEN])
{
	unsigned b[ETH_ALEN];

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) !=
	    ETH_ALEN)
		return false;
	for (int i = 0; i < ETH_ALEN; i++)
		ret[i] = (uint8_t)b[i];
	return true;
}

static int build(int argc, char **argv, struct syn *ret)
{
	*ret = (struct syn){
		.eth.h_proto = htons(ETH_P_IP),
		.ip = { .version = 4,
			.ihl = 5,
			.tot_len = htons(sizeof(ret->ip) + sizeof(ret->tcp)),
			.ttl = 64,
			.protocol = IPPROTO_TCP },
		.tcp = { .doff = 5, .syn = 1, .window = htons(SYN_WINDOW) },
	};
	ret->tcp.dest = htons((uint16_t)bench_number(argc, argv, "--port", 8004));
	if (!read_mac(bench_option(argc, argv, "--to-mac", ""), ret->eth.h_dest))
		return bench_fail(-EINVAL, "--to-mac");
	if (inet_pton(AF_INET, bench_option(argc, argv, "--to", ""), &ret->ip.daddr) != 1)
		return bench_fail(-EINVAL, "--to");
	return 0;
}

static int set_sources(struct bpf_object *object, int argc, char **argv)
{
	struct bpf_map *constants = bpf_object__find_map_by_name(object, ".rodata");
	struct in_addr first;
	uint32_t value[2]; /* the program's constants, in their order */

	if (inet_pton(AF_INET, bench_option(argc, argv, "--sources-from", ""), &first) != 1)
		return -EINVAL;
	value[0] = ntohl(first.s_addr);
	value[1] = (uint32_t)bench_number(argc, argv, "--sources", 1);
	return constants ? bpf_map__set_initial_value(constants, value, sizeof(value)) : -ENOENT;
}

static int send_frames(int prog_fd, const struct syn *frame, unsigned ifindex, unsigned count)
{
	struct xdp_md ctx = { .data_end = sizeof(*frame), .ingress_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(*frame),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = (int)count,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = count < BATCH_MAX ? count : BATCH_MAX);

	return bpf_prog_test_run_opts(prog_fd, &run);
}

static int drive(int prog_fd, const struct syn *frame, unsigned ifindex, double rate,
		 double seconds, uint64_t *sent)
{
	uint64_t began = clock_monotonic_ns(), now;
	struct timespec tick = { .tv_nsec = TICK_NS };

	while ((now = clock_monotonic_ns()) - began < (uint64_t)(seconds * NS_PER_S)) {
		uint64_t due = (uint64_t)((double)(now - began) / NS_PER_S * rate);
		int r = due > *sent ? send_frames(prog_fd, frame, ifindex, (unsigned)(due - *sent))
				    : 0;

		if (r < 0)
			return r;
		*sent = MAX(*sent, due);
		nanosleep(&tick, NULL);
	}
	return 0;
}

int bench_syn_flood(int argc, char **argv)
{
	_cleanup_(object_freep) struct bpf_object *object = NULL;
	unsigned ifindex = if_nametoindex(bench_option(argc, argv, "--interface", ""));
	double seconds = bench_number(argc, argv, "--seconds", 2);
	struct bpf_program *program;
	struct syn frame;
	uint64_t sent = 0;
	int r;

	if (!ifindex)
		return bench_fail(-ENODEV, "--interface");
	if (build(argc, argv, &frame))
		return 1;
	object = bpf_object__open(bench_option(argc, argv, "--object", "syn.bpf.o"));
	if (!object)
		return bench_fail(-errno, "--object");
	r = set_sources(object, argc, argv);
	if (r < 0)
		return bench_fail(r, "--sources-from");
	r = bpf_object__load(object);
	program = bpf_object__find_program_by_name(object, "make_syn");
	if (r < 0 || !program)
		return bench_fail(r < 0 ? r : -ENOENT, "loading the program");
	r = drive(bpf_program__fd(program), &frame, ifindex,
		  bench_number(argc, argv, "--rate", 10000), seconds, &sent);
	if (r < 0)
		return bench_fail(r, "sending");
	return bench_print(json_pack("{s:I, s:f}", "sent", (json_int_t)sent, "per_second",
				     (double)sent / seconds));
}
