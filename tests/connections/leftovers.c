// SPDX-License-Identifier: Apache-2.0
/* Counts sockets in /proc/net/tcp{,6}, in a thread, because a namespace is a thread's. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include "cable.h"
#include "leftovers.h"

#define STATE_TIME_WAIT 6
#define STATE_LISTEN	10

struct question {
	const char *netns;
	int answer;
};

static int count_in(const char *path)
{
	unsigned local, remote, state;
	char line[512];
	int count = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%x %x", &local, &remote, &state) !=
		    3)
			continue; /* the heading */
		count += (local == SERVED_PORT || remote == SERVED_PORT) &&
			 state != STATE_TIME_WAIT && state != STATE_LISTEN;
	}
	fclose(f);
	return count;
}

static void *count(void *arg)
{
	struct question *q = arg;
	int v4 = 0, v6 = 0;

	q->answer = enter_netns(q->netns);
	if (!q->answer) {
		v4 = count_in("/proc/thread-self/net/tcp");
		v6 = count_in("/proc/thread-self/net/tcp6");
		q->answer = v4 < 0 ? v4 : v6 < 0 ? v6 : v4 + v6;
	}
	return NULL;
}

int leftovers_count(const char *netns)
{
	struct question q = { .netns = netns };
	pthread_t thread;
	int r = -pthread_create(&thread, NULL, count, &q);

	if (r)
		return r;
	pthread_join(thread, NULL);
	return q.answer;
}
