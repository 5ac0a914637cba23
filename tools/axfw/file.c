/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int file_read(const char *path, size_t max, struct text *ret)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char buf[4096];
	size_t n;
	int r = 0;

	if (!file)
		return -errno;
	while ((n = fread(buf, 1, sizeof(buf), file)) && ret->len <= max)
		text_add_n(ret, buf, n);
	if (ferror(file))
		r = -EIO;
	else if (ret->len > max)
		r = -EFBIG;
	else if (text_failed(ret))
		r = -ENOMEM;
	if (file != stdin)
		fclose(file);
	return r;
}
