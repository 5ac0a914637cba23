/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lab.h"

int client_listen(void)
{
	const int one = 1, defer_s = 30;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(LAB_PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof(defer_s)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 16) < 0)
		return -1;
	return fd;
}

int client_connect(const char *address)
{
	const struct timeval patience = { .tv_sec = CLIENT_PATIENCE_S };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(LAB_PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &to.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Sends the request and reads to the end; the answer, or what went wrong in brackets. */
void client_ask(const char *address, const char *request, char *ret, size_t size)
{
	_cleanup_(closep) int fd = client_connect(address);
	size_t len = 0;
	ssize_t n;

	if (fd < 0 || send(fd, request, strlen(request), MSG_NOSIGNAL) < 0) {
		snprintf(ret, size, "[not connected: %s]", strerror(errno));
		return;
	}
	while ((n = recv(fd, ret + len, size - 1 - len, 0)) > 0)
		len += (size_t)n;
	ret[len] = '\0';
	if (n < 0)
		snprintf(ret + len, size - len, "[%s]", strerror(errno));
}

const char client_guard_call[] =
	"POST /v1/guard/check HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\n"
	"Authorization: Bearer " CLIENT_KEY "\r\n\r\n{\"text\":\"hi\"}\n";
const char client_signup[] =
	"POST /signup HTTP/1.1\r\nHost: a\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
	"Content-Length: 3\r\n\r\na=b";

bool client_is_kernels_401(const char *answer)
{
	return !strncmp(answer, "HTTP/1.1 401 ", 13) && strstr(answer, "x-axfw-path: kernel\r\n") &&
	       strstr(answer, "\r\n\r\n{\"detail\":\"Invalid or missing API key\"}") &&
	       !strchr(answer, '[');
}
