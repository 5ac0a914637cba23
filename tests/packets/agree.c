// SPDX-License-Identifier: Apache-2.0
/* The kernel's refusals against userspace's: see agree.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "../bpf/world.h"
#include "agree.h"
#include "generate.h"

#define BODY_MAX   (1 << 20) /* the largest Content-Length that is refused for its key */
#define PATIENCE_S 30	     /* only a hang gets here */

static int netns_daemon = -1;

struct whole {
	uint32_t len;
	uint8_t at[PAYLOAD_MAX + BODY_MAX];
};

int agree_open(void)
{
	netns_daemon = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return netns_daemon < 0 ? -errno : 0;
}

/* --- asking ---------------------------------------------------------------------------------- */

/* A socket of the daemon's namespace; we are in our own before and behind it. */
static int socket_there(int own)
{
	int fd;

	if (setns(netns_daemon, CLONE_NEWNET))
		return -errno;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return setns(own, CLONE_NEWNET) || fd < 0 ? -errno : fd;
}

static int connect_to(const struct daemon_fact *daemon)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(daemon->port) };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct linger reset = { .l_onoff = 1 };
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd = -errno;

	if (own >= 0)
		fd = socket_there(own);
	close(own);
	if (fd < 0)
		return fd;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

/* The status of the answer; 0: it ended without one; -errno. */
static int ask(const struct daemon_fact *daemon, const struct whole *request)
{
	char line[16] = "";
	size_t len = 0;
	ssize_t n = 1;
	int fd = connect_to(daemon);

	if (fd < 0)
		return fd;
	for (uint32_t at = 0; at < request->len && n > 0; at += (uint32_t)n)
		n = send(fd, request->at + at, request->len - at, MSG_NOSIGNAL);
	while (len < sizeof(line) - 1 && (n = recv(fd, line + len, sizeof(line) - 1 - len, 0)) > 0)
		len += (size_t)n;
	close(fd);
	return strncmp(line, "HTTP/1.1 ", 9) ? 0 : (int)strtol(line + 9, NULL, 10);
}

/* --- the requests ---------------------------------------------------------------------------- */

static void replace(struct whole *w, const char *key, const char *by)
{
	size_t len = strlen(key);
	uint8_t *at = w->at;

	if (strlen(by) != len)
		return;
	while ((at = memmem(at, w->len - (size_t)(at - w->at), key, len)))
		memcpy(at, by, len);
}

/* The request with the daemon's keys in place of the map's, and all of its body. */
static void complete(const struct script_segment *segment, const struct daemon_fact *daemon,
		     struct whole *ret)
{
	static struct request head;
	uint32_t end;

	ret->len = segment->payload.len;
	memcpy(ret->at, segment->payload.at, ret->len);
	model_request(ret->at, ret->len, &head);
	end = head.head_len + (uint32_t)strtoul(head.length, NULL, 10);
	if (end > ret->len && end <= sizeof(ret->at)) {
		memset(ret->at + ret->len, 'x', end - ret->len);
		ret->len = end;
	}
	replace(ret, KEY_ADMITTED_TEXT, daemon->active);
	replace(ret, KEY_RENEWED_TEXT, daemon->active);
	replace(ret, KEY_REVOKED_TEXT, daemon->revoked);
	replace(ret, KEY_QUOTA_TEXT, daemon->exhausted);
}

/* 0: not refused */
static int status_of(enum axfw_reason why)
{
	switch (why) {
	case AXFW_REASON_KEY_UNKNOWN:
	case AXFW_REASON_KEY_REVOKED:
		return 401;
	case AXFW_REASON_TOO_LARGE:
		return 413;
	case AXFW_REASON_SIGNUP_LIMITED:
	case AXFW_REASON_QUOTA_EXHAUSTED:
		return 429;
	default:
		return 0;
	}
}

/* An ordinary first segment with an odd request in it. */
static void generate_plain(uint64_t seed, uint64_t number, struct script *ret)
{
	static const uint32_t odds[] = { 0, 40, 120, 300 };
	struct random r = random_for(seed, number);

	memset(&ret->scene, 0, sizeof(ret->scene));
	ret->scene.peer = DEFERRED4;
	ret->scene.signups = 5;
	ret->segment_count = 1;
	memset(&ret->segments[0], 0, SEGMENT_NUMBER_COUNT * sizeof(uint32_t));
	ret->segments[0].ip_options.len = ret->segments[0].tcp_options.len = 0;
	generate_request(&r, odds[random_below(&r, 4)], &ret->segments[0].payload);
}

int agree_run(struct stage *s, const struct daemon_fact *daemon, uint64_t seed, uint64_t cases,
	      const char **ret_problem)
{
	static struct script script;
	static struct whole whole;
	static char problem[128];
	int compared = 0;

	for (uint64_t i = 0; i < cases; i++) {
		int by_kernel, by_userspace;

		generate_plain(seed, i, &script);
		if (!stage_play(s, &script, ret_problem))
			return -1;
		by_kernel = status_of(stage_reason(s, 0));
		if (!by_kernel)
			continue;
		complete(&script.segments[0], daemon, &whole);
		by_userspace = ask(daemon, &whole);
		compared++;
		if (by_userspace == by_kernel)
			continue;
		snprintf(problem, sizeof(problem), "case %llu: %d by the kernel, %d by userspace",
			 (unsigned long long)i, by_kernel, by_userspace);
		*ret_problem = problem;
		script_write(&script, stdout);
		return -1;
	}
	return compared;
}
