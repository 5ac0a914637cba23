/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long after exec() a daemon answers. The daemon stays when this ends: its pid is in the
 * report. A connection every millisecond is fine enough for half a second and costs the daemon next
 * to nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "bench.h"

#define ASK_EVERY_US  1000
#define ANSWER_WAIT_S 1

static const char question[] = "GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";

/* Does it answer 200 now? */
static bool is_ready(uint16_t port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr = { htonl(INADDR_LOOPBACK) } };
	const struct timeval patience = { .tv_sec = ANSWER_WAIT_S };
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer[16] = "";

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL) < 0)
		return false;
	return recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL) > 12 &&
	       !memcmp(answer + 9, "200", 3);
}

static pid_t spawn(char **command, const char *log)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(126);
	setsid();
	execvp(command[0], command);
	_exit(127);
}

int bench_start(int argc, char **argv)
{
	uint16_t port = (uint16_t)bench_number(argc, argv, "--port", 8004);
	double limit_s = bench_number(argc, argv, "--limit", 60);
	char **command = argv;
	uint64_t began, now;
	pid_t pid;

	while (*command && strcmp(*command, "--"))
		command++;
	if (!*command || !command[1])
		return bench_fail(-EINVAL, "the command to start");
	began = clock_monotonic_ns();
	pid = spawn(command + 1, bench_option(argc, argv, "--log", "/dev/null"));
	if (pid < 0)
		return bench_fail(-errno, "fork");
	while (!is_ready(port)) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return bench_fail(-ECHILD, "the daemon ended; its log says why");
		if (clock_monotonic_ns() - began > (uint64_t)(limit_s * NS_PER_S)) {
			kill(pid, SIGKILL);
			return bench_fail(-ETIMEDOUT, "the daemon isn't ready");
		}
		usleep(ASK_EVERY_US);
	}
	now = clock_monotonic_ns();
	return bench_print(
		json_pack("{s:i, s:f}", "pid", (int)pid, "ms", (double)(now - began) / NS_PER_MS));
}
