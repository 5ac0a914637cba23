/* SPDX-License-Identifier: Apache-2.0 */
/* axfwd: reads its settings, starts a node, waits for the word to end. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include "node.h"

#define ERROR_MAX 256
/* Room for connections, tenant files (3 descriptors each) and everything else. */
#define DESCRIPTORS_WANTED 16384

/* Set from any thread when a new daemon has taken the sockets; the signal wakes the waiting main
 * thread. */
static atomic_bool taken_over;

static void on_handover(void *arg)
{
	taken_over = true;
	kill(*(pid_t *)arg, SIGTERM);
}

static void complain(void *arg, bool fatal, const char *sentence)
{
	(void)arg;
	log_line(fatal ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s", sentence);
}

/* Every thread inherits the mask: the signals below are only ever taken by wait_for_end(). */
static void block_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGHUP);
	pthread_sigmask(SIG_BLOCK, ret, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void wait_for_end(struct node *node, const sigset_t *signals)
{
	const struct timespec tick = { .tv_sec = NODE_TICK_MS / 1000,
				       .tv_nsec = NODE_TICK_MS % 1000 * (long)NS_PER_MS };

	for (;;) {
		int signal_number = sigtimedwait(signals, NULL, &tick);

		if (signal_number == SIGINT || signal_number == SIGTERM)
			return;
		if (signal_number == SIGHUP)
			log_warning("SIGHUP: settings are read at start; start a new axfwd beside "
				    "this one, it "
				    "takes over without refusing a connection");
		node_tick(node);
	}
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_WANTED)
		return;
	limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)DESCRIPTORS_WANTED);
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("at most %llu open files", (unsigned long long)limit.rlim_cur);
}

static int serve(const struct settings *settings)
{
	static pid_t self;
	struct node *node = NULL;
	sigset_t signals;
	int r;

	self = getpid();
	block_signals(&signals);
	raise_descriptor_limit();
	r = node_open(settings, &node);
	if (r >= 0)
		r = node_serve(node, on_handover, &self);
	if (r < 0) {
		node_stop(&node, false);
		return r;
	}
	banner_print(node);
	wait_for_end(node, &signals);
	log_info(taken_over ? "a new daemon has taken over: ending" : "ending");
	node_stop(&node, taken_over);
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_(settings_free) struct settings *settings = NULL;
	char error[ERROR_MAX];

	if (settings_load(argc, argv, &settings, error, sizeof(error)) < 0) {
		fprintf(stderr, "axfwd: %s\n", error);
		return 2;
	}
	log_set_level(settings->log_level);
	if (settings->help)
		return settings_print_help(stdout), 0;
	if (settings->version)
		return puts("axfwd " AXFW_VERSION), 0;
	if (settings->dump_settings)
		return settings_print_markdown(stdout), 0;
	if (listeners_check(settings->listen, error, sizeof(error)) < 0) {
		fprintf(stderr, "axfwd: %s\n", error);
		return 2;
	}
	if (settings_judge(settings, complain, NULL)) {
		log_error("axfwd doesn't start on these settings");
		return 1;
	}
	if (settings->check_only)
		return puts("The configuration is fine."), 0;
	return serve(settings) < 0 ? 1 : 0;
}
