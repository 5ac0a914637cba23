/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the kernel half takes to enforce, and to be brought in step with many keys: with none of
 * them there, and when an earlier daemon has left them all. Attaches to the loopback of the network
 * namespace that it runs in.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "bench.h"
#include "kernel/kernel.h"

#define ERROR_MAX 256

static struct kernel_options options_for(const char *pin_dir)
{
	static const uint16_t ports[] = { 8004 };
	static const uint8_t key[16] = { 1 };
	static const struct kernel_answer answer = {
		429,
		"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n",
		"{\"detail\":\"no\"}",
	};
	struct kernel_options o = {
		.interfaces = "lo",
		.pin_dir = pin_dir,
		.ports = ports,
		.port_count = ARRAY_SIZE(ports),
		.admission_key = key,
		.signup = { .window_ns = 3600 * NS_PER_S, .limit = 5 },
	};

	for (int i = 0; i < AXFW_RESPONSE_COUNT; i++)
		o.answers[i] = answer;
	return o;
}

static int timed_start(const struct kernel_options *o, struct kernel **ret, double *ret_ms)
{
	uint64_t began = clock_monotonic_ns();
	struct kernel_state state;
	char error[ERROR_MAX] = "";
	int r = kernel_start(o, ret, error, sizeof(error));

	if (r < 0) {
		fprintf(stderr, "axfw-bench: %s\n", error);
		return r;
	}
	*ret_ms = (double)(clock_monotonic_ns() - began) / NS_PER_MS;
	kernel_state(*ret, &state);
	if (state.enforcing)
		return 0;
	fprintf(stderr, "axfw-bench: %s\n", state.reason);
	return -ENODEV;
}

/* Spread as the output of a hash is. */
static struct axfw_key_hash hash_of(uint64_t number)
{
	uint64_t words[2] = { (number + 1) * 0x9e3779b97f4a7c15ull, number };
	struct axfw_key_hash hash;

	memcpy(&hash, words, sizeof(hash));
	return hash;
}

struct took {
	double s, cpu_s; /* the second is fair on a busy machine, too */
};

static double cpu_s(void)
{
	struct timespec t = {};

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / NS_PER_S;
}

static int timed_reconcile(struct kernel *k, unsigned keys, struct took *ret)
{
	struct axfw_admission admission = { .state = AXFW_ADMITTED, .tenant_number = 1 };
	uint64_t began = clock_monotonic_ns();
	double cpu_began = cpu_s();
	int r = kernel_reconcile_begin(k);

	for (unsigned i = 0; i < keys && r == 0; i++) {
		struct axfw_key_hash hash = hash_of(i);

		admission.key_number = i;
		r = kernel_reconcile_put(k, &hash, &admission);
	}
	if (r == 0)
		r = kernel_reconcile_end(k, true);
	ret->s = (double)(clock_monotonic_ns() - began) / NS_PER_S;
	ret->cpu_s = cpu_s() - cpu_began;
	return r;
}

static uint64_t count_keys(struct kernel *k)
{
	struct kernel_map_state maps[32];
	unsigned n = kernel_map_states(k, maps, ARRAY_SIZE(maps));

	for (unsigned i = 0; i < n; i++)
		if (!strcmp(maps[i].name, "admissions"))
			return maps[i].entries;
	return 0;
}

int bench_kernel(int argc, char **argv)
{
	unsigned keys = (unsigned)bench_number(argc, argv, "--keys", 1e6);
	struct kernel_options o =
		options_for(bench_option(argc, argv, "--pin-dir", "/sys/fs/bpf/axfw-bench"));
	double start_ms = 0, adopt_ms = 0;
	struct took new = {}, same = {};
	struct kernel *k = NULL;
	uint64_t held;
	int r = timed_start(&o, &k, &start_ms);

	if (r == 0)
		r = timed_reconcile(k, keys, &new);
	if (r == 0) {
		kernel_keep(k);
		kernel_stop(&k);
		r = timed_start(&o, &k, &adopt_ms);
	}
	if (r == 0)
		r = timed_reconcile(k, keys, &same);
	held = k ? count_keys(k) : 0;
	kernel_stop(&k);
	if (r == 0 && held != keys)
		r = -ENOSPC;
	if (r < 0)
		return bench_fail(r, "the kernel half");
	return bench_print(json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:i}", "start_ms", start_ms,
				     "adopt_ms", adopt_ms, "new_s", new.s, "new_cpu_s", new.cpu_s,
				     "same_s", same.s, "same_cpu_s", same.cpu_s, "keys",
				     (int)keys));
}
