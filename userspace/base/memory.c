/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <errno.h>
#include <string.h>

void closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

void wipe(void *p, size_t len)
{
	explicit_bzero(p, len);
}

void free_secretp(char **s)
{
	if (!*s)
		return;
	wipe(*s, strlen(*s));
	free(*s);
}
