/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets in the file system: the operator's and the one for handing over. Made under another name
 * with mode 0600 and renamed into place, so that at no time somebody else may connect and a stale
 * file is replaced in one step.
 */
#include "http/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define LOCAL_BACKLOG 64
#define NEW_SUFFIX    ".new"

static int local_address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (snprintf(ret->sun_path, sizeof(ret->sun_path), "%s", path) >=
	    (int)sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	return 0;
}

/* The mode is set on the socket before bind(), which makes the file with it (unix(7)): no moment in
 * which the file has another, and no umask() that every thread would feel. */
static int bind_private(int fd, const struct sockaddr_un *at)
{
	(void)unlink(at->sun_path); /* of a daemon that died between bind() and rename() */
	if (fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ||
	    chmod(at->sun_path, 0600) < 0 || listen(fd, LOCAL_BACKLOG) < 0)
		return -errno;
	return 0;
}

int local_socket_open(const char *path, struct local_socket *ret)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char name[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct sockaddr_un at;
	struct stat st;
	int r;

	if (fd < 0)
		return -errno;
	if (snprintf(name, sizeof(name), "%s" NEW_SUFFIX, path) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	r = local_address(name, &at);
	if (r >= 0)
		r = bind_private(fd, &at);
	if (r < 0)
		return r;
	if (stat(name, &st) < 0 || rename(name, path) < 0) {
		r = -errno;
		(void)unlink(name);
		return r;
	}
	*ret = (struct local_socket){ .fd = TAKE_FD(fd), .device = st.st_dev, .inode = st.st_ino };
	memcpy(ret->path, name, strlen(path));
	return 0;
}

void local_socket_close(struct local_socket *s)
{
	struct stat st;

	if (s->fd < 0)
		return;
	/* A new daemon may have put its own in place by now. */
	if (stat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
		(void)unlink(s->path);
	closep(&s->fd);
}

int local_socket_connect(const char *path)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un at;
	int r = local_address(path, &at);

	if (fd < 0)
		return -errno;
	if (r < 0)
		return r;
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

bool local_peer_is_operator(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}
